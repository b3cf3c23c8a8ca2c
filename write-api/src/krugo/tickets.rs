//! `bookingtickets`: bundles and their tickets.

use caravan_domain::EntityId;
use caravan_domain::trips::booking::{AddBundle, ChangeBundle, TicketTerms, TripBookingCommand, TripBookingEvent};
use caravan_wire::krugo::ids::{self, Child};
use caravan_wire::krugo::trips;
use caravan_wire::{Call, Failure};
use serde::Deserialize;
use serde_json::json;

use super::requests::{Changed, Outcome, Purchase, acting, change, child, optional};
use crate::Write;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AddTicketBundle {
    trip_booking_id: String,
    crew_id: Option<String>,
    event_id: String,
    purchaser_id: String,
    #[serde(default)]
    tickets: Vec<TicketInput>,
    purchase: Option<Purchase>,
    is_general_admission: Option<bool>,
    is_special_seating: Option<bool>,
    is_krugo_purchase: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TicketInput {
    event_id: Option<String>,
    purchaser_id: Option<String>,
}

fn ticket_terms(tickets: &[TicketInput]) -> Result<Vec<TicketTerms>, Failure> {
    let terms = tickets.iter().enumerate().map(|(index, ticket)| {
        Ok(TicketTerms {
            event_id: optional(ticket.event_id.as_ref(), &format!("tickets[{index}].eventId"))?,
            purchaser_id: optional(ticket.purchaser_id.as_ref(), &format!("tickets[{index}].purchaserId"))?,
        })
    });
    terms.collect()
}

pub(super) async fn add_ticket_bundle(call: Call<Write>) -> Outcome {
    let request: AddTicketBundle = call.body()?;
    let id = ids::parse(&request.trip_booking_id, "tripBookingId")?;
    if let Some(purchase) = &request.purchase {
        purchase.without(
            "",
            &[
                ("id", &purchase.id),
                ("tripBookingId", &purchase.trip_booking_id),
                ("purchaserId", &purchase.purchaser_id),
            ],
        )?;
    }
    let command = TripBookingCommand::AddBundle(AddBundle {
        crew_id: optional(request.crew_id.as_ref(), "crewId")?,
        event_id: ids::parse(&request.event_id, "eventId")?,
        purchaser_id: ids::parse(&request.purchaser_id, "purchaserId")?,
        tickets: ticket_terms(&request.tickets)?,
        purchase: request.purchase.as_ref().map(Purchase::price),
        general_admission: request.is_general_admission.unwrap_or(false),
        special_seating: request.is_special_seating.unwrap_or(false),
        krugo_purchase: request.is_krugo_purchase.unwrap_or(false),
    });
    let changed = change(&call, id, command).await?;
    let added = changed.done.events.iter().find_map(|event| match event {
        TripBookingEvent::BundleAdded { bundle } => Some(bundle.number),
        _ => None,
    });
    bundle(&changed, added.ok_or_else(|| Failure::broken("a bundle was added without an event"))?)
}

fn bundle(changed: &Changed, number: u32) -> Outcome {
    let booking = changed.booking()?;
    changed.answer(trips::crew_ticket_bundle(changed.id, booking, booking.bundle(number)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UpdateTicketBundle {
    id: String,
    trip_booking_id: String,
    crew_id: Option<String>,
    user_id: String,
    event_id: Option<String>,
    purchaser_id: Option<String>,
    tickets: Option<Vec<TicketInput>>,
    number_of_tickets: Option<u32>,
    purchase: Option<Purchase>,
    is_general_admission: Option<bool>,
    is_special_seating: Option<bool>,
    is_krugo_purchase: Option<bool>,
}

pub(super) async fn update_ticket_bundle(call: Call<Write>) -> Outcome {
    let request: UpdateTicketBundle = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.trip_booking_id, "tripBookingId")?;
    let number = child(Child::Bundle, id, &request.id, "id")?;
    let command = TripBookingCommand::ChangeBundle(ChangeBundle {
        bundle: number,
        crew_id: optional(request.crew_id.as_ref(), "crewId")?,
        event_id: optional(request.event_id.as_ref(), "eventId")?,
        purchaser_id: purchaser(&request, id)?,
        tickets: request.tickets.as_deref().map(ticket_terms).transpose()?,
        number_of_tickets: request.number_of_tickets,
        purchase: request.purchase.as_ref().map(Purchase::price),
        general_admission: request.is_general_admission,
        special_seating: request.is_special_seating,
        krugo_purchase: request.is_krugo_purchase,
    });
    bundle(&change(&call, id, command).await?, number)
}

/// The bundle's purchaser, which the purchase may name too; a bundle has one.
fn purchaser(request: &UpdateTicketBundle, booking: EntityId) -> Result<Option<EntityId>, Failure> {
    let named = optional(request.purchaser_id.as_ref(), "purchaserId")?;
    let Some(purchase) = &request.purchase else { return Ok(named) };
    purchase.without("", &[("id", &purchase.id)])?;
    purchase.only_of(booking)?;
    match (named, optional(purchase.purchaser_id.as_ref(), "purchase.purchaserId")?) {
        (Some(one), Some(other)) if one != other => {
            Err(Failure::invalid("purchase.purchaserId", "is not the bundle's purchaserId"))
        }
        (one, other) => Ok(one.or(other)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DeleteTicketBundle {
    id: String,
    trip_booking_id: String,
    user_id: String,
}

pub(super) async fn delete_ticket_bundle(call: Call<Write>) -> Outcome {
    let request: DeleteTicketBundle = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.trip_booking_id, "tripBookingId")?;
    let bundle = child(Child::Bundle, id, &request.id, "id")?;
    let changed = change(&call, id, TripBookingCommand::RemoveBundle { bundle }).await?;
    changed.answer(json!({"tripBookingId": id, "id": request.id}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AddTicket {
    trip_booking_id: String,
    ticket_bundle_id: String,
    user_id: String,
    event_id: Option<String>,
    purchaser_id: Option<String>,
}

pub(super) async fn add_ticket(call: Call<Write>) -> Outcome {
    let request: AddTicket = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.trip_booking_id, "tripBookingId")?;
    let bundle = child(Child::Bundle, id, &request.ticket_bundle_id, "ticketBundleId")?;
    let ticket = TicketTerms {
        event_id: optional(request.event_id.as_ref(), "eventId")?,
        purchaser_id: optional(request.purchaser_id.as_ref(), "purchaserId")?,
    };
    let changed = change(&call, id, TripBookingCommand::AddTicket { bundle, ticket }).await?;
    let added = changed.done.events.iter().find_map(|event| match event {
        TripBookingEvent::TicketAdded { ticket, .. } => Some(ticket.number),
        _ => None,
    });
    ticket_of(&changed, bundle, added.ok_or_else(|| Failure::broken("a ticket was added without an event"))?)
}

fn ticket_of(changed: &Changed, bundle: u32, number: u32) -> Outcome {
    changed.answer(trips::ticket(changed.id, bundle, changed.booking()?.ticket(bundle, number)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UpdateTicket {
    id: String,
    trip_booking_id: String,
    ticket_bundle_id: String,
    user_id: String,
    event_id: Option<String>,
    purchaser_id: Option<String>,
}

pub(super) async fn update_ticket(call: Call<Write>) -> Outcome {
    let request: UpdateTicket = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.trip_booking_id, "tripBookingId")?;
    let bundle = child(Child::Bundle, id, &request.ticket_bundle_id, "ticketBundleId")?;
    let ticket = child(Child::Ticket, id, &request.id, "id")?;
    let terms = TicketTerms {
        event_id: optional(request.event_id.as_ref(), "eventId")?,
        purchaser_id: optional(request.purchaser_id.as_ref(), "purchaserId")?,
    };
    let changed = change(&call, id, TripBookingCommand::ChangeTicket { bundle, ticket, terms }).await?;
    ticket_of(&changed, bundle, ticket)
}

/// `assignTicketRequest`, where `userId` is the receiver, and `deleteTicketRequest`, where it is the actor.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NameTicket {
    id: String,
    trip_booking_id: String,
    ticket_bundle_id: String,
    user_id: String,
}

pub(super) async fn assign_ticket(call: Call<Write>) -> Outcome {
    let request: NameTicket = call.body()?;
    let id = ids::parse(&request.trip_booking_id, "tripBookingId")?;
    let bundle = child(Child::Bundle, id, &request.ticket_bundle_id, "ticketBundleId")?;
    let ticket = child(Child::Ticket, id, &request.id, "id")?;
    let consumer = ids::parse(&request.user_id, "userId")?;
    let changed = change(&call, id, TripBookingCommand::AssignTicket { bundle, ticket, consumer }).await?;
    ticket_of(&changed, bundle, ticket)
}

pub(super) async fn delete_ticket(call: Call<Write>) -> Outcome {
    let request: NameTicket = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.trip_booking_id, "tripBookingId")?;
    let bundle = child(Child::Bundle, id, &request.ticket_bundle_id, "ticketBundleId")?;
    let ticket = child(Child::Ticket, id, &request.id, "id")?;
    let changed = change(&call, id, TripBookingCommand::RemoveTicket { bundle, ticket }).await?;
    changed.answer(json!({"ticketBundleId": request.ticket_bundle_id, "id": request.id}))
}
