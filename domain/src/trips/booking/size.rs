//! How much one booking holds: all of it is one document, which every change writes anew.

use super::{Accommodation, Bundle, Room, TripBooking, TripBookingEvent};
use crate::Rejection;

/// The most members, and the most events, of one booking.
const MOST_MEMBERS: usize = 1_000;
const MOST_EVENTS: usize = 1_000;

/// The most bundles, tickets, accommodations, rooms and guests together.
const MOST_CHILDREN: usize = 20_000;

/// Refuses what would make the booking larger than one may be. What shrinks it always may.
pub(super) fn check(booking: &TripBooking, events: &[TripBookingEvent]) -> Result<(), Rejection> {
    use TripBookingEvent as E;
    let (mut members, mut attended, mut children) = (0, 0, 0);
    for event in events {
        match event {
            E::MemberAdded { .. } => members += 1,
            E::EventAdded { .. } => attended += 1,
            E::BundleAdded { bundle } => children += in_bundle(bundle),
            E::BundleChanged { bundle } => {
                let before = booking.bundle(bundle.number).map_or(0, in_bundle);
                children += in_bundle(bundle).saturating_sub(before);
            }
            E::TicketAdded { .. } => children += 1,
            E::AccommodationAdded { accommodation } => children += in_accommodation(accommodation),
            E::RoomAdded { room, .. } => children += in_room(room),
            E::GuestsAdded { guests, .. } => children += guests.len(),
            E::BookingCreated { .. }
            | E::BookingDatesChanged { .. }
            | E::LeadersChanged { .. }
            | E::BundlesReordered { .. }
            | E::AccommodationsReordered { .. }
            | E::BookingAbandoned {}
            | E::BookingRecovered {}
            | E::MemberChanged { .. }
            | E::MemberRemoved { .. }
            | E::MemberTookPart { .. }
            | E::MemberReplaced { .. }
            | E::MemberReminded { .. }
            | E::AttendeesChanged { .. }
            | E::EventRemoved { .. }
            | E::BundleRemoved { .. }
            | E::TicketChanged { .. }
            | E::TicketAssigned { .. }
            | E::TicketRemoved { .. }
            | E::AccommodationChanged { .. }
            | E::AccommodationRemoved { .. }
            | E::RoomChanged { .. }
            | E::RoomRemoved { .. }
            | E::GuestChanged { .. }
            | E::GuestRemoved { .. } => {}
        }
    }
    let present = || {
        booking.bundles.iter().map(in_bundle).sum::<usize>()
            + booking.accommodations.iter().map(in_accommodation).sum::<usize>()
    };
    let full = |most: usize, what: &str| Rejection::conflict(format!("a trip booking has at most {most} {what}"));
    if members > 0 && booking.members.len() + members > MOST_MEMBERS {
        return Err(full(MOST_MEMBERS, "members"));
    }
    if attended > 0 && booking.events.len() + attended > MOST_EVENTS {
        return Err(full(MOST_EVENTS, "events"));
    }
    if children > 0 && present() + children > MOST_CHILDREN {
        return Err(full(MOST_CHILDREN, "bundles, tickets, accommodations, rooms and guests"));
    }
    Ok(())
}

fn in_bundle(bundle: &Bundle) -> usize {
    1 + bundle.tickets.len()
}

fn in_accommodation(accommodation: &Accommodation) -> usize {
    1 + accommodation.rooms.iter().map(in_room).sum::<usize>()
}

fn in_room(room: &Room) -> usize {
    1 + room.guests.len()
}
