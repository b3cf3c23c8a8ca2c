//! The booking's events and who attends them.

use super::{Bundle, Decision, TripBooking, TripBookingEvent};
use crate::trips::distinct;
use crate::{Context, EntityId, Rejection};

pub(super) fn add(
    booking: &TripBooking,
    event: EntityId,
    attendees: Option<Vec<EntityId>>,
    context: &Context,
) -> Decision {
    booking.acting_member(context)?;
    let attendees = attendees.map(distinct);
    booking.only_members(attendees.iter().flatten().copied(), "attendees")?;
    match booking.attendance(event) {
        Err(_) => Ok(vec![TripBookingEvent::EventAdded { event, attendees: attendees.unwrap_or_default() }]),
        Ok(known) if attendees.is_none_or(|attendees| attendees == known.attendees) => Ok(vec![]),
        Ok(_) => Err(Rejection::conflict("event-in-booking-already", "is an event of the booking already").on("event")),
    }
}

pub(super) fn change(booking: &TripBooking, event: EntityId, attendees: Vec<EntityId>, context: &Context) -> Decision {
    booking.acting_member(context)?;
    let known = booking.attendance(event)?;
    let attendees = distinct(attendees);
    booking.only_members(attendees.iter().copied(), "attendees")?;
    let same = known.attendees == attendees;
    Ok(if same { vec![] } else { vec![TripBookingEvent::AttendeesChanged { event, attendees }] })
}

pub(super) fn remove(booking: &TripBooking, event: EntityId, context: &Context) -> Decision {
    let actor = booking.acting_member(context)?;
    booking.attendance(event)?;
    // Its tickets lose their consumers, which is for those who may assign them.
    let assigned =
        |bundle: &&Bundle| bundle.tickets.iter().any(|ticket| ticket.event == event && ticket.consumer.is_some());
    if !booking.bundles.iter().filter(assigned).all(|bundle| booking.may_act_on_bundle(bundle, actor)) {
        return Err(Rejection::forbidden(
            "only-leaders-unassign-by-removal",
            "only leaders of the booking remove an event whose tickets others assigned",
        ));
    }
    Ok(vec![TripBookingEvent::EventRemoved { event }])
}
