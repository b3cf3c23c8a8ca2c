//! Kinds for tests.

use caravan_domain::Kind;
use caravan_domain::kind::{Field, FieldType};
use caravan_domain::record::Records;
use caravan_projections::Kinds;

/// Every type of field, unsealed text, a parent.
pub const GIG: Kind = Kind {
    name: "gig",
    parent: Some("hall"),
    fields: &[
        Field { name: "genre", of: FieldType::Keyword },
        Field { name: "bands", of: FieldType::Keywords },
        Field { name: "seats", of: FieldType::Integer },
        Field { name: "outdoors", of: FieldType::Boolean },
        Field { name: "starts_at", of: FieldType::Instant },
        Field { name: "day", of: FieldType::Day },
        Field { name: "place", of: FieldType::Place },
    ],
    text: &["title", "bands"],
    searchable: true,
    ..Kind::of::<Records>()
};

/// Sealed text; searchable.
pub const GUEST: Kind = Kind {
    name: "guest",
    fields: &[Field { name: "gig", of: FieldType::Keyword }],
    text: &["nick"],
    sealed_text: &["name", "notes.about"],
    searchable: true,
    ..Kind::of::<Records>()
};

/// Not searchable.
pub const CASE: Kind =
    Kind { name: "flight_case", fields: &[Field { name: "label", of: FieldType::Keyword }], ..Kind::of::<Records>() };

/// The same in a later release of the program.
pub const CASE_WITH_WEIGHT: Kind = Kind {
    fields: &[Field { name: "label", of: FieldType::Keyword }, Field { name: "kilos", of: FieldType::Integer }],
    ..CASE
};

pub const ALL: Kinds = &[&GIG, &GUEST, &CASE];
