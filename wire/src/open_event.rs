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
        FailureKind::Mistyped | FailureKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        FailureKind::Gone => StatusCode::NOT_FOUND,
        kind => kind.status(),
    };
    let errors = failure.faults.iter().map(|fault| {
        let mut error = json!({
            "status": status.as_str(),
            "title": status.canonical_reason().unwrap_or("Error"),
            "detail": fault.message,
        });
        if let Some(field) = &fault.field {
            error["source"] = source(field);
        }
        error
    });
    let errors: Vec<Value> = errors.collect();
    (status, json!({"errors": errors, "jsonapi": {"version": "1.0"}}))
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
    use crate::Fault;

    #[test]
    fn every_fault_has_an_entry_and_values_are_not_what_cannot_be_read() {
        let faults = vec![Fault::of("data.attributes.name", "is required"), Fault::of("data.type", "is not event")];
        let (status, body) = failure(&Failure::of(FailureKind::Mistyped, faults).unwrap(), DateTime::UNIX_EPOCH);
        assert_eq!((status.as_u16(), body["errors"].as_array().unwrap().len()), (422, 2));
        assert_eq!(body["errors"][1]["source"], json!({"pointer": "/data/type"}));
        assert_eq!(
            failure(&Failure::unreadable("body", "is no JSON"), DateTime::UNIX_EPOCH).0,
            StatusCode::BAD_REQUEST
        );
    }

    #[test]
    fn a_member_is_pointed_to_and_a_parameter_named() {
        assert_eq!(source("data.attributes.tags[0]"), json!({"pointer": "/data/attributes/tags/0"}));
        assert_eq!(source("page[size]"), json!({"parameter": "page[size]"}));
    }
}
