//! Who leaves a crew, or is removed from it, leaves its active bookings; a crew that is deleted abandons them. Who is
//! forgotten is in charge of none any more, likes no trip, and votes on no picture.
//!
//! Who is in which crew and booking is kept as of the event looked at, so that a repeat reacts to the same.

use caravan_domain::EntityId;
use caravan_domain::catalogue::picture_votes::{PictureVotes, PictureVotesCommand};
use caravan_domain::identity::{Account, AccountEvent, AccountEventKind};
use caravan_domain::trips::booking::{TripBookingCommand, TripBookingEvent, TripBookingEventKind, TripBookings};
use caravan_domain::trips::crew::{CrewEvent, CrewEventKind, Crews};
use caravan_domain::trips::likes::{TripLikes, TripLikesCommand};
use caravan_event_store::following::FollowError;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Setup;
use super::reaction::Reaction;
use super::reactions::{Handler, Reactions, by};
use crate::Asking;
use crate::trips::{bookings, crews};

/// The follower's name.
pub(crate) const DEPARTURES: &str = "departures";

/// A crew may have any number of bookings, and a person be in any number of crews. Commands a second.
const RATE: u32 = 200;

pub fn departures(setup: &Setup) -> Reactions {
    Reactions::new(DEPARTURES, setup)
        .rate(RATE)
        .on::<Account>(to_account)
        .on::<Crews>(to_crew)
        .on::<TripBookings>(to_booking)
}

fn to_account(kind: AccountEventKind) -> Option<Handler<AccountEvent>> {
    use AccountEventKind as K;
    match kind {
        K::PersonForgotten => by(forgotten),
        K::Invited
        | K::Registered
        | K::CodeIssued
        | K::SessionOpened
        | K::SessionRefreshed
        | K::SessionClosed
        | K::LoggedOut
        | K::RefreshTokensVoided
        | K::LoginChallenged
        | K::LoginChallengeEnded
        | K::PasswordChanged
        | K::PasswordForced
        | K::PhoneChangeRequested
        | K::PhoneProven
        | K::EmailChangeRequested
        | K::EmailProven
        | K::EmailRemoved
        | K::PushEndpointSet
        | K::PushEndpointDropped
        | K::ProfileChanged
        | K::MfaSwitched
        | K::RoleGranted
        | K::RoleRevoked
        | K::Absorbed => None,
    }
}

fn to_crew(kind: CrewEventKind) -> Option<Handler<CrewEvent>> {
    use CrewEventKind as K;
    match kind {
        K::CrewCreated => by(crew_created),
        K::CrewMemberAdded | K::CrewMemberInvited => by(crew_joined),
        K::CrewMemberReplaced => by(crew_member_replaced),
        K::CrewMemberRemoved => by(crew_left),
        K::CrewDeleted => by(crew_deleted),
        K::CrewChanged | K::CrewMemberTookPart => None,
    }
}

fn to_booking(kind: TripBookingEventKind) -> Option<Handler<TripBookingEvent>> {
    use TripBookingEventKind as K;
    match kind {
        K::BookingCreated => by(booking_created),
        K::MemberAdded => by(booking_joined),
        K::MemberReplaced => by(booking_member_replaced),
        K::MemberRemoved => by(booking_left),
        K::BookingRecovered => by(booking_recovered),
        K::BookingDatesChanged
        | K::LeadersChanged
        | K::BundlesReordered
        | K::AccommodationsReordered
        | K::BookingAbandoned
        | K::MemberChanged
        | K::MemberTookPart
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

async fn crew_created(reaction: Reaction<'_>, event: CrewEvent) -> Result<(), FollowError> {
    let CrewEvent::CrewCreated { members, .. } = event else { return Err(reaction.misled()) };
    join_crew(reaction.tx, reaction.id(), &members).await
}

async fn crew_joined(reaction: Reaction<'_>, event: CrewEvent) -> Result<(), FollowError> {
    let (CrewEvent::CrewMemberAdded { person } | CrewEvent::CrewMemberInvited { person, .. }) = event else {
        return Err(reaction.misled());
    };
    join_crew(reaction.tx, reaction.id(), &[person]).await
}

/// Bookings that still name the temp member are about to name the account too: no reason to leave them.
async fn crew_member_replaced(reaction: Reaction<'_>, event: CrewEvent) -> Result<(), FollowError> {
    let CrewEvent::CrewMemberReplaced { from, to } = event else { return Err(reaction.misled()) };
    let crew = reaction.id();
    // A crew that was deleted keeps its last members, and is gone here.
    let known: bool = sqlx::query_scalar("select exists (select from crew_members where crew = $1 and person = $2)")
        .bind(crew.0)
        .bind(from.0)
        .fetch_one(&mut *reaction.tx)
        .await?;
    if known { join_crew(reaction.tx, crew, &[to]).await } else { Ok(()) }
}

async fn crew_left(reaction: Reaction<'_>, event: CrewEvent) -> Result<(), FollowError> {
    let CrewEvent::CrewMemberRemoved { person } = event else { return Err(reaction.misled()) };
    let crew = reaction.id();
    sqlx::query("delete from crew_members where crew = $1 and person = $2")
        .bind(crew.0)
        .bind(person.0)
        .execute(&mut *reaction.tx)
        .await?;
    let bookings: Vec<Uuid> = sqlx::query_scalar(
        "select booking from crew_bookings join booking_members using (booking)
         where crew = $1 and person = $2 order by booking",
    )
    .bind(crew.0)
    .bind(person.0)
    .fetch_all(&mut *reaction.tx)
    .await?;
    for booking in bookings {
        leave(&reaction, EntityId(booking), person).await?;
    }
    Ok(())
}

async fn crew_deleted(reaction: Reaction<'_>, _: CrewEvent) -> Result<(), FollowError> {
    let crew = reaction.id();
    sqlx::query("delete from crew_members where crew = $1").bind(crew.0).execute(&mut *reaction.tx).await?;
    let bookings = ids(reaction.tx, "select booking from crew_bookings where crew = $1 order by 1", crew).await?;
    for booking in bookings {
        abandon(&reaction, booking).await?;
    }
    Ok(())
}

async fn booking_created(mut reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let TripBookingEvent::BookingCreated { crew, leaders, .. } = event else { return Err(reaction.misled()) };
    let booking = reaction.id();
    sqlx::query("insert into crew_bookings (booking, crew) values ($1, $2) on conflict do nothing")
        .bind(booking.0)
        .bind(crew.0)
        .execute(&mut *reaction.tx)
        .await?;
    join_booking(reaction.tx, booking, &leaders).await?;
    strangers_leave(&mut reaction).await
}

async fn booking_joined(mut reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let TripBookingEvent::MemberAdded { person, .. } = event else { return Err(reaction.misled()) };
    let booking = reaction.id();
    join_booking(reaction.tx, booking, &[person]).await?;
    strangers_leave(&mut reaction).await
}

async fn booking_member_replaced(mut reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let TripBookingEvent::MemberReplaced { from, to } = event else { return Err(reaction.misled()) };
    let booking = reaction.id();
    leave_booking(reaction.tx, booking, from).await?;
    join_booking(reaction.tx, booking, &[to]).await?;
    strangers_leave(&mut reaction).await
}

async fn booking_left(reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let TripBookingEvent::MemberRemoved { person } = event else { return Err(reaction.misled()) };
    leave_booking(reaction.tx, reaction.id(), person).await
}

async fn booking_recovered(mut reaction: Reaction<'_>, _: TripBookingEvent) -> Result<(), FollowError> {
    strangers_leave(&mut reaction).await
}

async fn forgotten(reaction: Reaction<'_>, _: AccountEvent) -> Result<(), FollowError> {
    const NAME: &str = "forgetting";
    let person = reaction.id();
    for crew in ids(reaction.tx, "select crew from crew_members where person = $1 order by 1", person).await? {
        let pass_on = |asking: Asking| async move { crews::pass_on(&asking, crew, person).await };
        reaction.send_by(NAME, crew, pass_on).await?;
    }
    for booking in ids(reaction.tx, "select booking from booking_members where person = $1 order by 1", person).await? {
        let pass_on = |asking: Asking| async move { bookings::pass_on(&asking, booking, person).await };
        reaction.send_by(NAME, booking, pass_on).await?;
    }
    reaction.send::<TripLikes>(NAME, person, TripLikesCommand::TakeAllBack).await?;
    reaction.send::<PictureVotes>(NAME, person, PictureVotesCommand::TakeAllBack).await
}

/// Who joined a booking, or recovered it, may have known the crew as it was before somebody left it.
async fn strangers_leave(reaction: &mut Reaction<'_>) -> Result<(), FollowError> {
    let booking = reaction.id();
    // A crew always has a member, unless it was deleted.
    let exists: bool = sqlx::query_scalar(
        "select exists (select from crew_bookings join crew_members using (crew) where booking = $1)",
    )
    .bind(booking.0)
    .fetch_one(&mut *reaction.tx)
    .await?;
    if !exists {
        return abandon(reaction, booking).await;
    }
    let strangers = ids(
        reaction.tx,
        "select person from booking_members join crew_bookings b using (booking)
         where booking = $1
           and not exists (select from crew_members m where m.crew = b.crew and m.person = booking_members.person)
         order by person",
        booking,
    );
    for person in strangers.await? {
        leave(reaction, booking, person).await?;
    }
    Ok(())
}

async fn leave(reaction: &Reaction<'_>, booking: EntityId, person: EntityId) -> Result<(), FollowError> {
    let leave = |asking: Asking| async move { bookings::leave(&asking, booking, person).await };
    reaction.send_by(&format!("departure of {person}"), booking, leave).await
}

async fn abandon(reaction: &Reaction<'_>, booking: EntityId) -> Result<(), FollowError> {
    reaction.send::<TripBookings>("end of the crew", booking, TripBookingCommand::AbandonWithCrew).await
}

/// What a query finds for one id.
async fn ids(tx: &mut PgConnection, query: &'static str, of: EntityId) -> Result<Vec<EntityId>, FollowError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(query).bind(of.0).fetch_all(tx).await?;
    Ok(ids.into_iter().map(EntityId).collect())
}

async fn join_crew(tx: &mut PgConnection, crew: EntityId, people: &[EntityId]) -> Result<(), FollowError> {
    sqlx::query("insert into crew_members (crew, person) select $1, unnest($2::uuid[]) on conflict do nothing")
        .bind(crew.0)
        .bind(uuids(people))
        .execute(tx)
        .await?;
    Ok(())
}

async fn join_booking(tx: &mut PgConnection, booking: EntityId, people: &[EntityId]) -> Result<(), FollowError> {
    sqlx::query("insert into booking_members (booking, person) select $1, unnest($2::uuid[]) on conflict do nothing")
        .bind(booking.0)
        .bind(uuids(people))
        .execute(tx)
        .await?;
    Ok(())
}

async fn leave_booking(tx: &mut PgConnection, booking: EntityId, person: EntityId) -> Result<(), FollowError> {
    sqlx::query("delete from booking_members where booking = $1 and person = $2")
        .bind(booking.0)
        .bind(person.0)
        .execute(tx)
        .await?;
    Ok(())
}

fn uuids(people: &[EntityId]) -> Vec<Uuid> {
    people.iter().map(|person| person.0).collect()
}
