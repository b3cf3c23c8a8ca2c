//! Imports that must not run twice: the demo is loaded once, and what was begun is finished.

use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};

use super::instant;
use crate::Record;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Import {
    #[garde(length(chars, min = 1, max = 100))]
    pub name: String,
    /// The present as the import sees it; a resumed one sees the same.
    #[serde(with = "instant")]
    #[garde(skip)]
    pub started_at: DateTime<Utc>,
    #[serde(with = "instant::option", default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub finished_at: Option<DateTime<Utc>>,
}

pub const IMPORT: Record = Record::of::<Import>("import");
