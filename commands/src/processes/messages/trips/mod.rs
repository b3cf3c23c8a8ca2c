//! Messages about crews and trip bookings.

pub(super) mod crew_invitation;
pub(super) mod purchase_is_made;
pub(super) mod trip_booking_reminder;

use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::trips::booking::{TripBooking, TripBookingEvent, TripBookingEventKind, TripBookings};
use caravan_domain::trips::crew::{CrewEvent, CrewEventKind, Crews};

use super::Template;
use super::composing::{Composing, Reached};
use crate::CommandError;
use crate::processes::reactions::{Handler, Reactions, by};

pub(super) const MESSAGES: &[Template] = &[
    crew_invitation::CREW_INVITATION,
    trip_booking_reminder::TRIP_BOOKING_REMINDER,
    purchase_is_made::PURCHASE_IS_MADE,
];

pub(super) fn register(reactions: Reactions) -> Reactions {
    reactions.on::<Crews>(to_crew).on::<TripBookings>(to_booking)
}

fn to_crew(kind: CrewEventKind) -> Option<Handler<CrewEvent>> {
    use CrewEventKind as K;
    match kind {
        K::CrewMemberInvited => by(crew_invitation::demand),
        K::CrewCreated
        | K::CrewChanged
        | K::CrewMemberAdded
        | K::CrewMemberTookPart
        | K::CrewMemberRemoved
        | K::CrewMemberReplaced
        | K::CrewDeleted => None,
    }
}

fn to_booking(kind: TripBookingEventKind) -> Option<Handler<TripBookingEvent>> {
    use TripBookingEventKind as K;
    match kind {
        K::MemberReminded => by(trip_booking_reminder::demand),
        K::BundleAdded | K::BundleChanged => by(purchase_is_made::of_bundle),
        K::AccommodationAdded => by(purchase_is_made::of_accommodation),
        K::RoomAdded => by(purchase_is_made::of_new_room),
        K::RoomChanged => by(purchase_is_made::of_changed_room),
        K::BookingCreated
        | K::BookingDatesChanged
        | K::LeadersChanged
        | K::BundlesReordered
        | K::AccommodationsReordered
        | K::BookingAbandoned
        | K::BookingRecovered
        | K::MemberAdded
        | K::MemberChanged
        | K::MemberRemoved
        | K::MemberTookPart
        | K::MemberReplaced
        | K::EventAdded
        | K::AttendeesChanged
        | K::EventRemoved
        | K::BundleRemoved
        | K::TicketAdded
        | K::TicketChanged
        | K::TicketAssigned
        | K::TicketRemoved
        | K::AccommodationChanged
        | K::AccommodationRemoved
        | K::RoomRemoved
        | K::GuestsAdded
        | K::GuestChanged
        | K::GuestRemoved => None,
    }
}

/// The booking that a message is about, its recipient and the name of its city, if it was not abandoned and they are
/// still in it.
async fn live_booking(
    composing: &Composing<'_>,
) -> Result<Option<(TripBooking, Reached, Option<String>)>, CommandError> {
    let state = composing.state::<TripBookings>().await?;
    let Some(to) = composing.reached().await? else { return Ok(None) };
    let booking = match state.booking() {
        Ok(booking) if !state.is_abandoned() => booking,
        Ok(_) | Err(_) => return Ok(None),
    };
    if !booking.is_member(to.person) && !booking.is_member(composing.recipient) {
        return Ok(None);
    }
    let city = composing.commands.record(&CITY, booking.city).await?.state.get::<City>().map(|city| city.name);
    Ok(Some((booking.clone(), to, city)))
}
