//! Catching up, then live: without a gap or a duplicate, whatever happens to the subscriber.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use caravan_event_store::{EventStore, Expected, Filter, Position, Tailed};
use futures::StreamExt;
use tokio::task::JoinHandle;

use crate::support::{append, event, everything, positions, postgres, put, receive, soon, stores, stream};

/// Appends to streams of its own until told to stop; gives back the last position.
fn keep_writing(store: &Arc<dyn EventStore>, stop: &Arc<AtomicBool>) -> JoinHandle<Position> {
    let (store, stop) = (store.clone(), stop.clone());
    tokio::spawn(async move {
        let mut last = 0;
        while !stop.load(Ordering::SeqCst) {
            last = put(&store, &stream("trip"), &["A", "B"]).await.position;
            // The memory store never waits for anything: without this, nobody else would run.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        last
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn catch_up_and_live_meet_without_gap_or_duplicate() {
    for (on, store) in stores().await {
        for _ in 0..14 {
            put(&store, &stream("trip"), &["A"; 100]).await;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..4).map(|_| keep_writing(&store, &stop)).collect();
        // Subscribed from several places while others write: most reach the seam in the middle of a page.
        let subscribers: Vec<_> = [0, 1, 999, 1_000, 1_399, 1_500]
            .map(|from| {
                let mut tail = store.subscribe(from, Filter::default());
                tokio::spawn(async move {
                    let (mut received, mut caught_up, mut after) = (vec![], 0, 0);
                    while after < 200 {
                        match soon("an event", tail.next()).await.unwrap().unwrap() {
                            Tailed::Events { events, up_to } => {
                                after += if caught_up > 0 { events.len() } else { 0 };
                                received.extend(positions(&events));
                                assert_eq!(received.last(), Some(&up_to));
                            }
                            Tailed::CaughtUp { at } => {
                                assert_eq!(at, *received.last().unwrap_or(&from));
                                caught_up += 1;
                            }
                        }
                    }
                    (from, received, caught_up)
                })
            })
            .into();
        for subscriber in subscribers {
            let (from, received, caught_up) = subscriber.await.unwrap();
            let expected: Vec<_> = (from + 1..).take(received.len()).collect();
            assert_eq!(received, expected, "{on} from {from}");
            assert_eq!(caught_up, 1, "{on} from {from}");
        }
        stop.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_filtered_subscription_also_passes_what_it_leaves_out() {
    for (on, store) in stores().await {
        let filter = Filter { categories: vec!["crew".into()], event_types: vec![] };
        let mut tail = store.subscribe(0, filter);
        put(&store, &stream("trip"), &["A"]).await;
        let crew = put(&store, &stream("crew"), &["A"]).await;
        let last = put(&store, &stream("trip"), &["A"]).await;
        assert_eq!(positions(&receive(&mut tail, last.position).await), [crew.position], "{on}");
        let later = put(&store, &stream("trip"), &["A"]).await;
        assert!(receive(&mut tail, later.position).await.is_empty(), "{on}");
    }
}

#[tokio::test]
async fn a_slow_subscriber_misses_nothing() {
    for (on, store) in stores().await {
        let mut tail = store.subscribe(0, Filter::default());
        let (mut received, mut last) = (vec![], 0);
        // It takes one page for every 1,500 events, so it falls behind, and then what is left.
        for _ in 0..3 {
            for _ in 0..15 {
                last = put(&store, &stream("trip"), &["A"; 100]).await.position;
            }
            if let Some(Ok(Tailed::Events { events, .. })) = soon("an event", tail.next()).await {
                received.extend(positions(&events));
            }
        }
        assert!(received.len() < 4_500, "{on}: it was not slow");
        received.extend(positions(&receive(&mut tail, last).await));
        assert_eq!(received, (1..=4_500).collect::<Vec<_>>(), "{on}");
    }
}

#[tokio::test]
async fn an_append_by_another_process_wakes_a_subscriber_at_once() {
    let database = postgres().await;
    let other = database.another().await;
    let mut tail = database.store.subscribe(0, Filter::default());
    let mut fastest = Duration::MAX;
    for _ in 0..10 {
        let appended = put(&other, &stream("trip"), &["A"]).await;
        let begun = Instant::now();
        receive(&mut tail, appended.position).await;
        fastest = fastest.min(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert!(fastest < Duration::from_millis(200), "it took {fastest:?}: that is polling, not listening");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_connections_lose_no_append_and_no_event() {
    let database = postgres().await;
    let mut tail = database.store.subscribe(0, Filter::default());
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = database.store.clone();
            tokio::spawn(async move {
                let (stream, mut acknowledged) = (stream("trip"), vec![]);
                for index in 0..60 {
                    let expected = if index == 0 { Expected::NoStream } else { Expected::Exact(index - 1) };
                    let event = event("A");
                    acknowledged.push(event.id);
                    store.append(append(&stream, expected, vec![event])).await.unwrap();
                }
                acknowledged
            })
        })
        .collect();
    let receiver = tokio::spawn(async move { receive(&mut tail, 480).await });
    while !receiver.is_finished() {
        database.kill_connections().await;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let received = receiver.await.unwrap();
    assert_eq!(positions(&received), (1..=480).collect::<Vec<_>>());
    let mut acknowledged = vec![];
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let mut ids: Vec<_> = received.iter().map(|event| event.id).collect();
    ids.sort();
    acknowledged.sort();
    assert_eq!(ids, acknowledged);
    assert_eq!(everything(&database.store).await.len(), 480);
}
