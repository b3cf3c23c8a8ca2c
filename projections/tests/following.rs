//! The `postgres` follower.

use std::time::Duration;

use caravan_domain::Kind;
use caravan_domain::record::Records;
use caravan_event_store::StreamId;
use caravan_event_store::following::parked;
use caravan_projections::{Kinds, ReadModels, SearchTarget};
use serde_json::json;

use crate::support::kinds::{ALL, CASE, GIG};
use crate::support::{changed, created, fields, id, poison, world};

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_folded_exactly_once_by_two_processes_that_come_and_go() {
    let world = world(ALL, SearchTarget::Postgres).await;
    let streams: Vec<StreamId> = (1..=20).map(|number| StreamId::new("gig", id(&GIG, number))).collect();
    for stream in &streams {
        world.append(stream, vec![created(json!({"title": "", "seats": 0}))]).await;
    }
    let mut followers = vec![world.follow(), world.follow()];
    for round in 1..=30 {
        for stream in &streams {
            world
                .append(stream, vec![changed(json!({"seats": round})), changed(json!({format!("r{round}"): 1}))])
                .await;
        }
        if round % 10 == 0 {
            // One dies in the middle of something, another comes.
            followers.remove(0).abort();
            followers.push(world.follow());
        }
    }
    world.caught_up("postgres").await;
    let documents = world.documents(&GIG).await;
    assert_eq!(documents.len(), streams.len());
    for document in documents {
        assert_eq!(document.revision, 60);
        assert_eq!(fields(&document).len(), 32);
        assert_eq!(fields(&document)["seats"], json!(30));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_folded_is_parked_and_the_others_go_on() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.follow();
    let (bad, good) = (StreamId::new("gig", id(&GIG, 1)), StreamId::new("gig", id(&GIG, 2)));
    world.append(&bad, vec![created(json!({"seats": 1}))]).await;
    world.append(&bad, vec![poison()]).await;
    world.append(&bad, vec![changed(json!({"seats": 3}))]).await;
    world.append(&good, vec![created(json!({"seats": 7}))]).await;
    world.caught_up("postgres").await;
    let documents = world.documents(&GIG).await;
    assert_eq!((documents[0].revision, &fields(&documents[0])["seats"]), (0, &json!(1)));
    assert_eq!(fields(&documents[1])["seats"], json!(7));
    assert!(parked::is_parked(&world.pool, "postgres", &bad).await.unwrap());

    // Skipped: what comes after the one event goes in.
    parked::skip(&world.pool, "postgres", &bad).await.unwrap();
    while parked::is_parked(&world.pool, "postgres", &bad).await.unwrap() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let document = world.documents(&GIG).await.remove(0);
    assert_eq!((document.revision, &fields(&document)["seats"]), (2, &json!(3)));

    // A rebuild leaves out the same event, and so does a verification.
    caravan_projections::rebuild(&world.pool, &world.store, ALL, &[], &|_| {}).await.unwrap();
    assert_eq!(world.documents(&GIG).await.remove(0), document);
    world.caught_up("postgres").await;
    let verified = world.verified().await;
    assert_eq!(verified.differences, []);

    // Nobody's decision is guessed: folded anew without a note of the skip, the stream stops at the same event.
    world.sql("delete from passed_event").await;
    world.sql("delete from doc_gig_v2 where revision = 2").await;
    world.sql("update checkpoints set epoch = epoch + 1").await;
    world.append(&bad, vec![changed(json!({"seats": 4}))]).await;
    world.caught_up("postgres").await;
    let stopped = parked::list(&world.pool).await.unwrap().remove(0);
    assert_eq!((stopped.stream, stopped.revision), (bad, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_postgres_refuses_parks_its_stream() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.follow();
    // Only the memory store could hold such an event; here the document is made impossible instead.
    world.sql("alter table doc_gig_v1 add check (state->>'genre' is distinct from 'none')").await;
    for number in 1..=40 {
        let genre = if number == 23 { "none" } else { "some" };
        world.create(&GIG, number, json!({"genre": genre})).await;
    }
    world.caught_up("postgres").await;
    let found: Vec<u64> = world.documents(&GIG).await.iter().map(|document| document.id.number()).collect();
    assert_eq!(found, (1..=40).filter(|number| *number != 23).collect::<Vec<_>>());
    assert!(parked::is_parked(&world.pool, "postgres", &StreamId::new("gig", id(&GIG, 23))).await.unwrap());
}

/// The kind as a later version of the program has it: folded by other rules.
const GIG_LATER: Kind = Kind { fold: caravan_domain::kind::Fold { version: 2, ..Kind::of::<Records>().fold }, ..GIG };
const LATER: Kinds = &[&GIG_LATER, &crate::support::kinds::GUEST, &CASE];

#[tokio::test(flavor = "multi_thread")]
async fn a_document_folded_by_other_rules_is_folded_anew_when_it_changes() {
    let world = world(ALL, SearchTarget::Postgres).await;
    let follower = world.follow();
    let gig = StreamId::new("gig", world.create(&GIG, 1, json!({"title": "x", "seats": 1})).await);
    world.append(&gig, vec![changed(json!({"genre": "pop"}))]).await;
    world.caught_up("postgres").await;
    follower.abort();
    // Were it resumed, the title would be this one.
    world.sql("update doc_gig_v1 set state = jsonb_set(state, '{title}', '\"tampered\"')").await;
    assert_eq!(ReadModels::migrate(&world.pool, LATER).await.unwrap(), ["gig"], "needs a rebuild");
    world.follow_kinds(LATER);
    world.append(&gig, vec![changed(json!({"seats": 2}))]).await;
    world.caught_up("postgres").await;
    let document = world.documents(&GIG_LATER).await.remove(0);
    assert_eq!(document.revision, 2);
    assert_eq!(fields(&document)["title"], json!("x"));
    assert_eq!(world.models.snapshot(&gig, 2).await.unwrap().unwrap().revision, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_new_to_a_followed_log_says_that_it_must_be_rebuilt() {
    const BEFORE: Kinds = &[&CASE];
    let world = world(BEFORE, SearchTarget::Postgres).await;
    let follower = world.follow();
    let gig = StreamId::new("gig", world.create(&GIG, 1, json!({"title": "x"})).await);
    world.append(&gig, vec![changed(json!({"seats": 1}))]).await;
    world.create(&GIG, 2, json!({"title": "y"})).await;
    world.create(&CASE, 1, json!({"label": "z"})).await;
    world.caught_up("postgres").await;
    follower.abort();
    const AFTER: Kinds = &[&CASE, &GIG];
    assert_eq!(ReadModels::migrate(&world.pool, AFTER).await.unwrap(), ["gig"]);
    assert_eq!(ReadModels::migrate(&world.pool, AFTER).await.unwrap(), ["gig"], "still");
    world.follow_kinds(AFTER);
    // Even before that, a document is never half of one.
    world.append(&gig, vec![changed(json!({"seats": 2}))]).await;
    world.caught_up("postgres").await;
    let documents = world.documents(&GIG).await;
    assert_eq!(documents.len(), 1);
    assert_eq!((&fields(&documents[0])["title"], documents[0].revision), (&json!("x"), 2));
    caravan_projections::rebuild(&world.pool, &world.store, AFTER, &["gig".to_owned()], &|_| {}).await.unwrap();
    assert_eq!(world.documents(&GIG).await.len(), 2);
    assert_eq!(ReadModels::migrate(&world.pool, AFTER).await.unwrap(), Vec::<&str>::new());
}
