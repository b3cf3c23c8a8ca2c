//! The rules of trip bookings, one test each. A booking of three: Ann leads, Ben and Cal go along, Dan is in the crew
//! only, Eve is a stranger.

mod attendance;
mod laws;
mod lifecycle;
mod members;
mod rooms;
mod system;
mod tickets;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::*;
use crate::EntityId;
use crate::decider::testing::{Given, given};
use crate::identity::Medium;
use crate::trips::crew::{CrewEvent, CrewState, Crews};

pub(super) use laws::bookings;

fn id(number: u64) -> EntityId {
    EntityId::from_parts(number, [0; 10])
}

fn ann() -> EntityId {
    id(1)
}

fn ben() -> EntityId {
    id(2)
}

fn cal() -> EntityId {
    id(3)
}

fn dan() -> EntityId {
    id(4)
}

fn eve() -> EntityId {
    id(5)
}

fn crew_id() -> EntityId {
    id(40)
}

fn concert() -> EntityId {
    id(50)
}

fn game() -> EntityId {
    id(51)
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2030, 5, day).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Ann is the admin; Ben, Cal and Dan are members.
fn crew() -> Arc<CrewState> {
    crew_of(vec![ann(), ben(), cal(), dan()])
}

fn crew_of(members: Vec<EntityId>) -> Arc<CrewState> {
    let created = CrewEvent::CrewCreated {
        name: "Weekend".into(),
        description: None,
        has_image: false,
        creator: members[0],
        admins: members[..1].to_vec(),
        members,
    };
    Arc::new(Crews::evolve(CrewState::Unknown, &created))
}

fn deleted_crew() -> Arc<CrewState> {
    let deleted = CrewEvent::CrewDeleted { at: at("2030-01-01T00:00:00Z") };
    Arc::new(Crews::evolve(CrewState::clone(&crew()), &deleted))
}

fn created() -> TripBookingEvent {
    TripBookingEvent::BookingCreated {
        crew: crew_id(),
        city: id(60),
        time_zone: chrono_tz::America::Toronto,
        start_date: day(1),
        end_date: day(4),
        creator: ann(),
        leaders: vec![ann()],
    }
}

fn added(person: EntityId) -> TripBookingEvent {
    TripBookingEvent::MemberAdded { person, leader: false, terms: Terms::default() }
}

fn takes_part(person: EntityId) -> TripBookingEvent {
    TripBookingEvent::MemberTookPart { person }
}

/// Everybody has an account.
fn accounts() -> BTreeSet<EntityId> {
    [ann(), ben(), cal(), dan(), eve()].into()
}

fn removal(person: EntityId) -> TripBookingCommand {
    TripBookingCommand::RemoveMember { person, with_account: accounts() }
}

fn departure(person: EntityId) -> TripBookingCommand {
    TripBookingCommand::LeaveCrew { person, with_account: accounts() }
}

/// What has happened before: the booking of three, who all took part, with the concert, and `more`.
fn after(more: impl IntoIterator<Item = TripBookingEvent>) -> Given<TripBookings> {
    let event = TripBookingEvent::EventAdded { event: concert(), attendees: vec![ann(), ben()] };
    let parts = [takes_part(ann()), added(ben()), takes_part(ben()), added(cal()), takes_part(cal())];
    let basis = std::iter::once(created()).chain(parts).chain([event]);
    given(basis.chain(more)).at(at("2030-01-01T12:00:00Z"))
}

fn booking() -> Given<TripBookings> {
    after([])
}

fn usd(minor: i64) -> crate::Money {
    crate::Money::parse(&format!("{}.{:02}", minor / 100, minor % 100), "USD").unwrap()
}

fn price(amount: &str) -> Price {
    Price { amount: Some(amount.into()), currency: Some("USD".into()), date: Some(1_559_433_600) }
}

/// Ben's bundle 1 for the concert: purchase 2 of the amount given in cents, and tickets from 3 on.
fn bundle(minor: i64, consumers: &[Option<EntityId>]) -> Bundle {
    let ticket = |(index, consumer): (usize, &Option<EntityId>)| Ticket {
        number: 3 + index as u32,
        event: concert(),
        purchaser: ben(),
        consumer: *consumer,
    };
    Bundle {
        number: 1,
        event: concert(),
        purchaser: ben(),
        purchase: Some(Purchase { number: 2, amount: usd(minor), date: 1_559_433_600 }),
        tickets: consumers.iter().enumerate().map(ticket).collect(),
        general_admission: true,
        special_seating: false,
        bought_here: false,
    }
}

fn bundle_added(minor: i64, consumers: &[Option<EntityId>]) -> TripBookingEvent {
    TripBookingEvent::BundleAdded { bundle: bundle(minor, consumers) }
}

fn guest(number: u32, person: EntityId, proportion: Option<f64>) -> Guest {
    Guest { number, person, proportion, check_in_date: None, check_out_date: None }
}

fn new_guest(person: EntityId, proportion: Option<f64>) -> NewGuest {
    NewGuest { person, proportion, check_in_date: None, check_out_date: None }
}

/// Accommodation 1 with room 2, which Ann paid as purchase 3.
fn hotel(minor: i64, guests: Vec<Guest>) -> TripBookingEvent {
    let terms = RoomTerms {
        check_in_date: Some(day(1)),
        check_out_date: Some(day(4)),
        room_type: Some(2),
        purchaser: ann(),
        purchase: Some(Purchase { number: 3, amount: usd(minor), date: 1_559_433_600 }),
    };
    let details = Details { name: "Palm Hotel".into(), ..Details::default() };
    let rooms = vec![Room { number: 2, terms, guests }];
    TripBookingEvent::AccommodationAdded { accommodation: Accommodation { number: 1, details, rooms } }
}

fn of(state: &TripBookingState) -> &TripBooking {
    state.booking().unwrap()
}

/// Balances as (person, cents).
fn owed(state: &TripBookingState) -> Vec<(EntityId, i128)> {
    of(state).balances().iter().map(|balance| (balance.person, balance.minor)).collect()
}
