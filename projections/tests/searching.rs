//! The followers that render documents, with both targets: personal text, forgetting, a server that goes and comes
//! back.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::elasticsearch::Elasticsearch;
use ::elasticsearch::http::transport::Transport;
use ::elasticsearch::indices::IndicesDeleteParts;
use caravan_domain::condition::Pattern;
use caravan_domain::identity::Role;
use caravan_domain::{Actor, Condition, Context, EntityId};
use caravan_event_store::StreamId;
use caravan_projections::{Elastic, Plan, ReadError, SearchTarget, Sort};
use chrono::DateTime;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::kinds::{ALL, GIG, GUEST};
use crate::support::{NONE, World, changed, elasticsearch, id, world};

fn guests(text: &str) -> Plan {
    Plan { text: Some(text.to_owned()), ..Plan::all(&GUEST, 10) }
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_text_is_found_until_its_person_is_forgotten_in_postgres() {
    personal_text(SearchTarget::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_text_is_found_until_its_person_is_forgotten_in_elasticsearch() {
    personal_text(elasticsearch::target().await).await;
}

async fn personal_text(target: SearchTarget) {
    let world = world(ALL, target).await;
    world.follow();
    // Nothing is found in what was never filled, as after a backup was restored.
    let unfilled = world.models.find(&called("ada")).await;
    assert!(matches!(unfilled, Err(ReadError::Unavailable(_))), "{unfilled:?}");
    world.follow_rendering();
    let person = |number| EntityId::from_parts(number, [7; 10]);
    let (ada, bert) = (person(1), person(2));
    let vault = &world.rendering.vault;
    let name = vault.seal(ada, "Ada Løvelace").await.unwrap();
    world.create(&GUEST, 1, json!({"nick": "countess", "name": name, "gig": "a"})).await;
    let (name, about) = (vault.seal(bert, "Bert").await.unwrap(), vault.seal(ada, "Knows Ada well").await.unwrap());
    let phone = vault.seal(bert, "+49301234").await.unwrap();
    world.create(&GUEST, 2, json!({"name": name, "notes": [{"about": about}], "phone": phone})).await;
    world.create(&GUEST, 3, json!({"nick": "nobody in particular"})).await;
    // What cannot be opened, as beside keys from an older copy, keeps nothing else from being opened.
    let closed = json!({"subject": bert, "cipher": "AAAA", "hash": "none"});
    world.create(&GUEST, 4, json!({"nick": "locked", "name": closed})).await;
    world.rendered().await;
    assert_eq!(sorted(&world, "ada").await, [1, 2]);
    assert_eq!(sorted(&world, "lovelace countess").await, [1]);
    assert_eq!(sorted(&world, "lovlace").await, [1], "a slip of the pen");
    assert_eq!(sorted(&world, "bert").await, [2]);
    assert_eq!(sorted(&world, "particular").await, [3]);
    assert_eq!(sorted(&world, "49301234").await, NONE, "private");
    assert_eq!(sorted(&world, "locked").await, [4]);
    world
        .append(&StreamId::new("guest", id(&GUEST, 4)), vec![("Deleted", json!({"at": "2026-01-01T00:00:00Z"}))])
        .await;
    world.rendered().await;
    by_field(&world).await;
    assert_eq!(world.verified().await.differences, []);

    // Documents of others that mention the person are emptied of them, even before the key is gone.
    world.append(&StreamId::new("account", ada), vec![("PersonForgotten", json!({}))]).await;
    world.rendered().await;
    assert_eq!(sorted(&world, "ada").await, NONE);
    assert_eq!(sorted(&world, "lovelace").await, NONE);
    assert_eq!(sorted(&world, "countess").await, [1]);
    assert_eq!(world.numbers(&called("%ada%")).await, NONE);
    assert_eq!(world.numbers(&called("bert")).await, [2]);
    assert_eq!(sorted(&world, "bert").await, [2]);
    vault.forget(ada).await.unwrap();
    assert_eq!(world.verified().await.differences, []);

    // Nor does it come back with a change or with a rebuild.
    world.append(&StreamId::new("guest", id(&GUEST, 2)), vec![changed(json!({"gig": "b"}))]).await;
    world.rendered().await;
    assert!(world.rerender().await > 0);
    assert_eq!(sorted(&world, "ada").await, NONE);
    assert_eq!(sorted(&world, "forgotten").await, NONE);
    assert_eq!(sorted(&world, "bert").await, [2]);
    world
        .append(&StreamId::new("guest", id(&GUEST, 2)), vec![("Deleted", json!({"at": "2026-01-01T00:00:00Z"}))])
        .await;
    world.rendered().await;
    assert_eq!(sorted(&world, "bert").await, NONE);
    assert_eq!(world.verified().await.differences, []);
}

fn called(name: &str) -> Plan {
    Plan::all(&GUEST, 10).and(Condition::Like("name", Pattern { text: name.to_owned(), exact: false }))
}

/// Sealed texts filter and sort as open ones do, on either target.
async fn by_field(world: &World) {
    let by = |condition: Condition| Plan::all(&GUEST, 10).and(condition);
    assert_eq!(world.numbers(&called("%LØVE%")).await, [1]);
    assert_eq!(world.numbers(&by(Condition::Is("name", vec![json!("BERT"), json!("x")]))).await, [2]);
    assert_eq!(world.numbers(&by(Condition::Is("name", vec![Value::Null]))).await, [3]);
    assert_eq!(world.numbers(&by(Condition::Between("name", Some(json!("b")), None))).await, [2]);
    let not = Condition::Not(Box::new(Condition::Is("phone", vec![json!("+49301234")])));
    assert_eq!(world.numbers(&by(not)).await, [1, 3]);
    for (sort, expected) in [(Sort::asc("name"), [1, 2, 3]), (Sort::desc("name"), [2, 1, 3])] {
        let plan = |limit, skip| Plan { sort: vec![sort], skip, limit, total: true, ..Plan::all(&GUEST, 10) };
        assert_eq!(world.numbers(&plan(10, 0)).await, expected);
        let page = world.find(&plan(1, 1)).await;
        assert_eq!((page.documents[0].id.number(), page.total), (expected[1], Some(3)));
        assert_eq!(page.next, None, "no cursor carries what is sealed");
    }
    // Nobody else sees it, or finds anybody by it.
    let stranger = Context {
        actor: Actor::Person(EntityId::from_parts(99, [9; 10])),
        roles: [Role::Admin].into_iter().collect(),
        now: DateTime::UNIX_EPOCH,
    };
    let phone = by(Condition::Is("phone", vec![json!("+49301234")]));
    assert_eq!(world.numbers(&phone).await, [2]);
    assert!(world.models.list(phone, &stranger).await.unwrap().documents.is_empty());
    let by_phone = Plan { sort: vec![Sort::asc("phone")], ..Plan::all(&GUEST, 10) };
    assert!(world.models.list(by_phone, &stranger).await.is_err());
    let compared = by(Condition::Compare("name", &[Ordering::Equal], "phone"));
    assert!(matches!(world.models.find(&compared).await, Err(ReadError::InvalidPlan { .. })));
}

async fn sorted(world: &World, text: &str) -> Vec<u64> {
    let mut found = world.numbers(&guests(text)).await;
    found.sort_unstable();
    found
}

/// The way to Elasticsearch, which can be cut.
struct Way {
    port: u16,
    open: Option<JoinHandle<()>>,
}

impl Way {
    async fn new() -> Way {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        Way { port, open: None }
    }

    async fn open(&mut self) {
        let url = tokio::task::spawn_blocking(elasticsearch::url).await.unwrap();
        let server: Arc<str> = url.trim_start_matches("http://").trim_end_matches('/').into();
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.open = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut here, _)) = listener.accept().await {
                let server = server.clone();
                connections.spawn(async move {
                    let mut there = TcpStream::connect(&*server).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
                });
            }
        }));
    }

    async fn cut(&mut self) {
        if let Some(open) = self.open.take() {
            open.abort();
            let _ = open.await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn search_that_goes_down_says_so_quickly_and_catches_up_when_it_is_back() {
    let mut way = Way::new().await;
    let world = world(ALL, elasticsearch::target_at(&format!("http://127.0.0.1:{}", way.port))).await;
    // Not there at the start: everything else works.
    world.follow();
    world.follow_rendering();
    world.create(&GIG, 1, json!({"title": "first"})).await;
    world.caught_up("postgres").await;
    let all = Plan::all(&GIG, 10);
    unavailable(&world, &all).await;
    way.open().await;
    world.rendered().await;
    assert_eq!(world.numbers(&all).await, [1]);

    way.cut().await;
    world.create(&GIG, 2, json!({"title": "second"})).await;
    world.append(&StreamId::new("gig", id(&GIG, 1)), vec![("Deleted", json!({"at": "2026-01-01T00:00:00Z"}))]).await;
    world.caught_up("postgres").await;
    unavailable(&world, &all).await;
    way.open().await;
    world.rendered().await;
    assert_eq!(world.numbers(&all).await, [2]);
    assert_eq!(world.verified().await.differences, []);
}

async fn unavailable(world: &World, plan: &Plan) {
    let asked = Instant::now();
    let answer = world.models.find(plan).await;
    assert!(matches!(answer, Err(ReadError::SearchUnavailable(_))), "{answer:?}");
    assert!(asked.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_somebody_removed_is_made_again() {
    let url = tokio::task::spawn_blocking(elasticsearch::url).await.unwrap();
    let prefix = format!("test-{}", uuid::Uuid::new_v4().simple());
    let world = world(ALL, SearchTarget::Elasticsearch(Elastic::new(url, &prefix).unwrap())).await;
    world.follow();
    world.follow_rendering();
    world.create(&GIG, 1, json!({"title": "first"})).await;
    world.rendered().await;
    let client = Elasticsearch::new(Transport::single_node(url).unwrap());
    let index = format!("{prefix}-gig-v1");
    let removed = client.indices().delete(IndicesDeleteParts::Index(&[&index])).send().await.unwrap();
    assert!(removed.status_code().is_success());
    world.create(&GIG, 2, json!({"title": "second"})).await;
    world.rendered().await;
    assert_eq!(world.numbers(&Plan::all(&GIG, 10)).await, [1, 2]);
}
