//! Venues: where events take place.

use garde::Validate;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::kind::{keyword, place};
use crate::{EntityId, Record};

/// A hall, stadium or square. Its address is a place's, not a person's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Venue {
    #[garde(length(chars, min = 1, max = 300))]
    pub name: String,
    /// Street and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, min = 1, max = 300))]
    pub street: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, min = 1, max = 20))]
    pub postal_code: Option<String>,
    /// Absent where no city of the gazetteer is near.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub city: Option<EntityId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub place: Option<Place>,
}

pub const VENUE: Record = Record::of::<Venue>("venue")
    .within("city", "city")
    .fields(&[keyword("city"), place("place")])
    .text(&["name", "street"])
    .searchable();

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_measured_in_characters_of_any_script() {
        let named = |length| (VENUE.normalise)(json!({"name": "館".repeat(length)}));
        assert!(named(300).is_ok());
        assert_eq!(named(301).unwrap_err().field(), Some("name"));
    }
}
