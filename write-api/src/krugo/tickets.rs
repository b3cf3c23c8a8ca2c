//! `bookingtickets`: bundles and their tickets.

use caravan_commands::Done;
use caravan_domain::EntityId;
use caravan_domain::trips::booking::{AddBundle, ChangeBundle, TicketTerms, TripBookingCommand, TripBookings};
use caravan_wire::krugo::ids::{BundleId, TicketId};
use caravan_wire::krugo::trips;
use caravan_wire::{Call, Failure, Outcome, Stream};
use serde::Deserialize;
use serde_json::{Number, json};

use super::requests::{added, change, of_booking, price};
use crate::{Write, answer};

/// `BundlePurchaseInput`
#[derive(Deserialize)]
struct BundlePurchase {
    amount: Option<Number>,
    currency: Option<String>,
    date: Option<f64>,
}

#[derive(Deserialize)]
struct AddTicketBundle {
    trip_booking_id: EntityId,
    crew_id: Option<EntityId>,
    event_id: EntityId,
    purchaser_id: EntityId,
    #[serde(default)]
    tickets: Vec<TicketTerms>,
    purchase: Option<BundlePurchase>,
    general_admission: Option<bool>,
    special_seating: Option<bool>,
    bought_here: Option<bool>,
}

pub(super) async fn add_ticket_bundle(call: Call<Write>) -> Outcome<Stream> {
    let request: AddTicketBundle = call.body()?;
    let command = AddBundle {
        crew_id: request.crew_id,
        event_id: request.event_id,
        purchaser_id: request.purchaser_id,
        tickets: request.tickets,
        purchase: request.purchase.map(|paid| price(paid.amount, paid.currency, paid.date)),
        general_admission: request.general_admission.unwrap_or(false),
        special_seating: request.special_seating.unwrap_or(false),
        bought_here: request.bought_here.unwrap_or(false),
    };
    let done = change(&call, request.trip_booking_id, command).await?;
    bundle(&done, added(&done)?)
}

fn bundle(done: &Done<TripBookings>, number: u32) -> Outcome<Stream> {
    let booking = done.state.booking()?;
    answer(done, trips::crew_ticket_bundle(done.id, booking, booking.bundle(number)?))
}

#[derive(Deserialize)]
struct BundlePurchaseUpdate {
    trip_booking_id: Option<EntityId>,
    purchaser_id: Option<EntityId>,
    amount: Option<Number>,
    currency: Option<String>,
    date: Option<f64>,
}

#[derive(Deserialize)]
struct UpdateTicketBundle {
    id: BundleId,
    trip_booking_id: EntityId,
    crew_id: Option<EntityId>,
    event_id: Option<EntityId>,
    purchaser_id: Option<EntityId>,
    tickets: Option<Vec<TicketTerms>>,
    number_of_tickets: Option<u32>,
    purchase: Option<BundlePurchaseUpdate>,
    general_admission: Option<bool>,
    special_seating: Option<bool>,
    bought_here: Option<bool>,
}

pub(super) async fn update_ticket_bundle(call: Call<Write>) -> Outcome<Stream> {
    let request: UpdateTicketBundle = call.body()?;
    let booking = request.trip_booking_id;
    let number = request.id.of(booking, "id")?;
    let command = ChangeBundle {
        bundle: number,
        crew_id: request.crew_id,
        event_id: request.event_id,
        purchaser_id: purchaser(&request)?,
        tickets: request.tickets,
        number_of_tickets: request.number_of_tickets,
        purchase: request.purchase.map(|paid| price(paid.amount, paid.currency, paid.date)),
        general_admission: request.general_admission,
        special_seating: request.special_seating,
        bought_here: request.bought_here,
    };
    bundle(&change(&call, booking, command).await?, number)
}

/// The bundle's purchaser, which the purchase may name too; a bundle has one.
fn purchaser(request: &UpdateTicketBundle) -> Result<Option<EntityId>, Failure> {
    let Some(purchase) = &request.purchase else { return Ok(request.purchaser_id) };
    of_booking(purchase.trip_booking_id, request.trip_booking_id)?;
    match (request.purchaser_id, purchase.purchaser_id) {
        (Some(one), Some(other)) if one != other => {
            Err(Failure::invalid("purchase.purchaser_id", "is not the bundle's `purchaser_id`"))
        }
        (one, other) => Ok(one.or(other)),
    }
}

#[derive(Deserialize)]
struct DeleteTicketBundle {
    id: BundleId,
    trip_booking_id: EntityId,
}

pub(super) async fn delete_ticket_bundle(call: Call<Write>) -> Outcome<Stream> {
    let DeleteTicketBundle { id, trip_booking_id: booking } = call.body()?;
    let bundle = id.of(booking, "id")?;
    let done = change(&call, booking, TripBookingCommand::RemoveBundle { bundle }).await?;
    answer(&done, json!({"tripBookingId": booking, "id": id}))
}

#[derive(Deserialize)]
struct AddTicket {
    trip_booking_id: EntityId,
    ticket_bundle_id: BundleId,
    event_id: Option<EntityId>,
    purchaser_id: Option<EntityId>,
}

pub(super) async fn add_ticket(call: Call<Write>) -> Outcome<Stream> {
    let AddTicket { trip_booking_id: booking, ticket_bundle_id, event_id, purchaser_id } = call.body()?;
    let bundle = ticket_bundle_id.of(booking, "ticket_bundle_id")?;
    let ticket = TicketTerms { event_id, purchaser_id };
    let done = change(&call, booking, TripBookingCommand::AddTicket { bundle, ticket }).await?;
    ticket_of(&done, bundle, added(&done)?)
}

fn ticket_of(done: &Done<TripBookings>, bundle: u32, number: u32) -> Outcome<Stream> {
    answer(done, trips::ticket(done.id, bundle, done.state.booking()?.ticket(bundle, number)?))
}

#[derive(Deserialize)]
struct UpdateTicket {
    id: TicketId,
    trip_booking_id: EntityId,
    ticket_bundle_id: BundleId,
    event_id: Option<EntityId>,
    purchaser_id: Option<EntityId>,
}

pub(super) async fn update_ticket(call: Call<Write>) -> Outcome<Stream> {
    let UpdateTicket { id, trip_booking_id: booking, ticket_bundle_id, event_id, purchaser_id } = call.body()?;
    let (bundle, ticket) = (ticket_bundle_id.of(booking, "ticket_bundle_id")?, id.of(booking, "id")?);
    let terms = TicketTerms { event_id, purchaser_id };
    let done = change(&call, booking, TripBookingCommand::ChangeTicket { bundle, ticket, terms }).await?;
    ticket_of(&done, bundle, ticket)
}

#[derive(Deserialize)]
struct AssignTicket {
    id: TicketId,
    trip_booking_id: EntityId,
    ticket_bundle_id: BundleId,
    consumer: EntityId,
}

pub(super) async fn assign_ticket(call: Call<Write>) -> Outcome<Stream> {
    let AssignTicket { id, trip_booking_id: booking, ticket_bundle_id, consumer } = call.body()?;
    let (bundle, ticket) = (ticket_bundle_id.of(booking, "ticket_bundle_id")?, id.of(booking, "id")?);
    let done = change(&call, booking, TripBookingCommand::AssignTicket { bundle, ticket, consumer }).await?;
    ticket_of(&done, bundle, ticket)
}

#[derive(Deserialize)]
struct DeleteTicket {
    id: TicketId,
    trip_booking_id: EntityId,
    ticket_bundle_id: BundleId,
}

pub(super) async fn delete_ticket(call: Call<Write>) -> Outcome<Stream> {
    let DeleteTicket { id, trip_booking_id: booking, ticket_bundle_id } = call.body()?;
    let (bundle, ticket) = (ticket_bundle_id.of(booking, "ticket_bundle_id")?, id.of(booking, "id")?);
    let done = change(&call, booking, TripBookingCommand::RemoveTicket { bundle, ticket }).await?;
    answer(&done, json!({"ticketBundleId": ticket_bundle_id, "id": id}))
}
