//! Reading streams, tails and the whole log, forwards and backwards, from anywhere, filtered.

use caravan_event_store::{Direction, Filter, Position, Revision};
use futures::StreamExt;
use futures::future::join_all;

use crate::support::{everything, positions, postgres, put, receive, stores, stream};
use Direction::{Backwards, Forwards};

fn filter(categories: &[&str], event_types: &[&str]) -> Filter {
    let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    Filter { categories: owned(categories), event_types: owned(event_types) }
}

#[tokio::test]
async fn a_stream_reads_both_ways_from_anywhere() {
    for (on, store) in stores().await {
        let (read, other) = (stream("trip"), stream("trip"));
        for _ in 0..4 {
            put(&store, &read, &["A", "B"]).await;
            put(&store, &other, &["A"]).await;
        }
        let revisions = async |from, direction, max| -> Vec<Revision> {
            let events = store.read_stream(&read, from, direction, max).await.unwrap();
            assert!(events.iter().all(|event| event.stream == read), "{on}");
            events.iter().map(|event| event.revision).collect()
        };
        assert_eq!(revisions(0, Forwards, 100).await, [0, 1, 2, 3, 4, 5, 6, 7], "{on}");
        assert_eq!(revisions(3, Forwards, 2).await, [3, 4], "{on}");
        assert_eq!(revisions(8, Forwards, 10).await, [] as [Revision; 0], "{on}");
        assert_eq!(revisions(Revision::MAX, Backwards, 3).await, [7, 6, 5], "{on}");
        assert_eq!(revisions(2, Backwards, 10).await, [2, 1, 0], "{on}");
        assert_eq!(revisions(-1, Backwards, 10).await, [] as [Revision; 0], "{on}");
        assert_eq!(store.read_stream(&stream("trip"), 0, Forwards, 10).await.unwrap(), [], "{on}");
    }
}

#[tokio::test]
async fn tails_come_in_the_order_asked() {
    for (on, store) in stores().await {
        let (long, short) = (stream("trip"), stream("crew"));
        put(&store, &long, &["A", "B", "C"]).await;
        put(&store, &short, &["A"]).await;
        let asked =
            [(short.clone(), -1), (stream("trip"), -1), (long.clone(), 0), (long.clone(), 2), (long.clone(), 1)];
        let tails = store.read_tails(&asked).await.unwrap();
        let revisions: Vec<Vec<Revision>> =
            tails.iter().map(|tail| tail.iter().map(|event| event.revision).collect()).collect();
        assert_eq!(revisions, [vec![0], vec![], vec![1, 2], vec![], vec![2]], "{on}");
        assert_eq!(tails[0][0].stream, short, "{on}");
        assert!(store.read_tails(&[]).await.unwrap().is_empty(), "{on}");
    }
}

#[tokio::test]
async fn tails_asked_for_together_go_to_those_who_asked() {
    for (on, store) in stores().await {
        let streams: Vec<_> = (0..100).map(|_| stream("trip")).collect();
        for (index, stream) in streams.iter().enumerate() {
            put(&store, stream, &vec!["A"; index % 4 + 1]).await;
        }
        let asked: Vec<_> = streams.iter().map(|stream| [(stream.clone(), 0), (stream.clone(), -1)]).collect();
        for (index, tails) in join_all(asked.iter().map(|asked| store.read_tails(asked))).await.into_iter().enumerate()
        {
            let tails = tails.unwrap();
            assert_eq!((tails[0].len(), tails[1].len()), (index % 4, index % 4 + 1), "{on}");
            assert!(tails[1].iter().all(|event| event.stream == streams[index]), "{on}");
        }
    }
}

#[tokio::test]
async fn the_log_reads_both_ways_from_anywhere() {
    for (on, store) in stores().await {
        let empty = store.read_all(0, Forwards, &Filter::default(), 10).await.unwrap();
        assert!(empty.events.is_empty() && empty.end && empty.next == 0, "{on}");
        let empty = store.read_all(Position::MAX, Backwards, &Filter::default(), 10).await.unwrap();
        assert!(empty.events.is_empty() && empty.end, "{on}");

        let streams = [stream("trip"), stream("crew")];
        for index in 0..10 {
            put(&store, &streams[index % 2], &["A", "B"]).await;
        }
        let all = positions(&everything(&store).await);
        assert_eq!(all.len(), 20, "{on}");
        for (from, max) in [(0, 7), (0, 20), (0, 100), (all[4], 3), (all[19], 5), (all[19] + 50, 5)] {
            let mut expected = all.iter().copied().filter(|position| *position > from);
            let page = store.read_all(from, Forwards, &Filter::default(), max).await.unwrap();
            assert_eq!(positions(&page.events), expected.by_ref().take(max).collect::<Vec<_>>(), "{on} from {from}");
            assert_eq!(page.end, expected.next().is_none(), "{on} from {from}, {max}");
            assert!(page.next >= from, "{on}");
        }
        for from in [Position::MAX, all[19], all[7], all[0], 0] {
            let (mut at, mut back) = (from, vec![]);
            loop {
                let page = store.read_all(at, Backwards, &Filter::default(), 3).await.unwrap();
                back.extend(positions(&page.events));
                at = page.next;
                if page.end {
                    break;
                }
            }
            let expected: Vec<_> = all.iter().rev().copied().filter(|position| *position < from).collect();
            assert_eq!(back, expected, "{on} before {from}");
        }
    }
}

#[tokio::test]
async fn filters_by_category_and_type() {
    for (on, store) in stores().await {
        let streams = [stream("trip"), stream("crew"), stream("event")];
        for _ in 0..5 {
            for stream in &streams {
                put(&store, stream, &["A", "B", "C"]).await;
            }
        }
        let head = store.head().await.unwrap();
        let others: Vec<String> = (0..40).map(|number| format!("other{number}")).collect();
        let many: Vec<&str> = others.iter().map(String::as_str).chain(["crew", "event"]).collect();
        for filter in [
            filter(&["crew"], &[]),
            filter(&["trip", "event"], &[]),
            filter(&["trip", "trip"], &["A", "A"]),
            filter(&[], &["B"]),
            filter(&["event", "crew"], &["C", "A"]),
            filter(&["nothing"], &[]),
            filter(&["trip"], &["Z"]),
            filter(&many, &["C"]),
        ] {
            let matching = everything(&store).await.into_iter().filter(|event| filter.matches(event));
            let expected: Vec<_> = matching.map(|event| event.position).collect();
            for max in [1, 4, 1_000] {
                let (mut at, mut found) = (0, vec![]);
                loop {
                    let page = store.read_all(at, Forwards, &filter, max).await.unwrap();
                    assert!(page.events.len() <= max, "{on}");
                    found.extend(positions(&page.events));
                    at = page.next;
                    if page.end {
                        break;
                    }
                }
                assert_eq!(found, expected, "{on} {filter:?}");
                assert_eq!(at, head, "{on}: what was left out is passed");
            }
            let back = store.read_all(Position::MAX, Backwards, &filter, 1_000).await.unwrap();
            assert_eq!(positions(&back.events), expected.into_iter().rev().collect::<Vec<_>>(), "{on} {filter:?}");
        }
    }
}

/// A filter that leaves out almost all gives empty pages, not one endless statement, and gets there all the same.
#[tokio::test]
async fn a_rare_event_is_found_far_into_the_log() {
    let database = postgres().await;
    let first = put(&database.store, &stream("trip"), &["Rare"]).await;
    sqlx::query(
        "insert into events (position, revision, time, stream_id, id, schema_version, category, event_type, data, metadata)
         select n, 0, now(), gen_random_uuid(), gen_random_uuid(), 1, 'trip', 'Common', '{}', '{}'
         from generate_series(2, 150000) n",
    )
    .execute(&database.pool)
    .await
    .unwrap();
    let last = put(&database.store, &stream("trip"), &["Rare"]).await;
    let rare = filter(&[], &["Rare"]);
    let page = database.store.read_all(0, Forwards, &rare, 10).await.unwrap();
    assert_eq!((positions(&page.events), page.end), (vec![first.position], false));
    let page = database.store.read_all(first.position, Forwards, &rare, 10).await.unwrap();
    assert_eq!((page.events.len(), page.end, page.next > first.position), (0, false, true));
    let page = database.store.read_all(Position::MAX, Backwards, &rare, 10).await.unwrap();
    assert_eq!((positions(&page.events), page.end), (vec![last.position], false));
    let mut tail = database.store.subscribe(0, rare);
    assert_eq!(positions(&receive(&mut tail, last.position).await), [first.position, last.position]);
    assert!(matches!(tail.next().await, Some(Ok(caravan_event_store::Tailed::CaughtUp { .. }))));
}
