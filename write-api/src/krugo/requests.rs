//! What the requests of the trips groups share: ids and what they stand for, prices.

use caravan_commands::{CommandError, Done};
use caravan_domain::EntityId;
use caravan_domain::trips::booking::{Price, TripBooking, TripBookingCommand, TripBookings};
use caravan_wire::krugo::ids::{self, Child};
use caravan_wire::{Answer, Call, Failure};
use serde::Deserialize;
use serde_json::{Number, Value};

use crate::Write;

pub(super) type Outcome = Result<Answer, Failure>;

/// A booking right after a command.
pub(super) struct Changed {
    pub id: EntityId,
    pub done: Done<TripBookings>,
}

impl Changed {
    pub(super) fn booking(&self) -> Result<&TripBooking, Failure> {
        Ok(self.done.state.booking()?)
    }

    pub(super) fn answer(&self, body: Value) -> Outcome {
        Ok(crate::answer(&self.done, body))
    }
}

/// The account that acts, which is the only one that `id` may name.
pub(super) fn acting(call: &Call<Write>, field: &str, id: &str) -> Result<EntityId, Failure> {
    let account = call.account()?;
    if id.parse() == Ok(account) { Ok(account) } else { Err(Failure::forbidden("is not your account").on(field)) }
}

/// A command's error, naming the field as the contract spells it.
pub(super) fn refused(error: CommandError) -> Failure {
    let failure = crate::failure(error);
    Failure { field: failure.field.as_deref().map(camel_case), ..failure }
}

/// `rooms[0].check_out_date` becomes `rooms[0].checkOutDate`.
fn camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let initial = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &initial.into_iter().chain(letters).collect::<String>()
    })
}

/// Sends a command that the booking decides alone.
pub(super) async fn change(call: &Call<Write>, id: EntityId, command: TripBookingCommand) -> Result<Changed, Failure> {
    let caller = call.state.caller(call).await?;
    let done = call.state.commands.change_booking(id, command, &caller).await.map_err(refused)?;
    Ok(Changed { id, done })
}

/// The number of a child that must be the booking's.
pub(super) fn child(kind: Child, booking: EntityId, id: &str, field: &str) -> Result<u32, Failure> {
    let (of, number) = kind.parse(id, field)?;
    if of == booking { Ok(number) } else { Err(Failure::not_found("no such id").on(field)) }
}

/// An id that may be left out.
pub(super) fn optional(id: Option<&String>, field: &str) -> Result<Option<EntityId>, Failure> {
    id.map(|id| ids::parse(id, field)).transpose()
}

/// Ids that may be left out.
pub(super) fn optional_all(list: Option<&Vec<String>>, field: &str) -> Result<Option<Vec<EntityId>>, Failure> {
    list.map(|list| ids::parse_all(list, field)).transpose()
}

/// `RoomPurchaseInput`, `RoomPurchaseUpdate`, `BundlePurchaseInput` and `BundlePurchaseUpdate`, which differ in the
/// ids they may name besides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Purchase {
    pub id: Option<String>,
    pub trip_booking_id: Option<String>,
    pub purchaser_id: Option<String>,
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

    /// Refuses fields that the contract gives only to other purchases. `within` is where the purchase stands in the
    /// request: empty, or `rooms[0].`.
    pub(super) fn without(&self, within: &str, fields: &[(&str, &Option<String>)]) -> Result<(), Failure> {
        match fields.iter().find(|(_, value)| value.is_some()) {
            Some((name, _)) => Err(Failure::invalid(format!("{within}purchase.{name}"), "is not a known field")),
            None => Ok(()),
        }
    }

    /// Refuses another booking than the purchase's.
    pub(super) fn only_of(&self, booking: EntityId) -> Result<(), Failure> {
        match &self.trip_booking_id {
            Some(id) if *id != booking.to_string() => {
                Err(Failure::invalid("purchase.tripBookingId", "is not the booking's id"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_as_the_contract_spells_it() {
        assert_eq!(camel_case("end_date"), "endDate");
        assert_eq!(camel_case("rooms[0].guests[1].proportion_of_payment"), "rooms[0].guests[1].proportionOfPayment");
        assert_eq!(camel_case("accommodation_guest_user_ids"), "accommodationGuestUserIds");
        assert_eq!(camel_case("If-Match"), "If-Match");
    }
}
