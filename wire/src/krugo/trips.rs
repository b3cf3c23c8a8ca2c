//! Shapes of crews, trip ideas and trip bookings. The contract's names stand above each function.

use std::collections::BTreeSet;

use caravan_domain::payments::Balance;
use caravan_domain::trips::booking::{
    Accommodation, Attendance, Availability, Bundle, Guest, Purchase, Room, Ticket, TripBooking,
};
use caravan_domain::trips::crew::{Crew, Description};
use caravan_domain::trips::trip_idea::TripIdea;
use caravan_domain::{EntityId, Money};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Value, json};

use super::ids::{AccommodationId, BundleId, Child, GuestId, PurchaseId, RoomId, TicketId};
use crate::shape::set;

/// Members of a booking or crew who have no account (yet).
pub type TempMembers = BTreeSet<EntityId>;

/// `TripBooking`
pub fn trip_booking(id: EntityId, booking: &TripBooking, temps: &TempMembers, now: DateTime<Utc>) -> Value {
    let mut shape = updated_trip_booking(id, booking, temps, now);
    shape["cityId"] = json!(booking.city);
    shape["tempMemberIds"] = json!(members(booking, |member| temps.contains(member)));
    shape
}

/// `updateTripBookingResponse`
pub fn updated_trip_booking(id: EntityId, booking: &TripBooking, temps: &TempMembers, now: DateTime<Utc>) -> Value {
    let mut shape = common_booking(id, booking, temps);
    shape["isPastTrip"] = json!(booking.is_past(now).to_string());
    shape
}

/// `CrewTripBooking`
pub fn crew_trip_booking(id: EntityId, booking: &TripBooking, temps: &TempMembers, now: DateTime<Utc>) -> Value {
    let mut shape = common_booking(id, booking, temps);
    shape["tempMemberIds"] = json!(members(booking, |member| temps.contains(member)));
    shape["isPastTrip"] = json!(booking.is_past(now));
    shape["unixEndDate"] = json!(unix(booking.end_date));
    shape
}

fn common_booking(id: EntityId, booking: &TripBooking, temps: &TempMembers) -> Value {
    let events: Vec<EntityId> = booking.events.iter().map(|attendance| attendance.event).collect();
    let accommodations: Vec<AccommodationId> = children(id, &booking.accommodation_order);
    let bundles: Vec<BundleId> = children(id, &booking.bundle_order);
    json!({
        "id": id,
        "crewId": booking.crew,
        "startDate": booking.start_date,
        "endDate": booking.end_date,
        "leaderIds": booking.leaders,
        "memberIds": members(booking, |member| !temps.contains(member)),
        "eventIds": events,
        "accommodationIds": accommodations,
        "ticketBundleIds": bundles,
    })
}

fn children<const KIND: char>(booking: EntityId, numbers: &[u32]) -> Vec<Child<KIND>> {
    numbers.iter().map(|number| Child::new(booking, *number)).collect()
}

fn members(booking: &TripBooking, which: impl Fn(&EntityId) -> bool) -> Vec<EntityId> {
    booking.members.iter().copied().filter(which).collect()
}

/// `EventAttendees`
pub fn event_attendees(booking: EntityId, attendance: &Attendance) -> Value {
    json!({"tripBookingId": booking, "eventId": attendance.event, "userIds": attendance.attendees})
}

/// `Availability`
pub fn availability(availability: Availability) -> &'static str {
    match availability {
        Availability::Going => "going",
        Availability::Undecided => "undecided",
        Availability::NotGoing => "notgoing",
    }
}

/// `addTripBookingMemberResponse`, which spells the booking's id in its own way.
pub fn added_member(id: EntityId, booking: &TripBooking, person: EntityId, temps: &TempMembers) -> Value {
    let mut shape = member(booking, person);
    shape["bookingTripId"] = json!(id);
    shape["isKrugoUser"] = json!(!temps.contains(&person));
    shape
}

/// `updateTripBookingMemberResponse`
pub fn updated_member(id: EntityId, booking: &TripBooking, person: EntityId) -> Value {
    let mut shape = member(booking, person);
    shape["tripBookingId"] = json!(id);
    shape
}

/// What every answer tells about a member. Days of their own that they do not have are the booking's.
pub fn member(booking: &TripBooking, person: EntityId) -> Value {
    let terms = booking.terms.get(&person).copied().unwrap_or_default();
    let (start, end) = booking.days_of(&terms);
    json!({
        "isLeader": booking.is_leader(person),
        "availability": availability(terms.availability),
        "startDate": start,
        "endDate": end,
    })
}

/// `CrewTicketBundle`
pub fn crew_ticket_bundle(id: EntityId, booking: &TripBooking, bundle: &Bundle) -> Value {
    let mut shape = ticket_bundle(id, bundle);
    shape["crewId"] = json!(booking.crew);
    shape
}

/// `TicketBundle`
pub fn ticket_bundle(booking: EntityId, bundle: &Bundle) -> Value {
    let tickets: Vec<Value> = bundle.tickets.iter().map(|one| ticket(booking, bundle.number, one)).collect();
    let mut shape = json!({
        "id": BundleId::new(booking, bundle.number),
        "tripBookingId": booking,
        "eventId": bundle.event,
        "purchaserId": bundle.purchaser,
        "numberOfTickets": bundle.tickets.len(),
        "tickets": tickets,
        "isGeneralAdmission": bundle.general_admission,
        "isSpecialSeating": bundle.special_seating,
        "isKrugoPurchase": bundle.bought_here,
    });
    if let Some(paid) = &bundle.purchase {
        shape["purchase"] = purchase(booking, paid, bundle.purchaser, "purchasePrice", "ticket");
    }
    shape
}

/// `Ticket`
pub fn ticket(booking: EntityId, bundle: u32, ticket: &Ticket) -> Value {
    json!({
        "id": TicketId::new(booking, ticket.number),
        "ticketBundleId": BundleId::new(booking, bundle),
        "eventId": ticket.event,
        "purchaserId": ticket.purchaser,
        "consumerId": ticket.consumer,
    })
}

/// `Purchase` and `BundlePurchase`, which name the amount differently.
fn purchase(booking: EntityId, purchase: &Purchase, purchaser: EntityId, amount: &str, of: &str) -> Value {
    json!({
        "id": PurchaseId::new(booking, purchase.number),
        "tripBookingId": booking,
        "purchaserId": purchaser,
        amount: number(purchase.amount),
        "currency": purchase.amount.currency.code(),
        "date": purchase.date,
        "type": of,
    })
}

/// `Accommodation`
pub fn accommodation(booking: EntityId, accommodation: &Accommodation) -> Value {
    let details = &accommodation.details;
    let mut shape = accommodation_details(booking, accommodation);
    shape["rooms"] = accommodation.rooms.iter().map(|one| room(booking, accommodation.number, one)).collect();
    shape["accommodationGuestUserIds"] = json!(details.guest_users);
    shape["isSimpleBooking"] = json!(details.simple);
    shape
}

/// `addAccommodationResponse`: rooms with their reservation, and the days that all rooms span.
pub fn created_accommodation(booking: EntityId, accommodation: &Accommodation) -> Value {
    let mut shape = accommodation_details(booking, accommodation);
    shape["rooms"] = accommodation.rooms.iter().map(|one| created_room(booking, accommodation.number, one)).collect();
    let rooms = || accommodation.rooms.iter().map(|room| &room.terms);
    set(&mut shape, "checkInDate", rooms().filter_map(|terms| terms.check_in_date).min());
    set(&mut shape, "checkOutDate", rooms().filter_map(|terms| terms.check_out_date).max());
    shape
}

fn accommodation_details(booking: EntityId, accommodation: &Accommodation) -> Value {
    let details = &accommodation.details;
    let rooms: Vec<RoomId> = accommodation.rooms.iter().map(|room| RoomId::new(booking, room.number)).collect();
    let mut shape = json!({
        "id": AccommodationId::new(booking, accommodation.number),
        "tripBookingId": booking,
        "name": details.name,
        "roomIds": rooms,
    });
    set(&mut shape, "address", details.address.as_ref());
    set(&mut shape, "city", details.city_name.as_ref());
    set(&mut shape, "state", details.state.as_ref());
    set(&mut shape, "cityId", details.city);
    set(&mut shape, "hotelTypeId", details.hotel_type);
    shape
}

/// `CreatedAccommodationRoom`
pub fn created_room(booking: EntityId, accommodation: u32, one: &Room) -> Value {
    let mut shape = room(booking, accommodation, one);
    shape["reservationId"] = shape["id"].clone();
    shape
}

/// `AccommodationRoom`
pub fn room(booking: EntityId, accommodation: u32, room: &Room) -> Value {
    let guests: Vec<Value> = room.guests.iter().map(|one| guest(booking, room.number, one)).collect();
    let mut shape = changed_room(booking, accommodation, room);
    shape["guestIds"] = guests.iter().map(|guest| guest["id"].clone()).collect();
    shape["guests"] = Value::Array(guests);
    shape
}

/// `updateAccommodationRoomResponse`
pub fn changed_room(booking: EntityId, accommodation: u32, room: &Room) -> Value {
    let terms = &room.terms;
    let mut shape = json!({
        "id": RoomId::new(booking, room.number),
        "accommodationId": AccommodationId::new(booking, accommodation),
    });
    set(&mut shape, "checkInDate", terms.check_in_date);
    set(&mut shape, "checkOutDate", terms.check_out_date);
    set(&mut shape, "roomTypeId", terms.room_type);
    if let Some(paid) = &terms.purchase {
        shape["purchase"] = purchase(booking, paid, terms.purchaser, "amount", "accommodation");
        shape["purchaseId"] = shape["purchase"]["id"].clone();
    }
    shape
}

/// `AccommodationGuest`
pub fn guest(booking: EntityId, room: u32, guest: &Guest) -> Value {
    let mut shape = json!({
        "id": GuestId::new(booking, guest.number),
        "accommodationRoomId": RoomId::new(booking, room),
        "guestId": guest.person,
    });
    set(&mut shape, "proportionOfPayment", guest.proportion);
    set(&mut shape, "checkInDate", guest.check_in_date);
    set(&mut shape, "checkOutDate", guest.check_out_date);
    shape
}

/// `PaymentBalance`: in major units; positive owes, negative is owed.
pub fn payment_balance(balance: &Balance) -> Value {
    json!({
        "userId": balance.person,
        "balance": whole_or_decimal(balance.major()),
        "currency": balance.currency.code(),
    })
}

/// `Crew`
pub fn crew(id: EntityId, crew: &Crew) -> Value {
    let mut shape = json!({
        "id": id,
        "name": crew.name,
        "adminIds": crew.admins,
        "hasCrewImage": crew.has_image,
    });
    set(&mut shape, "description", crew.description.as_ref().map(description));
    shape
}

/// `createCrewResponse`
pub fn created_crew(id: EntityId, one: &Crew) -> Value {
    let mut shape = crew(id, one);
    shape["isSoloCrew"] = json!(one.members.len() == 1);
    shape
}

fn description(description: &Description) -> Value {
    match description {
        Description::Text(text) => json!(text),
        Description::Flag(flag) => json!(flag),
    }
}

/// `addTripIdeaResponse`, where the start in Unix time is text.
pub fn added_trip_idea(id: EntityId, idea: &TripIdea) -> Value {
    let mut shape = trip_idea(id, idea);
    shape["startDateUnix"] = json!(unix(idea.start_date).to_string());
    shape["eventIds"] = json!(idea.events);
    shape
}

/// What `addTripIdeaResponse` and `TripIdea` share: all but the start as a number or text and the events.
pub fn trip_idea(id: EntityId, idea: &TripIdea) -> Value {
    json!({
        "id": id,
        "crewId": idea.crew,
        "cityId": idea.city,
        "startDate": idea.start_date,
        "endDate": idea.end_date,
        "suggestorId": idea.suggestor,
        "likedUserIds": idea.liked,
    })
}

/// Start of the day in Unix seconds, as krugo numbers its dates.
pub fn unix(day: NaiveDate) -> i64 {
    day.and_time(NaiveTime::MIN).and_utc().timestamp()
}

/// An amount in major units.
pub(super) fn number(amount: Money) -> Value {
    whole_or_decimal(amount.major())
}

/// Without the `.0` that a whole float would print.
fn whole_or_decimal(amount: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if amount.fract() == 0.0 && amount.abs() <= EXACT { json!(amount as i64) } else { json!(amount) }
}
