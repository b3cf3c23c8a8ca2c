//! Venues: where events take place.

use garde::Validate;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::kind::{Field, FieldType};
use crate::{EntityId, Kind, Record};

/// A hall, stadium or square. Its address is a place's, not a person's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Venue {
    #[garde(length(min = 1, max = 300))]
    pub name: String,
    /// Street and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(length(min = 1, max = 300))]
    pub street: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(length(min = 1, max = 20))]
    pub postal_code: Option<String>,
    /// Absent where no city of the gazetteer is near.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub city: Option<EntityId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub place: Option<Place>,
}

pub const VENUE: Record = {
    let record = Record::of::<Venue>("venue");
    Record {
        kind: Kind {
            parent: Some("city"),
            fields: &[Field { name: "city", of: FieldType::Keyword }, Field { name: "place", of: FieldType::Place }],
            text: &["name", "street"],
            searchable: true,
            ..record.kind
        },
        ..record
    }
};
