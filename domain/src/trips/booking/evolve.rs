//! What each event changes. Nothing here refuses: what was stored, happened.

use std::collections::{BTreeMap, BTreeSet};

use super::events::{Accommodation, Bundle, Guest, Room, Terms, TripBookingEvent};
use super::state::{Attendance, TripBooking, TripBookingState};
use crate::EntityId;
use crate::trips::replace;

pub(super) fn evolve(state: TripBookingState, event: &TripBookingEvent) -> TripBookingState {
    match state {
        TripBookingState::Unknown => created(event),
        TripBookingState::Active(mut booking) => {
            apply(&mut booking, event);
            let ends = *event == TripBookingEvent::BookingAbandoned {};
            if ends { TripBookingState::Abandoned(booking) } else { TripBookingState::Active(booking) }
        }
        TripBookingState::Abandoned(mut booking) => {
            apply(&mut booking, event);
            let goes_on = *event == TripBookingEvent::BookingRecovered {};
            if goes_on { TripBookingState::Active(booking) } else { TripBookingState::Abandoned(booking) }
        }
    }
}

fn created(event: &TripBookingEvent) -> TripBookingState {
    let TripBookingEvent::BookingCreated { crew, city, time_zone, start_date, end_date, creator, leaders } = event
    else {
        return TripBookingState::Unknown;
    };
    TripBookingState::Active(Box::new(TripBooking {
        crew: *crew,
        city: *city,
        time_zone: *time_zone,
        start_date: *start_date,
        end_date: *end_date,
        creator: *creator,
        leaders: leaders.clone(),
        members: leaders.clone(),
        took_part: BTreeSet::new(),
        terms: leaders.iter().map(|leader| (*leader, Terms::default())).collect(),
        events: vec![],
        bundles: vec![],
        bundle_order: vec![],
        accommodations: vec![],
        accommodation_order: vec![],
        next_child: 1,
    }))
}

fn apply(booking: &mut TripBooking, event: &TripBookingEvent) {
    match event {
        TripBookingEvent::BookingCreated { .. }
        | TripBookingEvent::BookingAbandoned {}
        | TripBookingEvent::BookingRecovered {}
        | TripBookingEvent::MemberReminded { .. } => {}
        TripBookingEvent::BookingDatesChanged { start_date, end_date } => {
            booking.start_date = *start_date;
            booking.end_date = *end_date;
        }
        TripBookingEvent::LeadersChanged { leaders } => booking.leaders.clone_from(leaders),
        TripBookingEvent::BundlesReordered { bundles } => booking.bundle_order.clone_from(bundles),
        TripBookingEvent::AccommodationsReordered { accommodations } => {
            booking.accommodation_order.clone_from(accommodations);
        }
        TripBookingEvent::MemberAdded { person, leader, terms } => add_member(booking, *person, *leader, *terms),
        TripBookingEvent::MemberChanged { person, terms } => {
            if let Some(known) = booking.terms.get_mut(person) {
                *known = *terms;
            }
        }
        TripBookingEvent::MemberRemoved { person } => remove_member(booking, *person),
        TripBookingEvent::MemberTookPart { person } => {
            booking.took_part.insert(*person);
        }
        TripBookingEvent::MemberReplaced { from, to } => replace_member(booking, *from, *to),
        TripBookingEvent::EventAdded { event, attendees } => {
            if !booking.has_event(*event) {
                booking.events.push(Attendance { event: *event, attendees: attendees.clone() });
            }
        }
        TripBookingEvent::AttendeesChanged { event, attendees } => {
            if let Some(attendance) = booking.events.iter_mut().find(|attendance| attendance.event == *event) {
                attendance.attendees.clone_from(attendees);
            }
        }
        TripBookingEvent::EventRemoved { event } => {
            booking.events.retain(|attendance| attendance.event != *event);
            let tickets = booking.bundles.iter_mut().flat_map(|bundle| &mut bundle.tickets);
            tickets.filter(|ticket| ticket.event == *event).for_each(|ticket| ticket.consumer = None);
        }
        TripBookingEvent::BundleAdded { bundle } => {
            number_bundle(booking, bundle);
            // Kept ascending, as the search by number needs it.
            if booking.bundles.last().is_none_or(|last| last.number < bundle.number) {
                booking.bundle_order.push(bundle.number);
                booking.bundles.push(bundle.clone());
            }
        }
        TripBookingEvent::BundleChanged { bundle } => {
            number_bundle(booking, bundle);
            if let Some(known) = bundle_mut(booking, bundle.number) {
                known.clone_from(bundle);
            }
        }
        TripBookingEvent::BundleRemoved { bundle } => {
            booking.bundles.retain(|known| known.number != *bundle);
            booking.bundle_order.retain(|number| number != bundle);
        }
        TripBookingEvent::TicketAdded { bundle, ticket } => {
            number(booking, ticket.number);
            if let Some(bundle) = bundle_mut(booking, *bundle) {
                bundle.tickets.push(ticket.clone());
            }
        }
        TripBookingEvent::TicketChanged { bundle, ticket, event, purchaser } => {
            if let Some(ticket) = ticket_mut(booking, *bundle, *ticket) {
                ticket.event = *event;
                ticket.purchaser = *purchaser;
            }
        }
        TripBookingEvent::TicketAssigned { bundle, ticket, consumer } => {
            if let Some(ticket) = ticket_mut(booking, *bundle, *ticket) {
                ticket.consumer = Some(*consumer);
            }
        }
        TripBookingEvent::TicketRemoved { bundle, ticket } => {
            if let Some(bundle) = bundle_mut(booking, *bundle) {
                bundle.tickets.retain(|known| known.number != *ticket);
            }
        }
        TripBookingEvent::AccommodationAdded { accommodation } => {
            number_accommodation(booking, accommodation);
            booking.accommodation_order.push(accommodation.number);
            booking.accommodations.push(accommodation.clone());
        }
        TripBookingEvent::AccommodationChanged { accommodation, details } => {
            if let Some(known) = accommodation_mut(booking, *accommodation) {
                known.details.clone_from(details);
            }
        }
        TripBookingEvent::AccommodationRemoved { accommodation } => {
            booking.accommodations.retain(|known| known.number != *accommodation);
            booking.accommodation_order.retain(|number| number != accommodation);
        }
        TripBookingEvent::RoomAdded { accommodation, room } => {
            number_room(booking, room);
            if let Some(accommodation) = accommodation_mut(booking, *accommodation) {
                accommodation.rooms.push(room.clone());
            }
        }
        TripBookingEvent::RoomChanged { room, terms } => {
            number(booking, terms.purchase.map_or(0, |purchase| purchase.number));
            if let Some(room) = room_mut(booking, *room) {
                room.terms = *terms;
            }
        }
        TripBookingEvent::RoomRemoved { room } => {
            for accommodation in &mut booking.accommodations {
                accommodation.rooms.retain(|known| known.number != *room);
            }
        }
        TripBookingEvent::GuestsAdded { room, guests } => {
            guests.iter().for_each(|guest| number(booking, guest.number));
            if let Some(room) = room_mut(booking, *room) {
                room.guests.extend_from_slice(guests);
            }
        }
        TripBookingEvent::GuestChanged { room, guest } => change_guest(booking, *room, *guest),
        TripBookingEvent::GuestRemoved { guest } => remove_guest(booking, *guest),
    }
}

/// A number was given away.
fn number(booking: &mut TripBooking, number: u32) {
    booking.next_child = booking.next_child.max(number.saturating_add(1));
}

fn number_bundle(booking: &mut TripBooking, bundle: &Bundle) {
    number(booking, bundle.number);
    number(booking, bundle.purchase.map_or(0, |purchase| purchase.number));
    bundle.tickets.iter().for_each(|ticket| number(booking, ticket.number));
}

fn number_accommodation(booking: &mut TripBooking, accommodation: &Accommodation) {
    number(booking, accommodation.number);
    accommodation.rooms.iter().for_each(|room| number_room(booking, room));
}

fn number_room(booking: &mut TripBooking, room: &Room) {
    number(booking, room.number);
    number(booking, room.terms.purchase.map_or(0, |purchase| purchase.number));
    room.guests.iter().for_each(|guest| number(booking, guest.number));
}

fn bundle_mut(booking: &mut TripBooking, number: u32) -> Option<&mut Bundle> {
    let index = booking.bundles.binary_search_by_key(&number, |bundle| bundle.number).ok()?;
    booking.bundles.get_mut(index)
}

fn ticket_mut(booking: &mut TripBooking, bundle: u32, number: u32) -> Option<&mut super::Ticket> {
    bundle_mut(booking, bundle)?.tickets.iter_mut().find(|ticket| ticket.number == number)
}

fn accommodation_mut(booking: &mut TripBooking, number: u32) -> Option<&mut Accommodation> {
    booking.accommodations.iter_mut().find(|accommodation| accommodation.number == number)
}

fn rooms_mut(booking: &mut TripBooking) -> impl Iterator<Item = &mut Room> {
    booking.accommodations.iter_mut().flat_map(|accommodation| &mut accommodation.rooms)
}

fn room_mut(booking: &mut TripBooking, number: u32) -> Option<&mut Room> {
    rooms_mut(booking).find(|room| room.number == number)
}

fn change_guest(booking: &mut TripBooking, room: u32, guest: Guest) {
    let stays = room_mut(booking, room).and_then(|room| room.guests.iter_mut().find(|g| g.number == guest.number));
    if let Some(known) = stays {
        *known = guest;
    } else {
        remove_guest(booking, guest.number);
        if let Some(room) = room_mut(booking, room) {
            room.guests.push(guest);
            room.guests.sort_by_key(|guest| guest.number);
        }
    }
}

fn remove_guest(booking: &mut TripBooking, number: u32) {
    rooms_mut(booking).for_each(|room| take_out(&mut room.guests, |guest| guest.number == number));
}

/// Beside shares that were said a missing one is nothing. It stays nothing when the last of them goes, so that nobody
/// makes others owe by taking themselves out.
fn take_out(guests: &mut Vec<Guest>, goes: impl Fn(&Guest) -> bool) {
    let said = guests.iter().any(|guest| guest.proportion.is_some());
    guests.retain(|guest| !goes(guest));
    if said && guests.iter().all(|guest| guest.proportion.is_none()) {
        guests.iter_mut().for_each(|guest| guest.proportion = Some(0.0));
    }
}

fn add_member(booking: &mut TripBooking, person: EntityId, leader: bool, terms: Terms) {
    if !booking.is_member(person) {
        booking.members.push(person);
    }
    if leader && !booking.is_leader(person) {
        booking.leaders.push(person);
    }
    booking.terms.insert(person, terms);
}

fn remove_member(booking: &mut TripBooking, person: EntityId) {
    booking.terms.remove(&person);
    booking.members.retain(|member| *member != person);
    booking.leaders.retain(|leader| *leader != person);
    // Who is added again has not taken part again.
    booking.took_part.remove(&person);
    for attendance in &mut booking.events {
        attendance.attendees.retain(|attendee| *attendee != person);
    }
    let tickets = booking.bundles.iter_mut().flat_map(|bundle| &mut bundle.tickets);
    tickets.filter(|ticket| ticket.consumer == Some(person)).for_each(|ticket| ticket.consumer = None);
    for accommodation in &mut booking.accommodations {
        accommodation.details.guest_users.retain(|guest| *guest != person);
        for room in &mut accommodation.rooms {
            if room.terms.purchaser == person && room.guests.iter().any(|guest| guest.person == person) {
                keep_shares(&mut room.guests);
            }
            take_out(&mut room.guests, |guest| guest.person == person);
        }
    }
}

/// Says for an equal split what everybody's part is: what is owed to a purchaser who leaves does not grow.
fn keep_shares(guests: &mut [Guest]) {
    let equal = 1.0 / guests.len() as f64;
    if guests.iter().all(|guest| guest.proportion.is_none()) {
        guests.iter_mut().for_each(|guest| guest.proportion = Some(equal));
    }
}

fn replace_member(booking: &mut TripBooking, from: EntityId, to: EntityId) {
    let moved = |person: EntityId| if person == from { to } else { person };
    if let Some(terms) = booking.terms.remove(&from) {
        booking.terms.entry(to).or_insert(terms);
    }
    replace(&mut booking.members, from, to);
    replace(&mut booking.leaders, from, to);
    booking.creator = moved(booking.creator);
    booking.took_part = booking.took_part.iter().copied().map(moved).collect();
    booking.events.iter_mut().for_each(|attendance| replace(&mut attendance.attendees, from, to));
    for bundle in &mut booking.bundles {
        bundle.purchaser = moved(bundle.purchaser);
        for ticket in &mut bundle.tickets {
            ticket.purchaser = moved(ticket.purchaser);
            ticket.consumer = ticket.consumer.map(moved);
        }
    }
    for accommodation in &mut booking.accommodations {
        replace(&mut accommodation.details.guest_users, from, to);
        for room in &mut accommodation.rooms {
            room.terms.purchaser = moved(room.terms.purchaser);
            room.guests.iter_mut().for_each(|guest| guest.person = moved(guest.person));
            collapse(&mut room.guests);
        }
    }
}

/// One record per guest: the first stays and bears the proportions of all. An equal split is one among those who
/// remain.
fn collapse(guests: &mut Vec<Guest>) {
    let mut borne: BTreeMap<EntityId, Option<f64>> = BTreeMap::new();
    for guest in guests.iter() {
        let sum = borne.entry(guest.person).or_default();
        *sum = match (*sum, guest.proportion) {
            (Some(sum), Some(more)) => Some(sum + more),
            (sum, more) => sum.or(more),
        };
    }
    guests.retain_mut(|guest| match borne.remove(&guest.person) {
        Some(proportion) => {
            guest.proportion = proportion;
            true
        }
        None => false,
    });
}
