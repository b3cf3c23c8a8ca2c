//! What a scenario file says; `README.md` explains each key.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::resource::Resource;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(default)]
    pub people: Vec<String>,
    #[serde(default)]
    pub by_mail: Vec<String>,
    /// Signed up by mail, and made admins by an operator.
    #[serde(default)]
    pub admins: Vec<String>,
    #[serde(default)]
    pub unregistered: Vec<String>,
    /// Looked at before the scenarios.
    #[serde(default)]
    pub resources: Vec<Resource>,
    #[serde(default)]
    pub scenarios: Vec<Scenario>,
    /// Looked at after them, with what they have saved.
    #[serde(default)]
    pub resources_after: Vec<Resource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub scenario: String,
    /// Variable → values; the steps are run once for each value.
    #[serde(default)]
    pub each: BTreeMap<String, Vec<Value>>,
    /// Whether it is run only where one process serves commands and queries.
    #[serde(default)]
    pub one_process: bool,
    pub steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
pub enum Step {
    Call(Box<Call>),
    Message(Message),
    Run(Run),
}

/// By the key that a step is known by: serde's own choice among untagged variants would not say what is wrong.
impl TryFrom<Value> for Step {
    type Error = String;

    fn try_from(step: Value) -> Result<Self, String> {
        let has = |key: &str| step.get(key).is_some();
        let text = step.to_string();
        let read = if has("outbox") {
            serde_json::from_value(step).map(Step::Message)
        } else if has("run") {
            serde_json::from_value(step).map(Step::Run)
        } else {
            serde_json::from_value(step).map(Step::Call)
        };
        read.map_err(|error| format!("{error} in {text}"))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub op: String,
    pub r#as: Option<String>,
    pub token: Option<String>,
    #[serde(default)]
    pub query: BTreeMap<String, Value>,
    #[serde(default)]
    pub path: BTreeMap<String, Value>,
    pub body: Option<Value>,
    pub text: Option<String>,
    #[serde(default)]
    pub parts: BTreeMap<String, String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub status: Option<u16>,
    #[serde(default)]
    pub check: BTreeMap<String, Value>,
    #[serde(default)]
    pub contains: BTreeMap<String, Value>,
    #[serde(default)]
    pub lacks: BTreeMap<String, Value>,
    #[serde(default)]
    pub length: BTreeMap<String, usize>,
    #[serde(default)]
    pub absent: Vec<String>,
    pub field: Option<String>,
    pub message: Option<String>,
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    pub etag: Option<String>,
    /// Variables that take cookies of the answer, by their names.
    #[serde(default)]
    pub cookies: BTreeMap<String, String>,
    pub times: Option<usize>,
    #[serde(default)]
    pub eventually: bool,
    pub proves: Option<Proves>,
    #[serde(default)]
    pub effect: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proves {
    Success,
    BadInput,
    Refusal,
    /// That nobody is refused.
    Open,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    pub outbox: String,
    pub channel: Option<String>,
    pub text: Option<String>,
    pub lacks: Option<String>,
    pub code: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub run: Vec<String>,
    pub contains: Option<String>,
    pub save_output: Option<String>,
}
