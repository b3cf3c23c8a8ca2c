//! What is known of a trip booking.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::events::{Accommodation, Bundle, Guest, Room, Terms, Ticket};
use crate::trips::crew::CrewState;
use crate::{Context, EntityId, Rejection};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum TripBookingState {
    #[default]
    Unknown,
    Active(Box<TripBooking>),
    Abandoned(Box<TripBooking>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TripBooking {
    pub crew: EntityId,
    pub city: EntityId,
    /// The city's, in which a day is over when the trip is.
    pub time_zone: Tz,
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
    pub creator: EntityId,
    /// All are members.
    pub leaders: Vec<EntityId>,
    /// In the order of joining.
    pub members: Vec<EntityId>,
    /// Those who have themselves sent a command here.
    pub took_part: BTreeSet<EntityId>,
    /// Of each member.
    pub terms: BTreeMap<EntityId, Terms>,
    /// In the order of adding.
    pub events: Vec<Attendance>,
    /// In creation order, so by ascending number.
    pub bundles: Vec<Bundle>,
    /// Numbers of the bundles in the order that leaders gave them.
    pub bundle_order: Vec<u32>,
    /// In creation order, so by ascending number.
    pub accommodations: Vec<Accommodation>,
    /// Numbers of the accommodations in the order that leaders gave them.
    pub accommodation_order: Vec<u32>,
    /// The number that the next child gets.
    pub next_child: u32,
}

/// An event of the booking and who goes there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendance {
    pub event: EntityId,
    pub attendees: Vec<EntityId>,
}

impl TripBookingState {
    /// The booking, active or abandoned.
    pub fn booking(&self) -> Result<&TripBooking, Rejection> {
        match self {
            TripBookingState::Active(booking) | TripBookingState::Abandoned(booking) => Ok(booking),
            TripBookingState::Unknown => Err(no_such_booking()),
        }
    }

    pub fn is_abandoned(&self) -> bool {
        matches!(self, TripBookingState::Abandoned(_))
    }
}

pub fn no_such_booking() -> Rejection {
    Rejection::not_found("no-such-booking", "no such trip booking")
}

impl TripBooking {
    pub fn is_member(&self, person: EntityId) -> bool {
        self.terms.contains_key(&person)
    }

    pub fn is_leader(&self, person: EntityId) -> bool {
        self.leaders.contains(&person)
    }

    /// Forbidden for whoever does not see the booking: that is who is in its crew. Of a crew that was deleted, those
    /// who were in it to the last and in the booking.
    pub fn only_seen_by(&self, person: EntityId, crew: &CrewState) -> Result<(), Rejection> {
        let sees = match crew {
            CrewState::Unknown => false,
            CrewState::Active(crew) => crew.is_member(person),
            CrewState::Deleted { last_members, .. } => last_members.contains(&person) && self.is_member(person),
        };
        match sees {
            true => Ok(()),
            false => {
                Err(Rejection::forbidden("only-crew-sees-booking", "only members of the booking's crew may see it"))
            }
        }
    }

    /// Whether another member sees a member's phone number, because its owner takes part here.
    pub fn shows_number(&self, of: EntityId, to: EntityId) -> bool {
        self.is_member(of) && self.is_member(to) && self.took_part.contains(&of)
    }

    /// Whether somebody adds, changes, assigns and removes a bundle's tickets, and the bundle itself: its purchaser,
    /// who is owed their price, and leaders.
    pub(super) fn may_act_on_bundle(&self, bundle: &Bundle, person: EntityId) -> bool {
        bundle.purchaser == person || self.is_leader(person)
    }

    /// Who is named the purchaser of a ticket or room is owed the money for it, so nobody but leaders names themselves
    /// or a friend in another's place. The refusal names `field`.
    pub(super) fn only_leaders_name_purchasers(&self, actor: EntityId, field: &'static str) -> Result<(), Rejection> {
        if self.is_leader(actor) {
            return Ok(());
        }
        Err(Rejection::forbidden("only-leaders-name-purchasers", "only leaders of the booking name another purchaser")
            .on(field))
    }

    /// Whether somebody changes and deletes a room, and sets others' places and shares in it: where it was paid, its
    /// purchaser, to whom the shares are owed, and leaders; else any member.
    pub(super) fn may_act_on_room(&self, room: &Room, person: EntityId) -> bool {
        room.terms.purchase.is_none() || room.terms.purchaser == person || self.is_leader(person)
    }

    /// Whether today, in the city's time zone, is after the last day.
    pub fn is_past(&self, now: DateTime<Utc>) -> bool {
        now.with_timezone(&self.time_zone).date_naive() > self.end_date
    }

    /// First and last day of a member's own trip.
    pub fn days_of(&self, terms: &Terms) -> (NaiveDate, NaiveDate) {
        (terms.start_date.unwrap_or(self.start_date), terms.end_date.unwrap_or(self.end_date))
    }

    pub fn has_event(&self, event: EntityId) -> bool {
        self.events.iter().any(|attendance| attendance.event == event)
    }

    /// Who attends an event of the booking.
    pub fn attendance(&self, event: EntityId) -> Result<&Attendance, Rejection> {
        let attendance = self.events.iter().find(|attendance| attendance.event == event);
        attendance
            .ok_or_else(|| Rejection::not_found("no-such-attendance", "the booking has no such event").on("event"))
    }

    pub fn bundle(&self, number: u32) -> Result<&Bundle, Rejection> {
        let found = self.bundles.binary_search_by_key(&number, |bundle| bundle.number).ok();
        let bundle = found.and_then(|index| self.bundles.get(index));
        bundle.ok_or_else(|| Rejection::not_found("no-such-bundle", "the booking has no such ticket bundle"))
    }

    pub fn ticket(&self, bundle: u32, number: u32) -> Result<&Ticket, Rejection> {
        let ticket = self.bundle(bundle)?.tickets.iter().find(|ticket| ticket.number == number);
        ticket.ok_or_else(|| Rejection::not_found("no-such-ticket", "the bundle has no such ticket"))
    }

    pub fn accommodation(&self, number: u32) -> Result<&Accommodation, Rejection> {
        let found = self.accommodations.iter().find(|accommodation| accommodation.number == number);
        found.ok_or_else(|| Rejection::not_found("no-such-accommodation", "the booking has no such accommodation"))
    }

    /// A room and the number of its accommodation.
    pub fn room(&self, number: u32) -> Result<(u32, &Room), Rejection> {
        let rooms = self.accommodations.iter().flat_map(|a| a.rooms.iter().map(|room| (a.number, room)));
        let room = rooms.into_iter().find(|(_, room)| room.number == number);
        room.ok_or_else(|| Rejection::not_found("no-such-room", "the booking has no such room"))
    }

    /// A guest record and the room it is in.
    pub fn guest(&self, number: u32) -> Result<(&Room, &Guest), Rejection> {
        let rooms = self.accommodations.iter().flat_map(|accommodation| &accommodation.rooms);
        let guests = rooms.flat_map(|room| room.guests.iter().map(move |guest| (room, guest)));
        let guest = guests.into_iter().find(|(_, guest)| guest.number == number);
        guest.ok_or_else(|| Rejection::not_found("no-such-guest", "the booking has no such guest"))
    }

    /// Refuses input that names another crew than the booking's.
    pub(super) fn only_of(&self, crew: EntityId) -> Result<(), Rejection> {
        if self.crew == crew {
            Ok(())
        } else {
            Err(Rejection::not_found("booking-of-another-crew", "the crew has no such trip booking").on("crew_id"))
        }
    }

    /// The person acting, who must be a member.
    pub(super) fn acting_member(&self, context: &Context) -> Result<EntityId, Rejection> {
        let person = context.person()?;
        if self.is_member(person) {
            Ok(person)
        } else {
            Err(Rejection::forbidden("only-booking-members", "only members of the booking may"))
        }
    }

    /// The person acting, who must be a leader.
    pub(super) fn acting_leader(&self, context: &Context) -> Result<EntityId, Rejection> {
        let person = self.acting_member(context)?;
        if self.is_leader(person) {
            Ok(person)
        } else {
            Err(Rejection::forbidden("only-booking-leaders", "only leaders of the booking may"))
        }
    }

    /// Refuses input that names somebody who is not a member.
    pub(super) fn only_members(
        &self,
        people: impl IntoIterator<Item = EntityId>,
        field: &'static str,
    ) -> Result<(), Rejection> {
        if people.into_iter().all(|person| self.is_member(person)) {
            Ok(())
        } else {
            Err(Rejection::invalid(
                "names-non-member-of-booking",
                field,
                "names somebody who is not a member of the booking",
            ))
        }
    }

    /// Refuses input that names an event which is not in the booking.
    pub(super) fn only_events(
        &self,
        events: impl IntoIterator<Item = EntityId>,
        field: &'static str,
    ) -> Result<(), Rejection> {
        if events.into_iter().all(|event| self.has_event(event)) {
            Ok(())
        } else {
            Err(Rejection::invalid("not-an-event-of-booking", field, "is not an event of the booking"))
        }
    }
}
