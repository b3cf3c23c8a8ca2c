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
        FailureKind::Invalid => (StatusCode::BAD_REQUEST, 1),
        FailureKind::MediaType => (StatusCode::BAD_REQUEST, 1),
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
    let field_errors = match &failure.field {
        Some(field) => json!([{"field_name": field, "error_number": 0, "error_message": failure.message}]),
        None => json!([]),
    };
    let body = json!({
        "SimpleResult": {
            "error_type": error_type,
            "error_number": 0,
            "error_message": failure.text(),
            "errors": [],
            "warnings": [],
            "field_errors": field_errors,
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
