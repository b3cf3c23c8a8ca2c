//! The rules of every record, on venues.

use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::catalogue::venue::VENUE;
use crate::decider::testing::{Given, given};
use crate::identity::preferences::PREFERENCES;

const ONE: EntityId = EntityId(uuid::Uuid::from_u128(1));
const OTHER: EntityId = EntityId(uuid::Uuid::from_u128(2));

fn later() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(1)
}

fn fields(fields: Value) -> Map<String, Value> {
    serde_json::from_value(fields).unwrap()
}

fn hall() -> Map<String, Value> {
    fields(json!({"name": "Massey Hall", "street": "178 Victoria Street"}))
}

fn created() -> RecordEvent {
    RecordEvent::Created { fields: hall() }
}

fn deleted() -> RecordEvent {
    RecordEvent::Deleted { at: later() }
}

fn venue(events: impl IntoIterator<Item = RecordEvent>) -> Given<Records> {
    given(events).at(later())
}

fn to(change: Change) -> RecordCommand {
    RecordCommand { record: &VENUE, id: ONE, change }
}

#[test]
fn a_record_is_made_once() {
    venue([]).when(to(Change::Create(hall()))).then([created()]);
    venue([created()]).when(to(Change::Create(hall()))).then_err("record-exists");
    venue([created(), deleted()]).when(to(Change::Create(hall()))).then_err("record-exists");
}

#[test]
fn a_patch_stores_only_what_it_changes() {
    let patch = |given| to(Change::Patch(fields(given)));
    let changed = |given| RecordEvent::Changed { fields: fields(given) };
    let same = patch(json!({"name": "Massey Hall", "postal_code": null}));
    venue([created()]).when(same).then_nothing();
    let moved = json!({"street": null, "postal_code": "M5B 1T7"});
    let state = venue([created()]).when(patch(moved.clone())).then([changed(moved)]);
    assert_eq!(Value::Object(state.fields), json!({"name": "Massey Hall", "postal_code": "M5B 1T7"}));
    venue([]).when(patch(json!({"name": "A"}))).then_err("no-such-record");
    venue([created(), deleted()]).when(patch(json!({"name": "A"}))).then_err("record-deleted");
}

#[test]
fn all_fields_are_judged_as_they_would_be() {
    let patch = |given| to(Change::Patch(fields(given)));
    let wrong = patch(json!({"name": "", "postal_code": "x".repeat(21)}));
    let rejection = venue([created()]).when(wrong).then_err("record-fields");
    assert_eq!(rejection.faults.len(), 2, "{rejection}");
    venue([created()]).when(patch(json!({"name": 7}))).then_err("record-shape");
    venue([created()]).when(patch(json!({"colour": "red"}))).then_err("record-shape");
    venue([created()]).when(patch(json!({"name": null}))).then_err("record-shape");
}

#[test]
fn what_was_deleted_can_be_brought_back() {
    let delete = || to(Change::Delete);
    venue([created()]).when(delete()).then([deleted()]);
    venue([created(), deleted()]).when(delete()).then_nothing();
    venue([]).when(delete()).then_err("no-such-record");
    let restore = || to(Change::Restore);
    venue([created(), deleted()]).when(restore()).then([RecordEvent::Restored {}]);
    venue([created()]).when(restore()).then_nothing();
    venue([]).when(restore()).then_err("no-such-record");
}

#[test]
fn put_makes_changes_and_brings_back() {
    let put = |given| to(Change::Put(fields(given)));
    venue([]).when(put(json!(hall()))).then([created()]);
    let renamed = RecordEvent::Changed { fields: fields(json!({"name": "The Hall"})) };
    venue([created(), deleted()]).when(put(json!({"name": "The Hall"}))).then([RecordEvent::Restored {}, renamed]);
    venue([created()]).when(put(json!({}))).then_nothing();
}

#[test]
fn a_record_is_written_by_the_system_or_where_declared_by_its_owner() {
    venue([]).by(ONE).when(to(Change::Create(hall()))).then_err("may-not-write-record");
    let put = || RecordCommand { record: &PREFERENCES, id: ONE, change: Change::Put(Map::new()) };
    given::<Records>([]).by(ONE).when(put()).then_state();
    given::<Records>([]).by(OTHER).when(put()).then_err("may-not-write-record");
    given::<Records>([]).anonymous().when(put()).then_err("may-not-write-record");
}
