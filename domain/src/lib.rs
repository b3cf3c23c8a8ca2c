//! The rules of going places together, without I/O: no clock, no randomness, no database.
//!
//! [`decider`] says what an aggregate is, [`kind`] what can be read of it, [`record`] how a plain resource is
//! declared, [`access`] who may. Each context (identity, trips, catalogue, stays, payments, platform) has a
//! folder of its own.

pub mod access;
pub mod catalogue;
pub mod condition;
pub mod decider;
pub mod id;
pub mod identity;
pub mod kind;
pub mod kinds;
pub mod money;
pub mod payments;
pub mod platform;
pub mod record;
pub mod rejection;
pub mod sealed;
pub mod stamps;
pub mod stays;
pub mod text;
pub mod trips;

pub use access::Who;
pub use condition::Condition;
pub use decider::{Actor, Context, Decider};
pub use id::{EntityId, NotAnId};
pub use kind::Kind;
pub use money::Money;
pub use record::Record;
pub use rejection::{Fault, Rejection, RejectionKind};
pub use sealed::Sealed;
pub use stamps::Stamps;
