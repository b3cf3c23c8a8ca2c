//! Regions: the administrative area whose events together make a trip.

use chrono_tz::Tz;
use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::Record;
use crate::kind::keyword;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Country and first-level division of GeoNames, `CA-08`; the country alone where it has no divisions.
    #[garde(length(chars, min = 2, max = 20))]
    pub code: String,
    /// The region's largest city: GeoNames' divisions come as codes, without names.
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
    /// ISO 3166-1, two letters.
    #[garde(custom(super::city::country_code))]
    pub country: String,
    /// Of its largest city.
    #[garde(skip)]
    pub time_zone: Tz,
}

pub const REGION: Record =
    Record::of::<Region>("region").fields(&[keyword("code"), keyword("country")]).text(&["name"]).searchable().copied();
