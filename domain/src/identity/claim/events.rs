//! The storage format of claims: names and shapes here are what the log holds, so change them with care.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::EntityId;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ClaimEvent {
    Claimed { owner: EntityId, at: DateTime<Utc> },
    Moved { from: EntityId, to: EntityId, at: DateTime<Utc> },
    Released { owner: EntityId },
}
