//! The storage format of the roster: names and shapes here are what the log holds, so change them with care.

use serde::{Deserialize, Serialize};

use crate::EntityId;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum RosterEvent {
    SuperAdminAdded { account: EntityId },
    SuperAdminRemoved { account: EntityId },
}
