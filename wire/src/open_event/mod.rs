//! Open-event: event management and ticketing, JSON:API.

mod asking;
mod document;
mod exposures;
mod filters;
mod resource;

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::first_segment;
use crate::face::kebab_case;
use crate::{Bounds, Dialect, Exchange, Face, FailureKind, Fault, Place, Reached};

pub static DIALECT: Dialect = Dialect {
    name: "open-event",
    contract: include_str!(concat!(env!("OUT_DIR"), "/open-event.json")),
    overlay: include_str!(concat!(env!("OUT_DIR"), "/open-event.served.json")),
    owns,
    face: Face {
        media_type: "application/vnd.api+json",
        tokens: &[Place::Scheme("JWT"), Place::Scheme("Bearer")],
        bounds: |_| Bounds { text: 100_000, ..Bounds::USUAL },
        spell: kebab_case,
        other_names: |_| &[],
        actor: |_| None,
        status,
        own_failures: &[],
        request_id: None,
        further: asking::takes,
        objects: Some(&exposures::OBJECTS),
        body,
    },
};

fn owns(path: &str) -> bool {
    match first_segment(path) {
        // Keyper's controllers, under the same version, are in Pascal case.
        ("v1", rest) => !rest.starts_with(|c: char| c.is_ascii_uppercase()),
        (first, _) => first == "orders",
    }
}

fn status(kind: FailureKind, _: Reached) -> StatusCode {
    match kind {
        FailureKind::Mistyped | FailureKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        FailureKind::Gone => StatusCode::NOT_FOUND,
        kind => kind.status(),
    }
}

fn body(exchange: &Exchange) -> Cow<'_, Value> {
    let status = exchange.status();
    exchange.plain(|failure| {
        let errors: Vec<Value> = failure.faults.iter().map(|fault| error(status, fault)).collect();
        json!({"errors": errors, "jsonapi": {"version": "1.0"}})
    })
}

fn error(status: StatusCode, fault: &Fault) -> Value {
    let mut error = json!({
        "status": status.as_str(),
        "title": status.canonical_reason().unwrap_or("Error"),
        "detail": fault.message,
    });
    if let Some(field) = &fault.field {
        error["source"] = source(field);
    }
    error
}

/// Members of a document are pointed to, parameters are named.
fn source(field: &str) -> Value {
    match field.split_once('.') {
        Some(("data", _)) => {
            let pointer = field.replace(['.', '['], "/").replace(']', "");
            json!({"pointer": format!("/{pointer}")})
        }
        _ => json!({"parameter": field}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_pointed_to_and_a_parameter_named() {
        assert_eq!(source("data.attributes.tags[0]"), json!({"pointer": "/data/attributes/tags/0"}));
        assert_eq!(source("page[size]"), json!({"parameter": "page[size]"}));
    }
}
