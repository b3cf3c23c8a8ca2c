//! `bookingevents`: the booking's events and who attends them.

use caravan_commands::Done;
use caravan_commands::trips::bookings;
use caravan_domain::EntityId;
use caravan_domain::trips::booking::{TripBookingCommand, TripBookings};
use caravan_wire::krugo::trips;
use caravan_wire::{Call, Outcome, Stream};
use serde::Deserialize;
use serde_json::json;

use super::requests::change;
use crate::{Write, answer, asking};

#[derive(Deserialize)]
struct AddEvent {
    trip_booking_id: EntityId,
    event: EntityId,
    attendees: Option<Vec<EntityId>>,
}

pub(super) async fn add_trip_booking_event(call: Call<Write>) -> Outcome<Stream> {
    let AddEvent { trip_booking_id: id, event, attendees } = call.body()?;
    let done = bookings::add_event(&asking(&call).await?, id, event, attendees).await?;
    event_attendees(&done, event)
}

fn event_attendees(done: &Done<TripBookings>, event: EntityId) -> Outcome<Stream> {
    answer(done, trips::event_attendees(done.id, done.state.booking()?.attendance(event)?))
}

#[derive(Deserialize)]
struct UpdateAttendees {
    trip_booking_id: EntityId,
    event: EntityId,
    attendees: Vec<EntityId>,
}

pub(super) async fn update_event_attendees(call: Call<Write>) -> Outcome<Stream> {
    let UpdateAttendees { trip_booking_id, event, attendees } = call.body()?;
    let command = TripBookingCommand::ChangeAttendees { event, attendees };
    event_attendees(&change(&call, trip_booking_id, command).await?, event)
}

#[derive(Deserialize)]
struct RemoveEvent {
    trip_booking_id: EntityId,
    event: EntityId,
}

pub(super) async fn remove_trip_booking_event(call: Call<Write>) -> Outcome<Stream> {
    let RemoveEvent { trip_booking_id, event } = call.body()?;
    let done = change(&call, trip_booking_id, TripBookingCommand::RemoveEvent { event }).await?;
    answer(&done, json!({"eventId": event, "tripBookingId": trip_booking_id}))
}
