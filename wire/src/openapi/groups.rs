//! A dialect's document, one for each group of its operations.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Group → its document.
pub(super) fn split(document: &Value) -> BTreeMap<String, String> {
    let mut groups: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let entries = item.as_object().into_iter().flatten();
        // What is said of all methods of a path goes with each.
        let (entries, shared): (Vec<_>, Vec<_>) = entries.partition(|(_, entry)| entry["operationId"].is_string());
        for (method, entry) in entries {
            let paths = groups.entry(entry["tags"][0].as_str().unwrap_or_default().to_owned()).or_default();
            let item = paths.entry(path).or_insert_with(|| {
                Value::Object(shared.iter().map(|(name, value)| ((*name).clone(), (*value).clone())).collect())
            });
            item[method] = entry.clone();
        }
    }
    let made = groups.into_iter().map(|(group, paths)| {
        let document = with_paths(document, &group, paths);
        (group, document.to_string())
    });
    made.collect()
}

fn with_paths(whole: &Value, group: &str, paths: Map<String, Value>) -> Value {
    let kept =
        whole.as_object().into_iter().flatten().filter(|(name, _)| !matches!(name.as_str(), "paths" | "components"));
    let mut document = Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect());
    document["paths"] = Value::Object(paths);
    if let Some(Value::Array(tags)) = document.get_mut("tags") {
        tags.retain(|tag| tag["name"] == group);
    }
    // Schemes are named without a reference.
    if let Some(schemes) = whole["components"].get("securitySchemes") {
        document["components"]["securitySchemes"] = schemes.clone();
    }
    let mut unseen = references(&document["paths"]);
    while let Some(reference) = unseen.pop() {
        let Some(component) = whole.pointer(&reference[1..]) else { continue };
        let Some(("#/components", section, name)) = parts(&reference) else { continue };
        if document["components"][section].get(name).is_none() {
            document["components"][section][name] = component.clone();
            unseen.extend(references(component));
        }
    }
    document
}

/// `#/components/schemas/User` in its three parts.
fn parts(reference: &str) -> Option<(&str, &str, &str)> {
    let (path, name) = reference.rsplit_once('/')?;
    let (root, section) = path.rsplit_once('/')?;
    Some((root, section, name))
}

/// Every `$ref` in a part of a document.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(references).collect(),
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        _ => vec![],
    }
}
