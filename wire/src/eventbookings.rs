//! Eventbookings: organisers, events, tickets, follows. So far only how it says that something failed.

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::first_segment;
use crate::face::snake_case;
use crate::{Dialect, Face, Failure, FailureKind};

pub static DIALECT: Dialect = Dialect {
    name: "eventbookings",
    contract: include_str!(concat!(env!("OUT_DIR"), "/eventbookings.json")),
    overlay: include_str!(concat!(env!("OUT_DIR"), "/eventbookings.served.json")),
    owns: |path| matches!(first_segment(path).0, "api" | "connect"),
    face: Face { media_type: "application/json", spell: snake_case, other_names: |_| &[], actor: |_| None, failure },
};

fn failure(failure: &Failure, _: DateTime<Utc>) -> (StatusCode, Value) {
    let status = match failure.kind {
        FailureKind::Gone => StatusCode::NOT_FOUND,
        FailureKind::MediaType => StatusCode::BAD_REQUEST,
        kind => kind.status(),
    };
    let body = json!({"success": false, "statusCode": status.as_u16(), "result": {"message": failure.text()}});
    (status, body)
}
