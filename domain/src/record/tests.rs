//! The rules of every record, on venues.

use chrono::TimeDelta;
use garde::Validate;
use serde_json::json;

use super::*;
use crate::catalogue::venue::VENUE;
use crate::decider::testing::{Given, given};
use crate::identity::Role;
use crate::identity::preferences::PREFERENCES;
use crate::kind::link;
use crate::stays::amenity::AMENITY;

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
    RecordCommand { record: &VENUE, id: ONE, change, lost: vec![] }
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
    let restore = || to(Change::Restore(Map::new()));
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
    let put = || RecordCommand { record: &PREFERENCES, id: ONE, change: Change::Put(Map::new()), lost: vec![] };
    given::<Records>([]).by(ONE).when(put()).then_state();
    given::<Records>([]).by(OTHER).when(put()).then_err("may-not-write-record");
    given::<Records>([]).anonymous().when(put()).then_err("may-not-write-record");
}

fn amenity(events: impl IntoIterator<Item = RecordEvent>) -> Given<Records> {
    given(events).at(later()).by(ONE).being(Role::Admin)
}

fn wifi() -> Map<String, Value> {
    fields(json!({"name": "Wi-Fi"}))
}

fn of_amenities(change: Change) -> RecordCommand {
    RecordCommand { record: &AMENITY, id: OTHER, change, lost: vec![] }
}

#[test]
fn staff_write_what_is_declared_theirs_and_others_are_refused() {
    let made = || RecordEvent::Created { fields: wifi() };
    let create = || of_amenities(Change::Create(wifi()));
    amenity([]).when(create()).then([made()]);
    given::<Records>([]).by(ONE).when(create()).then_err("may-not-write-record");
    let icon = || of_amenities(Change::Patch(fields(json!({"icon_url": "https://example.org/w.svg"}))));
    amenity([made()]).when(icon()).then_state();
    given::<Records>([made()]).by(ONE).when(icon()).then_err("may-not-write-record");
    given::<Records>([made()]).by(ONE).when(of_amenities(Change::Delete)).then_err("may-not-write-record");
    given::<Records>([]).by(ONE).when(of_amenities(Change::Delete)).then_err("no-such-record");
}

#[test]
fn a_wrong_value_is_told_before_a_missing_right() {
    let wrong = || of_amenities(Change::Patch(fields(json!({"icon_url": "nowhere"}))));
    let made = RecordEvent::Created { fields: wifi() };
    given::<Records>([made.clone()]).by(ONE).when(wrong()).then_err("record-fields");
    given::<Records>([])
        .by(ONE)
        .when(of_amenities(Change::Create(fields(json!({"name": ""})))))
        .then_err("record-fields");
}

#[test]
fn what_is_fixed_stays_as_it_was_made() {
    let made = RecordEvent::Created { fields: wifi() };
    let name = |name: &str| of_amenities(Change::Patch(fields(json!({"name": name}))));
    amenity([made.clone()]).when(name("Wi-Fi")).then_nothing();
    amenity([made]).when(name("WLAN")).then_err("record-fixed");
}

#[test]
fn a_deleted_record_is_known_to_staff_who_bring_it_back() {
    let gone = || [RecordEvent::Created { fields: wifi() }, deleted()];
    let icon = fields(json!({"icon_url": "https://example.org/w.svg"}));
    let patch = of_amenities(Change::Patch(icon.clone()));
    given::<Records>(gone()).by(ONE).when(patch.clone()).then_err("no-such-record");
    amenity(gone()).when(patch).then_err("record-deleted");
    let restored = of_amenities(Change::Restore(icon.clone()));
    given::<Records>(gone()).by(ONE).when(restored.clone()).then_err("no-such-record");
    amenity(gone()).when(restored).then([RecordEvent::Restored {}, RecordEvent::Changed { fields: icon }]);
}

#[test]
fn unique_values_are_the_same_in_any_case() {
    let values = |name: &str| AMENITY.unique_values(&fields(json!({"name": name})));
    assert_eq!(values("WI-FI"), values("wi-fi"));
    assert_ne!(values("wifi"), values("wi-fi"));
    assert_eq!(AMENITY.unique_values(&Map::new()), []);
}

/// A remark on something.
#[derive(Debug, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Remark {
    #[garde(skip)]
    about: EntityId,
    #[garde(skip)]
    answers: Option<EntityId>,
    #[garde(skip)]
    author: Option<EntityId>,
    #[garde(skip)]
    editor: Option<EntityId>,
    #[garde(skip)]
    said_at: Option<DateTime<Utc>>,
    #[garde(length(min = 1))]
    text: String,
}

const REMARK: Record = Record::of::<Remark>("remark")
    .within("about", "venue")
    .links(&[link("answers", "remark")])
    .known(Who::SignedIn)
    .written(Who::Person("author"))
    .filled(&[maker("author"), editor("editor"), made_at("said_at")]);

fn remark(change: Change, lost: &[&'static str]) -> RecordCommand {
    RecordCommand { record: &REMARK, id: OTHER, change, lost: lost.to_vec() }
}

fn said() -> Map<String, Value> {
    fields(json!({"about": OTHER, "author": ONE, "editor": ONE, "said_at": later(), "text": "loud"}))
}

#[test]
fn who_did_what_when_is_filled_in_whatever_is_sent() {
    let sent = fields(json!({"about": OTHER, "author": OTHER, "text": "loud"}));
    let made = remark(Change::Create(sent), &[]);
    given::<Records>([]).at(later()).by(ONE).when(made).then([RecordEvent::Created { fields: said() }]);
    let by_other = RecordEvent::Created {
        fields: fields(json!({"about": OTHER, "author": ONE, "editor": OTHER, "said_at": later(), "text": "loud"})),
    };
    let quiet = remark(Change::Patch(fields(json!({"author": OTHER, "text": "quiet"}))), &[]);
    let changed = RecordEvent::Changed { fields: fields(json!({"editor": ONE, "text": "quiet"})) };
    given::<Records>([by_other.clone()]).at(later()).by(ONE).when(quiet).then([changed]);
    let same = remark(Change::Patch(fields(json!({"text": "loud"}))), &[]);
    given::<Records>([by_other]).at(later()).by(ONE).when(same).then_nothing();
}

#[test]
fn what_a_record_leads_to_exists() {
    let create = |lost| remark(Change::Create(fields(json!({"about": OTHER, "answers": ONE, "text": "loud"}))), lost);
    given::<Records>([]).by(ONE).when(create(&["about"])).then_err("no-such-link");
    given::<Records>([]).by(ONE).when(create(&["answers"])).then_err("no-such-link");
    let made = RecordEvent::Created { fields: said() };
    let moved = remark(Change::Patch(fields(json!({"about": ONE}))), &[]);
    given::<Records>([made.clone()]).by(ONE).when(moved).then_err("record-fixed");
    // Hidden with what it is part of.
    given::<Records>([made]).by(ONE).when(remark(Change::Delete, &["about"])).then_err("no-such-record");
}
