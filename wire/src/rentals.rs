//! Rentals: short stays.

mod envelope;
mod exposures;
mod filters;
pub mod index;
mod objects;
pub mod permissions;
pub mod sessions;
pub mod tools;
pub mod users;

use std::borrow::Cow;

use chrono::SecondsFormat;
use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::first_segment;
use crate::face::camel_case;
use crate::{Answer, Bounds, Content, Dialect, Exchange, Face, FailureKind, Place, Reached};

pub static DIALECT: Dialect = Dialect {
    name: "rentals",
    contract: include_str!(concat!(env!("OUT_DIR"), "/rentals.json")),
    overlay: include_str!(concat!(env!("OUT_DIR"), "/rentals.served.json")),
    owns: |path| first_segment(path).0.ends_with("-api"),
    face: Face {
        media_type: "application/json",
        tokens: &TOKENS,
        bounds: |_| Bounds::USUAL,
        spell: camel_case,
        other_names: |_| &[],
        actor: |operation| match operation {
            "create-audit-log" => Some("performedBy"),
            "create-financial-report" => Some("createdBy"),
            _ => None,
        },
        status,
        own_failures: &[SESSION],
        request_id: Some("requestId"),
        further: |_, _| false,
        objects: Some(&exposures::OBJECTS),
        body,
    },
};

const TOKENS: [Place; 4] = [
    Place::Query("access_token"),
    Place::Scheme("Bearer"),
    Place::Header(sessions::TOKEN),
    Place::Cookie(sessions::TOKEN),
];

/// The schema of failures of sessions and verification.
const SESSION: &str = "SessionError";

fn status(kind: FailureKind, reached: Reached) -> StatusCode {
    match kind {
        // Missing rights are 401 but where the contract knows 403: in login and verification.
        FailureKind::Forbidden if reached.operation().is_some_and(|o| o.fails_with(StatusCode::FORBIDDEN)) => {
            StatusCode::FORBIDDEN
        }
        FailureKind::Forbidden => StatusCode::UNAUTHORIZED,
        FailureKind::Gone => StatusCode::NOT_FOUND,
        FailureKind::MediaType => StatusCode::BAD_REQUEST,
        kind => kind.status(),
    }
}

fn body(exchange: &Exchange) -> Cow<'_, Value> {
    let operation = exchange.reached.operation();
    if let (Some(operation), Ok(Answer { content: Content::Json(result), .. })) = (operation, &exchange.outcome)
        && let Some(envelope) = envelope::envelop(exchange, operation, result)
    {
        return Cow::Owned(envelope);
    }
    let of_session = operation.filter(|operation| operation.failure == Some(SESSION));
    let status = exchange.status().as_u16();
    exchange.plain(|failure| {
        if let Some(operation) = of_session {
            return sessions::failed(operation, failure);
        }
        json!({
            "result": "ERR",
            "status": status,
            "message": key(failure.kind),
            "errCode": status,
            "date": exchange.arrived.to_rfc3339_opts(SecondsFormat::Millis, true),
            "detail": failure.text(),
        })
    })
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
