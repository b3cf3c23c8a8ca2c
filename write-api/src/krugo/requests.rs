//! What the requests of the trips groups share.

use caravan_commands::Done;
use caravan_domain::EntityId;
use caravan_domain::trips::booking::{Price, TripBookingCommand, TripBookingEvent, TripBookings};
use caravan_wire::{Call, Failure};
use serde_json::Number;

use crate::{Write, asking};

/// Sends a command that the booking decides alone.
pub(super) async fn change(
    call: &Call<Write>,
    id: EntityId,
    command: impl Into<TripBookingCommand>,
) -> Result<Done<TripBookings>, Failure> {
    Ok(asking(call).await?.send::<TripBookings>(id, command).await?)
}

/// The number of what a command added.
pub(super) fn added(done: &Done<TripBookings>) -> Result<u32, Failure> {
    let added = done.events.iter().find_map(TripBookingEvent::added);
    added.ok_or_else(|| Failure::broken("nothing was added"))
}

/// What was paid, as requests give it: a number in major units, a currency, Unix seconds, of which a fraction is left
/// out.
pub(super) fn price(amount: Option<Number>, currency: Option<String>, date: Option<f64>) -> Price {
    Price { amount: amount.map(|amount| amount.to_string()), currency, date: date.map(|date| date.floor() as i64) }
}

/// Refuses a purchase that names another booking than its own.
pub(super) fn of_booking(named: Option<EntityId>, booking: EntityId) -> Result<(), Failure> {
    match named {
        Some(id) if id != booking => Err(Failure::invalid("purchase.trip_booking_id", "is not the booking's id")),
        _ => Ok(()),
    }
}
