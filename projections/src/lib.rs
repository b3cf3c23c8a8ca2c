//! What is read: one document per entity (its folded state), plans that find documents, tallies over many streams, and
//! the followers that keep them up to date from the log.
//!
//! [`ReadModels`] answers reads; [`postgres_follower`] and each [`Renderer`] follow the log; [`rebuild()`] folds it
//! anew beside the running system and [`verify()`] compares.

mod bookkeeping;
mod conditions;
mod document;
mod error;
mod follower;
mod loader;
mod plan;
mod read_models;
mod rebuild;
mod schema;
mod search;
mod sql;
mod tallies;
mod text;
mod verify;
mod write;

pub use caravan_domain::Condition;
use caravan_domain::Kind;

pub use bookkeeping::{DOCUMENTS, OPENED};
pub use error::{NotSeen, ReadError, RebuildError};
pub use follower::postgres_follower;
pub use plan::{BORN, Cursor, Found, Near, Plan, Sort};
pub use read_models::{Document, Moment, ReadModels};
pub use rebuild::{Progress, Rebuilt, rebuild};
pub use search::{Elastic, OPENED_TABLES, Renderer, Rendering, SearchTarget, forget_opened};
pub use tallies::{
    AsOf, LikedTrip, RankedPicture, RankedTrip, TALLIES, TrendingCity, TrendingPerformer, rebuild_tallies,
    tallies_follower,
};
pub use verify::{Difference, Discrepancy, Verified, verify};

/// Kinds as every function here takes them: `caravan_domain::kinds::KINDS`, or a test's own.
pub type Kinds = &'static [&'static Kind];
