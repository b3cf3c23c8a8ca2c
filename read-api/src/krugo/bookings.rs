//! Queries about one trip booking: itself, its members, events, tickets, rooms and balances.

use caravan_domain::EntityId;
use caravan_wire::krugo::ids::{AccommodationId, BundleId};
use caravan_wire::krugo::trips as shapes;
use caravan_wire::shape::{sealed, set};
use caravan_wire::{Answer, Call, Failure, Log, Outcome, Stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::profile;
use crate::Read;
use crate::people::{accounts, temps};
use crate::trips::{VisibleBooking, visible_booking};

#[derive(Deserialize)]
struct TripBookingQuery {
    crew_id: EntityId,
    id: EntityId,
}

pub(super) async fn trip_booking(call: Call<Read>) -> Outcome<Stream> {
    let TripBookingQuery { crew_id, id } = call.query()?;
    let visible = visible_booking(&call, id).await?;
    let booking = visible.booking()?;
    if crew_id != booking.crew {
        return Err(Failure::not_found("the crew has no such trip booking").on("crew_id"));
    }
    let temps = temps(&call, booking.members.iter().copied()).await?;
    Ok(visible.answer(shapes::trip_booking(visible.id, booking, &temps, call.now)))
}

#[derive(Deserialize)]
struct ById {
    id: EntityId,
}

pub(super) async fn payment_balances(call: Call<Read>) -> Outcome<Stream> {
    let ById { id } = call.query()?;
    let visible = visible_booking(&call, id).await?;
    let balances: Vec<Value> = visible.booking()?.balances().iter().map(shapes::payment_balance).collect();
    Ok(visible.answer(json!({"paymentBalances": balances})))
}

#[derive(Deserialize)]
struct AccommodationsQuery {
    trip_booking_id: Option<EntityId>,
    id: Option<AccommodationId>,
}

/// With `tripBookingId` all of that booking, with `id` that one; with both, that one must be of that booking.
pub(super) async fn accommodations(call: Call<Read>) -> Outcome<Stream> {
    let AccommodationsQuery { trip_booking_id, id: one } = call.query()?;
    let id = match (trip_booking_id, one) {
        (Some(booking), Some(one)) if one.booking != booking => {
            return Err(Failure::not_found("the booking has no such accommodation").on("id"));
        }
        (Some(booking), _) => booking,
        (None, Some(one)) => one.booking,
        (None, None) => return Err(Failure::invalid("trip_booking_id", "is required where id is not given")),
    };
    let visible = visible_booking(&call, id).await?;
    let booking = visible.booking()?;
    let list = match one {
        Some(one) => vec![shapes::accommodation(id, booking.accommodation(one.number)?)],
        None => booking.accommodations.iter().map(|one| shapes::accommodation(id, one)).collect(),
    };
    Ok(visible.answer(Value::Array(list)))
}

#[derive(Deserialize)]
struct OfBooking {
    trip_booking_id: EntityId,
}

/// The booking that `tripBookingId` names.
async fn of_booking(call: &Call<Read>) -> Result<VisibleBooking, Failure> {
    let OfBooking { trip_booking_id } = call.query()?;
    visible_booking(call, trip_booking_id).await
}

pub(super) async fn event_attendees(call: Call<Read>) -> Outcome<Stream> {
    let visible = of_booking(&call).await?;
    let events = &visible.booking()?.events;
    Ok(visible.answer(events.iter().map(|attendance| shapes::event_attendees(visible.id, attendance)).collect()))
}

#[derive(Deserialize)]
struct TicketBundleQuery {
    id: BundleId,
}

pub(super) async fn ticket_bundle(call: Call<Read>) -> Outcome<Stream> {
    let TicketBundleQuery { id } = call.query()?;
    let visible = visible_booking(&call, id.booking).await?;
    Ok(visible.answer(shapes::ticket_bundle(visible.id, visible.booking()?.bundle(id.number)?)))
}

pub(super) async fn trip_booking_ticket_bundles(call: Call<Read>) -> Outcome<Stream> {
    let visible = of_booking(&call).await?;
    let bundles = &visible.booking()?.bundles;
    Ok(visible.answer(bundles.iter().map(|bundle| shapes::ticket_bundle(visible.id, bundle)).collect()))
}

/// Members with their names, which come from several streams: no ETag.
pub(super) async fn trip_booking_members(call: Call<Read>) -> Outcome<Log> {
    let visible = of_booking(&call).await?;
    let booking = visible.booking()?;
    let accounts = accounts(&call, &booking.members).await?;
    let numbers = visible.numbers(&call, &accounts).await?;
    let members = booking.members.iter().map(|person| {
        let terms = booking.terms.get(person).copied().unwrap_or_default();
        let (start, end) = booking.days_of(&terms);
        let mut member = accounts.get(person).map_or_else(|| json!({}), profile);
        set(&mut member, "phoneNumber", numbers.get(person).map(|number| sealed(number)));
        member["tripBookingId"] = json!(visible.id);
        member["userId"] = json!(person);
        member["isLeader"] = json!(booking.is_leader(*person));
        member["availability"] = json!(shapes::availability(terms.availability));
        member["startDate"] = json!(start);
        member["endDate"] = json!(end);
        member
    });
    Ok(Answer::json(members.collect()).at(visible.position()))
}
