//! A trip that was suggested to a crew became a booking: the crew's other members are told.
//!
//! No request says of which suggestion a booking is made. It is of one to the same crew, to the same city, on days that
//! overlap: the suggestions are kept for that.

use caravan_domain::identity::Notice;
use caravan_domain::trips::booking::{TripBookingEvent, TripBookingEventKind, TripBookings};
use caravan_domain::trips::trip_idea::{TripIdeaEvent, TripIdeaEventKind, TripIdeas};
use caravan_event_store::following::FollowError;
use caravan_limits::known::NOTICES_OF_CREW;
use chrono::NaiveDate;
use futures::FutureExt;

use super::super::composing::{Composed, Composing};
use super::super::words::Values;
use super::super::{Mail, Template};
use super::{city_name, crew_member, tell_crew};
use crate::CommandError;
use crate::processes::reaction::Reaction;
use crate::processes::reactions::{Handler, Reactions, by};

pub const TRIP_IS_MOVED_TO_BOOKING: Template = Template {
    name: "trip-is-moved-to-booking",
    words: include_str!("trip_is_moved_to_booking.txt"),
    mail: Some(Mail { number: 8, recipient: "Member" }),
    notice: Some(Notice::TripIsMovedToBooking),
    compose: |it| compose(it).boxed(),
};

pub fn register(reactions: Reactions) -> Reactions {
    reactions.on::<TripIdeas>(to_idea).on::<TripBookings>(to_booking)
}

fn to_idea(kind: TripIdeaEventKind) -> Option<Handler<TripIdeaEvent>> {
    use TripIdeaEventKind as K;
    match kind {
        K::TripIdeaSuggested => by(suggested),
        K::TripIdeaDeleted => by(deleted),
        K::TripIdeaLiked | K::TripIdeaUnliked | K::TripIdeaPersonReplaced => None,
    }
}

fn to_booking(kind: TripBookingEventKind) -> Option<Handler<TripBookingEvent>> {
    use TripBookingEventKind as K;
    match kind {
        K::BookingCreated => by(booked),
        K::BookingDatesChanged
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
        | K::MemberReminded
        | K::EventAdded
        | K::AttendeesChanged
        | K::EventRemoved
        | K::BundleAdded
        | K::BundleChanged
        | K::BundleRemoved
        | K::TicketAdded
        | K::TicketChanged
        | K::TicketAssigned
        | K::TicketRemoved
        | K::AccommodationAdded
        | K::AccommodationChanged
        | K::AccommodationRemoved
        | K::RoomAdded
        | K::RoomChanged
        | K::RoomRemoved
        | K::GuestsAdded
        | K::GuestChanged
        | K::GuestRemoved => None,
    }
}

async fn suggested(reaction: Reaction<'_>, event: TripIdeaEvent) -> Result<(), FollowError> {
    let TripIdeaEvent::TripIdeaSuggested(idea) = event else { return Err(reaction.misled()) };
    sqlx::query(
        "insert into suggested_trips (idea, crew, city, start_date, end_date) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
    )
    .bind(reaction.id().0)
    .bind(idea.crew.0)
    .bind(idea.city.0)
    .bind(idea.start_date)
    .bind(idea.end_date)
    .execute(reaction.tx)
    .await?;
    Ok(())
}

async fn deleted(reaction: Reaction<'_>, _: TripIdeaEvent) -> Result<(), FollowError> {
    let idea = reaction.id().0;
    sqlx::query("delete from suggested_trips where idea = $1").bind(idea).execute(reaction.tx).await?;
    Ok(())
}

async fn booked(mut reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let TripBookingEvent::BookingCreated { crew, city, start_date, end_date, .. } = event else {
        return Err(reaction.misled());
    };
    let suggested: bool = sqlx::query_scalar(
        "select exists (select from suggested_trips
                        where crew = $1 and city = $2 and start_date <= $4 and end_date >= $3)",
    )
    .bind(crew.0)
    .bind(city.0)
    .bind(start_date)
    .bind(end_date)
    .fetch_one(&mut *reaction.tx)
    .await?;
    if suggested { tell_crew(&mut reaction, crew, &TRIP_IS_MOVED_TO_BOOKING).await } else { Ok(()) }
}

async fn compose(composing: &Composing<'_>) -> Result<Option<Composed>, CommandError> {
    let state = composing.state::<TripBookings>().await?;
    let booking = match state.booking() {
        Ok(booking) if !state.is_abandoned() => booking,
        Ok(_) | Err(_) => return Ok(None),
    };
    let Some(to) = crew_member(composing, booking.crew).await? else { return Ok(None) };
    let (named, booker) = composing.first_name(composing.actor()?).await?;
    let city = city_name(composing, booking.city).await?;
    let days = (booking.start_date, booking.end_date);
    let values = values(booker.as_deref(), city.as_deref(), days, composing.public_url);
    Ok(Some(Composed { to, values, named, limited: Some((&NOTICES_OF_CREW, booking.crew)), written: None }))
}

pub fn values(booker: Option<&str>, city: Option<&str>, (start, end): (NaiveDate, NaiveDate), url: &str) -> Values {
    let values = Values::default().typed("booker", booker).typed("city", city);
    values.ours("start", start.to_string()).ours("end", end.to_string()).ours("url", url)
}
