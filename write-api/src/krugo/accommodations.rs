//! `bookingaccommodations`: where the members stay, and who bears which part of it.

use caravan_commands::trips::bookings;
use caravan_domain::EntityId;
use caravan_domain::trips::booking::{
    AddAccommodation, ChangeAccommodation, ChangeGuest, ChangeRoom, DetailsChange, NewGuest, NewRoom,
    TripBookingCommand, TripBookingEvent,
};
use caravan_wire::krugo::day::Day;
use caravan_wire::krugo::ids::{AccommodationId, GuestId, PurchaseId, RoomId};
use caravan_wire::krugo::trips;
use caravan_wire::{Call, Failure, Outcome, Stream};
use serde::Deserialize;
use serde_json::{Number, Value, json};

use super::requests::{added, change, of_booking, price};
use crate::{Write, answer, asking};

/// `RoomPurchaseInput`
#[derive(Deserialize)]
struct RoomPurchase {
    purchaser_id: Option<EntityId>,
    amount: Option<Number>,
    currency: Option<String>,
    date: Option<f64>,
}

#[derive(Deserialize)]
struct RoomInput {
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
    room_type: Option<i64>,
    purchase: Option<RoomPurchase>,
    #[serde(default)]
    guests: Vec<RoomGuestInput>,
}

#[derive(Deserialize)]
struct RoomGuestInput {
    person: EntityId,
    proportion: Option<f64>,
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
}

fn day(day: Option<Day>) -> Option<chrono::NaiveDate> {
    day.map(|day| day.0)
}

impl RoomGuestInput {
    fn guest(self) -> NewGuest {
        NewGuest {
            person: self.person,
            proportion: self.proportion,
            check_in_date: day(self.check_in_date),
            check_out_date: day(self.check_out_date),
        }
    }
}

impl RoomInput {
    fn room(self) -> NewRoom {
        NewRoom {
            check_in_date: day(self.check_in_date),
            check_out_date: day(self.check_out_date),
            room_type: self.room_type,
            purchaser_id: self.purchase.as_ref().and_then(|purchase| purchase.purchaser_id),
            purchase: self.purchase.map(|paid| price(paid.amount, paid.currency, paid.date)),
            guests: self.guests.into_iter().map(RoomGuestInput::guest).collect(),
        }
    }
}

#[derive(Deserialize)]
struct AddRequest {
    trip_booking_id: EntityId,
    name: String,
    address: Option<String>,
    city: Option<String>,
    state: Option<String>,
    city_id: Option<EntityId>,
    hotel_type: Option<i64>,
    guest_ids: Option<Vec<EntityId>>,
    simple: Option<bool>,
    #[serde(default)]
    rooms: Vec<RoomInput>,
}

pub(super) async fn add_accommodation(call: Call<Write>) -> Outcome<Stream> {
    let request: AddRequest = call.body()?;
    let (id, city_id) = (request.trip_booking_id, request.city_id);
    let rooms = request.rooms.into_iter().map(RoomInput::room).collect();
    let details = DetailsChange {
        address: request.address,
        city: request.city,
        state: request.state,
        city_id,
        hotel_type: request.hotel_type,
        guest_ids: request.guest_ids,
        simple: request.simple,
    };
    let command = AddAccommodation { name: request.name, details, rooms };
    let done = bookings::change_accommodation(&asking(&call).await?, id, city_id, command).await?;
    answer(&done, trips::created_accommodation(id, done.state.booking()?.accommodation(added(&done)?)?))
}

#[derive(Deserialize)]
struct UpdateRequest {
    id: AccommodationId,
    trip_booking_id: EntityId,
    name: Option<String>,
    address: Option<String>,
    city: Option<String>,
    state: Option<String>,
    city_id: Option<EntityId>,
    hotel_type: Option<i64>,
    guest_ids: Option<Vec<EntityId>>,
    simple: Option<bool>,
}

pub(super) async fn update_accommodation(call: Call<Write>) -> Outcome<Stream> {
    let request: UpdateRequest = call.body()?;
    let (id, city_id) = (request.trip_booking_id, request.city_id);
    let number = request.id.of(id, "id")?;
    let details = DetailsChange {
        address: request.address,
        city: request.city,
        state: request.state,
        city_id,
        hotel_type: request.hotel_type,
        guest_ids: request.guest_ids,
        simple: request.simple,
    };
    let change = ChangeAccommodation { accommodation: number, name: request.name, details };
    let done = bookings::change_accommodation(&asking(&call).await?, id, city_id, change).await?;
    answer(&done, trips::accommodation(id, done.state.booking()?.accommodation(number)?))
}

#[derive(Deserialize)]
struct DeleteRequest {
    id: AccommodationId,
    trip_booking_id: EntityId,
}

pub(super) async fn delete_accommodation(call: Call<Write>) -> Outcome<Stream> {
    let DeleteRequest { id, trip_booking_id: booking } = call.body()?;
    let accommodation = id.of(booking, "id")?;
    let done = change(&call, booking, TripBookingCommand::RemoveAccommodation { accommodation }).await?;
    answer(&done, json!({"tripBookingId": booking, "id": id}))
}

#[derive(Deserialize)]
struct AddRoom {
    accommodation_id: AccommodationId,
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
    room_type: Option<i64>,
    purchase: Option<RoomPurchase>,
    #[serde(default)]
    guests: Vec<RoomGuestInput>,
}

pub(super) async fn add_accommodation_room(call: Call<Write>) -> Outcome<Stream> {
    let request: AddRoom = call.body()?;
    let AddRoom { accommodation_id, check_in_date, check_out_date, room_type, purchase, guests } = request;
    let (id, accommodation) = (accommodation_id.booking, accommodation_id.number);
    let room = RoomInput { check_in_date, check_out_date, room_type, purchase, guests }.room();
    let done = change(&call, id, TripBookingCommand::AddRoom { accommodation, room }).await?;
    let (_, room) = done.state.booking()?.room(added(&done)?)?;
    answer(&done, trips::created_room(id, accommodation, room))
}

#[derive(Deserialize)]
struct RoomPurchaseUpdate {
    id: Option<PurchaseId>,
    trip_booking_id: Option<EntityId>,
    purchaser_id: Option<EntityId>,
    amount: Option<Number>,
    currency: Option<String>,
    date: Option<f64>,
}

#[derive(Deserialize)]
struct UpdateRoom {
    id: RoomId,
    accommodation_id: AccommodationId,
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
    room_type: Option<i64>,
    purchase: Option<RoomPurchaseUpdate>,
}

pub(super) async fn update_accommodation_room(call: Call<Write>) -> Outcome<Stream> {
    let request: UpdateRoom = call.body()?;
    let (id, accommodation) = (request.accommodation_id.booking, request.accommodation_id.number);
    let room = request.id.of(id, "id")?;
    let named = request.purchase.as_ref();
    of_booking(named.and_then(|purchase| purchase.trip_booking_id), id)?;
    let purchase_id = named.and_then(|purchase| purchase.id);
    let command = ChangeRoom {
        accommodation,
        room,
        check_in_date: day(request.check_in_date),
        check_out_date: day(request.check_out_date),
        room_type: request.room_type,
        purchaser_id: named.and_then(|purchase| purchase.purchaser_id),
        purchase_number: purchase_id.map(|purchase| purchase.of(id, "purchase.id")).transpose()?,
        purchase: request.purchase.map(|paid| price(paid.amount, paid.currency, paid.date)),
    };
    let done = change(&call, id, command).await?;
    let (_, room) = done.state.booking()?.room(room)?;
    answer(&done, trips::changed_room(id, accommodation, room))
}

#[derive(Deserialize)]
struct DeleteRoom {
    id: RoomId,
    accommodation_id: AccommodationId,
}

pub(super) async fn delete_accommodation_room(call: Call<Write>) -> Outcome<Stream> {
    let DeleteRoom { id, accommodation_id } = call.body()?;
    let (booking, accommodation) = (accommodation_id.booking, accommodation_id.number);
    let room = id.of(booking, "id")?;
    let done = change(&call, booking, TripBookingCommand::RemoveRoom { accommodation, room }).await?;
    answer(&done, json!({"accommodationId": accommodation_id, "id": id}))
}

#[derive(Deserialize)]
struct AddGuest {
    accommodation_room_id: RoomId,
    person: EntityId,
    proportion: Option<f64>,
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
}

/// All rooms named are of one booking.
pub(super) async fn add_accommodation_guests(call: Call<Write>) -> Outcome<Stream> {
    let request: Vec<AddGuest> = call.body()?;
    let Some(first) = request.first() else {
        return Err(Failure::invalid("body", "names no guest"));
    };
    let id = first.accommodation_room_id.booking;
    let guests = request.into_iter().enumerate().map(|(index, guest)| {
        let AddGuest { accommodation_room_id, person, proportion, check_in_date, check_out_date } = guest;
        let room = accommodation_room_id.of(id, &format!("[{index}].accommodation_room_id"))?;
        Ok((room, RoomGuestInput { person, proportion, check_in_date, check_out_date }.guest()))
    });
    let guests = guests.collect::<Result<Vec<_>, Failure>>()?;
    let done = change(&call, id, TripBookingCommand::AddGuests { guests }).await?;
    let mut added: Vec<(u32, Value)> = vec![];
    for event in &done.events {
        if let TripBookingEvent::GuestsAdded { room, guests } = event {
            added.extend(guests.iter().map(|guest| (guest.number, trips::guest(id, *room, guest))));
        }
    }
    // In the order asked, which is that of the numbers.
    added.sort_by_key(|(number, _)| *number);
    answer(&done, added.into_iter().map(|(_, guest)| guest).collect())
}

#[derive(Deserialize)]
struct UpdateGuest {
    id: GuestId,
    accommodation_room_id: RoomId,
    person: Option<EntityId>,
    proportion: Option<f64>,
    check_in_date: Option<Day>,
    check_out_date: Option<Day>,
}

pub(super) async fn update_accommodation_guest(call: Call<Write>) -> Outcome<Stream> {
    let request: UpdateGuest = call.body()?;
    let (id, guest) = (request.id.booking, request.id.number);
    let command = ChangeGuest {
        guest,
        room: request.accommodation_room_id.of(id, "accommodation_room_id")?,
        person: request.person,
        proportion: request.proportion,
        check_in_date: day(request.check_in_date),
        check_out_date: day(request.check_out_date),
    };
    let done = change(&call, id, command).await?;
    let (room, guest) = done.state.booking()?.guest(guest)?;
    answer(&done, trips::guest(id, room.number, guest))
}

#[derive(Deserialize)]
struct DeleteGuest {
    id: GuestId,
    accommodation_room_id: RoomId,
}

pub(super) async fn delete_accommodation_guest(call: Call<Write>) -> Outcome<Stream> {
    let DeleteGuest { id, accommodation_room_id } = call.body()?;
    let room = accommodation_room_id.of(id.booking, "accommodation_room_id")?;
    let done = change(&call, id.booking, TripBookingCommand::RemoveGuest { room, guest: id.number }).await?;
    answer(&done, json!({"id": id, "accommodationRoomId": accommodation_room_id}))
}
