//! Who stays in which room and bears which share of its price.

use std::collections::BTreeMap;

use super::commands::{ChangeGuest, NewGuest};
use super::events::Guest;
use super::rooms::only_who_may_act_on;
use super::{Decision, Numbers, Room, TripBooking, TripBookingEvent};
use crate::payments::proportions_fit;
use crate::trips::in_order;
use crate::{Context, EntityId, Rejection};

/// Guests of a new room.
pub(super) fn new_guests(
    booking: &TripBooking,
    guests: Vec<NewGuest>,
    numbers: &mut Numbers,
) -> Result<Vec<Guest>, Rejection> {
    let mut made: Vec<Guest> = Vec::with_capacity(guests.len());
    for (index, guest) in guests.into_iter().enumerate() {
        let guest = new_guest(booking, guest, &made, numbers);
        made.push(guest.map_err(|rejection| rejection.within(&format!("guests[{index}]")))?);
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
    booking.only_members([guest.person], "person")?;
    in_order(guest.check_in_date, guest.check_out_date, "check_out_date")?;
    if others.iter().any(|other| other.person == guest.person) {
        return Err(Rejection::conflict("guest-in-room-already", "is a guest of the room already").on("person"));
    }
    let proportions: Vec<Option<f64>> = others.iter().chain([guest]).map(|guest| guest.proportion).collect();
    if !proportions_fit(&proportions) {
        return Err(Rejection::invalid(
            "proportions-fit",
            "proportion",
            "proportions are between 0 and 1 and sum to 1 at most",
        ));
    }
    Ok(())
}

/// Guests of existing rooms, each with its room; one event per room, guests numbered in the order given. Who may not
/// act on a room still adds themselves, without a share of their own choosing.
pub(super) fn add(booking: &TripBooking, guests: Vec<(u32, NewGuest)>, context: &Context) -> Decision {
    let actor = booking.acting_member(context)?;
    let mut numbers = Numbers::of(booking);
    let mut rooms: BTreeMap<u32, Vec<Guest>> = BTreeMap::new();
    for (index, (number, guest)) in guests.into_iter().enumerate() {
        let (_, room) = booking.room(number)?;
        let added = rooms.entry(number).or_default();
        let others: Vec<Guest> = room.guests.iter().chain(added.iter()).copied().collect();
        let guest = new_guest(booking, guest, &others, &mut numbers).and_then(|guest| {
            may_join(booking, room, actor, guest.person, guest.proportion)?;
            Ok(guest)
        });
        added.push(guest.map_err(|rejection| rejection.within(&format!("[{index}]")))?);
    }
    Ok(rooms.into_iter().map(|(room, guests)| TripBookingEvent::GuestsAdded { room, guests }).collect())
}

/// Refuses a place for somebody else, and a share that somebody chooses for themselves, in a room that another paid.
fn may_join(
    booking: &TripBooking,
    room: &Room,
    actor: EntityId,
    person: EntityId,
    share: Option<f64>,
) -> Result<(), Rejection> {
    if booking.may_act_on_room(room, actor) {
        return Ok(());
    }
    if person != actor {
        return Err(Rejection::forbidden(
            "only-who-paid-sets-places",
            "only who paid for the room or a leader may set others' places",
        )
        .on("person"));
    }
    match share {
        None => Ok(()),
        Some(_) => Err(only_purchaser_sets_shares()),
    }
}

fn only_purchaser_sets_shares() -> Rejection {
    Rejection::forbidden("only-who-paid-sets-shares", "only who paid for the room or a leader may set shares")
        .on("proportion")
}

/// Refuses whoever would take somebody else out of a room that another paid.
fn may_leave(booking: &TripBooking, room: &Room, actor: EntityId, person: EntityId) -> Result<(), Rejection> {
    if person == actor { Ok(()) } else { only_who_may_act_on(booking, room, actor) }
}

/// A guest who moves leaves one room and joins another, so both are asked; a share set by who paid for the one says
/// nothing in the other.
pub(super) fn change(booking: &TripBooking, change: ChangeGuest, context: &Context) -> Decision {
    let actor = booking.acting_member(context)?;
    let (room, known) = booking.guest(change.guest)?;
    let (_, target) = booking.room(change.room)?;
    let moves = room.number != target.number;
    let kept = if moves && !booking.may_act_on_room(target, actor) { None } else { known.proportion };
    let guest = Guest {
        number: known.number,
        person: change.person.unwrap_or(known.person),
        proportion: change.proportion.or(kept),
        check_in_date: change.check_in_date.or(known.check_in_date),
        check_out_date: change.check_out_date.or(known.check_out_date),
    };
    if guest == *known && !moves {
        return Ok(vec![]);
    }
    may_leave(booking, room, actor, known.person)?;
    if moves {
        may_join(booking, target, actor, guest.person, guest.proportion)?;
    } else {
        may_join(
            booking,
            target,
            actor,
            guest.person,
            guest.proportion.filter(|share| Some(*share) != known.proportion),
        )?;
    }
    let others: Vec<Guest> = others(target, known.number);
    check(booking, &guest, &others)?;
    Ok(vec![TripBookingEvent::GuestChanged { room: target.number, guest }])
}

fn others(room: &Room, number: u32) -> Vec<Guest> {
    room.guests.iter().filter(|guest| guest.number != number).copied().collect()
}

pub(super) fn remove(booking: &TripBooking, room: u32, guest: u32, context: &Context) -> Decision {
    let actor = booking.acting_member(context)?;
    let (known, record) = booking.guest(guest)?;
    if known.number != room {
        return Err(Rejection::not_found("no-such-guest-in-room", "the room has no such guest"));
    }
    may_leave(booking, known, actor, record.person)?;
    Ok(vec![TripBookingEvent::GuestRemoved { guest }])
}
