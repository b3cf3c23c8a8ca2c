//! What every plan means, on both targets.

use std::collections::HashMap;
use std::time::Instant;

use caravan_domain::identity::Roles;
use caravan_domain::kind::FieldType;
use caravan_domain::kinds::KINDS;
use caravan_domain::{Actor, Context, EntityId, Kind, Who};
use caravan_projections::{Condition, Cursor, Kinds, Near, NotSeen, Plan, ReadError, ReadModels, SearchTarget, Sort};
use chrono::DateTime;
use serde_json::{Value, json};

use crate::support::kinds::{ALL, CASE, CASE_WITH_WEIGHT, GIG};
use crate::support::{NONE, World, elasticsearch, id, world};

#[tokio::test(flavor = "multi_thread")]
async fn plans_mean_the_same_in_postgres() {
    contract(SearchTarget::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_mean_the_same_in_elasticsearch() {
    contract(elasticsearch::target().await).await;
}

async fn contract(target: SearchTarget) {
    let world = world(ALL, target).await;
    world.follow();
    world.follow_rendering();
    seed(&world).await;
    world.rendered().await;
    conditions(&world).await;
    text(&world).await;
    near(&world).await;
    sorts(&world).await;
    pages(&world).await;
    refusals(&world).await;
    let found = world.find(&Plan::all(&GIG, 100)).await;
    assert_eq!(found.as_of, world.store.head().await.unwrap());
}

fn hall(number: u64) -> EntityId {
    id(&CASE, 100 + number)
}

async fn seed(world: &World) {
    let gigs = [
        json!({"title": "Beyoncé in the Park", "genre": "pop", "bands": ["Beyoncé", "Guests"], "seats": 900,
               "outdoors": true, "starts_at": "2026-06-01T18:00:00Z", "day": "2026-06-01",
               "place": {"lat": 52.52, "lon": 13.40}, "hall": hall(1)}),
        json!({"title": "Sigur Rós", "genre": "rock", "bands": ["Sigur Rós"], "seats": 300, "outdoors": false,
               "starts_at": "2026-06-01T18:00:00.500Z", "day": "2026-06-02", "place": {"lat": 52.53, "lon": 13.45},
               "hall": hall(2)}),
        json!({"title": "Adele", "genre": "pop", "bands": ["Adele"], "seats": 900, "outdoors": false,
               "starts_at": "2026-06-01T19:00:00+02:00", "day": "2026-06-02", "place": {"lat": 48.85, "lon": 2.35},
               "hall": hall(1)}),
        json!({"title": "Rock against the rest", "genre": "Rock", "bands": [], "seats": -5,
               "starts_at": "2027-01-01T00:00:00.000Z"}),
        json!({"title": "An open stage"}),
        json!({"title": "Was to be", "genre": "pop", "seats": 1}),
    ];
    for (place, gig) in gigs.into_iter().enumerate() {
        world.create(&GIG, place as u64 + 1, gig).await;
    }
    let cancelled = caravan_event_store::StreamId::new("gig", id(&GIG, 6));
    world.append(&cancelled, vec![("Deleted", json!({"at": "2026-05-01T00:00:00Z"}))]).await;
    world.create(&CASE, 1, json!({"label": "lights"})).await;
}

fn gigs() -> Plan {
    Plan::all(&GIG, 100)
}

async fn conditions(world: &World) {
    let long = "x".repeat(600);
    let cases: Vec<(Condition, Vec<u64>)> = vec![
        (Condition::Is("genre", vec![json!("pop")]), vec![1, 3]),
        (Condition::Is("genre", vec![json!("pop"), json!("Rock")]), vec![1, 3, 4]),
        (Condition::Is("genre", vec![json!("ROCK")]), vec![]),
        (Condition::Is("genre", vec![json!(long)]), vec![]),
        (Condition::Is("genre", vec![]), vec![]),
        (Condition::Is("genre", vec![Value::Null]), vec![5]),
        (Condition::Is("genre", vec![Value::Null, json!("rock")]), vec![2, 5]),
        (Condition::Is("seats", vec![json!(900), json!(-5)]), vec![1, 3, 4]),
        (Condition::Is("outdoors", vec![json!(false)]), vec![2, 3]),
        (Condition::Is("outdoors", vec![json!(true), json!(false)]), vec![1, 2, 3]),
        (Condition::Is("day", vec![json!("2026-06-02")]), vec![2, 3]),
        (Condition::Is("starts_at", vec![json!("2026-06-01T17:00:00Z")]), vec![3]),
        (Condition::Is("hall", vec![json!(hall(1))]), vec![1, 3]),
        (Condition::Is("hall", vec![Value::Null]), vec![4, 5]),
        (Condition::Contains("bands", vec!["Adele".into(), "Guests".into()]), vec![1, 3]),
        (Condition::Contains("bands", vec!["adele".into()]), vec![]),
        (Condition::Contains("bands", vec![]), vec![]),
        (Condition::Between("seats", Some(json!(300)), Some(json!(900))), vec![2]),
        (Condition::Between("seats", Some(json!(300)), None), vec![1, 2, 3]),
        (Condition::Between("seats", None, None), vec![1, 2, 3, 4]),
        (
            Condition::Between("starts_at", Some(json!("2026-06-01T18:00:00Z")), Some(json!("2027-01-01T00:00:00Z"))),
            vec![1, 2],
        ),
        (Condition::Between("day", Some(json!("2026-06-02")), None), vec![2, 3]),
        (Condition::Between("genre", Some(json!("q")), Some(json!("s"))), vec![2]),
        (Condition::IdIn(vec![id(&GIG, 4), id(&GIG, 2), id(&GIG, 6), id(&GIG, 99)]), vec![2, 4]),
        (Condition::IdIn(vec![]), vec![]),
        (Condition::Not(Box::new(Condition::Is("genre", vec![json!("pop")]))), vec![2, 4, 5]),
        (Condition::Not(Box::new(Condition::Contains("bands", vec!["Adele".into()]))), vec![1, 2, 4, 5]),
        (Condition::Not(Box::new(Condition::Between("seats", Some(json!(0)), None))), vec![4, 5]),
        (Condition::Not(Box::new(Condition::Not(Box::new(Condition::IdIn(vec![id(&GIG, 2)]))))), vec![2]),
    ];
    for (condition, expected) in cases {
        let plan = gigs().and(condition.clone());
        assert_eq!(world.numbers(&plan).await, expected, "{condition:?}");
    }
    let both =
        gigs().and(Condition::Is("genre", vec![json!("pop")])).and(Condition::Is("outdoors", vec![json!(false)]));
    assert_eq!(world.numbers(&both).await, [3]);
}

async fn text(world: &World) {
    let cases: [(&str, &[u64]); 14] = [
        ("beyonce", &[1]),
        ("BEYONCÉ", &[1]),
        ("beyonse", &[1]),
        ("ros", &[2]),
        ("sigur rós", &[2]),
        ("sigr ros", &[2]),
        ("adale", &[3]),
        ("bey park", &[1]),
        ("park beyoncé nowhere", &[]),
        ("sta", &[5]),
        ("xylophone", &[]),
        ("", &[]),
        ("!?", &[]),
        ("was", &[]),
    ];
    for (words, expected) in cases {
        let plan = Plan { text: Some(words.to_owned()), ..gigs() };
        let mut found = world.numbers(&plan).await;
        found.sort_unstable();
        // A short word may look like others; what it must find comes first.
        assert!(
            found == expected || (words.len() <= 3 && expected.iter().all(|n| found.contains(n))),
            "{words}: {found:?}"
        );
    }
    // A whole word before one that begins with it or looks like it.
    let plan = Plan { text: Some("rest".to_owned()), ..gigs() };
    assert_eq!(world.numbers(&plan).await.first(), Some(&4));
    let plan = Plan { text: Some("adele".to_owned()), ..gigs() }.and(Condition::Is("genre", vec![json!("rock")]));
    assert_eq!(world.numbers(&plan).await, NONE);
    let mut plan = Plan { text: Some("the".to_owned()), sort: vec![Sort::asc("seats")], ..gigs() };
    assert_eq!(world.numbers(&plan).await, [4, 1]);
    plan.sort.clear();
    plan.limit = 1;
    let first = world.find(&plan).await;
    plan.after = first.next.clone();
    let second = world.find(&plan).await;
    assert_eq!(second.next, None);
    let mut both = [first.documents[0].id.number(), second.documents[0].id.number()];
    both.sort_unstable();
    assert_eq!(both, [1, 4]);
}

async fn near(world: &World) {
    let berlin = |within_metres| Near { field: "place", lat: 52.52, lon: 13.405, within_metres };
    for (within, expected) in
        [(100.0, vec![]), (1_000.0, vec![1]), (10_000.0, vec![1, 2]), (2_000_000.0, vec![1, 2, 3])]
    {
        let plan = Plan { near: Some(berlin(within)), ..gigs() };
        assert_eq!(world.numbers(&plan).await, expected, "{within} m");
    }
    let paris = Near { field: "place", lat: 48.86, lon: 2.35, within_metres: 1e7 };
    let mut plan = Plan { near: Some(paris), limit: 1, ..gigs() };
    let mut found = vec![];
    loop {
        let page = world.find(&plan).await;
        found.extend(page.documents.iter().map(|document| document.id.number()));
        plan.after = page.next;
        if plan.after.is_none() {
            break;
        }
    }
    assert_eq!(found, [3, 1, 2]);
}

async fn sorts(world: &World) {
    let cases: Vec<(Vec<Sort>, Vec<u64>)> = vec![
        (vec![], vec![1, 2, 3, 4, 5]),
        (vec![Sort::asc("seats")], vec![4, 2, 1, 3, 5]),
        (vec![Sort::desc("seats")], vec![1, 3, 2, 4, 5]),
        (vec![Sort::asc("genre")], vec![4, 1, 3, 2, 5]),
        (vec![Sort::desc("genre"), Sort::desc("seats")], vec![2, 1, 3, 4, 5]),
        (vec![Sort::asc("outdoors"), Sort::asc("day")], vec![2, 3, 1, 4, 5]),
        (vec![Sort::asc("starts_at")], vec![3, 1, 2, 4, 5]),
        (vec![Sort::desc("starts_at")], vec![4, 2, 1, 3, 5]),
        (vec![Sort::desc("day"), Sort::asc("starts_at")], vec![3, 2, 1, 4, 5]),
        (vec![Sort::asc("hall"), Sort::desc("starts_at")], vec![1, 3, 2, 4, 5]),
    ];
    for (sort, expected) in cases {
        let plan = Plan { sort: sort.clone(), ..gigs() };
        assert_eq!(world.numbers(&plan).await, expected, "{sort:?}");
        // The same, page by page, with the cursor as text.
        for limit in 1..=3 {
            let mut plan = Plan { limit, ..plan.clone() };
            let mut found = vec![];
            loop {
                let page = world.find(&plan).await;
                assert!(page.documents.len() <= limit);
                found.extend(page.documents.iter().map(|document| document.id.number()));
                plan.after = page.next.map(|next| next.to_string().parse().unwrap());
                if plan.after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{sort:?}, {limit} a page");
        }
    }
}

/// Neither gap nor duplicate while the list grows and changes between two pages.
async fn pages(world: &World) {
    for number in 1_000..1_050 {
        let genre = ["ska", "dub"][number as usize % 2];
        world.create(&GIG, number, json!({"title": "Many", "genre": genre, "seats": number % 7})).await;
    }
    world.rendered().await;
    let dub = gigs().and(Condition::Is("genre", vec![json!("dub")]));
    let mut plan = Plan { limit: 4, sort: vec![Sort::desc("seats")], ..dub.clone() };
    let mut met: HashMap<u64, usize> = HashMap::new();
    for round in 0.. {
        let page = world.find(&plan).await;
        for document in &page.documents {
            *met.entry(document.id.number()).or_default() += 1;
        }
        plan.after = page.next;
        if plan.after.is_none() {
            break;
        }
        if round == 1 {
            // One more before where we are, one more after.
            world.create(&GIG, 2_000, json!({"genre": "dub", "seats": 100})).await;
            world.create(&GIG, 2_001, json!({"genre": "dub", "seats": -100})).await;
            world.rendered().await;
        }
    }
    assert!(met.values().all(|times| *times == 1), "{met:?}");
    assert_eq!(met.len(), 26, "25 from the start and the one that came after");
    assert_eq!(world.numbers(&dub).await.len(), 27);
}

async fn refusals(world: &World) {
    let somewhere = |field| Near { field, lat: 0.0, lon: 0.0, within_metres: 1.0 };
    let cursor = |text: &str| text.parse::<Cursor>();
    let refused: Vec<(&str, Plan)> = vec![
        ("colour", gigs().and(Condition::Is("colour", vec![json!("red")]))),
        ("colour", gigs().and(Condition::Not(Box::new(Condition::Contains("colour", vec![]))))),
        ("colour", Plan { sort: vec![Sort::asc("colour")], ..gigs() }),
        ("state", gigs().and(Condition::Between("state", None, None))),
        ("bands", Plan { sort: vec![Sort::asc("bands")], ..gigs() }),
        ("bands", gigs().and(Condition::Is("bands", vec![json!("Adele")]))),
        ("genre", gigs().and(Condition::Contains("genre", vec!["pop".into()]))),
        ("genre", gigs().and(Condition::Is("genre", vec![json!(1)]))),
        ("genre", gigs().and(Condition::Is("genre", vec![json!("a\0b")]))),
        ("seats", gigs().and(Condition::Is("seats", vec![json!("900")]))),
        ("seats", gigs().and(Condition::Between("seats", Some(json!(1.5)), None))),
        ("day", gigs().and(Condition::Is("day", vec![json!("tomorrow")]))),
        ("starts_at", gigs().and(Condition::Between("starts_at", None, Some(json!("2026-06-01"))))),
        ("outdoors", gigs().and(Condition::Between("outdoors", Some(json!(true)), None))),
        ("hall", gigs().and(Condition::Is("hall", vec![json!("the big one")]))),
        ("genre", Plan { near: Some(somewhere("genre")), ..gigs() }),
        ("place", Plan { near: Some(Near { lat: 91.0, ..somewhere("place") }), ..gigs() }),
        ("limit", Plan { limit: 0, ..gigs() }),
        ("text", Plan { text: Some("lights".into()), ..Plan::all(&CASE, 1) }),
    ];
    for (expected, plan) in refused {
        match world.models.find(&plan).await {
            Err(ReadError::InvalidPlan { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    // Cursors are what a client sent: those of another list are refused, not answered with nonsense.
    let sorted = world.find(&Plan { sort: vec![Sort::asc("seats")], limit: 1, ..gigs() }).await.next.unwrap();
    let plain = world.find(&Plan { limit: 1, ..gigs() }).await.next.unwrap();
    assert!(cursor("nonsense!").is_err());
    let strange = "WyJ4Il0"; // ["x"]
    for (sort, after) in
        [(vec![], sorted), (vec![Sort::asc("seats")], plain), (vec![Sort::asc("seats")], cursor(strange).unwrap())]
    {
        let plan = Plan { sort, after: Some(after), ..gigs() };
        assert!(
            matches!(world.models.find(&plan).await, Err(ReadError::InvalidPlan { field, .. }) if field == "after")
        );
    }
    assert_eq!(world.numbers(&Plan::all(&CASE, 5).and(Condition::Is("label", vec![json!("lights")]))).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_a_later_release_declares_can_be_asked_for_without_a_rebuild() {
    const LATER: Kinds = &[&CASE_WITH_WEIGHT];
    let world = world(&[&CASE], SearchTarget::Postgres).await;
    world.follow();
    world.create(&CASE, 1, json!({"label": "lights", "kilos": 40})).await;
    world.create(&CASE, 2, json!({"label": "sound", "kilos": 70})).await;
    world.caught_up("postgres").await;

    for _ in 0..2 {
        assert_eq!(ReadModels::migrate(&world.pool, LATER).await.unwrap(), Vec::<&str>::new());
    }
    let later = ReadModels::open(world.pool.clone(), LATER, SearchTarget::Postgres, world.checkpoints.clone());
    let heavy = Plan::all(&CASE_WITH_WEIGHT, 5).and(Condition::Between("kilos", Some(json!(50)), None));
    let numbers =
        |found: caravan_projections::Found| found.documents.iter().map(|found| found.id.number()).collect::<Vec<_>>();
    assert_eq!(numbers(later.find(&heavy).await.unwrap()), [2]);

    // The release before it still runs beside it, and its follower writes what the later one finds.
    world.create(&CASE, 3, json!({"label": "stage", "kilos": 900})).await;
    world.caught_up("postgres").await;
    assert_eq!(numbers(later.find(&heavy).await.unwrap()), [2, 3]);
    assert_eq!(world.numbers(&Plan::all(&CASE, 5).and(Condition::Is("label", vec![json!("stage")]))).await, [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_the_domain_declares_can_be_asked_for_in_postgres() {
    domain(SearchTarget::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_the_domain_declares_can_be_asked_for_in_elasticsearch() {
    domain(elasticsearch::target().await).await;
}

async fn domain(target: SearchTarget) {
    let world = world(KINDS, target).await;
    world.follow();
    world.follow_rendering();
    // The indexes are there once the follower has moved.
    world.create(&CASE.named("preferences"), 1, json!({})).await;
    world.rendered().await;
    for kind in KINDS {
        let all = Plan::all(kind, 10);
        for field in kind.fields {
            let plan = match field.of {
                FieldType::Keywords => all.clone().and(Condition::Contains(field.name, vec!["x".into()])),
                FieldType::Place => Plan {
                    near: Some(Near { field: field.name, lat: 1.0, lon: 1.0, within_metres: 9.0 }),
                    ..all.clone()
                },
                _ => Plan { sort: vec![Sort::desc(field.name)], ..all.clone() }
                    .and(Condition::Not(Box::new(Condition::Is(field.name, vec![Value::Null])))),
            };
            assert_eq!(world.numbers(&plan).await, NONE, "{} of {}", field.name, kind.name);
        }
        for sealed in kind.sealed {
            let plan = Plan { sort: vec![Sort::desc(sealed.name)], ..all.clone() }
                .and(Condition::Not(Box::new(Condition::Is(sealed.name, vec![Value::Null]))));
            assert_eq!(world.numbers(&plan).await, NONE, "{} of {}", sealed.name, kind.name);
        }
        if !kind.text.is_empty() || !kind.sealed.is_empty() {
            assert_eq!(world.numbers(&Plan { text: Some("something".into()), ..all }).await, NONE);
        }
    }
    caravan_projections::rebuild(&world.pool, &world.store, KINDS, &[], &|_| {}).await.unwrap();
    world.rerender().await;
    assert_eq!(world.verified().await.differences, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_long_is_given_up_and_sooner_for_visitors() {
    const OF_ALL: Kind = CASE.known(Who::Anyone);
    let world = world(ALL, SearchTarget::Postgres).await;
    let mut holding = world.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table doc_flight_case_v1").execute(&mut *holding).await.unwrap();
    let person = EntityId::from_parts(1, [1; 10]);
    for (actor, limit) in [(Actor::Anonymous, 500), (Actor::Person(person), 2_000)] {
        let asked = Instant::now();
        let viewer = Context { actor, roles: Roles::NONE, now: DateTime::UNIX_EPOCH };
        let answer = world.models.list(Plan::all(&OF_ALL, 1), &viewer).await;
        assert!(matches!(answer, Err(NotSeen::Unread(ReadError::Unavailable(_)))), "{answer:?}");
        let took = asked.elapsed().as_millis();
        assert!((limit..limit + 1_000).contains(&took), "{took} ms");
    }
}
