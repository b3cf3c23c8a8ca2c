//! Kinds for tests.

use caravan_domain::Kind;
use caravan_domain::kind::{boolean, day, decimal, instant, integer, keyword, keywords, place, text};
use caravan_domain::record::Records;
use caravan_projections::Kinds;

/// Every type of field, unsealed text, a parent.
pub const GIG: Kind = Kind::of::<Records>()
    .named("gig")
    .within("hall", "hall")
    .fields(&[
        keyword("genre"),
        keywords("bands"),
        integer("seats"),
        boolean("outdoors"),
        instant("starts_at"),
        day("day"),
        place("place"),
    ])
    .text(&["title", "bands"])
    .searchable()
    .copied();

/// Sealed text; searchable.
pub const GUEST: Kind = Kind::of::<Records>()
    .named("guest")
    .fields(&[keyword("gig")])
    .text(&["nick"])
    .sealed_text(&["name", "notes.about"])
    .searchable();

/// Not searchable.
pub const CASE: Kind = Kind::of::<Records>().named("flight_case").fields(&[keyword("label")]);

/// The same in a later release of the program.
pub const CASE_WITH_WEIGHT: Kind = CASE.fields(&[keyword("label"), integer("kilos")]);

/// Every type of field that conditions compare, and a parent of a kind that there is. Only in Postgres.
pub const NOTE: Kind = Kind::of::<Records>().named("note").within("case", "flight_case").fields(&[
    keyword("word"),
    keywords("words"),
    text("text"),
    caravan_domain::kind::id("about"),
    integer("count"),
    decimal("share"),
    boolean("done"),
    instant("at"),
    day("day"),
]);

pub const ALL: Kinds = &[&GIG, &GUEST, &CASE, &NOTE];
