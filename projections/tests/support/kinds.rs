//! Kinds for tests.

use caravan_domain::kind::{
    SealedField, as_sealed, boolean, day, decimal, instant, integer, keyword, keywords, place, sealed, text,
};
use caravan_domain::record::Records;
use caravan_domain::{Kind, Sealed, Who};
use caravan_projections::Kinds;
use serde_json::{Map, Value};

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

/// Sealed text, some of it private; searchable.
pub const GUEST: Kind = Kind::of::<Records>()
    .named("guest")
    .fields(&[keyword("gig")])
    .text(&["nick"])
    .sealed(&[sealed("name"), SealedField { name: "notes", parts: of_notes }, sealed("phone")])
    .private(&[("phone", Who::Person("id"))])
    .searchable();

fn of_notes(state: &Map<String, Value>, name: &str) -> Vec<Sealed> {
    let notes = state.get(name).and_then(Value::as_array).into_iter().flatten();
    notes.filter_map(|note| as_sealed(&note["about"])).collect()
}

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
