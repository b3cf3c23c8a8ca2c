//! Performers: who plays, races or speaks.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::Record;

/// A band, team or series, under the name it performs by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Performer {
    #[garde(length(chars, min = 1, max = 300))]
    pub name: String,
}

pub const PERFORMER: Record = Record::of::<Performer>("performer").text(&["name"]).searchable().copied();
