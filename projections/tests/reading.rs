//! Documents by id.

use caravan_domain::record::{Record, RecordState, Records};
use caravan_domain::{Decider, Kind};
use caravan_event_store::StreamId;
use caravan_projections::{ReadError, SearchTarget};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::kinds::{ALL, CASE};
use crate::support::{changed, id, world};

#[derive(Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Case {
    #[garde(skip)]
    label: String,
}

const CASES: Record = Record { kind: CASE, ..Record::of::<Case>("flight_case") };

#[tokio::test(flavor = "multi_thread")]
async fn records_are_read_by_id() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.follow();
    for number in 1..=3 {
        world.create(&CASE, number, json!({"label": format!("case {number}")})).await;
    }
    world.append(&StreamId::new("flight_case", id(&CASE, 2)), vec![changed(json!({"label": "two"}))]).await;
    world
        .append(&StreamId::new("flight_case", id(&CASE, 3)), vec![("Deleted", json!({"at": "2026-01-01T00:00:00Z"}))])
        .await;
    world.caught_up("postgres").await;

    let two = world.models.record::<Case>(&CASES, id(&CASE, 2)).await.unwrap().unwrap();
    assert_eq!((two.state, two.revision, two.position), (Case { label: "two".into() }, 1, 4));
    assert!(world.models.record::<Case>(&CASES, id(&CASE, 3)).await.unwrap().is_none(), "deleted");
    assert!(world.models.record::<Case>(&CASES, id(&CASE, 4)).await.unwrap().is_none(), "never made");

    let asked = [id(&CASE, 2), id(&CASE, 9), id(&CASE, 1), id(&CASE, 2)];
    let labels: Vec<String> =
        world.models.records::<Case>(&CASES, &asked).await.unwrap().into_iter().map(|read| read.state.label).collect();
    assert_eq!(labels, ["two", "case 1", "two"], "in the order asked");

    let found = world.models.find(&caravan_projections::Plan::all(&CASE, 9)).await.unwrap();
    let states = found.states::<RecordState>().unwrap();
    assert_eq!(states[1].state.get::<Case>(), Some(Case { label: "two".into() }));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_at_once_get_what_they_asked_for() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.follow();
    for number in 1..=50 {
        world.create(&CASE, number, json!({"label": number.to_string()})).await;
    }
    world.caught_up("postgres").await;
    let readers = (0..400u64).map(|reader| {
        let models = world.models.clone();
        tokio::spawn(async move {
            let number = reader % 60 + 1;
            let read = models.record::<Case>(&CASES, id(&CASE, number)).await.unwrap();
            assert_eq!(read.map(|read| read.state.label), (number <= 50).then(|| number.to_string()));
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_a_document_folded_by_the_same_rules() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.follow();
    let case = StreamId::new("flight_case", world.create(&CASE, 1, json!({"label": "lights"})).await);
    world.append(&case, vec![changed(json!({"label": "cables"}))]).await;
    world.caught_up("postgres").await;
    let read = world.models.snapshot(&case, Records::FOLD_VERSION).await.unwrap().unwrap();
    assert_eq!((read.revision, &read.state["label"]), (1, &json!("cables")));
    assert_eq!(world.models.snapshot(&case, Records::FOLD_VERSION + 1).await.unwrap(), None);
    assert_eq!(world.models.snapshot(&StreamId::new("flight_case", id(&CASE, 2)), 1).await.unwrap(), None);
    assert_eq!(world.models.snapshot(&StreamId::new("elsewhere", case.id), 1).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_a_read_is_unavailable_at_once() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.pool.close().await;
    let read = world.models.record::<Case>(&CASES, id(&CASE, 1)).await;
    assert!(matches!(read, Err(ReadError::Unavailable(_))), "{read:?}");
    let kind: &'static Kind = &CASE;
    assert!(matches!(
        world.models.find(&caravan_projections::Plan::all(kind, 1)).await,
        Err(ReadError::Unavailable(_))
    ));
}
