//! Events that can never be taken in: their stream waits, all others go on, and an operator decides.

use std::sync::atomic::Ordering;

use caravan_event_store::following::Checkpoints;
use caravan_event_store::following::parked::{self, Request};
use caravan_event_store::{Position, StreamId};
use sqlx::PgPool;

use crate::following::{Notebook, notes, start, wait};
use crate::support::{eventually, postgres, put, stream};

async fn types_noted(pool: &PgPool, stream: &StreamId) -> Vec<String> {
    let query = sqlx::query_scalar("select event_type from notes where stream = $1 order by n");
    query.bind(stream.to_string()).fetch_all(pool).await.unwrap()
}

async fn unparked(pool: &PgPool, stream: &StreamId) {
    eventually("the stream to go on", async || !parked::is_parked(pool, "notebook", stream).await.unwrap()).await;
}

#[tokio::test]
async fn poison_parks_its_stream_and_no_other() {
    for broken in [false, true] {
        let event_type = if broken { "Broken" } else { "Poison" };
        let database = postgres().await;
        let notebook = Notebook::new(&database).await;
        notebook.poison.store(true, Ordering::SeqCst);
        notebook.broken.store(true, Ordering::SeqCst);
        let (sick, well) = (stream("trip"), stream("trip"));
        put(&database.store, &well, &["A", "B"]).await;
        put(&database.store, &sick, &["A"]).await;
        let poison = put(&database.store, &sick, &[event_type]).await;
        put(&database.store, &sick, &["C"]).await;
        put(&database.store, &well, &["C"]).await;
        let following = start(&database, notebook).await;
        wait(&following, 6).await;
        // Also what comes later.
        put(&database.store, &sick, &["D"]).await;
        let last = put(&database.store, &well, &["D"]).await.position;
        wait(&following, last).await;
        assert_eq!(types_noted(&database.pool, &well).await, ["A", "B", "C", "D"]);
        assert_eq!(types_noted(&database.pool, &sick).await, ["A"]);

        let listed = parked::list(&database.pool).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].follower.as_str(), &listed[0].stream), ("notebook", &sick));
        assert_eq!((listed[0].position, listed[0].revision), (poison.position, poison.revision));
        assert_eq!((listed[0].request, listed[0].error.is_empty()), (None, false));
        let checkpoints = Checkpoints::new(database.pool.clone());
        let waits = async |at: Position| checkpoints.is_parked(database.store.as_ref(), "notebook", at).await.unwrap();
        assert!(waits(poison.position).await && waits(poison.position + 1).await);
        assert!(!waits(poison.position - 1).await && !waits(last).await && !waits(last + 1).await);
        assert!(parked::is_parked(&database.pool, "notebook", &sick).await.unwrap());
        assert!(!parked::is_parked(&database.pool, "notebook", &well).await.unwrap());
        assert!(!parked::is_parked(&database.pool, "another", &sick).await.unwrap());
    }
}

#[tokio::test]
async fn a_parked_stream_stays_parked_for_the_next_process() {
    let database = postgres().await;
    let notebook = Notebook::new(&database).await;
    notebook.poison.store(true, Ordering::SeqCst);
    let sick = stream("trip");
    put(&database.store, &sick, &["Poison"]).await;
    let first = start(&database, notebook.clone()).await;
    wait(&first, 1).await;
    first.stop().await;
    let second = start(&database, notebook).await;
    let last = put(&database.store, &sick, &["A"]).await.position;
    wait(&second, last).await;
    assert!(notes(&database.pool).await.is_empty());
}

#[tokio::test]
async fn a_retry_takes_everything_in_that_waited() {
    let database = postgres().await;
    let notebook = Notebook::new(&database).await;
    notebook.poison.store(true, Ordering::SeqCst);
    let (sick, well) = (stream("trip"), stream("trip"));
    put(&database.store, &sick, &["A", "Poison", "B"]).await;
    let following = start(&database, notebook.clone()).await;
    let last = put(&database.store, &well, &["A"]).await.position;
    wait(&following, last).await;

    // Nothing is cured yet: it fails again and waits on, without the request.
    assert!(parked::retry(&database.pool, "notebook", &sick).await.unwrap());
    eventually("the retry to fail", async || parked::list(&database.pool).await.unwrap()[0].request.is_none()).await;
    assert!(parked::is_parked(&database.pool, "notebook", &sick).await.unwrap());
    assert_eq!(types_noted(&database.pool, &sick).await, ["A"]);

    notebook.poison.store(false, Ordering::SeqCst);
    assert!(parked::retry(&database.pool, "notebook", &sick).await.unwrap());
    unparked(&database.pool, &sick).await;
    assert_eq!(types_noted(&database.pool, &sick).await, ["A", "Poison", "B"]);
    let last = put(&database.store, &sick, &["C"]).await.position;
    wait(&following, last).await;
    assert_eq!(types_noted(&database.pool, &sick).await, ["A", "Poison", "B", "C"]);
    let mut noted = notes(&database.pool).await;
    noted.sort();
    assert_eq!(noted, (1..=last).collect::<Vec<Position>>(), "nothing twice");
}

#[tokio::test]
async fn a_skip_leaves_out_the_event_that_failed() {
    let database = postgres().await;
    let notebook = Notebook::new(&database).await;
    notebook.broken.store(true, Ordering::SeqCst);
    let sick = stream("trip");
    put(&database.store, &sick, &["A", "Broken", "B", "Broken", "C"]).await;
    let following = start(&database, notebook).await;
    wait(&following, 5).await;

    // The next one of its kind parks it again.
    assert!(parked::skip(&database.pool, "notebook", &sick).await.unwrap());
    assert_eq!(parked::list(&database.pool).await.unwrap()[0].request, Some(Request::Skip));
    eventually("the skip", async || parked::list(&database.pool).await.unwrap()[0].revision == 3).await;
    assert_eq!(types_noted(&database.pool, &sick).await, ["A", "B"]);

    assert!(parked::skip(&database.pool, "notebook", &sick).await.unwrap());
    unparked(&database.pool, &sick).await;
    let last = put(&database.store, &sick, &["D"]).await.position;
    wait(&following, last).await;
    assert_eq!(types_noted(&database.pool, &sick).await, ["A", "B", "C", "D"]);
}

#[tokio::test]
async fn a_stream_that_is_not_parked_cannot_be_asked_for() {
    let database = postgres().await;
    assert!(!parked::retry(&database.pool, "notebook", &stream("trip")).await.unwrap());
    assert!(!parked::skip(&database.pool, "notebook", &stream("trip")).await.unwrap());
    assert!(parked::list(&database.pool).await.unwrap().is_empty());
}
