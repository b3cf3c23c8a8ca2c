//! A plain resource in a scenario file: what it is made of, and all that follows: that each of its operations does what
//! it is for, refuses what is wrong, and refuses strangers or nobody.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::scenario::Step;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// What it is called: the member of answers that holds it, or its type.
    pub resource: String,
    /// The member of answers that holds several; with an `s` unless said.
    pub several: Option<String>,
    /// The path parameter with its id; the resource with `Id` unless said.
    pub id: Option<String>,
    /// Verb → operation id, as far as the resource has them.
    pub operations: BTreeMap<Verb, String>,
    /// The person who writes it.
    pub by: String,
    /// Who may not write it, nor read it where only the writer may.
    pub stranger: String,
    /// Whether everybody may read it, with and without a token.
    #[serde(default)]
    pub open: bool,
    /// Who may read it, besides the one who writes it.
    pub reader: Option<String>,
    /// The field in which the body has to name who acts.
    pub acting: Option<String>,
    /// All fields of a new one.
    pub create: Map<String, Value>,
    /// To what it is made to lead: relationships, where bodies have them.
    #[serde(default)]
    pub leads: Map<String, Value>,
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

/// How a dialect writes resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Flat, in an envelope.
    Enveloped,
    JsonApi,
}

impl Form {
    pub fn of(dialect: &str) -> Form {
        if dialect == "open-event" { Form::JsonApi } else { Form::Enveloped }
    }

    fn refused(self) -> u16 {
        if self == Form::JsonApi { 403 } else { 401 }
    }

    fn wrong(self) -> u16 {
        if self == Form::JsonApi { 422 } else { 400 }
    }

    /// A query that shows the newest, whatever else there is.
    fn newest(self) -> Value {
        match self {
            Form::Enveloped => json!({"pageNumber": 0}),
            Form::JsonApi => json!({"page[size]": 0, "sort": "-id"}),
        }
    }
}

/// A call, with more that it has.
fn with(call: Value, more: Value) -> Value {
    let mut call = call;
    if let (Some(call), Value::Object(more)) = (call.as_object_mut(), more) {
        call.extend(more);
    }
    call
}

impl Resource {
    /// What has to be so, in order.
    pub fn steps(&self, form: Form) -> Result<Vec<Step>, String> {
        let expanded = Expanded { resource: self, form };
        let steps = [expanded.made(), expanded.read(), expanded.changed(), expanded.deleted()].concat();
        steps.into_iter().map(Step::try_from).collect()
    }

    fn operation(&self, verb: Verb) -> Option<&str> {
        self.operations.get(&verb).map(String::as_str)
    }

    /// Who reads where that is not refused; nobody where it is open.
    fn reader(&self) -> Value {
        if self.open { Value::Null } else { json!(self.reader.as_ref().unwrap_or(&self.by)) }
    }
}

struct Expanded<'r> {
    resource: &'r Resource,
    form: Form,
}

impl Expanded<'_> {
    fn path(&self) -> Value {
        let name = self.resource.id.clone().unwrap_or_else(|| format!("{}Id", self.resource.resource));
        json!({name: "$id"})
    }

    /// A body with these fields.
    fn body(&self, mut fields: Map<String, Value>, of_new: bool) -> Value {
        if self.form == Form::Enveloped {
            return Value::Object(fields);
        }
        fields.remove("data");
        let mut data = json!({"type": self.resource.resource, "attributes": fields});
        if of_new && !self.resource.leads.is_empty() {
            data["relationships"] = json!(self.resource.leads);
        }
        if !of_new {
            data["id"] = json!("$id");
        }
        json!({"data": data})
    }

    /// All fields of a new one that a person makes.
    fn complete(&self, person: &str) -> Map<String, Value> {
        let mut fields = self.resource.create.clone();
        if let Some(acting) = &self.resource.acting {
            fields.insert(acting.clone(), json!(format!("${person}.id")));
        }
        fields
    }

    fn create(&self, person: &str, other: Option<(&str, &Value)>) -> Value {
        let mut fields = self.complete(person);
        fields.extend(other.map(|(field, value)| (field.to_owned(), value.clone())));
        self.body(fields, true)
    }

    /// Where an answer has these fields.
    fn checked(&self, fields: &Map<String, Value>) -> Value {
        let place = match self.form {
            Form::Enveloped => format!("/{}", self.resource.resource),
            Form::JsonApi => "/data/attributes".to_owned(),
        };
        Value::Object(fields.iter().map(|(name, value)| (format!("{place}/{name}"), value.clone())).collect())
    }

    fn saved(&self) -> Value {
        match self.form {
            Form::Enveloped => json!({"id": format!("/{}/id", self.resource.resource)}),
            Form::JsonApi => json!({"id": "/data/id"}),
        }
    }

    fn several(&self) -> String {
        match (&self.resource.several, self.form) {
            (Some(several), _) => format!("/{several}"),
            (None, Form::Enveloped) => format!("/{}s", self.resource.resource),
            (None, Form::JsonApi) => "/data".to_owned(),
        }
    }

    fn entry(&self, fields: &Map<String, Value>) -> Value {
        match self.form {
            Form::Enveloped => with(json!({"id": "$id"}), Value::Object(fields.clone())),
            Form::JsonApi => json!({"id": "$id", "attributes": fields}),
        }
    }

    fn made(&self) -> Vec<Value> {
        let Resource { by, stranger, .. } = self.resource;
        let Some(create) = self.resource.operation(Verb::Create) else { return vec![] };
        let bad = |field: &str, value: &Value| {
            json!({"op": create, "as": by, "body": self.create(by, Some((field, value))), "status": self.form.wrong(),
                   "field": field})
        };
        let refused = self.form.refused();
        let mut steps = vec![
            json!({"op": create, "as": stranger, "body": self.create(stranger, None), "status": refused, "proves": "refusal"}),
            json!({"op": create, "body": self.create(by, None), "status": 401}),
            with(bad("unheardOf", &json!(1)), json!({"proves": "bad-input"})),
        ];
        steps.extend(self.resource.bad.iter().map(|(field, value)| bad(field, value)));
        steps.push(json!({
            "op": create, "as": by, "body": self.create(by, None), "check": self.checked(&self.complete(by)),
            "save": self.saved(), "proves": "success", "effect": self.shown(&self.resource.create),
        }));
        steps
    }

    /// That whoever may read it finds it so.
    fn shown(&self, fields: &Map<String, Value>) -> Vec<Value> {
        let reader = self.resource.reader();
        let get = self.resource.operation(Verb::Get);
        let get = get.map(|get| json!({"op": get, "as": reader, "path": self.path(), "check": self.checked(fields)}));
        let list = self.resource.operation(Verb::List);
        let list = list.map(|list| with(self.listed(list), json!({"contains": {self.several(): self.entry(fields)}})));
        get.into_iter().chain(list).collect()
    }

    fn listed(&self, list: &str) -> Value {
        json!({"op": list, "as": self.resource.reader(), "path": self.resource.within, "query": self.form.newest()})
    }

    fn read(&self) -> Vec<Value> {
        let reader = self.resource.reader();
        let of = |verb: Verb| {
            let Some(operation) = self.resource.operation(verb) else { return vec![] };
            let path = if verb == Verb::Get { self.path() } else { json!(self.resource.within) };
            let call = |more: Value| with(json!({"op": operation, "path": path}), more);
            let named = match self.form {
                Form::Enveloped => json!({"query": {"requestId": "one"}, "check": {"/requestId": "one"}}),
                Form::JsonApi => json!({"check": {"/jsonapi/version": "1.0"}}),
            };
            let mut steps = vec![
                call(with(json!({"as": reader, "proves": "success"}), named.clone())),
                call(json!({"as": reader, "query": {"unheardOf": "1"}, "status": 400, "field": "unheardOf",
                            "proves": "bad-input"})),
            ];
            match (self.resource.open, self.form) {
                (true, Form::Enveloped) => steps.push(call(with(named, json!({"proves": "open"})))),
                (true, Form::JsonApi) => steps.push(call(json!({"token": "none", "status": 401, "proves": "refusal"}))),
                (false, _) => steps.push(call(json!({"status": 401, "proves": "refusal"}))),
            }
            if !self.resource.open && self.resource.reader.is_none() {
                steps.push(call(json!({"as": self.resource.stranger, "status": self.form.refused()})));
            }
            steps
        };
        [of(Verb::Get), of(Verb::List)].concat()
    }

    fn changed(&self) -> Vec<Value> {
        let Resource { by, stranger, change, .. } = self.resource;
        let Some(patch) = self.resource.operation(Verb::Patch) else { return vec![] };
        let call = |person: &str, fields: Map<String, Value>, more: Value| {
            with(json!({"op": patch, "as": person, "path": self.path(), "body": self.body(fields, false)}), more)
        };
        let one = |field: &str, value: &Value| Map::from_iter([(field.to_owned(), value.clone())]);
        let wrong = |field: &str| json!({"status": self.form.wrong(), "field": field});
        let unheard_of = json!({"proves": "bad-input", "effect": self.shown(&self.resource.create)});
        let mut steps = vec![
            call(stranger, change.clone(), json!({"status": self.form.refused(), "proves": "refusal"})),
            call(by, one("unheardOf", &json!(1)), with(wrong("unheardOf"), unheard_of)),
        ];
        let bad = self.resource.bad.iter().filter(|(field, _)| change.contains_key(*field));
        steps.extend(bad.map(|(field, value)| call(by, one(field, value), wrong(field))));
        let done = json!({"check": self.checked(change), "proves": "success", "effect": self.shown(change)});
        steps.push(call(by, change.clone(), done));
        steps
    }

    fn deleted(&self) -> Vec<Value> {
        let Resource { by, stranger, .. } = self.resource;
        let Some(delete) = self.resource.operation(Verb::Delete) else { return vec![] };
        let mut gone = vec![];
        if let Some(list) = self.resource.operation(Verb::List) {
            gone.push(with(self.listed(list), json!({"lacks": {self.several(): {"id": "$id"}}})));
        }
        if let (Some(get), true) = (self.resource.operation(Verb::Get), self.resource.open) {
            gone.push(json!({"op": get, "path": self.path(), "status": 404}));
        }
        let check = match self.form {
            Form::Enveloped => json!({format!("/{}/isActive", self.resource.resource): false}),
            Form::JsonApi => json!({"/meta/message": "Object successfully deleted"}),
        };
        let call = |more: Value| with(json!({"op": delete, "path": self.path()}), more);
        vec![
            call(json!({"as": stranger, "status": self.form.refused(), "proves": "refusal"})),
            call(json!({"as": by, "query": {"unheardOf": "1"}, "status": 400, "field": "unheardOf",
                        "proves": "bad-input", "effect": self.shown(&Map::new())})),
            call(json!({"as": by, "check": check, "proves": "success", "effect": gone})),
        ]
    }
}
