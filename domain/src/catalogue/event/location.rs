//! Where an event takes place.

use serde::{Deserialize, Serialize};

use crate::EntityId;
use crate::catalogue::Place;

/// Only events with a region make trips.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Location {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<EntityId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<EntityId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<EntityId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}
