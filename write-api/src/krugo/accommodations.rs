//! `bookingaccommodations`: where the members stay, and who bears which part of it.

use caravan_domain::EntityId;
use caravan_domain::trips::booking::{
    AddAccommodation, ChangeAccommodation, ChangeGuest, ChangeRoom, DetailsChange, NewGuest, NewRoom,
    TripBookingCommand, TripBookingEvent,
};
use caravan_wire::krugo::day::Day;
use caravan_wire::krugo::ids::{self, Child};
use caravan_wire::krugo::trips;
use caravan_wire::{Call, Failure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::requests::{Changed, Outcome, Purchase, acting, change, child, optional, optional_all, refused};
use crate::Write;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RoomInput {
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
    room_type_id: Option<i64>,
    purchase: Option<Purchase>,
    #[serde(default)]
    guests: Vec<RoomGuestInput>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RoomGuestInput {
    guest_id: String,
    proportion_of_payment: Option<f64>,
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
}

fn day(day: Option<Day>) -> Option<chrono::NaiveDate> {
    day.map(|day| day.0)
}

/// `within` is where the room stands in the request: empty, or `rooms[0].`.
fn new_room(room: &RoomInput, within: &str) -> Result<NewRoom, Failure> {
    let guests = room.guests.iter().enumerate().map(|(index, guest)| {
        Ok(NewGuest {
            person: ids::parse(&guest.guest_id, &format!("{within}guests[{index}].guestId"))?,
            proportion: guest.proportion_of_payment,
            check_in_date: day(guest.check_in_date),
            check_out_date: day(guest.check_out_date),
        })
    });
    if let Some(purchase) = &room.purchase {
        purchase.without(within, &[("id", &purchase.id), ("tripBookingId", &purchase.trip_booking_id)])?;
    }
    let purchaser = room.purchase.as_ref().and_then(|purchase| purchase.purchaser_id.as_ref());
    Ok(NewRoom {
        check_in_date: day(room.check_in_date),
        check_out_date: day(room.check_out_date),
        room_type: room.room_type_id,
        purchaser_id: optional(purchaser, &format!("{within}purchase.purchaserId"))?,
        purchase: room.purchase.as_ref().map(Purchase::price),
        guests: guests.collect::<Result<_, Failure>>()?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AddRequest {
    trip_booking_id: String,
    user_id: String,
    name: String,
    address: Option<String>,
    city: Option<String>,
    state: Option<String>,
    city_id: Option<String>,
    hotel_type_id: Option<i64>,
    accommodation_guest_user_ids: Option<Vec<String>>,
    is_simple_booking: Option<bool>,
    #[serde(default)]
    rooms: Vec<RoomInput>,
}

pub(super) async fn add_accommodation(call: Call<Write>) -> Outcome {
    let request: AddRequest = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.trip_booking_id, "tripBookingId")?;
    let rooms = request.rooms.iter().enumerate().map(|(index, room)| new_room(room, &format!("rooms[{index}].")));
    let rooms = rooms.collect::<Result<Vec<_>, Failure>>()?;
    let city_id = optional(request.city_id.as_ref(), "cityId")?;
    let details = DetailsChange {
        address: request.address,
        city: request.city,
        state: request.state,
        city_id,
        hotel_type: request.hotel_type_id,
        guest_user_ids: optional_all(request.accommodation_guest_user_ids.as_ref(), "accommodationGuestUserIds")?,
        simple: request.is_simple_booking,
    };
    let command = TripBookingCommand::AddAccommodation(AddAccommodation { name: request.name, details, rooms });
    let changed = change_with_city(&call, id, city_id, command).await?;
    let added = changed.done.events.iter().find_map(|event| match event {
        TripBookingEvent::AccommodationAdded { accommodation } => Some(accommodation.number),
        _ => None,
    });
    let number = added.ok_or_else(|| Failure::broken("an accommodation was added without an event"))?;
    changed.answer(trips::created_accommodation(id, changed.booking()?.accommodation(number)?))
}

async fn change_with_city(
    call: &Call<Write>,
    id: EntityId,
    city: Option<EntityId>,
    command: TripBookingCommand,
) -> Result<Changed, Failure> {
    let caller = call.state.caller(call).await?;
    let done = call.state.commands.change_accommodation(id, city, command, &caller).await.map_err(refused)?;
    Ok(Changed { id, done })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UpdateRequest {
    id: String,
    trip_booking_id: String,
    user_id: String,
    name: Option<String>,
    address: Option<String>,
    city: Option<String>,
    state: Option<String>,
    city_id: Option<String>,
    hotel_type_id: Option<i64>,
    accommodation_guest_user_ids: Option<Vec<String>>,
    is_simple_booking: Option<bool>,
}

pub(super) async fn update_accommodation(call: Call<Write>) -> Outcome {
    let request: UpdateRequest = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.trip_booking_id, "tripBookingId")?;
    let number = child(Child::Accommodation, id, &request.id, "id")?;
    let city_id = optional(request.city_id.as_ref(), "cityId")?;
    let details = DetailsChange {
        address: request.address,
        city: request.city,
        state: request.state,
        city_id,
        hotel_type: request.hotel_type_id,
        guest_user_ids: optional_all(request.accommodation_guest_user_ids.as_ref(), "accommodationGuestUserIds")?,
        simple: request.is_simple_booking,
    };
    let change = ChangeAccommodation { accommodation: number, name: request.name, details };
    let changed = change_with_city(&call, id, city_id, TripBookingCommand::ChangeAccommodation(change)).await?;
    changed.answer(trips::accommodation(id, changed.booking()?.accommodation(number)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DeleteRequest {
    id: String,
    trip_booking_id: String,
    user_id: String,
}

pub(super) async fn delete_accommodation(call: Call<Write>) -> Outcome {
    let request: DeleteRequest = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.trip_booking_id, "tripBookingId")?;
    let accommodation = child(Child::Accommodation, id, &request.id, "id")?;
    let changed = change(&call, id, TripBookingCommand::RemoveAccommodation { accommodation }).await?;
    changed.answer(json!({"tripBookingId": id, "id": request.id}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AddRoom {
    accommodation_id: String,
    user_id: String,
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
    room_type_id: Option<i64>,
    purchase: Option<Purchase>,
    #[serde(default)]
    guests: Vec<RoomGuestInput>,
}

pub(super) async fn add_accommodation_room(call: Call<Write>) -> Outcome {
    let request: AddRoom = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let (id, accommodation) = Child::Accommodation.parse(&request.accommodation_id, "accommodationId")?;
    let AddRoom { check_in_date, check_out_date, room_type_id, purchase, guests, .. } = request;
    let room = new_room(&RoomInput { check_in_date, check_out_date, room_type_id, purchase, guests }, "")?;
    let changed = change(&call, id, TripBookingCommand::AddRoom { accommodation, room }).await?;
    let added = changed.done.events.iter().find_map(|event| match event {
        TripBookingEvent::RoomAdded { room, .. } => Some(room.number),
        _ => None,
    });
    let number = added.ok_or_else(|| Failure::broken("a room was added without an event"))?;
    let (_, room) = changed.booking()?.room(number)?;
    changed.answer(trips::created_room(id, accommodation, room))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UpdateRoom {
    id: String,
    accommodation_id: String,
    user_id: String,
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
    room_type_id: Option<i64>,
    purchase: Option<Purchase>,
}

pub(super) async fn update_accommodation_room(call: Call<Write>) -> Outcome {
    let request: UpdateRoom = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let (id, accommodation) = Child::Accommodation.parse(&request.accommodation_id, "accommodationId")?;
    let room = child(Child::Room, id, &request.id, "id")?;
    let purchase = request.purchase.as_ref();
    purchase.map_or(Ok(()), |purchase| purchase.only_of(id))?;
    let purchase_id = purchase.and_then(|purchase| purchase.id.as_ref());
    let purchaser_id = purchase.and_then(|purchase| purchase.purchaser_id.as_ref());
    let command = TripBookingCommand::ChangeRoom(ChangeRoom {
        accommodation,
        room,
        check_in_date: day(request.check_in_date),
        check_out_date: day(request.check_out_date),
        room_type: request.room_type_id,
        purchaser_id: optional(purchaser_id, "purchase.purchaserId")?,
        purchase_number: purchase_id.map(|of| child(Child::Purchase, id, of, "purchase.id")).transpose()?,
        purchase: purchase.map(Purchase::price),
    });
    let changed = change(&call, id, command).await?;
    let (_, room) = changed.booking()?.room(room)?;
    changed.answer(trips::changed_room(id, accommodation, room))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DeleteRoom {
    id: String,
    accommodation_id: String,
    user_id: String,
}

pub(super) async fn delete_accommodation_room(call: Call<Write>) -> Outcome {
    let request: DeleteRoom = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let (id, accommodation) = Child::Accommodation.parse(&request.accommodation_id, "accommodationId")?;
    let room = child(Child::Room, id, &request.id, "id")?;
    let changed = change(&call, id, TripBookingCommand::RemoveRoom { accommodation, room }).await?;
    changed.answer(json!({"accommodationId": request.accommodation_id, "id": request.id}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AddGuest {
    accommodation_room_id: String,
    guest_id: String,
    proportion_of_payment: Option<f64>,
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
}

/// All rooms named are of one booking.
pub(super) async fn add_accommodation_guests(call: Call<Write>) -> Outcome {
    let request: Vec<AddGuest> = call.body()?;
    let Some(first) = request.first() else {
        return Err(Failure::invalid("body", "names no guest"));
    };
    let (id, _) = Child::Room.parse(&first.accommodation_room_id, "[0].accommodationRoomId")?;
    let guests = request.iter().enumerate().map(|(index, guest)| {
        let room = child(Child::Room, id, &guest.accommodation_room_id, &format!("[{index}].accommodationRoomId"))?;
        let guest = NewGuest {
            person: ids::parse(&guest.guest_id, &format!("[{index}].guestId"))?,
            proportion: guest.proportion_of_payment,
            check_in_date: day(guest.check_in_date),
            check_out_date: day(guest.check_out_date),
        };
        Ok((room, guest))
    });
    let guests = guests.collect::<Result<Vec<_>, Failure>>()?;
    let changed = change(&call, id, TripBookingCommand::AddGuests { guests }).await?;
    let mut added: Vec<(u32, Value)> = vec![];
    for event in &changed.done.events {
        if let TripBookingEvent::GuestsAdded { room, guests } = event {
            added.extend(guests.iter().map(|guest| (guest.number, trips::guest(id, *room, guest))));
        }
    }
    // In the order asked, which is that of the numbers.
    added.sort_by_key(|(number, _)| *number);
    changed.answer(added.into_iter().map(|(_, guest)| guest).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UpdateGuest {
    id: String,
    accommodation_room_id: String,
    user_id: String,
    guest_id: Option<String>,
    proportion_of_payment: Option<f64>,
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
}

pub(super) async fn update_accommodation_guest(call: Call<Write>) -> Outcome {
    let request: UpdateGuest = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let (id, guest) = Child::Guest.parse(&request.id, "id")?;
    let command = TripBookingCommand::ChangeGuest(ChangeGuest {
        guest,
        room: child(Child::Room, id, &request.accommodation_room_id, "accommodationRoomId")?,
        person: optional(request.guest_id.as_ref(), "guestId")?,
        proportion: request.proportion_of_payment,
        check_in_date: day(request.check_in_date),
        check_out_date: day(request.check_out_date),
    });
    let changed = change(&call, id, command).await?;
    let (room, guest) = changed.booking()?.guest(guest)?;
    changed.answer(trips::guest(id, room.number, guest))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DeleteGuest {
    id: String,
    accommodation_room_id: String,
    user_id: String,
}

pub(super) async fn delete_accommodation_guest(call: Call<Write>) -> Outcome {
    let request: DeleteGuest = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let (id, guest) = Child::Guest.parse(&request.id, "id")?;
    let room = child(Child::Room, id, &request.accommodation_room_id, "accommodationRoomId")?;
    let changed = change(&call, id, TripBookingCommand::RemoveGuest { room, guest }).await?;
    changed.answer(json!({"id": request.id, "accommodationRoomId": request.accommodation_room_id}))
}
