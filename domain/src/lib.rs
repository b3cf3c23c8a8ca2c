//! The rules of going places together, without I/O: no clock, no randomness, no database.
//!
//! [`decider`] says what an aggregate is, [`kind`] what can be read of it, [`record`] how a plain resource is
//! declared. Each context (identity, trips, catalogue, payments) has a folder of its own.

pub mod catalogue;
pub mod decider;
pub mod id;
pub mod identity;
pub mod kind;
pub mod kinds;
pub mod money;
pub mod payments;
pub mod record;
pub mod rejection;
pub mod sealed;
pub mod text;
pub mod trips;

pub use decider::{Actor, Context, Decider};
pub use id::{EntityId, NotAnId};
pub use kind::Kind;
pub use money::Money;
pub use record::Record;
pub use rejection::{Fault, Rejection, RejectionKind};
pub use sealed::Sealed;
