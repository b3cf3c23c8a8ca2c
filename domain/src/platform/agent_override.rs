//! What admins set for an AI agent while it runs, over what it was designed with.

use std::collections::BTreeMap;

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::STAFF;
use crate::kind::{boolean, text};
use crate::record::editor;
use crate::{EntityId, Record, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct AgentOverride {
    #[garde(length(chars, min = 1, max = 100))]
    pub agent_name: String,
    #[garde(length(chars, min = 1, max = 100))]
    pub provider: Option<String>,
    #[garde(length(chars, min = 1, max = 100))]
    pub model: Option<String>,
    #[garde(length(chars, min = 1, max = 10_000))]
    pub system_prompt: Option<String>,
    #[garde(range(min = 0.0, max = 2.0))]
    pub temperature: Option<f64>,
    #[garde(range(min = 1))]
    pub max_tokens: Option<u32>,
    #[garde(length(chars, min = 1, max = 100))]
    pub response_format: Option<String>,
    /// The tools that it may use.
    #[garde(length(max = 1_000), inner(inner(length(chars, min = 1, max = 200))))]
    pub selected_tools: Option<Vec<String>>,
    /// Limits of one run, by their names.
    #[garde(length(max = 100))]
    pub guardrails: Option<BTreeMap<String, Value>>,
    #[garde(skip)]
    #[serde(default = "enabled")]
    pub enabled: bool,
    #[garde(skip)]
    pub updated_by: Option<EntityId>,
}

fn enabled() -> bool {
    true
}

pub const AGENT_OVERRIDE: Record = Record::of::<AgentOverride>("agent_override")
    .known(Who::SignedIn)
    .read(STAFF)
    .written(STAFF)
    .fixed(&["agent_name"])
    .unique(&[&["agent_name"]])
    .filled(&[editor("updated_by")])
    .fields(&[text("agent_name"), text("provider"), text("model"), boolean("enabled")])
    .text(&["agent_name", "provider", "model"]);
