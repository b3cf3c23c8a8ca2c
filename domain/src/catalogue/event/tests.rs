use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::America::Toronto;
use serde_json::json;

use super::*;
use crate::decider::testing::given;
use crate::{EntityId, Money, Sealed};

fn id(number: u64) -> EntityId {
    EntityId::from_parts(number, [1; 10])
}

fn origin() -> Origin {
    Origin { source: "city".into(), external_id: "17".into() }
}

fn details() -> Details {
    let evening = Utc.with_ymd_and_hms(2026, 6, 15, 0, 30, 0).unwrap();
    Details {
        name: "Desert Sound Live".into(),
        schedule: Schedule::timed(evening, None, Toronto).unwrap(),
        location: Location { city: Some(id(3)), region: Some(id(4)), ..Location::default() },
        performers: vec![id(5), id(6)],
        category: Category::from_path("Concerts/Rock"),
        offers: Offers::default(),
        organizer: None,
    }
}

/// A listed event that starts on a day.
pub(crate) fn published(day: NaiveDate) -> PublishedEvent {
    let mut details = details();
    details.schedule = Schedule::days(day, day, Toronto).unwrap();
    PublishedEvent { origin: origin(), details, day }
}

fn put(change: impl FnOnce(&mut Details)) -> EventCommand {
    let mut details = details();
    change(&mut details);
    EventCommand::Put { origin: origin(), details: Box::new(details) }
}

fn listed() -> EventChange {
    EventChange::Listed { origin: origin(), details: Box::new(details()) }
}

#[test]
fn an_unknown_event_is_listed() {
    let state = given::<Event>([]).when(put(|_| {})).then([listed()]);
    let published = state.published().unwrap();
    assert_eq!(published.day.to_string(), "2026-06-14", "its day is the local one");
}

#[test]
fn the_same_again_changes_nothing() {
    given::<Event>([listed()]).when(put(|_| {})).then_nothing();
}

#[test]
fn only_what_changed_is_stored() {
    given::<Event>([listed()])
        .when(put(|details| details.name = "Desert Sound".into()))
        .then([EventChange::Renamed { name: "Desert Sound".into() }]);
    let location = Location { city: Some(id(9)), ..Location::default() };
    given::<Event>([listed()])
        .when(put(|details| {
            details.location = location.clone();
            details.performers.pop();
        }))
        .then([
            EventChange::Moved { location: location.clone() },
            EventChange::LineUpChanged { performers: vec![id(5)] },
        ]);
}

#[test]
fn a_new_time_is_a_new_day() {
    let later = details().schedule.later_by_weeks(52);
    let state = given::<Event>([listed()])
        .when(put(|details| details.schedule = later.clone()))
        .then([EventChange::Rescheduled { schedule: later.clone() }]);
    assert_eq!(state.published().unwrap().day.to_string(), "2027-06-13");
}

#[test]
fn a_cancelled_event_stays_cancelled_until_reinstated() {
    let cancelled = given::<Event>([listed()]).when(EventCommand::Cancel).then([EventChange::Cancelled {}]);
    assert!(matches!(cancelled, EventState::Cancelled(_)));
    let renamed = given::<Event>([listed(), EventChange::Cancelled {}])
        .when(put(|details| details.name = "Off".into()))
        .then([EventChange::Renamed { name: "Off".into() }]);
    assert!(matches!(renamed, EventState::Cancelled(_)));
    given::<Event>([listed(), EventChange::Cancelled {}]).when(EventCommand::Cancel).then_nothing();
    let again = given::<Event>([listed(), EventChange::Cancelled {}])
        .when(EventCommand::Reinstate)
        .then([EventChange::Reinstated {}]);
    assert!(matches!(again, EventState::Scheduled(_)));
    given::<Event>([listed()]).when(EventCommand::Reinstate).then_nothing();
    given::<Event>([]).when(EventCommand::Cancel).then_err("no-such-event");
}

#[test]
fn only_the_system_publishes() {
    given::<Event>([]).by(id(1)).when(put(|_| {})).then_err("events-come-by-import");
    given::<Event>([]).anonymous().when(put(|_| {})).then_err("events-come-by-import");
    given::<Event>([listed()]).by(id(1)).when(EventCommand::Cancel).then_err("events-come-by-import");
}

fn prices(lowest: (&str, &str), highest: (&str, &str)) -> Option<PriceRange> {
    let money = |(amount, currency)| Money::parse(amount, currency).unwrap();
    Some(PriceRange { lowest: money(lowest), highest: money(highest) })
}

#[test]
fn what_is_wrong_is_refused_by_field() {
    type Change = fn(&mut Details);
    let wrong: [(&str, &str, Change); 10] = [
        ("name", "text-empty", |details| details.name.clear()),
        ("name", "text-too-long", |details| details.name = "x".repeat(301)),
        ("ends_at", "event-ends-before-start", |details| {
            details.schedule.ends_at = Some(details.schedule.starts_at - chrono::Duration::seconds(1))
        }),
        ("starts_at", "instant-out-of-calendar", |details| {
            details.schedule.starts_at = DateTime::UNIX_EPOCH - chrono::Duration::days(1)
        }),
        ("performers", "too-many-performers", |details| details.performers = (0..101).map(id).collect()),
        ("performers", "performer-named-twice", |details| details.performers.push(id(5))),
        ("url", "web-address-form", |details| details.offers.url = Some("javascript:alert(1)".into())),
        ("prices", "prices-in-order", |details| details.offers.prices = prices(("2", "CAD"), ("1", "CAD"))),
        ("prices", "prices-in-one-currency", |details| details.offers.prices = prices(("1", "CAD"), ("2", "USD"))),
        ("category", "text-empty", |details| details.category.category.clear()),
    ];
    for (field, rule, change) in wrong {
        let command = put(change);
        for given in [given::<Event>([]), given::<Event>([listed()])] {
            assert_eq!(given.when(command.clone()).then_err(rule).field(), Some(field));
        }
    }
}

#[test]
fn an_event_may_end_when_it_starts_but_not_before() {
    let start = Utc.with_ymd_and_hms(2026, 6, 15, 0, 30, 0).unwrap();
    assert!(Schedule::timed(start, Some(start), Toronto).is_ok());
    assert_eq!(
        Schedule::timed(start, Some(start - chrono::Duration::minutes(1)), Toronto).unwrap_err().field(),
        Some("ends_at")
    );
    let day = start.date_naive();
    assert!(Schedule::days(day, day.pred_opt().unwrap(), Toronto).is_err());
}

#[test]
fn whole_days_go_from_midnight_to_midnight_of_their_zone() {
    let day = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
    let schedule = Schedule::days(day, day, Toronto).unwrap();
    assert_eq!(schedule.starts_at.to_rfc3339(), "2026-11-01T04:00:00+00:00");
    // The clocks go back on that day.
    assert_eq!(schedule.ends_at.unwrap().to_rfc3339(), "2026-11-02T05:00:00+00:00");
    assert_eq!(schedule.day(), day);
}

#[test]
fn moving_by_weeks_keeps_the_wall_clock() {
    // Two years after a Monday in summer time lies one in winter time.
    let local = NaiveDate::from_ymd_opt(2025, 3, 10).unwrap().and_hms_opt(20, 0, 0).unwrap();
    let schedule = Schedule::timed(local_instant(Toronto, local), None, Toronto).unwrap();
    let later = schedule.later_by_weeks(104);
    assert_eq!(later.local_start(), local + chrono::Duration::weeks(104));
    assert_ne!(later.starts_at, schedule.starts_at + chrono::Duration::weeks(104), "the offset is another");
}

#[test]
fn a_reading_that_clocks_skip_is_later_by_what_they_skip() {
    let reading = |text: &str| local_instant(Toronto, text.parse::<NaiveDateTime>().unwrap()).to_rfc3339();
    assert_eq!(reading("2026-03-08T02:30:00"), "2026-03-08T07:30:00+00:00");
    assert_eq!(reading("2026-11-01T01:30:00"), "2026-11-01T05:30:00+00:00", "the first of two");
}

#[test]
fn the_sort_follows_from_path_and_words() {
    let path = |path| Category::from_path(path);
    assert_eq!(path("Sports/Football/World Cup").event_type, EventType::Sports);
    assert_eq!(path("Conferences/Technology/retreat").event_type, EventType::Conferences);
    assert_eq!(path(" / ").category, "Other");
    let words = |words: &[&'static str]| Category::from_words(words.iter().copied());
    assert_eq!(words(&["Live Performances", "Music"]), path("Concerts/Music"));
    assert_eq!(words(&["Live Performances", "Theatre"]), path("Theater/Live Performances"));
    assert_eq!(words(&["Run/Walk"]), path("Sports/Run and Walk"));
    assert_eq!(words(&["Environmental"]), path("Other/Environmental"));
    assert_eq!(words(&[]).category, "Other");
}

#[test]
fn a_state_survives_its_document_and_is_flat() {
    let state = given::<Event>([]).when(put(|details| {
        details.schedule.ends_at = Some(details.schedule.starts_at);
        details.organizer = Some(Organizer::Person(Sealed { subject: id(8), cipher: "c".into(), hash: "h".into() }));
        let price = Money::parse("12.50", "CAD").unwrap();
        details.offers.prices = Some(PriceRange { lowest: price, highest: price });
        details.location.place = crate::catalogue::Place::new(43.6627856, -79.4228201).ok();
    }));
    let state = state.then_state();
    let document = serde_json::to_value(&state).unwrap();
    assert_eq!(serde_json::from_value::<EventState>(document.clone()).unwrap(), state);
    for (field, value) in [
        ("status", json!("scheduled")),
        ("starts_at", json!("2026-06-15T00:30:00.000Z")),
        ("day", json!("2026-06-14")),
        ("zone", json!("America/Toronto")),
        ("region", json!(id(4))),
        ("performers", json!([id(5), id(6)])),
        ("event_type", json!("concerts")),
        ("place", json!({"lat": 43.662786, "lon": -79.42282})),
    ] {
        assert_eq!(document[field], value, "{field}");
    }
    assert_eq!(serde_json::to_value(EventState::Unknown).unwrap(), json!({"status": "unknown"}));
}

#[test]
fn stored_changes_come_back() {
    let changes = [
        listed(),
        EventChange::Rescheduled { schedule: details().schedule },
        EventChange::OrganizerChanged { organizer: None },
        EventChange::OffersChanged { offers: Offers::default() },
        EventChange::Cancelled {},
    ];
    for change in changes {
        let (event_type, data) = crate::kind::event_to_parts::<Event>(&change).unwrap();
        assert_eq!(crate::kind::event_from_parts::<Event>(&event_type, &data.to_string()).unwrap(), change);
    }
}

#[test]
fn a_category_is_in_all_that_its_path_names() {
    let levels = |path| Category::levels(path).collect::<Vec<_>>();
    assert_eq!(levels("Sports/Motorsport/Formula 1"), ["Sports", "Sports/Motorsport", "Sports/Motorsport/Formula 1"]);
    assert_eq!(levels("Sports"), ["Sports"]);
}
