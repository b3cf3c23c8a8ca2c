//! `booking`: bookings are made, changed, abandoned and recovered.

use caravan_commands::Done;
use caravan_commands::identity::people;
use caravan_commands::trips::bookings;
use caravan_domain::EntityId;
use caravan_domain::trips::booking::{ChangeBooking, NewBooking, TripBookingCommand, TripBookings};
use caravan_wire::krugo::day::Day;
use caravan_wire::krugo::ids::{AccommodationId, BundleId, Child};
use caravan_wire::krugo::trips;
use caravan_wire::{Call, Failure, Outcome, Stream};
use serde::Deserialize;
use serde_json::json;

use super::requests::change;
use crate::{Write, answer, asking};

#[derive(Deserialize)]
struct CreateTripBooking {
    crew_id: EntityId,
    city_id: EntityId,
    start_date: Day,
    end_date: Day,
    leader_ids: Vec<EntityId>,
}

pub(super) async fn create_trip_booking(call: Call<Write>) -> Outcome<Stream> {
    let CreateTripBooking { crew_id, city_id, start_date, end_date, leader_ids } = call.body()?;
    let (Day(start_date), Day(end_date)) = (start_date, end_date);
    let new = NewBooking { crew_id, city_id, start_date, end_date, leader_ids };
    let done = bookings::create(&asking(&call).await?, new).await?;
    whole(&call, &done).await
}

/// Answers with the full booking.
async fn whole(call: &Call<Write>, done: &Done<TripBookings>) -> Outcome<Stream> {
    let booking = done.state.booking()?;
    let temps = people::temp_members(&call.state.commands, &booking.members).await?;
    answer(done, trips::trip_booking(done.id, booking, &temps, call.now))
}

#[derive(Deserialize)]
struct UpdateTripBooking {
    id: EntityId,
    crew_id: EntityId,
    start_date: Option<Day>,
    end_date: Option<Day>,
    leader_ids: Option<Vec<EntityId>>,
    ticket_bundle_ids: Option<Vec<String>>,
    accommodation_ids: Option<Vec<String>>,
}

pub(super) async fn update_trip_booking(call: Call<Write>) -> Outcome<Stream> {
    let request: UpdateTripBooking = call.body()?;
    let id = request.id;
    let command = ChangeBooking {
        crew_id: request.crew_id,
        start_date: request.start_date.map(|day| day.0),
        end_date: request.end_date.map(|day| day.0),
        leader_ids: request.leader_ids,
        ticket_bundle_ids: order(BundleId::parse, id, request.ticket_bundle_ids, "ticket_bundle_ids")?,
        accommodation_ids: order(AccommodationId::parse, id, request.accommodation_ids, "accommodation_ids")?,
    };
    let done = bookings::change(&asking(&call).await?, id, command).await?;
    let booking = done.state.booking()?;
    let temps = people::temp_members(&call.state.commands, &booking.members).await?;
    answer(&done, trips::updated_trip_booking(id, booking, &temps, call.now))
}

/// Numbers of the booking's children in their new order. An id that is not one of them is bad input.
fn order<const KIND: char>(
    parse: fn(&str) -> Option<Child<KIND>>,
    booking: EntityId,
    list: Option<Vec<String>>,
    field: &str,
) -> Result<Option<Vec<u32>>, Failure> {
    let number = |id: &String| match parse(id) {
        Some(child) if child.booking == booking => Ok(child.number),
        _ => Err(Failure::invalid(field, "must list exactly what the booking has")),
    };
    list.map(|list| list.iter().map(number).collect()).transpose()
}

#[derive(Deserialize)]
struct AbandonTripBooking {
    id: EntityId,
    crew_id: EntityId,
}

pub(super) async fn abandon_trip_booking(call: Call<Write>) -> Outcome<Stream> {
    let AbandonTripBooking { id, crew_id } = call.body()?;
    let done = change(&call, id, TripBookingCommand::Abandon { crew_id }).await?;
    answer(&done, json!({"crewId": crew_id, "id": id}))
}

#[derive(Deserialize)]
struct RecoverTripBooking {
    id: EntityId,
    crew_id: EntityId,
    forced: Option<bool>,
}

pub(super) async fn recover_abandoned_trip_booking(call: Call<Write>) -> Outcome<Stream> {
    let RecoverTripBooking { id, crew_id, forced } = call.body()?;
    let done = bookings::recover(&asking(&call).await?, id, crew_id, forced.unwrap_or(false)).await?;
    whole(&call, &done).await
}
