//! Open-event: event management and ticketing, JSON:API. So far only how it says that something failed.

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::first_segment;
use crate::face::kebab_case;
use crate::{Dialect, Face, Failure, FailureKind};

pub static DIALECT: Dialect = Dialect {
    name: "open-event",
    contract: include_str!(concat!(env!("OUT_DIR"), "/open-event.json")),
    overlay: include_str!(concat!(env!("OUT_DIR"), "/open-event.served.json")),
    owns,
    face: Face {
        media_type: "application/vnd.api+json",
        spell: kebab_case,
        other_names: |_| &[],
        actor: |_| None,
        failure,
    },
};

fn owns(path: &str) -> bool {
    match first_segment(path) {
        // Keyper's controllers, under the same version, are in Pascal case.
        ("v1", rest) => !rest.starts_with(|c: char| c.is_ascii_uppercase()),
        (first, _) => first == "orders",
    }
}

fn failure(failure: &Failure, _: DateTime<Utc>) -> (StatusCode, Value) {
    let status = match failure.kind {
        FailureKind::Gone => StatusCode::NOT_FOUND,
        kind => kind.status(),
    };
    let mut error = json!({
        "status": status.as_str(),
        "title": status.canonical_reason().unwrap_or("Error"),
        "detail": failure.message,
    });
    if let Some(field) = &failure.field {
        error["source"] = source(field);
    }
    (status, json!({"errors": [error], "jsonapi": {"version": "1.0"}}))
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
