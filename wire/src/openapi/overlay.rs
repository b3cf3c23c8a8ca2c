//! How a published document differs from its contract in words and shapes, whatever is served.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Dialect;

/// `contracts/<dialect>.served.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Overlay {
    /// The schema of the dialect's failures.
    pub(super) failure: String,
    /// Parts of descriptions that are research notes, and what stands there instead.
    #[serde(default)]
    wording: Map<String, Value>,
    /// Format → the properties and parameters that have it: `name`, or `Schema.name` and `operation.name`, which go
    /// before. `opaque` is none; `int64` makes a number whole.
    #[serde(default)]
    formats: Map<String, Value>,
    /// The parameters, by their names among the components, that queries take where they take what is not documented.
    #[serde(default)]
    pub(super) further: Vec<String>,
    /// What is served beside what the contract documents: path → item, as in a contract.
    #[serde(default)]
    operations: Map<String, Value>,
    /// What is otherwise than in the contract, as a JSON Merge Patch (RFC 7396).
    #[serde(default)]
    merge: Value,
}

/// Keywords whose members are names of the author's choice.
const NAMING: [&str; 14] = [
    "$defs",
    "callbacks",
    "content",
    "headers",
    "links",
    "mapping",
    "parameters",
    "paths",
    "properties",
    "requestBodies",
    "responses",
    "schemas",
    "scopes",
    "securitySchemes",
];

/// Keywords whose values are data.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "examples"];

impl Overlay {
    pub(super) fn of(dialect: &Dialect) -> Overlay {
        // Part of the program and read by tests, so this cannot fail in a built binary.
        serde_json::from_str(dialect.overlay)
            .unwrap_or_else(|error| panic!("the overlay of {} is not as expected: {error}", dialect.name))
    }

    /// The dialect's contract as it is published, but for what depends on what is served.
    pub(super) fn apply(&self, dialect: &Dialect) -> Value {
        let mut document: Value = serde_json::from_str(dialect.contract).unwrap_or_default();
        drop_preflights(&mut document);
        patch(&mut document["paths"], &Value::Object(self.operations.clone()));
        visit(&mut document, &mut |part| part.retain(|keyword, _| !keyword.starts_with("x-")));
        self.reword(&mut document);
        patch(&mut document, &self.merge);
        self.format(&mut document);
        document
    }

    fn reword(&self, document: &mut Value) {
        visit(document, &mut |part| {
            for keyword in ["description", "summary", "title"] {
                let Some(Value::String(text)) = part.get_mut(keyword) else { continue };
                for (note, instead) in &self.wording {
                    if text.contains(note.as_str()) {
                        *text = text.replace(note.as_str(), instead.as_str().unwrap_or_default());
                    }
                }
            }
        });
    }

    fn format(&self, document: &mut Value) {
        let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
        for (name, schema) in schemas.into_iter().flatten() {
            visit(schema, &mut |part| self.format_properties(part, name));
        }
        for operation in super::operations(document) {
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            visit(operation, &mut |part| {
                self.format_properties(part, &id);
                if let (Some(name), true) = (part.get("name").and_then(Value::as_str), part.contains_key("in"))
                    && let Some(format) = self.format_of(&id, name)
                    && let Some(schema) = part.get_mut("schema")
                {
                    set_format(schema, &format);
                }
            });
        }
    }

    fn format_properties(&self, part: &mut Map<String, Value>, within: &str) {
        let Some(Value::Object(properties)) = part.get_mut("properties") else { return };
        for (name, property) in properties {
            if let Some(format) = self.format_of(within, name) {
                set_format(property, &format);
            }
        }
    }

    /// Entries that change nothing.
    #[cfg(test)]
    pub(super) fn idle(&self, dialect: &Dialect) -> Vec<String> {
        let without = |left_out: &str| {
            let keep = |entries: &Map<String, Value>| {
                let kept = entries.iter().filter(|(name, _)| *name != left_out);
                let names = |names: &Value| match names.as_array() {
                    Some(list) => list.iter().filter(|name| *name != left_out).cloned().collect(),
                    None => names.clone(),
                };
                kept.map(|(name, value)| (name.clone(), names(value))).collect()
            };
            let (wording, formats) = (keep(&self.wording), keep(&self.formats));
            let (failure, further, merge) = (self.failure.clone(), self.further.clone(), self.merge.clone());
            let operations = self.operations.clone();
            Overlay { failure, wording, formats, further, operations, merge }.apply(dialect)
        };
        let whole = self.apply(dialect);
        let formatted = self.formats.values().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
        let entries = self.wording.keys().map(String::as_str).chain(formatted);
        entries.filter(|entry| without(entry) == whole).map(str::to_owned).collect()
    }

    fn format_of(&self, within: &str, name: &str) -> Option<String> {
        let has =
            |names: &Value, wanted: &str| names.as_array().is_some_and(|names| names.iter().any(|name| name == wanted));
        let of = |wanted: &str| self.formats.iter().find(|(_, names)| has(names, wanted)).map(|(format, _)| format);
        of(&format!("{within}.{name}")).or_else(|| of(name)).cloned()
    }
}

/// Sets the format of a text or number, or of those in a list.
fn set_format(schema: &mut Value, format: &str) {
    if schema["type"] == "array" {
        return set_format(&mut schema["items"], format);
    }
    if format == "opaque" || schema.get("type").is_none() {
        return;
    }
    if format == "int64" {
        schema["type"] = json!("integer");
    }
    schema["format"] = json!(format);
}

/// Takes out what only browsers ask, and the tags that this leaves empty.
fn drop_preflights(document: &mut Value) {
    let mut used = vec![];
    for item in document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        if let Value::Object(entries) = item {
            entries.retain(|_, entry| entry["x-preflight"] != true);
            used.extend(entries.values().filter_map(|entry| entry["tags"].as_array()).flatten().cloned());
        }
    }
    if let Some(Value::Array(tags)) = document.get_mut("tags") {
        tags.retain(|tag| used.contains(&tag["name"]));
    }
}

/// Calls `change` on every part of a document that has keywords.
pub(super) fn visit(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| visit(value, change)),
        Value::Object(part) => {
            change(part);
            for (keyword, value) in part {
                match value {
                    _ if DATA.contains(&keyword.as_str()) => {}
                    Value::Object(named) if NAMING.contains(&keyword.as_str()) => {
                        named.values_mut().for_each(|value| visit(value, change));
                    }
                    value => visit(value, change),
                }
            }
        }
        _ => {}
    }
}

/// A JSON Merge Patch (RFC 7396).
fn patch(target: &mut Value, change: &Value) {
    let Value::Object(changes) = change else {
        if !change.is_null() {
            *target = change.clone();
        }
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Value::Object(fields) = target else { return };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            patch(fields.entry(name).or_insert(Value::Null), change);
        }
    }
}
