//! The storage format of trip bookings: names and shapes here are what the log holds, so change them with care.
//!
//! Accommodations, rooms, guests, bundles, tickets and purchases have numbers, unique within their booking.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use crate::identity::Medium;
use crate::{EntityId, Money};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "type", content = "data")]
#[strum_discriminants(name(TripBookingEventKind), derive(EnumIter, IntoStaticStr))]
pub enum TripBookingEvent {
    BookingCreated {
        crew: EntityId,
        city: EntityId,
        time_zone: Tz,
        start_date: NaiveDate,
        end_date: NaiveDate,
        creator: EntityId,
        leaders: Vec<EntityId>,
    },
    BookingDatesChanged {
        start_date: NaiveDate,
        end_date: NaiveDate,
    },
    LeadersChanged {
        leaders: Vec<EntityId>,
    },
    BundlesReordered {
        bundles: Vec<u32>,
    },
    AccommodationsReordered {
        accommodations: Vec<u32>,
    },
    BookingAbandoned {},
    BookingRecovered {},
    MemberAdded {
        person: EntityId,
        leader: bool,
        #[serde(flatten)]
        terms: Terms,
    },
    MemberChanged {
        person: EntityId,
        #[serde(flatten)]
        terms: Terms,
    },
    /// The person's leadership, attendances, ticket assignments and guest records go too.
    MemberRemoved {
        person: EntityId,
    },
    /// The member has themselves sent a first command here: from now on the others see how to reach them.
    MemberTookPart {
        person: EntityId,
    },
    /// `to` takes every place of `from`.
    MemberReplaced {
        from: EntityId,
        to: EntityId,
    },
    /// A message to the person is to be sent.
    MemberReminded {
        person: EntityId,
        #[serde(rename = "channel")]
        medium: Medium,
        at: DateTime<Utc>,
    },
    EventAdded {
        event: EntityId,
        attendees: Vec<EntityId>,
    },
    AttendeesChanged {
        event: EntityId,
        attendees: Vec<EntityId>,
    },
    /// Tickets for the event lose their consumers.
    EventRemoved {
        event: EntityId,
    },
    BundleAdded {
        bundle: Bundle,
    },
    /// The bundle as it is afterwards.
    BundleChanged {
        bundle: Bundle,
    },
    BundleRemoved {
        bundle: u32,
    },
    TicketAdded {
        bundle: u32,
        ticket: Ticket,
    },
    TicketChanged {
        bundle: u32,
        ticket: u32,
        event: EntityId,
        purchaser: EntityId,
    },
    TicketAssigned {
        bundle: u32,
        ticket: u32,
        consumer: EntityId,
    },
    TicketRemoved {
        bundle: u32,
        ticket: u32,
    },
    AccommodationAdded {
        accommodation: Accommodation,
    },
    AccommodationChanged {
        accommodation: u32,
        details: Details,
    },
    AccommodationRemoved {
        accommodation: u32,
    },
    RoomAdded {
        accommodation: u32,
        room: Room,
    },
    RoomChanged {
        room: u32,
        terms: RoomTerms,
    },
    RoomRemoved {
        room: u32,
    },
    GuestsAdded {
        room: u32,
        guests: Vec<Guest>,
    },
    /// The guest as it is afterwards, in the room named.
    GuestChanged {
        room: u32,
        guest: Guest,
    },
    GuestRemoved {
        guest: u32,
    },
}

/// A member's own part in the trip. Days left out are the booking's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<NaiveDate>,
    pub availability: Availability,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    Going,
    #[default]
    Undecided,
    NotGoing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    pub number: u32,
    pub event: EntityId,
    pub purchaser: EntityId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase: Option<Purchase>,
    /// In creation order.
    pub tickets: Vec<Ticket>,
    pub general_admission: bool,
    pub special_seating: bool,
    pub bought_here: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub number: u32,
    pub event: EntityId,
    /// To whom the ticket's share of the price is owed.
    pub purchaser: EntityId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<EntityId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    pub number: u32,
    pub amount: Money,
    /// Unix seconds.
    pub date: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accommodation {
    pub number: u32,
    #[serde(flatten)]
    pub details: Details,
    /// In creation order.
    pub rooms: Vec<Room>,
}

/// The top-level data of an accommodation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Details {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The city as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<EntityId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hotel_type: Option<i64>,
    pub guest_users: Vec<EntityId>,
    pub simple: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Room {
    pub number: u32,
    #[serde(flatten)]
    pub terms: RoomTerms,
    /// In creation order.
    pub guests: Vec<Guest>,
}

/// What a room is but its guests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RoomTerms {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_in_date: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_out_date: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_type: Option<i64>,
    /// To whom the guests' shares are owed.
    pub purchaser: EntityId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase: Option<Purchase>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Guest {
    pub number: u32,
    pub person: EntityId,
    /// Share of the room's price, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proportion: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_in_date: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_out_date: Option<NaiveDate>,
}

impl TripBookingEvent {
    /// The number of the bundle, ticket, accommodation or room that it adds.
    pub fn added(&self) -> Option<u32> {
        match self {
            TripBookingEvent::BundleAdded { bundle } => Some(bundle.number),
            TripBookingEvent::TicketAdded { ticket, .. } => Some(ticket.number),
            TripBookingEvent::AccommodationAdded { accommodation } => Some(accommodation.number),
            TripBookingEvent::RoomAdded { room, .. } => Some(room.number),
            _ => None,
        }
    }
}
