//! The documents that this program publishes: each contract without its research notes, with what is true of the
//! operations that are served. What the service decides by is what the documents say, so that they cannot differ.

mod groups;
mod operations;
mod overlay;

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::contract::operation;
use crate::routes::Registration;
use crate::{DIALECTS, Dialect};
use operations::Failures;
use overlay::Overlay;

/// Which document is asked for; without a dialect, all in one.
#[derive(Deserialize)]
pub(crate) struct Which {
    pub dialect: Option<String>,
    pub group: Option<String>,
}

/// All documents, each made when first asked for.
pub struct Documents {
    served: HashMap<(&'static str, &'static str), Registration>,
    single: [OnceLock<String>; DIALECTS.len()],
    /// Group → document.
    groups: [OnceLock<BTreeMap<String, String>>; DIALECTS.len()],
    merged: OnceLock<String>,
}

impl Documents {
    /// Of an installation that serves these operations, whichever process serves which.
    pub fn new(served: impl IntoIterator<Item = Registration>) -> Self {
        let served = served.into_iter().map(|one| (one.operation.key(), one)).collect();
        Documents { served, single: Default::default(), groups: Default::default(), merged: OnceLock::new() }
    }

    /// The document of one dialect, if there is one of this name.
    pub fn of(&self, name: &str) -> Option<&str> {
        let (dialect, single) = DIALECTS.iter().zip(&self.single).find(|(dialect, _)| dialect.name == name)?;
        Some(single.get_or_init(|| self.document(dialect).to_string()))
    }

    /// What a query names: a dialect's document, that of one of its groups, or all in one.
    pub(crate) fn find(&self, which: &Which) -> Option<&str> {
        match (&which.dialect, &which.group) {
            (Some(dialect), Some(group)) => self.of_group(dialect, group),
            (Some(dialect), None) => self.of(dialect),
            (None, None) => Some(self.merged()),
            (None, Some(_)) => None,
        }
    }

    /// The document of one group of a dialect, with the components that it needs and no others.
    fn of_group(&self, name: &str, group: &str) -> Option<&str> {
        let (dialect, groups) = DIALECTS.iter().zip(&self.groups).find(|(dialect, _)| dialect.name == name)?;
        let groups = groups.get_or_init(|| groups::split(&self.document(dialect)));
        groups.get(group).map(String::as_str)
    }

    /// All dialects in one document: full paths, and every name that could clash prefixed with its dialect's.
    pub fn merged(&self) -> &str {
        self.merged.get_or_init(|| self.merge().to_string())
    }

    fn document(&self, dialect: &'static Dialect) -> Value {
        let overlay = Overlay::of(dialect);
        let mut document = overlay.apply(dialect);
        let (mut served, mut all) = (0, 0);
        let documented = document["security"].clone();
        let shared = document["components"].clone();
        let mut failures = Failures::default();
        for entry in operations(&mut document) {
            let id = entry["operationId"].as_str().unwrap_or_default();
            let Some(operation) = operation(dialect, id) else { continue };
            let registration = self.served.get(&operation.key());
            if !operation.added {
                all += 1;
                served += usize::from(registration.is_some());
            }
            match registration {
                Some(registration) => {
                    operations::take_further(entry, operation, &overlay.further, &shared);
                    operations::served(entry, registration, &documented, &mut failures, &overlay.failure);
                }
                None => operations::not_served(entry, operation, &mut failures, &overlay.failure),
            }
        }
        operations::components(&mut document["components"], dialect, failures, served > 0);
        let about = document["info"]["description"].as_str().unwrap_or_default();
        let said = format!("{about}\n\n{served} of {all} operations are served; the others say so and answer 501.");
        document["info"]["description"] = json!(said);
        document
    }

    fn merge(&self) -> Value {
        let mut paths = Map::new();
        let mut components = Map::new();
        for dialect in DIALECTS {
            let mut document = self.document(dialect);
            let base = server(&document);
            prefix(&mut document, dialect.name);
            if let Value::Object(sections) = document["components"].take() {
                for (section, entries) in sections {
                    let all = components.entry(section).or_insert_with(|| json!({}));
                    for (name, entry) in entries.as_object().cloned().unwrap_or_default() {
                        all[format!("{}.{name}", dialect.name)] = entry;
                    }
                }
            }
            let security = document.get("security").cloned();
            for (path, mut item) in document["paths"].as_object_mut().map(std::mem::take).unwrap_or_default() {
                let base = item.get("servers").map_or(base.clone(), |_| server(&item));
                if let Some(item) = item.as_object_mut() {
                    item.remove("servers");
                }
                for operation in members(&mut item).filter(|entry| entry.get("operationId").is_some()) {
                    if let (None, Some(security)) = (operation.get("security"), &security) {
                        operation["security"] = security.clone();
                    }
                }
                paths.insert(format!("{base}{path}"), item);
            }
        }
        json!({
            "openapi": "3.1.0",
            "info": {"title": "Caravan", "version": env!("CARGO_PKG_VERSION"),
                "description": "All dialects in one; `?dialect=` gives each by itself."},
            "servers": [{"url": "/"}],
            "paths": paths,
            "components": components,
        })
    }
}

fn server(document: &Value) -> String {
    document["servers"][0]["url"].as_str().unwrap_or_default().trim_end_matches('/').to_owned()
}

fn members(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_object_mut().into_iter().flat_map(|fields| fields.values_mut())
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let items = members(&mut document["paths"]);
    items.flat_map(members).filter(|entry| entry.get("operationId").is_some())
}

/// Prefixes references, operation ids, tags and security schemes with a dialect's name.
fn prefix(value: &mut Value, name: &str) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| prefix(value, name)),
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                match (key.as_str(), &mut *value) {
                    // Examples hold data, not parts of the document.
                    ("example" | "examples", _) => {}
                    ("$ref", Value::String(reference)) => {
                        if let Some((section, entry)) = reference.rsplit_once('/') {
                            *reference = format!("{section}/{name}.{entry}");
                        }
                    }
                    ("operationId", Value::String(id)) => *id = format!("{name}.{id}"),
                    ("tags", Value::Array(tags)) => {
                        for tag in tags {
                            if let Value::String(tag) = tag {
                                *tag = format!("{name}.{tag}");
                            }
                        }
                    }
                    ("security", Value::Array(schemes)) => {
                        for scheme in schemes.iter_mut().filter_map(Value::as_object_mut) {
                            *scheme =
                                std::mem::take(scheme).into_iter().map(|(s, v)| (format!("{name}.{s}"), v)).collect();
                        }
                    }
                    _ => prefix(value, name),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
