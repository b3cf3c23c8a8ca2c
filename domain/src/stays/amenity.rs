//! What a listing may offer: the dictionary that hosts choose from.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::text;
use crate::{Record, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Amenity {
    #[garde(length(chars, min = 1, max = 100))]
    pub name: String,
    #[garde(inner(url, length(chars, max = 2_000)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
}

pub const AMENITY: Record = Record::of::<Amenity>("amenity")
    .known(Who::Anyone)
    .written(STAFF)
    .fixed(&["name"])
    .unique(&[&["name"]])
    .fields(&[text("name")])
    .text(&["name"]);
