//! Accommodations and their rooms.

use super::commands::{AddAccommodation, ChangeAccommodation, ChangeRoom, DetailsChange, NewRoom};
use super::events::{Accommodation, Details, Room, RoomTerms};
use super::guests::new_guests;
use super::prices::purchase;
use super::{Decision, Numbers, TripBooking, TripBookingEvent};
use crate::trips::{distinct, in_order};
use crate::{Context, EntityId, Rejection, text};

pub(super) fn add_accommodation(booking: &TripBooking, add: AddAccommodation, context: &Context) -> Decision {
    let actor = booking.acting_member(context)?;
    let details = detailed(booking, Details::default(), Some(add.name), add.details)?;
    let mut numbers = Numbers::of(booking);
    let number = numbers.take();
    let mut rooms = Vec::with_capacity(add.rooms.len());
    for (index, room) in add.rooms.into_iter().enumerate() {
        let room = new_room(booking, room, actor, &mut numbers, context);
        rooms.push(room.map_err(|rejection| rejection.within(&format!("rooms[{index}]")))?);
    }
    let accommodation = Accommodation { number, details, rooms };
    Ok(vec![TripBookingEvent::AccommodationAdded { accommodation }])
}

/// Refuses whoever may not act on each of its rooms.
fn only_who_may_act_on_all(
    booking: &TripBooking,
    accommodation: &Accommodation,
    actor: EntityId,
) -> Result<(), Rejection> {
    let all = accommodation.rooms.iter().all(|room| booking.may_act_on_room(room, actor));
    if all { Ok(()) } else { Err(only_purchaser_or_leader()) }
}

/// Refuses whoever may not act on the room.
pub(super) fn only_who_may_act_on(booking: &TripBooking, room: &Room, actor: EntityId) -> Result<(), Rejection> {
    if booking.may_act_on_room(room, actor) { Ok(()) } else { Err(only_purchaser_or_leader()) }
}

fn only_purchaser_or_leader() -> Rejection {
    Rejection::forbidden("only-who-paid-room-or-leaders", "only who paid for the room or a leader of the booking may")
}

pub(super) fn change_accommodation(booking: &TripBooking, change: ChangeAccommodation, context: &Context) -> Decision {
    let actor = booking.acting_member(context)?;
    let known = booking.accommodation(change.accommodation)?;
    only_who_may_act_on_all(booking, known, actor)?;
    let details = detailed(booking, known.details.clone(), change.name, change.details)?;
    if details == known.details {
        return Ok(vec![]);
    }
    Ok(vec![TripBookingEvent::AccommodationChanged { accommodation: known.number, details }])
}

fn detailed(
    booking: &TripBooking,
    known: Details,
    name: Option<String>,
    change: DetailsChange,
) -> Result<Details, Rejection> {
    let name = name.unwrap_or(known.name);
    text::not_empty("name", &name)?;
    let guest_users = match change.guest_ids {
        Some(ids) => {
            booking.only_members(ids.iter().copied(), "guest_ids")?;
            distinct(ids)
        }
        None => known.guest_users,
    };
    Ok(Details {
        name,
        address: change.address.or(known.address),
        city_name: change.city.or(known.city_name),
        state: change.state.or(known.state),
        city: change.city_id.or(known.city),
        hotel_type: change.hotel_type.or(known.hotel_type),
        guest_users,
        simple: change.simple.unwrap_or(known.simple),
    })
}

pub(super) fn remove_accommodation(booking: &TripBooking, accommodation: u32, context: &Context) -> Decision {
    let actor = booking.acting_member(context)?;
    only_who_may_act_on_all(booking, booking.accommodation(accommodation)?, actor)?;
    Ok(vec![TripBookingEvent::AccommodationRemoved { accommodation }])
}

pub(super) fn add(booking: &TripBooking, accommodation: u32, room: NewRoom, context: &Context) -> Decision {
    let actor = booking.acting_member(context)?;
    booking.accommodation(accommodation)?;
    let room = new_room(booking, room, actor, &mut Numbers::of(booking), context)?;
    Ok(vec![TripBookingEvent::RoomAdded { accommodation, room }])
}

fn new_room(
    booking: &TripBooking,
    room: NewRoom,
    actor: EntityId,
    numbers: &mut Numbers,
    context: &Context,
) -> Result<Room, Rejection> {
    in_order(room.check_in_date, room.check_out_date, "check_out_date")?;
    booking.only_members(room.purchaser_id, "purchase.purchaser_id")?;
    if room.purchaser_id.is_some_and(|purchaser| purchaser != actor) {
        booking.only_leaders_name_purchasers(actor, "purchase.purchaser_id")?;
    }
    let number = numbers.take();
    let purchase = room.purchase.map(|price| purchase(None, &price, || numbers.take(), context)).transpose()?;
    let guests = new_guests(booking, room.guests, numbers)?;
    let terms = RoomTerms {
        check_in_date: room.check_in_date,
        check_out_date: room.check_out_date,
        room_type: room.room_type,
        purchaser: room.purchaser_id.unwrap_or(actor),
        purchase,
    };
    Ok(Room { number, terms, guests })
}

/// A room that must be in the accommodation.
fn room_of(booking: &TripBooking, accommodation: u32, room: u32) -> Result<&Room, Rejection> {
    let found = booking.accommodation(accommodation)?.rooms.iter().find(|known| known.number == room);
    found.ok_or_else(|| Rejection::not_found("no-such-room-in-accommodation", "the accommodation has no such room"))
}

pub(super) fn change(booking: &TripBooking, change: ChangeRoom, context: &Context) -> Decision {
    let actor = booking.acting_member(context)?;
    let room = room_of(booking, change.accommodation, change.room)?;
    only_who_may_act_on(booking, room, actor)?;
    let known = room.terms;
    let purchase_number = known.purchase.map(|purchase| purchase.number);
    if change.purchase_number.is_some() && change.purchase_number != purchase_number {
        return Err(Rejection::not_found("no-such-purchase-of-room", "is not the room's purchase").on("purchase.id"));
    }
    // Whoever enters the first purchase has made it, unless they say who did.
    let first = known.purchase.is_none() && change.purchase.is_some();
    let purchaser = change.purchaser_id.unwrap_or(if first { actor } else { known.purchaser });
    booking.only_members(Some(purchaser).filter(|id| first || *id != known.purchaser), "purchase.purchaser_id")?;
    if known.purchase.is_none() && change.purchaser_id.is_some_and(|purchaser| purchaser != actor) {
        booking.only_leaders_name_purchasers(actor, "purchase.purchaser_id")?;
    }
    let purchase = match &change.purchase {
        Some(price) => Some(purchase(known.purchase.as_ref(), price, || Numbers::of(booking).take(), context)?),
        None => known.purchase,
    };
    let terms = RoomTerms {
        check_in_date: change.check_in_date.or(known.check_in_date),
        check_out_date: change.check_out_date.or(known.check_out_date),
        room_type: change.room_type.or(known.room_type),
        purchaser,
        purchase,
    };
    in_order(terms.check_in_date, terms.check_out_date, "check_out_date")?;
    Ok(if terms == known { vec![] } else { vec![TripBookingEvent::RoomChanged { room: change.room, terms }] })
}

pub(super) fn remove(booking: &TripBooking, accommodation: u32, room: u32, context: &Context) -> Decision {
    let actor = booking.acting_member(context)?;
    only_who_may_act_on(booking, room_of(booking, accommodation, room)?, actor)?;
    Ok(vec![TripBookingEvent::RoomRemoved { room }])
}
