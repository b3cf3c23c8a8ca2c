//! What the requests of the trips groups share: a booking's parts, prices.

use caravan_commands::Done;
use caravan_domain::EntityId;
use caravan_domain::trips::booking::{Price, TripBookingCommand, TripBookings};
use caravan_wire::krugo::ids::PurchaseId;
use caravan_wire::{Answer, Call, Failure, Stream};
use serde::Deserialize;
use serde_json::Number;

use crate::Write;

/// What a command on one stream comes to.
pub(super) type Outcome = Result<Answer<Stream>, Failure>;

/// Sends a command that the booking decides alone.
pub(super) async fn change(
    call: &Call<Write>,
    id: EntityId,
    command: TripBookingCommand,
) -> Result<Done<TripBookings>, Failure> {
    Ok(call.state.commands.change_booking(id, command, &call.state.caller(call).await?).await?)
}

/// `RoomPurchaseInput`, `RoomPurchaseUpdate`, `BundlePurchaseInput` and `BundlePurchaseUpdate`, which differ in the
/// ids they may name besides.
#[derive(Deserialize)]
pub(super) struct Purchase {
    pub id: Option<PurchaseId>,
    pub trip_booking_id: Option<EntityId>,
    pub purchaser_id: Option<EntityId>,
    amount: Option<Number>,
    currency: Option<String>,
    /// Unix seconds; a fraction of one is left out.
    date: Option<f64>,
}

impl Purchase {
    pub(super) fn price(&self) -> Price {
        Price {
            amount: self.amount.as_ref().map(Number::to_string),
            currency: self.currency.clone(),
            date: self.date.map(|date| date.floor() as i64),
        }
    }

    /// Refuses fields that the contract gives only to other purchases, where they are `given`. `within` is where the
    /// purchase stands in the request: empty, or `rooms[0].`.
    pub(super) fn without(&self, within: &str, fields: &[(&str, bool)]) -> Result<(), Failure> {
        match fields.iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(Failure::invalid(format!("{within}purchase.{name}"), "is not a known field")),
            None => Ok(()),
        }
    }

    /// Refuses another booking than the purchase's.
    pub(super) fn only_of(&self, booking: EntityId) -> Result<(), Failure> {
        match self.trip_booking_id {
            Some(id) if id != booking => Err(Failure::invalid("purchase.trip_booking_id", "is not the booking's id")),
            _ => Ok(()),
        }
    }
}
