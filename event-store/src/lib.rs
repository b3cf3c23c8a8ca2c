//! The log: the port every part of Caravan writes and reads events through, its adapters, and what follows it.
//!
//! Nothing outside this crate knows which store runs. Only single-stream atomicity is assumed.

pub mod codec;
pub mod event;
pub mod following;
mod json;
mod measure;
mod memory;
pub mod port;
mod postgres;
mod tail;

use std::sync::Arc;

use caravan_clock::Clock;
use sqlx::PgPool;

pub use codec::CodecError;
pub use event::{Metadata, NewEvent, Position, Recorded, Revision, StreamId};
pub use json::Json;
pub use memory::MemoryStore;
pub use port::{Append, AppendError, Appended, Direction, EventStore, Expected, Filter, Page, StoreError, Tailed};
pub use postgres::PostgresStore;

/// The store that a setting names: `database` (tables in the main database) or `memory:` (gone with the process).
/// Its events have the time of `clock`. Must be called inside a runtime.
pub fn open(setting: &str, pool: &PgPool, clock: Clock) -> Result<Arc<dyn EventStore>, StoreError> {
    match setting {
        "database" => Ok(Arc::new(PostgresStore::by(clock, pool.clone()))),
        "memory:" => Ok(Arc::new(MemoryStore::by(clock))),
        other => {
            // Only the scheme: an address may hold a password.
            let scheme = other.split_once(':').map_or(other, |(scheme, _)| scheme);
            Err(StoreError::Refused(
                format!("no event store of the kind {scheme:?}: expected database or memory:").into(),
            ))
        }
    }
}
