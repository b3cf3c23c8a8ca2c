//! Keyper: venues, seats and orders between businesses. So far only how it says that a call was stopped.

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::first_segment;
use crate::face::snake_case;
use crate::{Dialect, Face, Failure, FailureKind};

pub static DIALECT: Dialect = Dialect {
    name: "keyper",
    contract: include_str!(concat!(env!("OUT_DIR"), "/keyper.json")),
    overlay: include_str!(concat!(env!("OUT_DIR"), "/keyper.served.json")),
    owns: |path| {
        let (version, controller) = first_segment(path);
        version == "v1" && controller.starts_with(|c: char| c.is_ascii_uppercase())
    },
    face: Face { media_type: "application/json", spell: snake_case, other_names: |_| &[], actor: |_| None, failure },
};

/// What stops a call has its HTTP status; what an operation refuses is answered with 200.
fn failure(failure: &Failure, _: DateTime<Utc>) -> (StatusCode, Value) {
    let (status, error_type) = match failure.kind {
        FailureKind::Unreadable | FailureKind::Mistyped | FailureKind::MediaType => (StatusCode::BAD_REQUEST, 1),
        FailureKind::Invalid => (StatusCode::OK, 1),
        FailureKind::NotFound => (StatusCode::NOT_FOUND, 2),
        FailureKind::Gone => (StatusCode::OK, 2),
        FailureKind::Forbidden => (StatusCode::OK, 3),
        FailureKind::Unauthorised => (StatusCode::UNAUTHORIZED, 3),
        FailureKind::Conflict => (StatusCode::OK, 4),
        FailureKind::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, 4),
        FailureKind::MethodNotAllowed
        | FailureKind::TooLarge
        | FailureKind::TimedOut
        | FailureKind::KeyReused
        | FailureKind::TooMany => (failure.kind.status(), 1),
        FailureKind::NotServed => (StatusCode::NOT_IMPLEMENTED, 7),
        FailureKind::Overloaded | FailureKind::Unavailable | FailureKind::Late | FailureKind::Broken => {
            (failure.kind.status(), 8)
        }
    };
    // A call that was stopped never got as far as being trusted.
    let known = status == StatusCode::OK;
    let field_errors = failure.faults.iter().filter_map(|fault| {
        let field = fault.field.as_ref()?;
        Some(json!({"field_name": field, "error_number": 0, "error_message": fault.message}))
    });
    let body = json!({
        "SimpleResult": {
            "error_type": error_type,
            "error_number": 0,
            "error_message": failure.text(),
            "errors": [],
            "warnings": [],
            "field_errors": field_errors.collect::<Vec<_>>(),
        },
        "TIsTrustedApplication": known,
        "TIsTrustedService": known,
        "TIsAuthorizedUser": known && failure.kind != FailureKind::Forbidden,
        "TIsSuccessful": false,
        "KeyperDatabaseSetting": {},
        "TWebSMSSettings": {},
    });
    (status, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operation_refuses_is_no_failure_of_http() {
        let told = |failure: Failure| {
            let (status, body) = failure_of(failure);
            (status, body["SimpleResult"]["error_type"].as_i64(), body["SimpleResult"]["field_errors"].clone())
        };
        let wrong = json!([{"field_name": "seats", "error_number": 0, "error_message": "are sold"}]);
        assert_eq!(told(Failure::invalid("seats", "are sold")), (200, Some(1), wrong));
        assert_eq!(told(Failure::mistyped("seats", "must be a list")).0, 400);
        assert_eq!(told(Failure::new(FailureKind::Unreadable, "is no JSON")), (400, Some(1), json!([])));
    }

    fn failure_of(given: Failure) -> (u16, Value) {
        let (status, body) = failure(&given, DateTime::UNIX_EPOCH);
        (status.as_u16(), body)
    }
}
