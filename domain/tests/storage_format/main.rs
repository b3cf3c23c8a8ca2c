//! Pins the JSON of every event: what is listed here is in somebody's log, so it has to be read, and written, like this
//! for ever. One file per context. `docs/EVENTS.md` is made from the same list.

mod catalogue;
mod identity;
mod platform;
mod trips;

use std::collections::BTreeSet;
use std::fmt::Write;

use caravan_domain::Decider;
use caravan_domain::catalogue::Event;
use caravan_domain::catalogue::picture_votes::PictureVotes;
use caravan_domain::identity::{Account, SignUp};
use caravan_domain::record::Records;
use caravan_domain::trips::booking::TripBookings;
use caravan_domain::trips::crew::Crews;
use caravan_domain::trips::likes::TripLikes;
use caravan_domain::trips::trip_idea::TripIdeas;
use serde_json::{Value, json};
use strum::{IntoDiscriminant, IntoEnumIterator};

/// The events of one category, in the forms that the log holds.
pub struct Pinned {
    category: &'static str,
    events: Vec<Value>,
}

/// Checks that each event is read from its pinned form and written in it again.
fn pinned<D: Decider>(events: impl IntoIterator<Item = Value>) -> Pinned {
    let events: Vec<Value> = events.into_iter().collect();
    for stored in &events {
        let event: D::Event =
            serde_json::from_value(stored.clone()).unwrap_or_else(|error| panic!("{stored}: {error}"));
        assert_eq!(serde_json::to_value(&event).expect("events serialise"), *stored);
    }
    Pinned { category: D::CATEGORY, events }
}

fn records() -> Pinned {
    pinned::<Records>([
        json!({"type": "Created", "data": {"fields": {"name": "Toronto"}}}),
        json!({"type": "Changed", "data": {"fields": {"name": null, "population": 2_600_000}}}),
        json!({"type": "Deleted", "data": {"at": "2026-01-31T18:00:00Z"}}),
        json!({"type": "Restored", "data": {}}),
    ])
}

fn all() -> Vec<Pinned> {
    let mut all = vec![records()];
    all.extend(catalogue::all());
    all.extend(identity::all());
    all.extend(platform::all());
    all.extend(trips::all());
    all.sort_by_key(|pinned| pinned.category);
    all
}

fn name(event: &Value) -> &str {
    event["type"].as_str().expect("every event has a type")
}

/// The data as the page shows it: a sealed value says only that it is one.
fn shown(data: &Value) -> Value {
    match data {
        Value::Object(fields) if fields.contains_key("cipher") => "‹sealed›".into(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
        Value::Array(items) => items.iter().map(shown).collect(),
        other => other.clone(),
    }
}

/// The page that lists every event, with one example of each form.
fn page() -> String {
    let mut page = String::from(
        "# Events\n\nEvery event that the log can hold, by category, with its data as stored. Made from \
         `domain/tests/storage_format` by `make docs`; do not edit.\n\n`‹sealed›` stands for a sealed personal value, an \
         object with `subject`, `cipher` and `hash`. `record` stands for every plain resource; its streams are named \
         after the resource.\n",
    );
    for Pinned { category, events } in all() {
        let names: BTreeSet<&str> = events.iter().map(name).collect();
        let _ = writeln!(page, "\n## {category}\n\n{} events.\n\n| event | data |\n|---|---|", names.len());
        for event in &events {
            let _ = writeln!(page, "| {} | `{}` |", name(event), shown(&event["data"]));
        }
    }
    page
}

fn kinds<D: Decider>(all: &[Pinned])
where
    D::Event: IntoDiscriminant<Discriminant: IntoEnumIterator + Into<&'static str>>,
{
    let kinds = <D::Event as IntoDiscriminant>::Discriminant::iter().map(Into::into);
    let pinned = all.iter().filter(|pinned| pinned.category == D::CATEGORY);
    let stored = pinned.flat_map(|pinned| &pinned.events).map(name);
    assert_eq!(kinds.collect::<BTreeSet<&str>>(), stored.collect(), "{}", D::CATEGORY);
}

#[test]
fn kinds_of_events_are_named_as_they_are_stored() {
    let all = all();
    kinds::<Account>(&all);
    kinds::<SignUp>(&all);
    kinds::<Crews>(&all);
    kinds::<TripIdeas>(&all);
    kinds::<TripLikes>(&all);
    kinds::<Event>(&all);
    kinds::<PictureVotes>(&all);
    kinds::<TripBookings>(&all);
}

#[test]
fn every_event_keeps_its_form_and_the_page_lists_them_all() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/EVENTS.md");
    let page = page();
    if std::env::var_os("CARAVAN_UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).expect("docs/EVENTS.md can be written");
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(stored == page, "docs/EVENTS.md is stale: run `make docs`");
}
