//! Two processes, 64 writers, appends that fail in between, and readers who follow live all the while.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use caravan_event_store::{AppendError, Direction, EventStore, Expected, Filter, Position, PostgresStore, StoreError};
use tokio::process::Command;

use crate::support::{append, connect, event, positions, postgres, receive, stream};

const WRITERS: usize = 32;
const APPENDS: i64 = 50;

/// Names the database to the second process.
const OTHER_PROCESS: &str = "CARAVAN_TEST_WRITE_TO";

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_gapless_and_in_commit_order() {
    if let Ok(url) = std::env::var(OTHER_PROCESS) {
        write(Arc::new(PostgresStore::new(connect(&url).await))).await;
        return;
    }
    let database = postgres().await;
    let total: Position = 2 * WRITERS as i64 * APPENDS;

    let mut tail = database.another().await.subscribe(0, Filter::default());
    let subscriber = tokio::spawn(async move { receive(&mut tail, total).await });
    let reader = tokio::spawn(read_along(database.another().await, total));

    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "gapless::positions_are_gapless_and_in_commit_order", "--nocapture"])
        .env(OTHER_PROCESS, &database.url)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    write(database.store.clone()).await;
    assert!(other.wait().await.unwrap().success(), "the other process failed");

    let expected: Vec<Position> = (1..=total).collect();
    assert_eq!(positions(&reader.await.unwrap()), expected);
    let received = subscriber.await.unwrap();
    assert_eq!(positions(&received), expected);
    // Time never runs backwards against the position.
    assert!(received.is_sorted_by_key(|event| event.time));
    let mut next = std::collections::HashMap::new();
    for event in &received {
        let revision = next.entry(&event.stream).or_insert(0);
        assert_eq!(event.revision, *revision);
        *revision += 1;
    }
    assert_eq!(next.len(), 2 * WRITERS);
}

/// Each writer fills a stream of its own, with appends that cannot go in between.
async fn write(store: Arc<dyn EventStore>) {
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let stream = stream("trip");
                let mut revision = -1;
                while revision + 1 < APPENDS {
                    let expected = if revision < 0 { Expected::NoStream } else { Expected::Exact(revision) };
                    let count = if revision + 2 < APPENDS && writer % 2 == 0 { 2 } else { 1 };
                    let events = (0..count).map(|_| event("A")).collect();
                    revision = store.append(append(&stream, expected, events)).await.unwrap().revision;
                    if revision % 3 == 0 {
                        let outcome =
                            store.append(append(&stream, Expected::Exact(revision + 5), vec![event("X")])).await;
                        assert!(matches!(outcome, Err(AppendError::Conflict { actual }) if actual == Some(revision)));
                    }
                    if revision % 10 == 0 {
                        let bad = event("\u{0}");
                        let outcome = store.append(append(&stream, Expected::Exact(revision), vec![bad])).await;
                        assert!(matches!(outcome, Err(AppendError::Store(StoreError::Refused(_)))), "{outcome:?}");
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Reads whatever is new, over and over: what shows up later must come after all that was seen.
async fn read_along(store: Arc<dyn EventStore>, total: Position) -> Vec<caravan_event_store::Recorded> {
    let (mut seen, mut at) = (vec![], 0);
    while at < total {
        let page = store.read_all(at, Direction::Forwards, &Filter::default(), 100).await.unwrap();
        at = page.next;
        seen.extend(page.events);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    seen
}
