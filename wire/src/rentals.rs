//! Rentals: short stays. So far only how it says that something failed.

use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::first_segment;
use crate::face::camel_case;
use crate::{Dialect, Face, Failure, FailureKind};

pub static DIALECT: Dialect = Dialect {
    name: "rentals",
    contract: include_str!(concat!(env!("OUT_DIR"), "/rentals.json")),
    overlay: include_str!(concat!(env!("OUT_DIR"), "/rentals.served.json")),
    owns: |path| first_segment(path).0.ends_with("-api"),
    face: Face { media_type: "application/json", spell: camel_case, other_names: |_| &[], actor: |_| None, failure },
};

fn failure(failure: &Failure, now: DateTime<Utc>) -> (StatusCode, Value) {
    let status = match failure.kind {
        // Missing rights are 401 in the business services.
        FailureKind::Forbidden => StatusCode::UNAUTHORIZED,
        FailureKind::Gone => StatusCode::NOT_FOUND,
        FailureKind::MediaType => StatusCode::BAD_REQUEST,
        kind => kind.status(),
    };
    let body = json!({
        "result": "ERR",
        "status": status.as_u16(),
        "message": key(failure.kind),
        "errCode": status.as_u16(),
        "date": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "detail": failure.text(),
    });
    (status, body)
}

/// The stable key of a failure.
fn key(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Unreadable | FailureKind::Mistyped | FailureKind::Invalid | FailureKind::MediaType => {
            "errMsg_invalidRequest"
        }
        FailureKind::Unauthorised => "errMsg_loginRequired",
        FailureKind::Forbidden => "errMsg_notAllowed",
        FailureKind::NotFound | FailureKind::Gone => "errMsg_notFound",
        FailureKind::MethodNotAllowed => "errMsg_methodNotAllowed",
        FailureKind::Conflict => "errMsg_conflict",
        FailureKind::PreconditionFailed => "errMsg_changedMeanwhile",
        FailureKind::TooLarge => "errMsg_tooLarge",
        FailureKind::TimedOut => "errMsg_timedOut",
        FailureKind::KeyReused => "errMsg_idempotencyKeyReused",
        FailureKind::TooMany => "errMsg_tooManyAttempts",
        FailureKind::NotServed => "errMsg_notImplemented",
        FailureKind::Overloaded | FailureKind::Unavailable | FailureKind::Late => "errMsg_unavailable",
        FailureKind::Broken => "errMsg_internalError",
    }
}
