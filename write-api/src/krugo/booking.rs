//! `booking`: bookings are made, changed, abandoned and recovered.

use caravan_commands::trips::NewBooking;
use caravan_domain::EntityId;
use caravan_domain::trips::booking::{ChangeBooking, TripBookingCommand};
use caravan_wire::krugo::day::Day;
use caravan_wire::krugo::ids::{self, Child};
use caravan_wire::krugo::trips;
use caravan_wire::{Call, Failure};
use serde::Deserialize;
use serde_json::json;

use super::requests::{Changed, Outcome, acting, change, optional_all, refused};
use crate::Write;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CreateTripBooking {
    crew_id: String,
    city_id: String,
    start_date: Day,
    end_date: Day,
    leader_ids: Vec<String>,
}

pub(super) async fn create_trip_booking(call: Call<Write>) -> Outcome {
    let request: CreateTripBooking = call.body()?;
    let new = NewBooking {
        crew_id: ids::parse(&request.crew_id, "crewId")?,
        city_id: ids::parse(&request.city_id, "cityId")?,
        start_date: request.start_date.0,
        end_date: request.end_date.0,
        leader_ids: ids::parse_all(&request.leader_ids, "leaderIds")?,
    };
    let made = call.state.commands.create_booking(new, &call.state.caller(&call).await?).await.map_err(refused)?;
    whole(&call, Changed { id: made.id, done: made.done }).await
}

/// Answers with the full booking.
async fn whole(call: &Call<Write>, changed: Changed) -> Outcome {
    let booking = changed.booking()?;
    let temps = call.state.commands.temp_members(&booking.members).await.map_err(refused)?;
    changed.answer(trips::trip_booking(changed.id, booking, &temps, call.now))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UpdateTripBooking {
    id: String,
    crew_id: String,
    user_id: String,
    start_date: Option<Day>,
    end_date: Option<Day>,
    leader_ids: Option<Vec<String>>,
    ticket_bundle_ids: Option<Vec<String>>,
    accommodation_ids: Option<Vec<String>>,
}

pub(super) async fn update_trip_booking(call: Call<Write>) -> Outcome {
    let request: UpdateTripBooking = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.id, "id")?;
    let command = ChangeBooking {
        crew_id: ids::parse(&request.crew_id, "crewId")?,
        start_date: request.start_date.map(|day| day.0),
        end_date: request.end_date.map(|day| day.0),
        leader_ids: optional_all(request.leader_ids.as_ref(), "leaderIds")?,
        ticket_bundle_ids: order(Child::Bundle, id, request.ticket_bundle_ids, "ticketBundleIds")?,
        accommodation_ids: order(Child::Accommodation, id, request.accommodation_ids, "accommodationIds")?,
    };
    let caller = call.state.caller(&call).await?;
    let done = call.state.commands.update_booking(id, command, &caller).await.map_err(refused)?;
    let changed = Changed { id, done };
    let booking = changed.booking()?;
    let temps = call.state.commands.temp_members(&booking.members).await.map_err(refused)?;
    changed.answer(trips::updated_trip_booking(id, booking, &temps, call.now))
}

/// Numbers of the booking's children in their new order. An id that is not one of them is bad input.
fn order(kind: Child, booking: EntityId, list: Option<Vec<String>>, field: &str) -> Result<Option<Vec<u32>>, Failure> {
    let number = |id: &String| match kind.parse(id, field) {
        Ok((of, number)) if of == booking => Ok(number),
        _ => Err(Failure::invalid(field, "must list exactly what the booking has")),
    };
    list.map(|list| list.iter().map(number).collect()).transpose()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AbandonTripBooking {
    id: String,
    crew_id: String,
    user_id: String,
}

pub(super) async fn abandon_trip_booking(call: Call<Write>) -> Outcome {
    let request: AbandonTripBooking = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.id, "id")?;
    let crew_id = ids::parse(&request.crew_id, "crewId")?;
    let changed = change(&call, id, TripBookingCommand::Abandon { crew_id }).await?;
    changed.answer(json!({"crewId": crew_id, "id": id}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RecoverTripBooking {
    id: String,
    crew_id: String,
    user_id: String,
    force_recovery: Option<bool>,
}

pub(super) async fn recover_abandoned_trip_booking(call: Call<Write>) -> Outcome {
    let request: RecoverTripBooking = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.id, "id")?;
    let crew_id = ids::parse(&request.crew_id, "crewId")?;
    let forced = request.force_recovery.unwrap_or(false);
    let caller = call.state.caller(&call).await?;
    let done = call.state.commands.recover_booking(id, crew_id, forced, &caller).await.map_err(refused)?;
    whole(&call, Changed { id, done }).await
}
