//! The log: the port every part of Caravan writes and reads events through, its adapters, and what follows it.
//!
//! Nothing outside this crate knows which store runs. Only single-stream atomicity is assumed.

pub mod event;
pub mod port;

pub use event::{Metadata, NewEvent, Position, Recorded, Revision, StreamId};
pub use port::{Append, AppendError, Appended, Direction, EventStore, Expected, Filter, Page, StoreError, Tailed};
