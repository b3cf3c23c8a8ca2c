//! Following the log: what reads every event in order, remembers in Postgres how far it came, and writes what follows
//! from the events in the same transaction, so that each takes effect exactly once.

mod checkpoints;
mod follow;
mod lease;
pub mod parked;

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgConnection;

pub use checkpoints::{CheckpointRow, Checkpoints, WaitError};
pub use follow::follow;

use crate::event::{Recorded, Revision, StreamId};
use crate::port::Filter;

/// Something that goes through the log, event by event.
#[async_trait]
pub trait Follower: Send + 'static {
    /// The name of its checkpoint: `postgres`, `search`, `messages` …
    fn name(&self) -> &str;

    /// What it wants to see. Its checkpoint also passes what it does not.
    fn filter(&self) -> Filter;

    /// Whether it starts at the log's end when it has no checkpoint yet, instead of at the beginning.
    fn starts_now(&self) -> bool {
        false
    }

    /// Takes in a batch (in log order, never empty), writing only through `tx`: the checkpoint moves in the same
    /// transaction. What is cached must be forgotten on [`Follower::reset`], since `tx` may yet be rolled back.
    async fn apply(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<(), FollowError>;

    /// Notes that an operator wants one event of a parked stream left out for good.
    async fn skip(&mut self, _tx: &mut PgConnection, _stream: &StreamId, _event: Revision) -> Result<(), sqlx::Error> {
        Ok(())
    }

    /// A transaction was not committed, or another process may have followed meanwhile: forget whatever is cached.
    fn reset(&mut self) {}

    /// Whether a commit must be on disk before the next batch. If not, a crash may undo what was written together
    /// with the checkpoint, and it is done again: right for what the log can rebuild.
    fn durable(&self) -> bool {
        false
    }

    /// How far apart turns are at least while the log keeps growing, so that each takes in more at once: every turn
    /// costs a read, a fence and a commit, however little there is. What comes after a rest is taken in at once.
    fn pace(&self) -> Duration {
        Duration::from_millis(50)
    }

    /// The most events in one transaction; at most 1,000 come at once in any case.
    fn batch(&self) -> usize {
        1_000
    }
}

/// Why a batch could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Something that is gone by itself: a lost connection, a deadlock, a full disk. Tried again for ever.
    #[error("cannot go on at the moment")]
    Transient(#[source] Box<dyn Error + Send + Sync>),
    /// The event, of the batch or before it, can never be taken in: its stream is parked there, all others go on.
    #[error("{} cannot be followed from position {} on: {message}", event.stream, event.position)]
    Poison { event: Box<Recorded>, message: String },
    /// Some event of the batch can never be taken in: found by taking them one by one.
    #[error("an event of the batch cannot be taken in")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

impl FollowError {
    /// The event can never be taken in; says why.
    pub fn poison(event: &Recorded, message: impl Into<String>) -> FollowError {
        FollowError::Poison { event: Box::new(event.clone()), message: message.into() }
    }
}

impl From<sqlx::Error> for FollowError {
    fn from(error: sqlx::Error) -> Self {
        if is_of_the_data(&error) { FollowError::Broken(error.into()) } else { FollowError::Transient(error.into()) }
    }
}

/// Whether an event may be the reason of an error. A missing table or privilege, say, is not its fault: parking every
/// stream for that would only hide it.
fn is_of_the_data(error: &sqlx::Error) -> bool {
    match error {
        // Values, constraints, limits of the program.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
        }
        error => !caravan_postgres::is_transient(error),
    }
}
