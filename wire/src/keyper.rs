//! Keyper: venues, seats and orders between businesses. So far only how it says that a call was stopped.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::first_segment;
use crate::face::{MIB, snake_case};
use crate::{Bounds, Dialect, Exchange, Face, FailureKind, Place, Reached};

pub static DIALECT: Dialect = Dialect {
    name: "keyper",
    contract: include_str!(concat!(env!("OUT_DIR"), "/keyper.json")),
    overlay: include_str!(concat!(env!("OUT_DIR"), "/keyper.served.json")),
    owns: |path| {
        let (version, controller) = first_segment(path);
        version == "v1" && controller.starts_with(|c: char| c.is_ascii_uppercase())
    },
    face: Face {
        media_type: "application/json",
        tokens: &[Place::Scheme("Bearer")],
        bounds,
        spell: snake_case,
        other_names: |_| &[],
        actor: |_| None,
        status,
        own_failures: &[],
        request_id: None,
        further: |_, _| false,
        objects: None,
        body,
    },
};

/// Imports come in calls of 5,000 records; a few more are let through, to be refused as the contract has it.
fn bounds(operation: &str) -> Bounds {
    if operation.contains("-import-") || operation == "event-cnct-events-post" {
        Bounds { body: 8 * MIB, list: 10_000, ..Bounds::USUAL }
    } else {
        Bounds::USUAL
    }
}

/// What stops a call has its HTTP status; what an operation refuses is answered with 200.
fn status(kind: FailureKind, reached: Reached) -> StatusCode {
    match (kind, reached) {
        (FailureKind::Unreadable | FailureKind::Mistyped | FailureKind::MediaType, _) => StatusCode::BAD_REQUEST,
        (
            FailureKind::Invalid
            | FailureKind::NotFound
            | FailureKind::Gone
            | FailureKind::Forbidden
            | FailureKind::Conflict,
            Reached::Handler(_),
        ) => StatusCode::OK,
        (kind, _) => kind.status(),
    }
}

fn error_type(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Unreadable
        | FailureKind::Mistyped
        | FailureKind::Invalid
        | FailureKind::MediaType
        | FailureKind::MethodNotAllowed
        | FailureKind::TooLarge
        | FailureKind::TimedOut
        | FailureKind::KeyReused
        | FailureKind::TooMany => 1,
        FailureKind::NotFound | FailureKind::Gone => 2,
        FailureKind::Forbidden | FailureKind::Unauthorised => 3,
        FailureKind::Conflict | FailureKind::PreconditionFailed => 4,
        FailureKind::NotServed => 7,
        FailureKind::Overloaded | FailureKind::Unavailable | FailureKind::Late | FailureKind::Broken => 8,
    }
}

fn body(exchange: &Exchange) -> Cow<'_, Value> {
    // A call that was stopped never got as far as being trusted.
    let handled = matches!(exchange.reached, Reached::Handler(_));
    exchange.plain(|failure| {
        let trusted = handled && failure.kind != FailureKind::Unauthorised;
        let field_errors = failure.faults.iter().filter_map(|fault| {
            let field = fault.field.as_ref()?;
            Some(json!({"field_name": field, "error_number": 0, "error_message": fault.message}))
        });
        json!({
            "SimpleResult": {
                "error_type": error_type(failure.kind),
                "error_number": 0,
                "error_message": failure.text(),
                "errors": [],
                "warnings": [],
                "field_errors": field_errors.collect::<Vec<_>>(),
            },
            "TIsTrustedApplication": trusted,
            "TIsTrustedService": trusted,
            "TIsAuthorizedUser": trusted && failure.kind != FailureKind::Forbidden,
            "TIsSuccessful": false,
            "KeyperDatabaseSetting": {},
            "TWebSMSSettings": {},
        })
    })
}
