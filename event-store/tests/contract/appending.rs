//! Expected revisions, conflicts, repeats, and what neighbours in a batch do to each other: nothing.

use std::sync::Arc;

use caravan_clock::Clock;
use caravan_event_store::{
    Append, AppendError, Direction, EventStore, Expected, MemoryStore, PostgresStore, Revision, StoreError, StreamId,
};
use futures::future::join_all;
use proptest::prelude::*;
use sqlx::postgres::PgPoolOptions;

use crate::support::{append, event, everything, positions, postgres, put, stores, stream};

#[track_caller]
fn assert_conflict(outcome: Result<caravan_event_store::Appended, AppendError>, actual: Option<Revision>, on: &str) {
    match outcome {
        Err(AppendError::Conflict { actual: found }) => assert_eq!(found, actual, "{on}"),
        other => panic!("{on}: expected a conflict, got {other:?}"),
    }
}

#[tokio::test]
async fn an_append_at_the_expected_revision_goes_in() {
    for (on, store) in stores().await {
        let stream = stream("trip");
        let first = store.append(append(&stream, Expected::NoStream, vec![event("A"), event("B")])).await.unwrap();
        assert_eq!(first.revision, 1, "{on}");
        let second = store.append(append(&stream, Expected::Exact(1), vec![event("C")])).await.unwrap();
        assert_eq!(second.revision, 2, "{on}");
        let third = store.append(append(&stream, Expected::Any, vec![event("D")])).await.unwrap();
        assert_eq!(third.revision, 3, "{on}");
        for appended in [first, second, third] {
            let last = store.read_stream(&stream, appended.revision, Direction::Forwards, 1).await.unwrap().remove(0);
            assert_eq!((last.position, last.time), (appended.position, appended.time), "{on}");
        }
        assert!(first.position < second.position && second.position < third.position, "{on}");
        let any_on_new = store.append(append(&self::stream("trip"), Expected::Any, vec![event("E")])).await.unwrap();
        assert_eq!(any_on_new.revision, 0, "{on}");
        assert_eq!(store.head().await.unwrap(), any_on_new.position, "{on}");
    }
}

#[tokio::test]
async fn an_append_at_another_revision_is_a_conflict_and_stores_nothing() {
    for (on, store) in stores().await {
        let known = stream("trip");
        put(&store, &known, &["A", "B"]).await;
        let two = || vec![event("X"), event("Y")];
        assert_conflict(store.append(append(&known, Expected::NoStream, two())).await, Some(1), on);
        assert_conflict(store.append(append(&known, Expected::Exact(0), two())).await, Some(1), on);
        assert_conflict(store.append(append(&known, Expected::Exact(2), two())).await, Some(1), on);
        assert_conflict(store.append(append(&stream("trip"), Expected::Exact(0), two())).await, None, on);
        // The same id in another category is another stream.
        let other = StreamId::new("crew", known.id);
        assert_conflict(store.append(append(&other, Expected::Exact(1), two())).await, None, on);
        assert_eq!(everything(&store).await.len(), 2, "{on}");
    }
}

#[tokio::test]
async fn an_event_is_stored_as_it_was_appended() {
    for (on, store) in stores().await {
        let stream = stream("trip");
        let before = chrono::Utc::now() - chrono::Duration::seconds(5);
        let new = event("Created");
        let appended = store.append(append(&stream, Expected::NoStream, vec![new.clone()])).await.unwrap();
        let stored = everything(&store).await.remove(0);
        assert_eq!((stored.id, &stored.event_type, stored.schema_version), (new.id, &new.event_type, 1), "{on}");
        assert_eq!((&stored.data, stored.metadata().unwrap()), (&new.data, new.metadata), "{on}");
        assert_eq!((&stored.stream, stored.revision, stored.position), (&stream, 0, appended.position), "{on}");
        assert!(stored.time > before && stored.time < before + chrono::Duration::seconds(60), "{on}");
    }
}

#[tokio::test]
async fn events_have_the_time_of_the_stores_clock() {
    let hours = chrono::Duration::hours;
    let clock = Clock::default();
    let database = postgres().await;
    for (on, store) in [
        ("postgres", Arc::new(PostgresStore::by(clock.clone(), database.pool.clone())) as Arc<dyn EventStore>),
        ("memory", Arc::new(MemoryStore::by(clock.clone()))),
    ] {
        let stream = stream("trip");
        let times = async || -> Vec<_> { everything(&store).await.into_iter().map(|event| event.time).collect() };
        // Alone, as a batch of what is known, and as one of what is not.
        put(&store, &stream, &["A"]).await;
        clock.advance(hours(30));
        put(&store, &stream, &["B"]).await;
        let other = self::stream("trip");
        store.append(append(&other, Expected::NoStream, vec![event("C"), event("D")])).await.unwrap();
        put(&store, &stream, &["E", "F"]).await;
        clock.advance(hours(-30));
        put(&store, &stream, &["G"]).await;
        let times = times().await;
        let (first, last) = (times[0], times[6]);
        assert!(last - first < hours(1), "{on}: {times:?}");
        for moved in &times[1..6] {
            assert!((*moved - first - hours(30)).abs() < hours(1), "{on}: {times:?}");
        }
    }
}

#[tokio::test]
async fn a_repeated_append_answers_as_the_first_and_is_stored_once() {
    for (on, store) in stores().await {
        for expected in [Expected::NoStream, Expected::Exact(1), Expected::Any] {
            let stream = stream("trip");
            if expected != Expected::NoStream {
                put(&store, &stream, &["A", "B"]).await;
            }
            let once = append(&stream, expected, vec![event("C"), event("D")]);
            let first = store.append(once.clone()).await.unwrap();
            assert_eq!(store.append(once.clone()).await.unwrap(), first, "{on} {expected:?}");
            // Also when the stream has gone on since.
            put(&store, &stream, &["E"]).await;
            assert_eq!(store.append(once.clone()).await.unwrap(), first, "{on} {expected:?}");
            let stored = store.read_stream(&stream, 0, Direction::Forwards, 100).await.unwrap();
            assert_eq!(stored.len() as Revision, first.revision + 2, "{on} {expected:?}");
        }
    }
}

#[tokio::test]
async fn what_only_resembles_a_repeat_is_a_conflict() {
    for (on, store) in stores().await {
        let stream = stream("trip");
        let (a, b) = (event("A"), event("B"));
        store.append(append(&stream, Expected::NoStream, vec![a.clone(), b.clone()])).await.unwrap();
        let longer = vec![a.clone(), b.clone(), event("C")];
        assert_conflict(store.append(append(&stream, Expected::NoStream, longer)).await, Some(1), on);
        let swapped = vec![b.clone(), a.clone()];
        assert_conflict(store.append(append(&stream, Expected::NoStream, swapped)).await, Some(1), on);
        assert_conflict(store.append(append(&stream, Expected::Exact(0), vec![a])).await, Some(1), on);
        assert_eq!(everything(&store).await.len(), 2, "{on}");
    }
}

#[tokio::test]
async fn an_append_without_events_is_refused() {
    for (on, store) in stores().await {
        let outcome = store.append(append(&stream("trip"), Expected::Any, vec![])).await;
        assert!(matches!(outcome, Err(AppendError::Store(StoreError::Refused(_)))), "{on}: {outcome:?}");
    }
}

#[tokio::test]
async fn appends_sent_together_each_get_their_own_outcome() {
    for (on, store) in stores().await {
        let taken = stream("trip");
        let first = append(&taken, Expected::NoStream, vec![event("A")]);
        let stored = store.append(first.clone()).await.unwrap();
        let streams: Vec<_> = (0..20).map(|_| stream("trip")).collect();
        let appends = streams.iter().enumerate().flat_map(|(index, stream)| {
            let events = (0..=index % 3).map(|_| event("B")).collect();
            let conflict = append(&self::stream("trip"), Expected::Exact(7), vec![event("X")]);
            [append(stream, Expected::NoStream, events), conflict]
        });
        let outcomes = join_all(appends.chain([first]).map(|append| store.append(append))).await;
        let mut positions = vec![stored.position];
        for (index, stream) in streams.iter().enumerate() {
            let appended = outcomes[index * 2].as_ref().unwrap();
            let read = store.read_stream(stream, 0, Direction::Forwards, 10).await.unwrap();
            assert_eq!(read.len(), index % 3 + 1, "{on}");
            let last = read.last().map(|event| (event.position, event.time));
            assert_eq!(last, Some((appended.position, appended.time)), "{on}");
            assert_eq!(appended.revision as usize, index % 3, "{on}");
            positions.extend(read.iter().map(|event| event.position));
            assert!(matches!(outcomes[index * 2 + 1], Err(AppendError::Conflict { actual: None })), "{on}");
        }
        assert_eq!(outcomes[40].as_ref().unwrap(), &stored, "{on}: a repeat among them");
        positions.sort();
        assert_eq!(positions, self::positions(&everything(&store).await), "{on}");
    }
}

#[tokio::test]
async fn a_stream_that_another_process_moved_on_fails_none_of_those_sent_with_it() {
    let database = postgres().await;
    let (store, other) = (database.store.clone(), database.another().await);
    let streams: Vec<_> = (0..20).map(|_| stream("trip")).collect();
    for stream in &streams {
        put(&store, stream, &["A", "B"]).await;
    }
    for stream in &streams[..3] {
        put(&other, stream, &["Other"]).await;
    }
    let at_once =
        |expected| streams.iter().map(move |stream| append(stream, Expected::Exact(expected), vec![event("C")]));
    let outcomes = join_all(at_once(1).map(|append| store.append(append))).await;
    for (index, outcome) in outcomes.into_iter().enumerate() {
        if index < 3 {
            assert_conflict(outcome, Some(2), "moved on");
        } else {
            assert_eq!(outcome.unwrap().revision, 2);
        }
    }
    // All at one revision again; beyond it there is a gap, whoever appended what is before.
    let outcomes = join_all(at_once(2).map(|append| store.append(append))).await;
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|appended| appended.revision == 3)));
    for outcome in join_all(at_once(4).map(|append| store.append(append))).await {
        assert_conflict(outcome, Some(3), "a gap");
    }
    let all = everything(&store).await;
    assert_eq!(positions(&all), (1..=80).collect::<Vec<_>>(), "gapless");
}

#[tokio::test]
async fn appends_to_one_stream_sent_together_keep_their_order() {
    for (on, store) in stores().await {
        let stream = stream("trip");
        let chain = (0..30).map(|index| {
            let expected = if index == 0 { Expected::NoStream } else { Expected::Exact(index - 1) };
            append(&stream, expected, vec![event("A")])
        });
        let outcomes = join_all(chain.map(|append| store.append(append))).await;
        for (index, outcome) in outcomes.into_iter().enumerate() {
            assert_eq!(outcome.unwrap().revision as usize, index, "{on}");
        }
    }
}

#[tokio::test]
async fn an_append_that_postgres_refuses_does_not_fail_those_sent_with_it() {
    let database = postgres().await;
    let bad = event("a NUL \u{0} inside");
    let appends = (0..30).map(|index| {
        let event = if index == 17 { bad.clone() } else { event("A") };
        append(&stream("trip"), Expected::NoStream, vec![event])
    });
    let outcomes = join_all(appends.map(|append| database.store.append(append))).await;
    for (index, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Err(AppendError::Store(StoreError::Refused(_))) => assert_eq!(index, 17),
            outcome => assert!(outcome.is_ok() && index != 17, "{index}: {outcome:?}"),
        }
    }
    let stored = everything(&database.store).await;
    assert_eq!(positions(&stored), (1..=29).collect::<Vec<_>>(), "the refused one took no position");
}

#[tokio::test]
async fn an_unreachable_database_is_unavailable_after_a_while() {
    let nobody_listens = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let pool = PgPoolOptions::new().acquire_timeout(std::time::Duration::from_secs(1));
    let pool = pool.connect_lazy(&format!("postgres://nobody@127.0.0.1:{nobody_listens}/none")).unwrap();
    let store = PostgresStore::new(pool);
    let outcome = store.append(append(&stream("trip"), Expected::Any, vec![event("A")])).await;
    assert!(matches!(outcome, Err(AppendError::Store(StoreError::Unavailable(_)))), "{outcome:?}");
    let outcome = store.read_tails(&[(stream("trip"), -1)]).await;
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
}

#[derive(Debug, Clone)]
enum Step {
    Append { stream: usize, expected: i64, events: usize },
    Repeat { step: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let append = (0..3usize, -2..6i64, 1..4usize).prop_map(|(stream, expected, events)| Step::Append {
        stream,
        expected,
        events,
    });
    let repeat = (0..40usize).prop_map(|step| Step::Repeat { step });
    prop::collection::vec(prop_oneof![3 => append, 1 => repeat], 1..40)
}

/// Whatever is appended and repeated, in whatever batches, both adapters answer alike and end with the same log.
#[test]
fn adapters_agree() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let database = runtime.block_on(postgres());
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps())| {
        runtime.block_on(agree(&database.store, steps))?;
    });
}

async fn agree(postgres: &Arc<dyn EventStore>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let memory: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
    let start = postgres.head().await.unwrap();
    let streams: Vec<_> = (0..3).map(|_| stream("trip")).collect();
    let mut done: Vec<Append> = vec![];
    for step in steps {
        let next = match step {
            Step::Append { stream, expected, events } => {
                let expected = match expected {
                    -2 => Expected::Any,
                    -1 => Expected::NoStream,
                    revision => Expected::Exact(revision),
                };
                append(&streams[stream], expected, (0..events).map(|_| event("A")).collect())
            }
            Step::Repeat { step } if done.is_empty() => append(&streams[step % 3], Expected::Any, vec![event("A")]),
            Step::Repeat { step } => done[step % done.len()].clone(),
        };
        done.push(next.clone());
        match (postgres.append(next.clone()).await, memory.append(next).await) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!((one.revision, one.position - start), (other.revision, other.position));
            }
            (Err(AppendError::Conflict { actual: one }), Err(AppendError::Conflict { actual: other })) => {
                prop_assert_eq!(one, other);
            }
            (one, other) => prop_assert!(false, "{one:?} and {other:?}"),
        }
    }
    for stream in &streams {
        let ids = async |store: &Arc<dyn EventStore>| {
            let events = store.read_stream(stream, 0, Direction::Forwards, 1_000).await.unwrap();
            events.into_iter().map(|event| event.id).collect::<Vec<_>>()
        };
        prop_assert_eq!(ids(postgres).await, ids(&memory).await);
    }
    Ok(())
}
