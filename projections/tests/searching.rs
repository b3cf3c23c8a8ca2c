//! The `search` follower on both targets: personal text, forgetting, a server that goes and comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::elasticsearch::Elasticsearch;
use ::elasticsearch::http::transport::Transport;
use ::elasticsearch::indices::IndicesDeleteParts;
use caravan_domain::EntityId;
use caravan_event_store::StreamId;
use caravan_projections::{Elastic, Plan, ReadError, SearchTarget, verify};
use serde_json::json;
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
    world.follow_search();
    let person = |number| EntityId::from_parts(number, [7; 10]);
    let (ada, bert) = (person(1), person(2));
    let vault = &world.search.vault;
    let name = vault.seal(ada, "Ada Løvelace").await.unwrap();
    world.create(&GUEST, 1, json!({"nick": "countess", "name": name, "gig": "a"})).await;
    let (name, about) = (vault.seal(bert, "Bert").await.unwrap(), vault.seal(ada, "Knows Ada well").await.unwrap());
    world.create(&GUEST, 2, json!({"name": name, "notes": [{"about": about}]})).await;
    world.create(&GUEST, 3, json!({"nick": "nobody in particular"})).await;
    world.caught_up("search").await;
    assert_eq!(sorted(&world, "ada").await, [1, 2]);
    assert_eq!(sorted(&world, "lovelace countess").await, [1]);
    assert_eq!(sorted(&world, "lovlace").await, [1], "a slip of the pen");
    assert_eq!(sorted(&world, "bert").await, [2]);
    assert_eq!(sorted(&world, "particular").await, [3]);
    assert_eq!(verify(&world.search, &|_| {}).await.unwrap().differences, []);

    // Documents of others that mention the person are emptied of them, even before the key is gone.
    world.append(&StreamId::new("account", ada), vec![("PersonForgotten", json!({}))]).await;
    world.caught_up("search").await;
    assert_eq!(sorted(&world, "ada").await, NONE);
    assert_eq!(sorted(&world, "lovelace").await, NONE);
    assert_eq!(sorted(&world, "countess").await, [1]);
    assert_eq!(sorted(&world, "bert").await, [2]);
    vault.forget(ada).await.unwrap();
    assert_eq!(verify(&world.search, &|_| {}).await.unwrap().differences, []);

    // Nor does it come back with a change or with a rebuild.
    world.append(&StreamId::new("guest", id(&GUEST, 2)), vec![changed(json!({"gig": "b"}))]).await;
    world.caught_up("search").await;
    assert!(world.search.rebuild().await.unwrap() > 0);
    assert_eq!(sorted(&world, "ada").await, NONE);
    assert_eq!(sorted(&world, "forgotten").await, NONE);
    assert_eq!(sorted(&world, "bert").await, [2]);
    world
        .append(&StreamId::new("guest", id(&GUEST, 2)), vec![("Deleted", json!({"at": "2026-01-01T00:00:00Z"}))])
        .await;
    world.caught_up("search").await;
    assert_eq!(sorted(&world, "bert").await, NONE);
    assert_eq!(verify(&world.search, &|_| {}).await.unwrap().differences, []);
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
    world.follow_search();
    world.create(&GIG, 1, json!({"title": "first"})).await;
    world.caught_up("postgres").await;
    let all = Plan::all(&GIG, 10);
    unavailable(&world, &all).await;
    way.open().await;
    world.caught_up("search").await;
    assert_eq!(world.numbers(&all).await, [1]);

    way.cut().await;
    world.create(&GIG, 2, json!({"title": "second"})).await;
    world.append(&StreamId::new("gig", id(&GIG, 1)), vec![("Deleted", json!({"at": "2026-01-01T00:00:00Z"}))]).await;
    world.caught_up("postgres").await;
    unavailable(&world, &all).await;
    way.open().await;
    world.caught_up("search").await;
    assert_eq!(world.numbers(&all).await, [2]);
    assert_eq!(verify(&world.search, &|_| {}).await.unwrap().differences, []);
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
    world.follow_search();
    world.create(&GIG, 1, json!({"title": "first"})).await;
    world.caught_up("search").await;
    let client = Elasticsearch::new(Transport::single_node(url).unwrap());
    let index = format!("{prefix}-gig-v1");
    let removed = client.indices().delete(IndicesDeleteParts::Index(&[&index])).send().await.unwrap();
    assert!(removed.status_code().is_success());
    world.create(&GIG, 2, json!({"title": "second"})).await;
    world.caught_up("search").await;
    assert_eq!(world.numbers(&Plan::all(&GIG, 10)).await, [1, 2]);
}
