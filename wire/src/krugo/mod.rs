//! Krugo: group trips around live events. Shapes that both APIs render.

pub mod accounts;
pub mod catalogue;
pub mod day;
pub mod ids;
mod names;
pub mod trips;

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde_json::{Value, json};

use crate::dialect::first_segment;
use crate::face::camel_case;
use crate::{Dialect, Face, Failure, FailureKind};

pub static DIALECT: Dialect = Dialect {
    name: "krugo",
    contract: include_str!(concat!(env!("OUT_DIR"), "/krugo.json")),
    overlay: include_str!(concat!(env!("OUT_DIR"), "/krugo.served.json")),
    owns: |path| first_segment(path).0 == "dev",
    face: Face {
        media_type: "application/json",
        spell: camel_case,
        other_names: names::other_names,
        actor: names::actor,
        failure,
    },
};

fn failure(failure: &Failure, _: DateTime<Utc>) -> (StatusCode, Value) {
    let status = match failure.kind {
        // The contract knows neither 410 nor 415.
        FailureKind::Gone => StatusCode::NOT_FOUND,
        FailureKind::MediaType => StatusCode::BAD_REQUEST,
        kind => kind.status(),
    };
    (status, json!({"message": failure.text(), "statusCode": status.as_u16()}))
}
