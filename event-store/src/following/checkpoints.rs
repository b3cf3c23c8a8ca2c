//! How far each follower has come, and waiting for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::sync::watch;

use super::parked;
use crate::event::Position;
use crate::port::{EventStore, StoreError};

/// How often the database is asked while anybody waits. Followers in this process tell at once.
const POLL: Duration = Duration::from_millis(20);

/// The checkpoints of the followers in one database. One per process; clones share it.
#[derive(Clone)]
pub struct Checkpoints(Arc<Inner>);

struct Inner {
    pool: PgPool,
    known: watch::Sender<Known>,
    waiting: AtomicUsize,
    /// Whether the polling task runs; held while that is decided.
    polling: Mutex<bool>,
}

#[derive(Default)]
struct Known {
    positions: HashMap<String, Position>,
    reachable: bool,
}

/// One follower's checkpoint.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct CheckpointRow {
    pub name: String,
    /// Every event up to here has been taken in, parked, or left out by the filter.
    pub position: Position,
    /// Raised whenever another process takes over.
    pub epoch: i64,
    pub moved_at: DateTime<Utc>,
}

/// Why a wait ended without the follower there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    #[error("{lag} positions behind")]
    Late { lag: Position },
    #[error("the checkpoints cannot be read")]
    Unavailable,
}

impl Checkpoints {
    pub fn new(pool: PgPool) -> Self {
        let known = watch::Sender::new(Known { positions: HashMap::new(), reachable: true });
        Checkpoints(Arc::new(Inner { pool, known, waiting: AtomicUsize::new(0), polling: Mutex::new(false) }))
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    /// Whether this process knows that the follower has passed `position`.
    pub fn has_passed(&self, follower: &str, position: Position) -> bool {
        self.0.known.borrow().has_passed(follower, position)
    }

    /// Returns once the follower has passed `position`, or with an error after `limit`.
    pub async fn wait(&self, follower: &str, position: Position, limit: Duration) -> Result<(), WaitError> {
        let mut known = self.0.known.subscribe();
        let passed = |known: &Known| known.has_passed(follower, position);
        if passed(&known.borrow()) {
            return Ok(());
        }
        let _waiting = self.start_waiting();
        if let Ok(Ok(_)) = tokio::time::timeout(limit, known.wait_for(passed)).await {
            return Ok(());
        }
        let known = known.borrow();
        if !known.reachable {
            return Err(WaitError::Unavailable);
        }
        Err(WaitError::Late { lag: position - known.positions.get(follower).copied().unwrap_or(0) })
    }

    /// Whether the event at `position`, though passed, waits in a stream that the follower has parked.
    pub async fn is_parked(
        &self,
        store: &dyn EventStore,
        follower: &str,
        position: Position,
    ) -> Result<bool, StoreError> {
        parked::holds(&self.0.pool, store, follower, position).await
    }

    /// The follower's position, read now; 0 for one that has not started yet.
    pub async fn position(&self, follower: &str) -> Result<Position, StoreError> {
        let query = sqlx::query_scalar("select position from checkpoints where name = $1").bind(follower);
        Ok(query.fetch_optional(&self.0.pool).await?.unwrap_or(0))
    }

    /// Whether some process follows at this moment.
    pub async fn is_followed(&self, follower: &str) -> Result<bool, StoreError> {
        let query = sqlx::query_scalar(
            "select exists (select from checkpoints join pg_stat_activity on pid = holder and datname = holder_database
                                                                         and backend_start = holder_started
                            where name = $1 and leased_until > clock_timestamp())",
        );
        Ok(query.bind(follower).fetch_one(&self.0.pool).await?)
    }

    /// All checkpoints, by name.
    pub async fn list(&self) -> Result<Vec<CheckpointRow>, StoreError> {
        let query = sqlx::query_as("select name, position, epoch, moved_at from checkpoints order by name");
        Ok(query.fetch_all(&self.0.pool).await?)
    }

    /// A follower in this process has come to `position`.
    pub(super) fn moved(&self, follower: &str, position: Position) {
        self.0.known.send_if_modified(|known| known.note(follower, position));
    }

    fn start_waiting(&self) -> Waiting {
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting(self.0.clone());
        let mut polling = self.0.polling.lock().unwrap_or_else(PoisonError::into_inner);
        if !*polling {
            *polling = true;
            tokio::spawn(poll(self.0.clone()));
        }
        waiting
    }
}

/// Counts one who waits, until dropped.
struct Waiting(Arc<Inner>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn poll(inner: Arc<Inner>) {
    loop {
        let read = sqlx::query_as::<_, (String, Position)>("select name, position from checkpoints");
        let read = read.fetch_all(&inner.pool).await;
        inner.known.send_if_modified(|known| {
            let before = std::mem::replace(&mut known.reachable, read.is_ok());
            let rows = read.into_iter().flatten();
            let moved = rows.fold(false, |moved, (name, position)| known.note(&name, position) || moved);
            moved || before != known.reachable
        });
        tokio::time::sleep(POLL).await;
        let mut polling = inner.polling.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.waiting.load(Ordering::SeqCst) == 0 {
            *polling = false;
            return;
        }
    }
}

impl Known {
    fn has_passed(&self, follower: &str, position: Position) -> bool {
        self.positions.get(follower).is_some_and(|at| *at >= position)
    }

    /// Whether that is news.
    fn note(&mut self, follower: &str, position: Position) -> bool {
        match self.positions.get_mut(follower) {
            Some(at) if *at >= position => false,
            Some(at) => {
                *at = position;
                true
            }
            None => {
                self.positions.insert(follower.to_owned(), position);
                true
            }
        }
    }
}
