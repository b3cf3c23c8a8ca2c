//! Ticket bundles and their tickets: who bought them, who uses them.

use super::commands::{AddBundle, ChangeBundle, TicketTerms};
use super::events::{Bundle, Ticket};
use super::prices::purchase;
use super::{Decision, Numbers, TripBooking, TripBookingEvent};
use crate::{Context, EntityId, Rejection};

/// The most tickets that one bundle holds.
const MOST_TICKETS: usize = 1_000;

pub(super) fn add_bundle(booking: &TripBooking, add: AddBundle, context: &Context) -> Decision {
    let actor = booking.acting_member(context)?;
    add.crew_id.map_or(Ok(()), |crew| booking.only_of(crew))?;
    booking.only_events([add.event_id], "event_id")?;
    booking.only_members([add.purchaser_id], "purchaser_id")?;
    at_most(add.tickets.len())?;
    for (index, terms) in add.tickets.iter().enumerate() {
        check_terms(booking, terms).map_err(|rejection| rejection.within(&format!("tickets[{index}]")))?;
    }
    if add.purchaser_id != actor {
        booking.only_leaders_name_purchasers(actor, "purchaser_id")?;
    }
    for (index, terms) in add.tickets.iter().enumerate() {
        if terms.purchaser_id.is_some_and(|purchaser| purchaser != add.purchaser_id) {
            let named = booking.only_leaders_name_purchasers(actor, "purchaser_id");
            named.map_err(|rejection| rejection.within(&format!("tickets[{index}]")))?;
        }
    }
    let mut numbers = Numbers::of(booking);
    let number = numbers.take();
    let purchase = add.purchase.map(|price| purchase(None, &price, || numbers.take(), context)).transpose()?;
    let ticket = |terms: TicketTerms| Ticket {
        number: numbers.take(),
        event: terms.event_id.unwrap_or(add.event_id),
        purchaser: terms.purchaser_id.unwrap_or(add.purchaser_id),
        consumer: None,
    };
    let tickets = add.tickets.into_iter().map(ticket).collect();
    let bundle = Bundle {
        number,
        event: add.event_id,
        purchaser: add.purchaser_id,
        purchase,
        tickets,
        general_admission: add.general_admission,
        special_seating: add.special_seating,
        bought_here: add.bought_here,
    };
    Ok(vec![TripBookingEvent::BundleAdded { bundle }])
}

fn at_most(tickets: usize) -> Result<(), Rejection> {
    if tickets <= MOST_TICKETS {
        return Ok(());
    }
    Err(Rejection::invalid(
        "bundle-full",
        "number_of_tickets",
        format!("a bundle holds at most {MOST_TICKETS} tickets"),
    ))
}

fn check_terms(booking: &TripBooking, terms: &TicketTerms) -> Result<(), Rejection> {
    booking.only_events(terms.event_id, "event_id")?;
    booking.only_members(terms.purchaser_id, "purchaser_id")
}

/// The person acting, who must be the bundle's purchaser or a leader.
fn purchaser_or_leader(booking: &TripBooking, bundle: &Bundle, context: &Context) -> Result<EntityId, Rejection> {
    let actor = booking.acting_member(context)?;
    if booking.may_act_on_bundle(bundle, actor) { Ok(actor) } else { Err(only_purchaser_or_leader()) }
}

fn only_purchaser_or_leader() -> Rejection {
    Rejection::forbidden("only-purchaser-or-leaders", "only the purchaser or a leader of the booking may")
}

/// A change of event or purchaser goes to every ticket; `tickets` then apply by position.
pub(super) fn change_bundle(booking: &TripBooking, change: ChangeBundle, context: &Context) -> Decision {
    booking.acting_member(context)?;
    change.crew_id.map_or(Ok(()), |crew| booking.only_of(crew))?;
    let known = booking.bundle(change.bundle)?;
    let actor = purchaser_or_leader(booking, known, context)?;
    let mut bundle = known.clone();
    let mut numbers = Numbers::of(booking);
    if let Some(event) = change.event_id.filter(|event| *event != known.event) {
        booking.only_events([event], "event_id")?;
        bundle.event = event;
        bundle.tickets.iter_mut().for_each(|ticket| ticket.event = event);
    }
    if let Some(purchaser) = change.purchaser_id.filter(|purchaser| *purchaser != known.purchaser) {
        booking.only_members([purchaser], "purchaser_id")?;
        booking.only_leaders_name_purchasers(actor, "purchaser_id")?;
        bundle.purchaser = purchaser;
        bundle.tickets.iter_mut().for_each(|ticket| ticket.purchaser = purchaser);
    }
    if let Some(count) = wanted_count(&change)? {
        resize(booking, &mut bundle, count, &mut numbers)?;
    }
    for (index, (ticket, terms)) in bundle.tickets.iter_mut().zip(change.tickets.iter().flatten()).enumerate() {
        let changed = change_ticket(booking, ticket, terms, actor);
        changed.map_err(|rejection| rejection.within(&format!("tickets[{index}]")))?;
    }
    if let Some(price) = &change.purchase {
        if known.purchase.is_none() {
            booking.only_members([bundle.purchaser], "purchaser_id")?;
        }
        bundle.purchase = Some(purchase(known.purchase.as_ref(), price, || numbers.take(), context)?);
    }
    bundle.general_admission = change.general_admission.unwrap_or(bundle.general_admission);
    bundle.special_seating = change.special_seating.unwrap_or(bundle.special_seating);
    bundle.bought_here = change.bought_here.unwrap_or(bundle.bought_here);
    Ok(if bundle == *known { vec![] } else { vec![TripBookingEvent::BundleChanged { bundle }] })
}

/// How many tickets the bundle is to have, if that is said.
fn wanted_count(change: &ChangeBundle) -> Result<Option<usize>, Rejection> {
    let listed = change.tickets.as_ref().map(Vec::len);
    let named = change.number_of_tickets.map(|number| number as usize);
    if let (Some(listed), Some(named)) = (listed, named)
        && listed != named
    {
        return Err(Rejection::invalid(
            "tickets-listed-and-counted",
            "number_of_tickets",
            "is not the number of tickets listed",
        ));
    }
    let count = named.or(listed);
    at_most(count.unwrap_or(0))?;
    Ok(count)
}

/// Adds unassigned tickets, or removes the unassigned ones that were made last.
fn resize(booking: &TripBooking, bundle: &mut Bundle, count: usize, numbers: &mut Numbers) -> Result<(), Rejection> {
    if bundle.tickets.len() < count {
        booking.only_events([bundle.event], "event_id")?;
        booking.only_members([bundle.purchaser], "purchaser_id")?;
    }
    while bundle.tickets.len() < count {
        bundle.tickets.push(Ticket {
            number: numbers.take(),
            event: bundle.event,
            purchaser: bundle.purchaser,
            consumer: None,
        });
    }
    while bundle.tickets.len() > count {
        let Some(index) = bundle.tickets.iter().rposition(|ticket| ticket.consumer.is_none()) else {
            return Err(Rejection::conflict("too-few-unassigned-tickets", "too few tickets are unassigned")
                .on("number_of_tickets"));
        };
        bundle.tickets.remove(index);
    }
    Ok(())
}

/// What does not change need not be in the booking any more.
fn change_ticket(
    booking: &TripBooking,
    ticket: &mut Ticket,
    terms: &TicketTerms,
    actor: EntityId,
) -> Result<(), Rejection> {
    let changed = TicketTerms {
        event_id: terms.event_id.filter(|event| *event != ticket.event),
        purchaser_id: terms.purchaser_id.filter(|purchaser| *purchaser != ticket.purchaser),
    };
    check_terms(booking, &changed)?;
    if changed.purchaser_id.is_some() {
        booking.only_leaders_name_purchasers(actor, "purchaser_id")?;
    }
    ticket.event = changed.event_id.unwrap_or(ticket.event);
    ticket.purchaser = changed.purchaser_id.unwrap_or(ticket.purchaser);
    Ok(())
}

pub(super) fn remove_bundle(booking: &TripBooking, bundle: u32, context: &Context) -> Decision {
    booking.acting_member(context)?;
    purchaser_or_leader(booking, booking.bundle(bundle)?, context)?;
    Ok(vec![TripBookingEvent::BundleRemoved { bundle }])
}

pub(super) fn add(booking: &TripBooking, bundle: u32, terms: TicketTerms, context: &Context) -> Decision {
    booking.acting_member(context)?;
    let known = booking.bundle(bundle)?;
    let actor = purchaser_or_leader(booking, known, context)?;
    at_most(known.tickets.len() + 1)?;
    let event = terms.event_id.unwrap_or(known.event);
    let purchaser = terms.purchaser_id.unwrap_or(known.purchaser);
    check_terms(booking, &TicketTerms { event_id: Some(event), purchaser_id: Some(purchaser) })?;
    if purchaser != known.purchaser {
        booking.only_leaders_name_purchasers(actor, "purchaser_id")?;
    }
    let ticket = Ticket { number: Numbers::of(booking).take(), event, purchaser, consumer: None };
    Ok(vec![TripBookingEvent::TicketAdded { bundle, ticket }])
}

pub(super) fn change(
    booking: &TripBooking,
    bundle: u32,
    ticket: u32,
    terms: TicketTerms,
    context: &Context,
) -> Decision {
    booking.acting_member(context)?;
    let known = booking.ticket(bundle, ticket)?;
    let actor = purchaser_or_leader(booking, booking.bundle(bundle)?, context)?;
    let mut changed = known.clone();
    change_ticket(booking, &mut changed, &terms, actor)?;
    if changed == *known {
        return Ok(vec![]);
    }
    let (event, purchaser) = (changed.event, changed.purchaser);
    Ok(vec![TripBookingEvent::TicketChanged { bundle, ticket, event, purchaser }])
}

pub(super) fn assign(
    booking: &TripBooking,
    bundle: u32,
    ticket: u32,
    consumer: EntityId,
    context: &Context,
) -> Decision {
    let actor = booking.acting_member(context)?;
    let known = booking.ticket(bundle, ticket)?;
    if !booking.may_act_on_bundle(booking.bundle(bundle)?, actor) && actor != known.purchaser {
        return Err(only_purchaser_or_leader());
    }
    booking.only_members([consumer], "consumer")?;
    if !booking.has_event(known.event) {
        return Err(Rejection::conflict("ticket-event-left-booking", "the ticket's event is no longer in the booking"));
    }
    let assigned = known.consumer == Some(consumer);
    Ok(if assigned { vec![] } else { vec![TripBookingEvent::TicketAssigned { bundle, ticket, consumer }] })
}

pub(super) fn remove(booking: &TripBooking, bundle: u32, ticket: u32, context: &Context) -> Decision {
    booking.acting_member(context)?;
    booking.ticket(bundle, ticket)?;
    purchaser_or_leader(booking, booking.bundle(bundle)?, context)?;
    Ok(vec![TripBookingEvent::TicketRemoved { bundle, ticket }])
}
