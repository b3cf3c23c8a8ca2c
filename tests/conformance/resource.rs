//! A plain resource in a scenario file: what it is made of, and all that follows: that each of its operations does what
//! it is for, refuses what is wrong, and refuses strangers or nobody.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::scenario::Step;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// The member of answers that holds it.
    pub resource: String,
    /// The member of answers that holds several; with an `s` unless said.
    pub several: Option<String>,
    /// Verb → operation id: create, get, list, patch, delete, as far as the resource has them.
    pub operations: BTreeMap<Verb, String>,
    /// The person who writes it.
    pub by: String,
    /// Who may not write it, nor read it where reading is not open.
    pub stranger: String,
    /// Whether everybody may read it, with and without a token.
    #[serde(default)]
    pub open: bool,
    /// Who may read it, besides the one who writes it.
    pub reader: Option<String>,
    /// The field in which the body has to name who acts.
    pub acting: Option<String>,
    /// A complete body.
    pub create: Map<String, Value>,
    /// What a change sends.
    #[serde(default)]
    pub change: Map<String, Value>,
    /// Fields of which each value is refused, one after the other.
    pub bad: Map<String, Value>,
    /// Parameters of the list's path.
    #[serde(default)]
    pub within: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    Create,
    Get,
    List,
    Patch,
    Delete,
}

impl Resource {
    /// What has to be so, in order.
    pub fn steps(&self) -> Result<Vec<Step>, String> {
        let steps = [self.made(), self.read(), self.changed(), self.deleted()].concat();
        steps.into_iter().map(Step::try_from).collect()
    }

    fn operation(&self, verb: Verb) -> Option<&str> {
        self.operations.get(&verb).map(String::as_str)
    }

    /// The path parameter with the id, which all operations on one have.
    fn path(&self) -> Value {
        json!({format!("{}Id", self.resource): "$id"})
    }

    fn member(&self, fields: &Map<String, Value>) -> Value {
        let checks = fields.iter().map(|(name, value)| (format!("/{}/{name}", self.resource), value.clone()));
        Value::Object(checks.collect())
    }

    /// A complete body of a person.
    fn body(&self, person: &str) -> Map<String, Value> {
        let mut body = self.create.clone();
        if let Some(acting) = &self.acting {
            body.insert(acting.clone(), json!(format!("${person}.id")));
        }
        body
    }

    fn with(&self, field: &str, value: &Value) -> Map<String, Value> {
        let mut body = self.body(&self.by);
        body.insert(field.to_owned(), value.clone());
        body
    }

    /// Who reads where that is not refused; nobody where it is open.
    fn reader(&self) -> Value {
        if self.open { Value::Null } else { json!(self.reader.as_ref().unwrap_or(&self.by)) }
    }

    fn made(&self) -> Vec<Value> {
        let Some(create) = self.operation(Verb::Create) else { return vec![] };
        let mut steps = vec![
            json!({"op": create, "as": self.stranger, "body": self.body(&self.stranger), "status": 401, "proves": "refusal"}),
            json!({"op": create, "body": self.body(&self.by), "status": 401}),
            json!({"op": create, "as": self.by, "body": self.with("unheardOf", &json!(1)), "status": 400,
                   "field": "unheardOf", "proves": "bad-input"}),
        ];
        for (field, value) in &self.bad {
            steps.push(
                json!({"op": create, "as": self.by, "body": self.with(field, value), "status": 400, "field": field}),
            );
        }
        steps.push(json!({
            "op": create, "as": self.by, "body": self.body(&self.by), "check": self.member(&self.body(&self.by)),
            "save": {"id": format!("/{}/id", self.resource)}, "proves": "success",
            "effect": self.shown(&self.create),
        }));
        steps
    }

    /// That whoever may read it finds it so.
    fn shown(&self, fields: &Map<String, Value>) -> Vec<Value> {
        let mut steps = vec![];
        let reader = self.reader();
        if let Some(get) = self.operation(Verb::Get) {
            steps.push(json!({"op": get, "as": reader, "path": self.path(), "check": self.member(fields)}));
        }
        if let Some(list) = self.operation(Verb::List) {
            let mut entry = fields.clone();
            entry.insert("id".to_owned(), json!("$id"));
            let mut step = self.listed(list, &reader);
            step["contains"] = json!({self.several(): entry});
            steps.push(step);
        }
        steps
    }

    /// A pointer to the list.
    fn several(&self) -> String {
        self.several.as_ref().map_or_else(|| format!("/{}s", self.resource), |several| format!("/{several}"))
    }

    /// The whole list.
    fn listed(&self, list: &str, reader: &Value) -> Value {
        json!({"op": list, "as": reader, "path": self.within, "query": {"pageNumber": 0}})
    }

    fn read(&self) -> Vec<Value> {
        let mut steps = vec![];
        for verb in [Verb::Get, Verb::List] {
            let Some(operation) = self.operation(verb) else { continue };
            let path = if verb == Verb::Get { self.path() } else { json!(self.within) };
            let call = |with: Value| {
                let mut call = json!({"op": operation, "path": path});
                call.as_object_mut().expect("an object").extend(with.as_object().cloned().unwrap_or_default());
                call
            };
            let reader = self.reader();
            steps.push(call(json!({"as": reader, "query": {"requestId": "one"}, "check": {"/requestId": "one"}, "proves": "success"})));
            steps.push(call(json!({"as": reader, "query": {"unheardOf": "1"}, "status": 400, "field": "unheardOf", "proves": "bad-input"})));
            if self.open {
                steps.push(call(json!({"query": {"requestId": "one"}, "proves": "open"})));
            } else {
                steps.push(call(json!({"status": 401, "proves": "refusal"})));
                if self.reader.is_none() {
                    steps.push(call(json!({"as": self.stranger, "status": 401})));
                }
            }
        }
        steps
    }

    fn changed(&self) -> Vec<Value> {
        let Some(patch) = self.operation(Verb::Patch) else { return vec![] };
        let mut steps = vec![
            json!({"op": patch, "as": self.stranger, "path": self.path(), "body": self.change, "status": 401, "proves": "refusal"}),
            json!({"op": patch, "as": self.by, "path": self.path(), "body": {"unheardOf": 1}, "status": 400,
                   "field": "unheardOf", "proves": "bad-input", "effect": self.shown(&self.create)}),
        ];
        for (field, value) in self.bad.iter().filter(|(field, _)| self.change.contains_key(*field)) {
            steps.push(json!({"op": patch, "as": self.by, "path": self.path(), "body": {field: value}, "status": 400, "field": field}));
        }
        steps.push(json!({
            "op": patch, "as": self.by, "path": self.path(), "body": self.change, "check": self.member(&self.change),
            "proves": "success", "effect": self.shown(&self.change),
        }));
        steps
    }

    fn deleted(&self) -> Vec<Value> {
        let Some(delete) = self.operation(Verb::Delete) else { return vec![] };
        let reader = self.reader();
        let mut gone = vec![];
        if let Some(list) = self.operation(Verb::List) {
            let mut step = self.listed(list, &reader);
            step["lacks"] = json!({self.several(): {"id": "$id"}});
            gone.push(step);
        }
        if let (Some(get), true) = (self.operation(Verb::Get), self.open) {
            gone.push(json!({"op": get, "path": self.path(), "status": 404}));
        }
        let inactive = json!({format!("/{}/isActive", self.resource): false});
        vec![
            json!({"op": delete, "as": self.stranger, "path": self.path(), "status": 401, "proves": "refusal"}),
            json!({"op": delete, "as": self.by, "path": self.path(), "query": {"unheardOf": "1"}, "status": 400,
                   "field": "unheardOf", "proves": "bad-input", "effect": self.shown(&Map::new())}),
            json!({"op": delete, "as": self.by, "path": self.path(), "check": inactive, "proves": "success", "effect": gone}),
        ]
    }
}
