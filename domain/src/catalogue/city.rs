//! Cities, out of the gazetteer: one has a record once something refers to it.

use chrono_tz::Tz;
use garde::Validate;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::kind::{integer, keyword, place};
use crate::{EntityId, Record};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct City {
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
    /// ISO 3166-1, two letters.
    #[garde(custom(country_code))]
    pub country: String,
    #[garde(skip)]
    pub region: EntityId,
    #[garde(dive)]
    pub place: Place,
    #[garde(skip)]
    pub time_zone: Tz,
    #[garde(skip)]
    pub population: u32,
}

pub const CITY: Record = Record::of::<City>("city")
    .fields(&[keyword("country"), keyword("region"), integer("population"), place("place")])
    .text(&["name"])
    .searchable()
    .copied();

pub(super) fn country_code(code: &str, _: &()) -> garde::Result {
    if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(garde::Error::new("is not a two-letter country code"))
    }
}
