//! Rebuilds beside a running system.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use caravan_event_store::StreamId;
use caravan_event_store::following::parked;
use caravan_projections::{Plan, RebuildError, SearchTarget, rebuild};
use serde_json::json;

use crate::support::kinds::{ALL, CASE, GIG};
use crate::support::{append, changed, created, fields, id, poison, world};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_the_switch() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.follow();
    let stream = |number| StreamId::new("gig", id(&GIG, number));
    for number in 1..=300 {
        world.append(&stream(number), vec![created(json!({"title": "x", "seats": 0}))]).await;
    }
    world.caught_up("postgres").await;
    let done = Arc::new(AtomicBool::new(false));

    // Writes go on.
    let (store, stopped) = (world.store.clone(), done.clone());
    let writing = tokio::spawn(async move {
        let mut written = 0u64;
        while !stopped.load(Ordering::Relaxed) {
            let number = written % 310 + 1;
            let event = if written < 300 || number <= 300 {
                changed(json!({"seats": written}))
            } else {
                created(json!({"seats": 0}))
            };
            append(&*store, &stream(number), vec![event]).await;
            written += 1;
        }
        written
    });
    // Readers see every document at every moment, never going back.
    let reads = Arc::new(AtomicU64::new(0));
    let reading: Vec<_> = (0..2)
        .map(|reader| {
            let (models, stopped, reads) = (world.models.clone(), done.clone(), reads.clone());
            tokio::spawn(async move {
                let mut last = 0;
                while !stopped.load(Ordering::Relaxed) {
                    if reader == 0 {
                        let found = models.find(&Plan::all(&GIG, 1_000)).await.unwrap();
                        assert!(found.documents.len() >= 300, "{} documents", found.documents.len());
                        assert!(found.as_of >= last, "went back from {last} to {}", found.as_of);
                        last = found.as_of;
                    } else {
                        let revision = models.snapshot(&stream(7), 1).await.unwrap().expect("is there").revision;
                        assert!(revision >= last, "went back from {last} to {revision}");
                        last = revision;
                    }
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();

    for round in 0..4 {
        let names: &[String] = if round % 2 == 0 { &[] } else { &["gig".to_owned()] };
        let before = reads.load(Ordering::Relaxed);
        let rebuilt = rebuild(&world.pool, &world.store, ALL, names, &|_| {}).await.unwrap();
        assert!(rebuilt.documents >= 300);
        assert!(rebuilt.highest["gig"] >= 300);
        while reads.load(Ordering::Relaxed) < before + 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    done.store(true, Ordering::Relaxed);
    assert!(writing.await.unwrap() > 100);
    for reader in reading {
        reader.await.unwrap();
    }
    world.caught_up("postgres").await;
    let verified = world.verified().await;
    assert_eq!((verified.differences, verified.ahead), (vec![], 0));
    let tables: Vec<String> =
        sqlx::query_scalar("select tablename::text from pg_tables where tablename like 'doc_gig%'")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(tables, ["doc_gig_v5"], "nothing is left over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_was_stopped_leaves_nothing_in_the_way() {
    let world = world(ALL, SearchTarget::Postgres).await;
    for number in 1..=50 {
        world.create(&GIG, number, json!({"seats": number})).await;
    }
    world.follow();
    world.caught_up("postgres").await;
    for _ in 0..2 {
        let (pool, store) = (world.pool.clone(), world.store.clone());
        let stopped = tokio::spawn(async move {
            rebuild(&pool, &store, ALL, &[], &|_| std::thread::sleep(Duration::from_millis(100))).await
        });
        tokio::time::sleep(Duration::from_millis(60)).await;
        stopped.abort();
        let _ = stopped.await;
    }
    // The connection of the one that was stopped goes a moment later.
    let rebuilt = loop {
        match rebuild(&world.pool, &world.store, ALL, &[], &|_| {}).await {
            Err(RebuildError::Running) => tokio::time::sleep(Duration::from_millis(20)).await,
            other => break other.unwrap(),
        }
    };
    assert_eq!((rebuilt.events, rebuilt.documents), (50, 50));
    assert_eq!(world.documents(&GIG).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_would_lose_streams_is_refused() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.follow();
    let gig = StreamId::new("gig", world.create(&GIG, 1, json!({"seats": 1})).await);
    world.append(&gig, vec![changed(json!({"seats": 2}))]).await;
    world.caught_up("postgres").await;
    // As if this version of the program could not read any more what an earlier one folded.
    world.sql("update events set data = '{\"fields\": 5}' where position = 2").await;
    match rebuild(&world.pool, &world.store, ALL, &[], &|_| {}).await {
        Err(RebuildError::Parked(streams)) => assert_eq!(streams[0].0, gig),
        other => panic!("{other:?}"),
    }
    assert_eq!(fields(&world.documents(&GIG).await[0])["seats"], json!(2), "the live one stays");
    let unknown = rebuild(&world.pool, &world.store, ALL, &["gogo".to_owned()], &|_| {}).await;
    assert!(matches!(unknown, Err(RebuildError::Unknown(name)) if name == "gogo"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_parked_stays_parked_and_one_that_folds_again_is_let_go() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.follow();
    let (bad, mended) = (StreamId::new("gig", id(&GIG, 1)), StreamId::new("gig", id(&GIG, 2)));
    for stream in [&bad, &mended] {
        world.append(stream, vec![created(json!({"seats": 1}))]).await;
        world.append(stream, vec![poison()]).await;
    }
    world.caught_up("postgres").await;
    world.sql("update events set data = '{\"fields\": {\"seats\": 2}}' where position = 4").await;
    rebuild(&world.pool, &world.store, ALL, &[], &|_| {}).await.unwrap();
    assert!(parked::is_parked(&world.pool, "postgres", &bad).await.unwrap());
    assert!(!parked::is_parked(&world.pool, "postgres", &mended).await.unwrap());
    let documents = world.documents(&GIG).await;
    assert_eq!((documents[0].revision, documents[1].revision), (0, 1));
    world.append(&mended, vec![changed(json!({"seats": 3}))]).await;
    world.caught_up("postgres").await;
    assert_eq!(fields(&world.documents(&GIG).await[1])["seats"], json!(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_never_followed_is_rebuilt_to_its_end() {
    let world = world(ALL, SearchTarget::Postgres).await;
    for number in 1..=30 {
        world.create(&CASE, number, json!({"label": "a\\b\t\"ü\n"})).await;
    }
    let rebuilt = rebuild(&world.pool, &world.store, ALL, &[], &|_| {}).await.unwrap();
    assert_eq!(rebuilt.events, 30);
    assert_eq!(fields(&world.documents(&CASE).await[7])["label"], json!("a\\b\t\"ü\n"));
    assert_eq!(world.checkpoints.position("postgres").await.unwrap(), 30);
    world.follow();
    world.create(&CASE, 31, json!({"label": "x"})).await;
    world.caught_up("postgres").await;
    assert_eq!(world.verified().await.differences, []);
    assert_eq!(world.documents(&CASE).await.len(), 31);
}
