//! Krugo: group trips around live events. Shapes that both APIs render.

pub mod accounts;
pub mod appdata;
pub mod catalogue;
pub mod day;
pub mod ids;
mod names;
pub mod notices;
pub mod pictures;
pub mod services;
pub mod trends;
pub mod trips;

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::first_segment;
use crate::face::camel_case;
use crate::{Dialect, Exchange, Face, FailureKind, Place, Reached};

pub static DIALECT: Dialect = Dialect {
    name: "krugo",
    contract: include_str!(concat!(env!("OUT_DIR"), "/krugo.json")),
    overlay: include_str!(concat!(env!("OUT_DIR"), "/krugo.served.json")),
    owns: |path| first_segment(path).0 == "dev",
    face: Face {
        media_type: "application/json",
        tokens: &[Place::Scheme("Bearer")],
        bounds: pictures::bounds,
        spell: camel_case,
        other_names: names::other_names,
        actor: names::actor,
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
        // The contract knows neither 410 nor 415.
        FailureKind::Gone => StatusCode::NOT_FOUND,
        FailureKind::MediaType => StatusCode::BAD_REQUEST,
        kind => kind.status(),
    }
}

fn body(exchange: &Exchange) -> Cow<'_, Value> {
    exchange.plain(|failure| json!({"message": failure.text(), "statusCode": exchange.status().as_u16()}))
}
