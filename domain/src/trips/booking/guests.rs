//! Who stays in which room and bears which share of its price.

use std::collections::BTreeMap;

use super::commands::{ChangeGuest, NewGuest};
use super::events::Guest;
use super::{Decision, Numbers, Room, TripBooking, TripBookingEvent};
use crate::payments::proportions_fit;
use crate::trips::{in_order, within};
use crate::{Context, Rejection};

/// Guests of a new room.
pub(super) fn new_guests(
    booking: &TripBooking,
    guests: Vec<NewGuest>,
    numbers: &mut Numbers,
) -> Result<Vec<Guest>, Rejection> {
    let mut made: Vec<Guest> = Vec::with_capacity(guests.len());
    for (index, guest) in guests.into_iter().enumerate() {
        let guest = new_guest(booking, guest, &made, numbers);
        made.push(guest.map_err(|rejection| within(rejection, &format!("guests[{index}]")))?);
    }
    Ok(made)
}

/// A guest who joins `others` in a room.
fn new_guest(
    booking: &TripBooking,
    guest: NewGuest,
    others: &[Guest],
    numbers: &mut Numbers,
) -> Result<Guest, Rejection> {
    let guest = Guest {
        number: numbers.take(),
        person: guest.person,
        proportion: guest.proportion,
        check_in_date: guest.check_in_date,
        check_out_date: guest.check_out_date,
    };
    check(booking, &guest, others)?;
    Ok(guest)
}

fn check(booking: &TripBooking, guest: &Guest, others: &[Guest]) -> Result<(), Rejection> {
    booking.only_members([guest.person], "guest_id")?;
    in_order(guest.check_in_date, guest.check_out_date, "check_out_date")?;
    if others.iter().any(|other| other.person == guest.person) {
        return Err(Rejection::conflict("is a guest of the room already").on("guest_id"));
    }
    let proportions: Vec<Option<f64>> = others.iter().chain([guest]).map(|guest| guest.proportion).collect();
    if !proportions_fit(&proportions) {
        let message = "proportions are between 0 and 1 and sum to 1 at most";
        return Err(Rejection::invalid("proportion_of_payment", message));
    }
    Ok(())
}

/// Guests of existing rooms, each with its room; one event per room, guests numbered in the order given.
pub(super) fn add(booking: &TripBooking, guests: Vec<(u32, NewGuest)>, context: &Context) -> Decision {
    booking.acting_member(context)?;
    let mut numbers = Numbers::of(booking);
    let mut rooms: BTreeMap<u32, Vec<Guest>> = BTreeMap::new();
    for (index, (number, guest)) in guests.into_iter().enumerate() {
        let (_, room) = booking.room(number)?;
        let added = rooms.entry(number).or_default();
        let others: Vec<Guest> = room.guests.iter().chain(added.iter()).copied().collect();
        let guest = new_guest(booking, guest, &others, &mut numbers);
        added.push(guest.map_err(|rejection| within(rejection, &format!("[{index}]")))?);
    }
    Ok(rooms.into_iter().map(|(room, guests)| TripBookingEvent::GuestsAdded { room, guests }).collect())
}

pub(super) fn change(booking: &TripBooking, change: ChangeGuest, context: &Context) -> Decision {
    booking.acting_member(context)?;
    let (room, known) = booking.guest(change.guest)?;
    let (_, target) = booking.room(change.room)?;
    let guest = Guest {
        number: known.number,
        person: change.person.unwrap_or(known.person),
        proportion: change.proportion.or(known.proportion),
        check_in_date: change.check_in_date.or(known.check_in_date),
        check_out_date: change.check_out_date.or(known.check_out_date),
    };
    if guest == *known && room.number == target.number {
        return Ok(vec![]);
    }
    let others: Vec<Guest> = others(target, known.number);
    check(booking, &guest, &others)?;
    Ok(vec![TripBookingEvent::GuestChanged { room: target.number, guest }])
}

fn others(room: &Room, number: u32) -> Vec<Guest> {
    room.guests.iter().filter(|guest| guest.number != number).copied().collect()
}

pub(super) fn remove(booking: &TripBooking, room: u32, guest: u32, context: &Context) -> Decision {
    booking.acting_member(context)?;
    let (known, _) = booking.guest(guest)?;
    if known.number != room {
        return Err(Rejection::not_found("the room has no such guest"));
    }
    Ok(vec![TripBookingEvent::GuestRemoved { guest }])
}
