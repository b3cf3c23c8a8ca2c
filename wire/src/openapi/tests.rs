use http::Method;

use super::*;
use crate::contract::operation;
use crate::routes::Shown;
use crate::{FailureKind, Operation, Tells, Token, contracts};

const STREAM: Tells = Tells { etag: true, position: true };
const MANY: Tells = Tells { etag: false, position: false };

fn registration(id: &str, token: Token, tells: Tells) -> Registration {
    let operation = operation(&crate::krugo::DIALECT, id).unwrap();
    Registration { operation, token, shown: Shown::Documents, tells, forwards: false }
}

fn documents() -> Documents {
    Documents::new([
        registration("assign-ticket", Token::Required, STREAM),
        registration("login", Token::Ignored, MANY),
        registration("crews", Token::Required, MANY),
    ])
}

fn document(name: &str) -> Value {
    serde_json::from_str(documents().of(name).unwrap()).unwrap()
}

/// The names that references end in.
fn named(references: &Value) -> Vec<&str> {
    let references = references.as_array().into_iter().flatten().filter_map(|entry| entry["$ref"].as_str());
    references.filter_map(|reference| reference.rsplit('/').next()).collect()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().into_iter().flat_map(|object| object.keys()).map(String::as_str).collect()
}

#[test]
fn a_command_says_how_it_is_done() {
    let document = document("krugo");
    let assign = &document["paths"]["/assign-ticket"]["post"];
    assert_eq!((&assign["x-served"], &assign["security"]), (&json!(true), &json!([{"bearer": []}])));
    assert_eq!(named(&assign["parameters"]), ["IdempotencyKey", "IfMatch", "Prefer"]);
    let statuses = ["200", "400", "401", "403", "404", "408", "409", "412", "413", "422", "429", "500", "503"];
    assert_eq!(keys(&assign["responses"]), statuses);
    let headers = ["Caravan-Position", "ETag", "Preference-Applied", "X-Request-Id"];
    assert_eq!(keys(&assign["responses"]["200"]["headers"]), headers);
}

#[test]
fn a_public_command_needs_no_token_and_takes_no_key() {
    let document = document("krugo");
    let login = &document["paths"]["/login"]["post"];
    assert_eq!(login["security"], json!([]));
    assert_eq!(named(&login["parameters"]), ["Prefer"]);
    assert_eq!(keys(&login["responses"]["200"]["headers"]), ["Preference-Applied", "X-Request-Id"]);
    assert!(login["responses"].get("422").is_none());
}

#[test]
fn a_query_can_wait_for_a_position() {
    let document = document("krugo");
    let crews = &document["paths"]["/crews"]["get"];
    assert_eq!(named(&crews["parameters"]), ["CaravanAfter"]);
    assert_eq!(keys(&crews["responses"]), ["200", "400", "401", "403", "404", "429", "500", "503", "504"]);
    assert_eq!(keys(&crews["responses"]["200"]["headers"]), ["X-Request-Id"]);
    let late = &document["components"]["responses"]["GatewayTimeout"];
    assert_eq!(keys(&late["headers"]), ["Retry-After", "X-Request-Id"]);
}

#[test]
fn what_is_not_served_says_so() {
    let krugo = document("krugo");
    let left = &krugo["paths"]["/create-crew"]["post"];
    assert_eq!(left["x-served"], false);
    assert_eq!(left["description"], "**Not served yet: answers 501.**");
    assert!(left["responses"]["200"].is_object() && left["responses"]["501"].is_object());
    assert!(krugo["info"]["description"].as_str().unwrap().contains("3 of 117 operations are served"));
    assert!(document("keyper")["info"]["description"].as_str().unwrap().contains("0 of 48 operations"));
    assert_eq!(documents().of("nothing"), None);
}

#[test]
fn the_documents_hold_the_operations_of_the_contracts_and_no_others() {
    for contract in contracts() {
        let document = document(contract.dialect.name);
        let mut published: Vec<(String, Method)> = vec![];
        for (path, item) in document["paths"].as_object().unwrap() {
            let base = item.get("servers").map_or(server(&document), |_| server(item));
            let entries = item.as_object().unwrap().iter().filter(|(_, entry)| entry.get("operationId").is_some());
            let method = |name: &String| Method::from_bytes(name.to_uppercase().as_bytes()).unwrap();
            published.extend(entries.map(|(name, _)| (format!("{base}{path}"), method(name))));
        }
        let documented =
            contract.operations.iter().map(|Operation { path, method, .. }| (path.clone(), method.clone()));
        let mut documented: Vec<_> = documented.collect();
        for list in [&mut published, &mut documented] {
            list.sort_by_key(|(path, method)| format!("{path} {method}"));
        }
        assert_eq!(published, documented);
    }
}

/// Words by which the contracts note how they came about.
const NOTES: [&str; 12] = [
    "the source",
    "in source",
    "inferred",
    "assumed",
    "not stated",
    "not shown",
    "not described",
    "samples",
    "the sample",
    "undocumented",
    "ambiguity",
    "table spelling",
];

#[test]
fn research_notes_are_not_published() {
    for dialect in DIALECTS {
        let mut document = document(dialect.name);
        let mut left = vec![];
        overlay::visit(&mut document, &mut |part| {
            left.extend(part.keys().filter(|key| key.starts_with("x-") && *key != "x-served").cloned());
            for keyword in ["description", "summary", "title"] {
                let Some(Value::String(text)) = part.get(keyword) else { continue };
                left.extend(NOTES.iter().any(|note| text.to_lowercase().contains(note)).then(|| text.clone()));
            }
        });
        assert!(left.is_empty(), "{}: {left:#?}", dialect.name);
    }
}

#[test]
fn every_failure_has_a_published_shape() {
    for dialect in DIALECTS {
        let document = document(dialect.name);
        let overlay = Overlay::of(dialect);
        let schema = &document["components"]["schemas"][&overlay.failure];
        assert!(schema.is_object(), "{} has no schema {}", dialect.name, overlay.failure);
        let response = &document["components"]["responses"]["NotImplemented"];
        assert!(response["content"][dialect.face.media_type].is_object(), "{}", dialect.name);
    }
    assert_eq!(FailureKind::ALL.iter().filter(|kind| kind.passes()).count(), 4);
}

#[test]
fn a_group_has_a_document_of_its_own_that_lacks_nothing() {
    let documents = documents();
    let mut published = 0;
    for contract in contracts() {
        let groups: std::collections::BTreeSet<&str> = contract.operations.iter().map(|o| o.group.as_str()).collect();
        for group in groups {
            let document: Value =
                serde_json::from_str(documents.of_group(contract.dialect.name, group).unwrap()).unwrap();
            published += operations(&mut document.clone()).count();
            let mut references = vec![];
            collect(&document, &mut references);
            for reference in &references {
                let pointer = reference.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{group}: {reference} leads nowhere");
            }
            let schemas = document["components"]["schemas"].as_object().map_or(0, |schemas| schemas.len());
            assert!(schemas <= references.len(), "{group} has schemas that it does not need");
        }
    }
    assert_eq!(published, 895 + 3, "those of the contracts, and ours");
    assert_eq!(documents.of_group("krugo", "nothing"), None);
    let which = Which { dialect: Some("rentals".to_owned()), group: Some("auth".to_owned()) };
    assert!(documents.find(&which).unwrap().contains("/auth-api/swagger"));
}

#[test]
fn every_entry_of_an_overlay_means_something() {
    for dialect in DIALECTS {
        let overlay = Overlay::of(dialect);
        assert_eq!(overlay.idle(dialect), Vec::<String>::new(), "{}", dialect.name);
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let merged: Value = serde_json::from_str(documents().merged()).unwrap();
    assert!(merged["paths"]["/dev/assign-ticket"]["post"].is_object());
    assert!(merged["paths"]["/connect/token"].is_object());
    let mut all: Vec<Value> = DIALECTS.iter().map(|dialect| document(dialect.name)).collect();
    all.push(merged);
    for document in all {
        let mut references = vec![];
        collect(&document, &mut references);
        assert!(references.len() > 100);
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
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
