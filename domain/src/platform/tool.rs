//! What AI agents can be given to use: the operations that this installation serves.

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kind::text;
use crate::{Record, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    #[garde(length(chars, min = 1, max = 200))]
    pub tool_name: String,
    #[garde(length(chars, min = 1, max = 100))]
    pub service_name: String,
    #[garde(length(chars, max = 10_000))]
    pub description: Option<String>,
    /// A JSON schema of what it takes.
    #[garde(skip)]
    pub parameters: Option<Map<String, Value>>,
}

/// The system puts them.
pub const TOOL: Record = Record::of::<Tool>("tool")
    .known(Who::SignedIn)
    .fields(&[text("tool_name"), text("service_name")])
    .text(&["tool_name", "description"]);
