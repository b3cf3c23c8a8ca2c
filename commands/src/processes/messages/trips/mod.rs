//! Messages about crews and trip bookings.

pub(super) mod crew_invitation;
pub(super) mod purchase_is_made;
pub(super) mod trip_booking_reminder;
pub(super) mod trip_is_moved_to_booking;
pub(super) mod trip_is_shared;

use caravan_domain::EntityId;
use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::trips::booking::{TripBooking, TripBookingEvent, TripBookingEventKind, TripBookings};
use caravan_domain::trips::crew::{CrewEvent, CrewEventKind, Crews};
use caravan_domain::trips::trip_idea::{TripIdeaEvent, TripIdeaEventKind, TripIdeas};
use caravan_event_store::following::FollowError;

use super::composing::{Composing, Reached};
use super::{Demand, Template};
use crate::CommandError;
use crate::processes::reaction::Reaction;
use crate::processes::reactions::{Handler, Reactions, by};

pub(super) const MESSAGES: &[Template] = &[
    crew_invitation::CREW_INVITATION,
    trip_booking_reminder::TRIP_BOOKING_REMINDER,
    purchase_is_made::PURCHASE_IS_MADE,
    trip_is_shared::TRIP_IS_SHARED,
    trip_is_moved_to_booking::TRIP_IS_MOVED_TO_BOOKING,
];

pub(super) fn register(reactions: Reactions) -> Reactions {
    reactions.on::<Crews>(to_crew).on::<TripIdeas>(to_idea).on::<TripBookings>(to_booking)
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

fn to_idea(kind: TripIdeaEventKind) -> Option<Handler<TripIdeaEvent>> {
    use TripIdeaEventKind as K;
    match kind {
        K::TripIdeaSuggested => by(trip_is_shared::demand),
        K::TripIdeaLiked | K::TripIdeaUnliked | K::TripIdeaPersonReplaced | K::TripIdeaDeleted => None,
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
    let to = composing.reached().await?;
    let booking = match state.booking() {
        Ok(booking) if !state.is_abandoned() => booking,
        Ok(_) | Err(_) => return Ok(None),
    };
    if !booking.is_member(to.person) && !booking.is_member(composing.recipient) {
        return Ok(None);
    }
    let city = city_name(composing, booking.city).await?;
    Ok(Some((booking.clone(), to, city)))
}

async fn city_name(composing: &Composing<'_>, city: EntityId) -> Result<Option<String>, CommandError> {
    let city = composing.commands.record(&CITY, city).await?.state.get::<City>();
    Ok(city.map(|city| city.name))
}

/// The recipient of a message to a crew, if they are still in it and have an account: whoever has none could not switch
/// off what they never asked for.
async fn crew_member(composing: &Composing<'_>, crew: EntityId) -> Result<Option<Reached>, CommandError> {
    let state = composing.commands.state::<Crews>(crew).await?.state;
    let to = composing.reached().await?;
    let is_member = state.crew().is_ok_and(|crew| crew.is_member(to.person) || crew.is_member(composing.recipient));
    Ok((is_member && to.has_account).then_some(to))
}

/// Members of a crew who are told of one thing at most.
const MOST_TOLD: usize = 200;

/// Has a message sent to the members of a crew, but not to who caused it.
async fn tell_crew(reaction: &mut Reaction<'_>, crew: EntityId, message: &Template) -> Result<(), FollowError> {
    let state = reaction.state::<Crews>(crew).await?;
    let Ok(crew) = state.crew() else { return Ok(()) };
    let actor = reaction.actor()?;
    // More are not told in a day anyway.
    for member in crew.members.iter().filter(|member| Some(**member) != actor).take(MOST_TOLD) {
        let demand = Demand::of(reaction, *member);
        message.demand(reaction, demand).await?;
    }
    Ok(())
}
