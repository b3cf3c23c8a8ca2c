//! What may be asked of a trip booking. Facts of other streams come along: the crew, the city's time zone, the channels
//! that reach a person. That events and cities exist, whoever sends a command has seen to.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use derive_more::From;
use serde::Deserialize;

use super::events::Availability;
use crate::EntityId;
use crate::identity::Medium;
use crate::trips::crew::CrewState;

#[derive(Debug, Clone, From)]
pub enum TripBookingCommand {
    #[from]
    Create(CreateBooking),
    #[from]
    Change(ChangeBooking),
    /// `crew_id` must be the booking's.
    Abandon {
        crew_id: EntityId,
    },
    /// `forced` overrides dates that have passed.
    Recover {
        crew_id: EntityId,
        crew: Arc<CrewState>,
        forced: bool,
    },
    #[from]
    AddMember(AddMember),
    #[from]
    ChangeMember(ChangeMember),
    /// `with_account`: the members who have one, of whom somebody may have to follow.
    RemoveMember {
        person: EntityId,
        with_account: BTreeSet<EntityId>,
    },
    /// `medium` is the one that reaches the person, if any does.
    RemindMember {
        person: EntityId,
        medium: Option<Medium>,
    },
    AddEvent {
        event: EntityId,
        attendees: Option<Vec<EntityId>>,
    },
    ChangeAttendees {
        event: EntityId,
        attendees: Vec<EntityId>,
    },
    RemoveEvent {
        event: EntityId,
    },
    #[from]
    AddBundle(AddBundle),
    #[from]
    ChangeBundle(ChangeBundle),
    RemoveBundle {
        bundle: u32,
    },
    AddTicket {
        bundle: u32,
        ticket: TicketTerms,
    },
    ChangeTicket {
        bundle: u32,
        ticket: u32,
        terms: TicketTerms,
    },
    AssignTicket {
        bundle: u32,
        ticket: u32,
        consumer: EntityId,
    },
    RemoveTicket {
        bundle: u32,
        ticket: u32,
    },
    #[from]
    AddAccommodation(AddAccommodation),
    #[from]
    ChangeAccommodation(ChangeAccommodation),
    RemoveAccommodation {
        accommodation: u32,
    },
    AddRoom {
        accommodation: u32,
        room: NewRoom,
    },
    #[from]
    ChangeRoom(ChangeRoom),
    RemoveRoom {
        accommodation: u32,
        room: u32,
    },
    /// Each guest with the number of the room.
    AddGuests {
        guests: Vec<(u32, NewGuest)>,
    },
    #[from]
    ChangeGuest(ChangeGuest),
    RemoveGuest {
        room: u32,
        guest: u32,
    },
    /// The system's: the person is no longer in the crew.
    LeaveCrew {
        person: EntityId,
        with_account: BTreeSet<EntityId>,
    },
    /// The system's: the person was forgotten, and leads nothing any more.
    PassOn {
        person: EntityId,
        with_account: BTreeSet<EntityId>,
    },
    /// The system's: the crew was deleted.
    AbandonWithCrew,
    /// The system's: an account has absorbed the temp member `from`.
    ReplaceMember {
        from: EntityId,
        to: EntityId,
    },
}

/// `crew` is the state of the crew, `time_zone` the city's.
#[derive(Debug, Clone)]
pub struct CreateBooking {
    pub booking: NewBooking,
    pub crew: Arc<CrewState>,
    pub time_zone: Tz,
}

#[derive(Debug, Clone)]
pub struct NewBooking {
    pub crew_id: EntityId,
    pub city_id: EntityId,
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
    pub leader_ids: Vec<EntityId>,
}

/// What is left out stays. Bundles and accommodations are only put in another order.
#[derive(Debug, Clone)]
pub struct ChangeBooking {
    pub crew_id: EntityId,
    pub start_date: Option<NaiveDate>,
    pub end_date: Option<NaiveDate>,
    pub leader_ids: Option<Vec<EntityId>>,
    pub ticket_bundle_ids: Option<Vec<u32>>,
    pub accommodation_ids: Option<Vec<u32>>,
}

/// `crew` is the state of the booking's crew.
#[derive(Debug, Clone)]
pub struct AddMember {
    pub member: NewMember,
    pub crew: Arc<CrewState>,
}

#[derive(Debug, Clone)]
pub struct NewMember {
    pub person: EntityId,
    pub leader: bool,
    pub start_date: Option<NaiveDate>,
    pub end_date: Option<NaiveDate>,
    pub availability: Option<Availability>,
}

/// `with_account` are the members who have one, of whom somebody may have to lead.
#[derive(Debug, Clone)]
pub struct ChangeMember {
    pub change: MemberChange,
    pub with_account: BTreeSet<EntityId>,
}

/// What is left out stays.
#[derive(Debug, Clone)]
pub struct MemberChange {
    pub person: EntityId,
    pub leader: Option<bool>,
    pub start_date: Option<NaiveDate>,
    pub end_date: Option<NaiveDate>,
    pub availability: Option<Availability>,
}

/// What was paid: decimal text in major units, an ISO 4217 code, Unix seconds. In a change, what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Price {
    pub amount: Option<String>,
    pub currency: Option<String>,
    pub date: Option<i64>,
}

/// Event and purchaser of a ticket; the bundle's where left out of a new one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct TicketTerms {
    pub event_id: Option<EntityId>,
    pub purchaser_id: Option<EntityId>,
}

#[derive(Debug, Clone)]
pub struct AddBundle {
    /// Must be the booking's when given.
    pub crew_id: Option<EntityId>,
    pub event_id: EntityId,
    pub purchaser_id: EntityId,
    pub tickets: Vec<TicketTerms>,
    pub purchase: Option<Price>,
    pub general_admission: bool,
    pub special_seating: bool,
    pub bought_here: bool,
}

/// What is left out stays; `tickets` apply by position.
#[derive(Debug, Clone, Default)]
pub struct ChangeBundle {
    pub bundle: u32,
    /// Must be the booking's when given.
    pub crew_id: Option<EntityId>,
    pub event_id: Option<EntityId>,
    pub purchaser_id: Option<EntityId>,
    pub tickets: Option<Vec<TicketTerms>>,
    pub number_of_tickets: Option<u32>,
    pub purchase: Option<Price>,
    pub general_admission: Option<bool>,
    pub special_seating: Option<bool>,
    pub bought_here: Option<bool>,
}

#[derive(Debug, Clone, Default)]
pub struct AddAccommodation {
    pub name: String,
    pub details: DetailsChange,
    pub rooms: Vec<NewRoom>,
}

/// What is left out stays.
#[derive(Debug, Clone, Default)]
pub struct ChangeAccommodation {
    pub accommodation: u32,
    pub name: Option<String>,
    pub details: DetailsChange,
}

/// What may be said of an accommodation besides its name.
#[derive(Debug, Clone, Default)]
pub struct DetailsChange {
    pub address: Option<String>,
    /// The city as written.
    pub city: Option<String>,
    pub state: Option<String>,
    pub city_id: Option<EntityId>,
    pub hotel_type: Option<i64>,
    pub guest_ids: Option<Vec<EntityId>>,
    pub simple: Option<bool>,
}

/// Without a purchaser, who adds it is.
#[derive(Debug, Clone, Default)]
pub struct NewRoom {
    pub check_in_date: Option<NaiveDate>,
    pub check_out_date: Option<NaiveDate>,
    pub room_type: Option<i64>,
    pub purchaser_id: Option<EntityId>,
    pub purchase: Option<Price>,
    pub guests: Vec<NewGuest>,
}

/// What is left out stays; `purchase_number` must be the room's purchase when given.
#[derive(Debug, Clone, Default)]
pub struct ChangeRoom {
    pub accommodation: u32,
    pub room: u32,
    pub check_in_date: Option<NaiveDate>,
    pub check_out_date: Option<NaiveDate>,
    pub room_type: Option<i64>,
    pub purchaser_id: Option<EntityId>,
    pub purchase_number: Option<u32>,
    pub purchase: Option<Price>,
}

#[derive(Debug, Clone, Copy)]
pub struct NewGuest {
    pub person: EntityId,
    /// Share of the room's price, 0 to 1.
    pub proportion: Option<f64>,
    pub check_in_date: Option<NaiveDate>,
    pub check_out_date: Option<NaiveDate>,
}

/// What is left out stays; the guest moves where `room` is another one.
#[derive(Debug, Clone, Copy)]
pub struct ChangeGuest {
    pub guest: u32,
    pub room: u32,
    pub person: Option<EntityId>,
    pub proportion: Option<f64>,
    pub check_in_date: Option<NaiveDate>,
    pub check_out_date: Option<NaiveDate>,
}
