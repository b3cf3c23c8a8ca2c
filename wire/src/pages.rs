//! What every role answers besides operations: health, metrics, the contracts and a page to read them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Query;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::service::{Service, Settings};
use crate::{DIALECTS, Dialect};

const DOCS: &str = include_str!("docs.html");

/// Dialect and name of an operation, and whether it is public.
type Served = HashMap<(&'static str, &'static str), bool>;

pub(crate) fn router(settings: &Settings, served: Served) -> Router<Arc<Service>> {
    let readiness = settings.readiness.clone();
    let metrics = settings.metrics.clone();
    let documents = Arc::new(Documents { served, merged: OnceLock::new() });
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/docs") }))
        .route("/docs", get(|| async { Html(DOCS) }))
        .route("/openapi.json", get(move |query| async move { documents.answer(query) }))
        .route("/health/live", get(|| async { axum::Json(json!({"status": "live"})) }))
        .route(
            "/health/ready",
            get(move || async move {
                let missing = readiness.missing();
                if missing.is_empty() {
                    (StatusCode::OK, axum::Json(json!({"status": "ready"})))
                } else {
                    let body = json!({"status": "not ready", "missing": missing});
                    (StatusCode::SERVICE_UNAVAILABLE, axum::Json(body))
                }
            }),
        )
        .route(
            "/metrics",
            get(move || async move {
                ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics())
            }),
        )
}

#[derive(Deserialize)]
struct Which {
    dialect: Option<String>,
}

/// The contracts as documents, each operation marked with whether this process serves it (`x-served`).
struct Documents {
    served: Served,
    merged: OnceLock<String>,
}

impl Documents {
    fn answer(&self, Query(which): Query<Which>) -> Response {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let Some(name) = which.dialect else {
            return (json, self.merged.get_or_init(|| self.merge().to_string()).clone()).into_response();
        };
        match DIALECTS.iter().find(|dialect| dialect.name == name) {
            Some(dialect) => (json, self.one(dialect).to_string()).into_response(),
            None => {
                let names = DIALECTS.map(|dialect| dialect.name);
                let body = json!({"message": format!("dialect: is not one of {}", names.join(", "))});
                (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
            }
        }
    }

    /// The contract as it is, with the marks; with the bearer token where the contract says nothing of how to show who
    /// one is.
    fn one(&self, dialect: &Dialect) -> Value {
        let mut document: Value = serde_json::from_str(dialect.contract).unwrap_or_default();
        let schemes = &mut document["components"]["securitySchemes"];
        let silent = schemes.as_object().is_none_or(Map::is_empty);
        if silent {
            *schemes = json!({"bearer": {"type": "http", "scheme": "bearer"}});
        }
        for item in members(&mut document["paths"]) {
            for operation in members(item).filter(|entry| entry.get("operationId").is_some()) {
                let id = operation["operationId"].as_str().unwrap_or_default();
                let served = self.served.iter().find(|((name, known), _)| *name == dialect.name && *known == id);
                operation["x-served"] = json!(served.is_some());
                if let (true, Some((_, public))) = (silent, served) {
                    operation["security"] = if *public { json!([]) } else { json!([{"bearer": []}]) };
                }
            }
        }
        document
    }

    /// All contracts in one: full paths, and every name that could clash prefixed with its dialect's.
    fn merge(&self) -> Value {
        let mut paths = Map::new();
        let mut components = Map::new();
        for dialect in DIALECTS {
            let mut document = self.one(dialect);
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
                "description": "All dialects in one; `?dialect=` gives each contract by itself."},
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
mod tests {
    use super::*;

    fn documents() -> Documents {
        Documents { served: HashMap::from([(("krugo", "assign-ticket"), false)]), merged: OnceLock::new() }
    }

    #[test]
    fn a_contract_says_what_is_served() {
        let document = documents().one(&crate::krugo::DIALECT);
        assert_eq!(document["paths"]["/assign-ticket"]["post"]["x-served"], true);
        assert_eq!(document["paths"]["/create-crew"]["post"]["x-served"], false);
        assert_eq!(document["servers"][0]["url"], "/dev");
    }

    #[test]
    fn every_reference_in_the_merged_document_leads_somewhere() {
        let document = documents().merge();
        assert!(document["paths"]["/dev/assign-ticket"]["post"].is_object());
        assert!(document["paths"]["/connect/token"].is_object());
        let mut references = vec![];
        collect(&document, &mut references);
        assert!(references.len() > 1_000);
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    fn collect<'v>(value: &'v Value, references: &mut Vec<&'v str>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| collect(value, references)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    match (key.as_str(), value) {
                        ("example" | "examples", _) => {}
                        ("$ref", Value::String(reference)) => references.push(reference),
                        _ => collect(value, references),
                    }
                }
            }
            _ => {}
        }
    }
}
