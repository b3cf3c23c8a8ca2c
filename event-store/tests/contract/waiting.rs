//! Waiting until a follower has come far enough.

use std::time::{Duration, Instant};

use caravan_event_store::following::{Checkpoints, WaitError};

use crate::following::{Notebook, start};
use crate::support::{connect, eventually, postgres, put, stream};

const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_when_the_follower_is_there() {
    let database = postgres().await;
    let following = start(&database, Notebook::new(&database).await).await;
    let elsewhere = Checkpoints::new(connect(&database.url).await);
    let (mut here, mut there) = (Duration::MAX, Duration::MAX);
    for _ in 0..10 {
        let position = put(&database.store, &stream("trip"), &["A"]).await.position;
        let begun = Instant::now();
        let (a, b) = tokio::join!(
            async {
                following.checkpoints.wait("notebook", position, LIMIT).await.unwrap();
                begun.elapsed()
            },
            async {
                elsewhere.wait("notebook", position, LIMIT).await.unwrap();
                begun.elapsed()
            },
        );
        (here, there) = (here.min(a), there.min(b));
        assert_eq!(following.checkpoints.position("notebook").await.unwrap(), position);
    }
    assert!(here < Duration::from_millis(100) && there < Duration::from_millis(200), "{here:?} {there:?}");
    // Long passed: known without waiting.
    elsewhere.wait("notebook", 1, Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn many_wait_at_once() {
    let database = postgres().await;
    let following = start(&database, Notebook::new(&database).await).await;
    let waits = (1..=50).map(|position| following.checkpoints.wait("notebook", position, LIMIT));
    let (waited, ()) = tokio::join!(futures::future::join_all(waits), async {
        for _ in 0..50 {
            put(&database.store, &stream("trip"), &["A"]).await;
        }
    });
    assert!(waited.into_iter().all(|waited| waited.is_ok()));
}

#[tokio::test]
async fn a_wait_that_takes_too_long_tells_the_lag() {
    let database = postgres().await;
    let checkpoints = Checkpoints::new(database.pool.clone());
    let wait = checkpoints.wait("nobody", 7, Duration::from_millis(100));
    assert_eq!(wait.await, Err(WaitError::Late { lag: 7 }));
    assert_eq!(checkpoints.position("nobody").await.unwrap(), 0);

    let following = start(&database, Notebook::new(&database).await).await;
    let position = put(&database.store, &stream("trip"), &["A", "B", "C"]).await.position;
    following.checkpoints.wait("notebook", position, LIMIT).await.unwrap();
    let wait = checkpoints.wait("notebook", position + 2, Duration::from_millis(100));
    assert_eq!(wait.await, Err(WaitError::Late { lag: 2 }));
    let listed = checkpoints.list().await.unwrap();
    assert_eq!(
        listed.iter().map(|row| (row.name.as_str(), row.position)).collect::<Vec<_>>(),
        [("notebook", position)]
    );
}

#[tokio::test]
async fn a_wait_without_database_says_so() {
    let database = postgres().await;
    let checkpoints = Checkpoints::new(database.pool.clone());
    let wait = tokio::spawn({
        let checkpoints = checkpoints.clone();
        async move { checkpoints.wait("notebook", 1, Duration::from_millis(300)).await }
    });
    database.pool.close().await;
    assert_eq!(wait.await.unwrap(), Err(WaitError::Unavailable));
}

#[tokio::test]
async fn waiting_survives_killed_connections() {
    let database = postgres().await;
    let following = start(&database, Notebook::new(&database).await).await;
    let elsewhere = Checkpoints::new(connect(&database.url).await);
    let wait = tokio::spawn(async move { elsewhere.wait("notebook", 1, LIMIT).await });
    eventually("the follower to start", async || {
        following.resets() > 0 || !following.checkpoints.list().await.unwrap().is_empty()
    })
    .await;
    database.kill_connections().await;
    put(&database.store, &stream("trip"), &["A"]).await;
    assert_eq!(wait.await.unwrap(), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_any_more_once_whoever_did_is_dead() {
    let database = postgres().await;
    let following = start(&database, Notebook::new(&database).await).await;
    let elsewhere = Checkpoints::new(connect(&database.url).await);
    eventually("somebody follows", || async { elsewhere.is_followed("notebook").await.unwrap() }).await;
    assert!(!elsewhere.is_followed("nothing").await.unwrap());
    // Without a word, its lease not yet lapsed.
    drop(following);
    let dead = "update checkpoints set holder = 0, leased_until = now() + interval '1 minute' where name = 'notebook'";
    eventually("nobody follows", || async {
        sqlx::query(dead).execute(&database.pool).await.unwrap();
        !elsewhere.is_followed("notebook").await.unwrap()
    })
    .await;
}
