//! When and by whom an entity was made, and when it last changed: told by its events, and by nothing in them.

use chrono::{DateTime, Utc};

use crate::EntityId;

/// What the first and the latest event of an entity say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamps {
    /// Position of the first event in the log: entities were made in this order.
    pub born: i64,
    pub created_at: DateTime<Utc>,
    /// The person who made it; `None` where the system or nobody known did.
    pub created_by: Option<EntityId>,
    pub updated_at: DateTime<Utc>,
}
