//! Who publishes an event.

use serde::{Deserialize, Serialize};

use crate::Sealed;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Organizer {
    /// A company, club or authority, by name.
    Organisation(String),
    Person(Sealed),
}
