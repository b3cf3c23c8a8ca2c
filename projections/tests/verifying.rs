//! Verification finds what differs, and nothing else.

use caravan_domain::EntityId;
use caravan_event_store::StreamId;
use caravan_projections::{Difference, Discrepancy, SearchTarget};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::kinds::{ALL, GIG};
use crate::support::{append, changed, elasticsearch, id, world};

fn difference(read_model: &str, id: EntityId, what: Discrepancy) -> Difference {
    Difference { read_model: read_model.to_owned(), id, what }
}

fn differing(names: &[&str]) -> Discrepancy {
    Discrepancy::Fields(names.iter().map(|name| name.to_string()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_documents_are_found() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.follow();
    for number in 1..=20 {
        world.create(&GIG, number, json!({"title": "x", "seats": number, "starts_at": "2026-06-01T18:00:00Z"})).await;
    }
    world.caught_up("postgres").await;
    let verified = world.verified().await;
    assert_eq!((verified.documents, verified.different, verified.position), (20, 0, 20));

    world.sql("update doc_gig_v1 set state = jsonb_set(state, '{seats}', '0'), revision = 9 where number = 3").await;
    world.sql("delete from doc_gig_v1 where number = 5").await;
    world.sql("update doc_gig_v1 set deleted_at = now() where number = 7").await;
    world
        .sql(
            "insert into doc_gig_v1 (id, number, position, revision, fold_version, words, state)
             select gen_random_uuid(), 99, 1, 0, 1, '', '{}'",
        )
        .await;
    let stray: uuid::Uuid =
        sqlx::query_scalar("select id from doc_gig where number = 99").fetch_one(&world.pool).await.unwrap();
    let verified = world.verified().await;
    let mut expected = vec![
        difference("gig", id(&GIG, 3), differing(&["revision", "state.seats"])),
        difference("gig", id(&GIG, 5), Discrepancy::Missing),
        difference("gig", id(&GIG, 7), differing(&["deleted_at"])),
        difference("gig", EntityId(stray), Discrepancy::LeftOver),
    ];
    expected.sort_by_key(|difference| difference.id);
    assert_eq!(verified.differences, expected);
    assert_eq!(verified.different, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_follower_makes_no_difference() {
    let world = world(ALL, elasticsearch::target().await).await;
    world.follow();
    world.follow_rendering();
    for number in 1..=50 {
        world.create(&GIG, number, json!({"seats": 0})).await;
    }
    let store = world.store.clone();
    let writing = tokio::spawn(async move {
        for written in 0..u64::MAX {
            append(
                &*store,
                &StreamId::new("gig", id(&GIG, written % 70 + 1)),
                vec![if (50..70).contains(&written) {
                    crate::support::created(json!({}))
                } else {
                    changed(json!({"seats": written}))
                }],
            )
            .await;
        }
    });
    world.rendered().await;
    for _ in 0..3 {
        let verified = world.verified().await;
        assert_eq!(verified.differences, []);
        assert!(verified.search_documents >= 50);
    }
    writing.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_index_that_differs_is_found() {
    let target = elasticsearch::target().await;
    let world = world(ALL, target).await;
    world.follow();
    let searching = world.follow_rendering();
    for number in 1..=5 {
        world.create(&GIG, number, json!({"title": "x", "seats": 1})).await;
    }
    world.rendered().await;
    searching.iter().for_each(JoinHandle::abort);
    assert_eq!(world.verified().await.differences, []);

    // As if the follower had lost its way: documents and log agree, the index does not.
    let gig = StreamId::new("gig", id(&GIG, 2));
    world.append(&gig, vec![changed(json!({"seats": 2}))]).await;
    world.create(&GIG, 6, json!({"title": "y"})).await;
    world.caught_up("postgres").await;
    world.sql("update checkpoints set position = 7 where name = 'search'").await;
    let verified = world.verified().await;
    assert_eq!(
        verified.differences,
        [
            difference(
                "search of gig",
                gig.id,
                differing(&[
                    "document.fields",
                    "document.position",
                    "document.revision",
                    "document.state",
                    "document.updated_at",
                ]),
            ),
            difference("search of gig", id(&GIG, 6), Discrepancy::Missing),
        ]
    );
    world.rerender().await;
    assert_eq!(world.verified().await.differences, []);
}
