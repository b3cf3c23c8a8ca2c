//! Eventbookings: organisers, events, tickets, follows. So far only how it says that something failed.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::first_segment;
use crate::face::snake_case;
use crate::{Bounds, Dialect, Exchange, Face, FailureKind, Place, Reached};

pub static DIALECT: Dialect = Dialect {
    name: "eventbookings",
    contract: include_str!(concat!(env!("OUT_DIR"), "/eventbookings.json")),
    overlay: include_str!(concat!(env!("OUT_DIR"), "/eventbookings.served.json")),
    owns: |path| matches!(first_segment(path).0, "api" | "connect"),
    face: Face {
        media_type: "application/json",
        tokens: &[Place::Scheme("Bearer")],
        bounds: |_| Bounds::USUAL,
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

fn status(kind: FailureKind, _: Reached) -> StatusCode {
    match kind {
        FailureKind::Gone => StatusCode::NOT_FOUND,
        FailureKind::MediaType => StatusCode::BAD_REQUEST,
        kind => kind.status(),
    }
}

fn body(exchange: &Exchange) -> Cow<'_, Value> {
    let status = exchange.status().as_u16();
    exchange.plain(|failure| json!({"success": false, "statusCode": status, "result": {"message": failure.text()}}))
}
