//! Followers: each event takes effect exactly once, whoever follows, whatever breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use caravan_event_store::following::{Checkpoints, FollowError, Follower, follow};
use caravan_event_store::{Filter, Position, Recorded};
use sqlx::{PgConnection, PgPool};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{Database, connect, eventually, postgres, put, soon, stream};

/// Notes every event down in a table that would not mind noting one twice.
#[derive(Clone, Default)]
pub struct Notebook {
    pub filter: Filter,
    pub starts_now: bool,
    pub durable: bool,
    pub batch: usize,
    /// How long each batch takes.
    pub takes: Duration,
    /// Types of events it cannot take in while they are here: it knows which event it is.
    pub poison: Arc<AtomicBool>,
    /// The same, but all it knows is that the database refused something.
    pub broken: Arc<AtomicBool>,
    /// How many more times the database is out of sorts.
    pub hiccups: Arc<AtomicUsize>,
    resets: Arc<AtomicUsize>,
}

impl Notebook {
    pub async fn new(database: &Database) -> Self {
        sqlx::raw_sql(
            "create table if not exists notes (
                 n bigint generated always as identity, position bigint check (position > 0), stream text, event_type text)",
        )
        .execute(&database.pool)
        .await
        .unwrap();
        Notebook { batch: 10, ..Notebook::default() }
    }
}

#[async_trait]
impl Follower for Notebook {
    fn name(&self) -> &str {
        "notebook"
    }

    fn filter(&self) -> Filter {
        self.filter.clone()
    }

    fn starts_now(&self) -> bool {
        self.starts_now
    }

    async fn apply(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<(), FollowError> {
        tokio::time::sleep(self.takes).await;
        for event in batch {
            if event.event_type == "Poison" && self.poison.load(Ordering::SeqCst) {
                return Err(FollowError::poison(event, "it tastes bitter"));
            }
            let unacceptable = event.event_type == "Broken" && self.broken.load(Ordering::SeqCst);
            sqlx::query("insert into notes (position, stream, event_type) values ($1, $2, $3)")
                .bind(if unacceptable { -1 } else { event.position })
                .bind(event.stream.to_string())
                .bind(&event.event_type)
                .execute(&mut *tx)
                .await?;
        }
        if self.hiccups.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(FollowError::Transient("a hiccup".into()));
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.resets.fetch_add(1, Ordering::SeqCst);
    }

    fn durable(&self) -> bool {
        self.durable
    }

    fn batch(&self) -> usize {
        self.batch
    }
}

/// A follower at work, until dropped.
pub struct Following {
    pub checkpoints: Checkpoints,
    pub task: JoinHandle<()>,
    resets: Arc<AtomicUsize>,
    stop: DropGuard,
}

impl Following {
    pub fn resets(&self) -> usize {
        self.resets.load(Ordering::SeqCst)
    }

    pub async fn stop(self) {
        drop(self.stop);
        soon("the follower to stop", self.task).await.unwrap();
    }
}

/// Follows as a process of its own would: with its own store and pool.
pub async fn start(database: &Database, notebook: Notebook) -> Following {
    let checkpoints = Checkpoints::new(connect(&database.url).await);
    let stop = CancellationToken::new();
    let resets = notebook.resets.clone();
    let task = tokio::spawn(follow(database.another().await, checkpoints.clone(), notebook, stop.clone()));
    Following { checkpoints, task, resets, stop: stop.drop_guard() }
}

/// The positions noted, in the order of noting.
pub async fn notes(pool: &PgPool) -> Vec<Position> {
    sqlx::query_scalar("select position from notes order by n").fetch_all(pool).await.unwrap()
}

pub async fn wait(following: &Following, position: Position) {
    following.checkpoints.wait("notebook", position, Duration::from_secs(20)).await.unwrap();
}

#[tokio::test]
async fn every_event_is_taken_in_once_and_in_order() {
    for durable in [false, true] {
        let database = postgres().await;
        let following = start(&database, Notebook { durable, ..Notebook::new(&database).await }).await;
        let mut last = 0;
        for _ in 0..20 {
            last = put(&database.store, &stream("trip"), &["A", "B", "C", "D", "E", "F"]).await.position;
        }
        wait(&following, last).await;
        assert_eq!(notes(&database.pool).await, (1..=120).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_checkpoint_passes_what_the_filter_leaves_out() {
    let database = postgres().await;
    let filter = Filter { categories: vec!["crew".into()], event_types: vec![] };
    let following = start(&database, Notebook { filter, ..Notebook::new(&database).await }).await;
    put(&database.store, &stream("trip"), &["A"]).await;
    let crew = put(&database.store, &stream("crew"), &["A"]).await.position;
    let last = put(&database.store, &stream("trip"), &["A", "B"]).await.position;
    wait(&following, last).await;
    assert_eq!(notes(&database.pool).await, [crew]);
}

#[tokio::test]
async fn a_new_follower_may_start_starts_now() {
    let database = postgres().await;
    put(&database.store, &stream("trip"), &["A", "B"]).await;
    let notebook = Notebook { starts_now: true, ..Notebook::new(&database).await };
    let following = start(&database, notebook.clone()).await;
    wait(&following, 2).await;
    let third = put(&database.store, &stream("trip"), &["A"]).await.position;
    wait(&following, third).await;
    following.stop().await;
    // Only a new one: later it goes on where it stopped.
    let fourth = put(&database.store, &stream("trip"), &["A"]).await.position;
    let following = start(&database, notebook).await;
    wait(&following, fourth).await;
    assert_eq!(notes(&database.pool).await, [third, fourth]);
}

#[tokio::test]
async fn a_stopped_follower_leaves_its_lease_to_the_next() {
    let database = postgres().await;
    let notebook = Notebook::new(&database).await;
    let (first, second) = (start(&database, notebook.clone()).await, start(&database, notebook).await);
    for following in [first, second] {
        let position = put(&database.store, &stream("trip"), &["A"]).await.position;
        tokio::time::timeout(Duration::from_secs(3), wait(&following, position)).await.expect("before the lease is up");
        following.stop().await;
    }
    assert_eq!(notes(&database.pool).await, [1, 2]);
}

#[tokio::test]
async fn a_copy_of_the_database_does_not_wait_for_who_follows_the_original() {
    let original = postgres().await;
    let following = start(&original, Notebook::new(&original).await).await;
    wait(&following, put(&original.store, &stream("a"), &["Noted"]).await.position).await;
    let dump: serde_json::Value =
        sqlx::query_scalar("select to_jsonb(checkpoints) from checkpoints").fetch_one(&original.pool).await.unwrap();
    let copy = postgres().await;
    sqlx::query("insert into checkpoints select * from jsonb_populate_record(null::checkpoints, $1)")
        .bind(dump)
        .execute(&copy.pool)
        .await
        .unwrap();
    put(&copy.store, &stream("a"), &["Noted"]).await;
    let next = put(&copy.store, &stream("a"), &["Noted"]).await.position;
    // The lease of the original would hold for a minute.
    let copied = start(&copy, Notebook::new(&copy).await).await;
    wait(&copied, next).await;
    assert_eq!(notes(&copy.pool).await, [next]);
    wait(&following, put(&original.store, &stream("a"), &["Noted"]).await.position).await;
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let database = postgres().await;
    let notebook = Notebook::new(&database).await;
    notebook.hiccups.store(3, Ordering::SeqCst);
    let following = start(&database, notebook).await;
    let last = put(&database.store, &stream("trip"), &["A", "B"]).await.position;
    wait(&following, last).await;
    assert_eq!(notes(&database.pool).await, [1, 2]);
    assert!(following.resets() >= 3, "what was cached is forgotten each time");
}

/// What a switch of read models does: the follower notices, forgets what it cached and goes on.
#[tokio::test]
async fn a_follower_whose_fence_is_lost_starts_over() {
    let database = postgres().await;
    let following = start(&database, Notebook::new(&database).await).await;
    let first = put(&database.store, &stream("trip"), &["A"]).await.position;
    wait(&following, first).await;
    let resets = following.resets();
    sqlx::query("update checkpoints set epoch = epoch + 1").execute(&database.pool).await.unwrap();
    let second = put(&database.store, &stream("trip"), &["A"]).await.position;
    wait(&following, second).await;
    assert!(following.resets() > resets);
    // A checkpoint set back is followed from there.
    sqlx::query("update checkpoints set epoch = epoch + 1, position = 0").execute(&database.pool).await.unwrap();
    eventually("the log to be followed again", async || notes(&database.pool).await == [1, 2, 1, 2]).await;
}

#[tokio::test]
async fn a_follower_whose_batch_takes_long_keeps_its_lease() {
    let database = postgres().await;
    let slow = Notebook { takes: Duration::from_secs(4), ..Notebook::new(&database).await };
    let following = start(&database, slow.clone()).await;
    let last = put(&database.store, &stream("trip"), &["A"]).await.position;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ends_soon = "update checkpoints set leased_until = clock_timestamp() + interval '2 seconds'";
    sqlx::query(ends_soon).execute(&database.pool).await.unwrap();
    let other = start(&database, slow).await;
    wait(&following, last).await;
    let epoch: i64 = sqlx::query_scalar("select epoch from checkpoints").fetch_one(&database.pool).await.unwrap();
    assert_eq!((epoch, notes(&database.pool).await), (1, vec![last]), "the other one did not get it");
    other.stop().await;
}

/// A frozen process keeps its connections: its lease runs out, and its late commit fails at the fence.
#[tokio::test]
async fn a_follower_that_sleeps_over_its_lease_writes_nothing() {
    let database = postgres().await;
    let notebook = Notebook::new(&database).await;
    let mut sleepy = sqlx::pool::PoolConnection::detach(database.pool.acquire().await.unwrap());
    sqlx::query(
        "insert into checkpoints (name, position, epoch, holder, holder_database, holder_started, leased_until)
         select 'notebook', 0, 7, pid, datname, backend_start, clock_timestamp() + interval '3 seconds'
         from pg_stat_activity where pid = pg_backend_pid()",
    )
    .execute(&mut sleepy)
    .await
    .unwrap();
    let following = start(&database, notebook).await;
    let last = put(&database.store, &stream("trip"), &["A"]).await.position;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(notes(&database.pool).await.is_empty(), "the lease holds");
    wait(&following, last).await;
    let late =
        sqlx::query("update checkpoints set position = 1 where name = 'notebook' and position = 0 and epoch = 7");
    assert_eq!(late.execute(&mut sleepy).await.unwrap().rows_affected(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_followers_and_killed_connections_take_everything_in_exactly_once() {
    let database = postgres().await;
    let notebook = Notebook { batch: 7, ..Notebook::new(&database).await };
    let followings = [start(&database, notebook.clone()).await, start(&database, notebook).await];
    let store = database.store.clone();
    let writer = tokio::spawn(async move {
        for _ in 0..300 {
            put(&store, &stream("trip"), &["A"]).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    while !writer.is_finished() {
        tokio::time::sleep(Duration::from_millis(300)).await;
        database.kill_connections().await;
    }
    writer.await.unwrap();
    for following in &followings {
        wait(following, 300).await;
    }
    assert_eq!(notes(&database.pool).await, (1..=300).collect::<Vec<_>>());
    let takeovers: i64 = sqlx::query_scalar("select epoch from checkpoints").fetch_one(&database.pool).await.unwrap();
    assert!(takeovers > 2, "nothing was killed");
}
