//! A temp member who turns out to be somebody with an account is replaced by it in every crew, idea and booking, also
//! in those that named the temp member just before they knew.

use caravan_domain::identity::{Account, AccountEvent, AccountEventKind};
use caravan_domain::trips::booking::{TripBookingCommand, TripBookingEvent, TripBookingEventKind, TripBookings};
use caravan_domain::trips::crew::{CrewCommand, CrewEvent, CrewEventKind, Crews};
use caravan_domain::trips::trip_idea::{TripIdeaCommand, TripIdeaEvent, TripIdeaEventKind, TripIdeas};
use caravan_domain::{Decider, EntityId};
use caravan_event_store::following::FollowError;
use uuid::Uuid;

use super::Setup;
use super::reaction::Reaction;
use super::reactions::{Handler, Reactions, by};

/// A number may be invited to any number of crews before somebody proves it. Commands a second.
const RATE: u32 = 200;

pub fn absorption(setup: &Setup) -> Reactions {
    Reactions::new("absorption", setup)
        .rate(RATE)
        .on::<Account>(to_account)
        .on::<Crews>(to_crew)
        .on::<TripIdeas>(to_idea)
        .on::<TripBookings>(to_booking)
}

fn to_account(kind: AccountEventKind) -> Option<Handler<AccountEvent>> {
    use AccountEventKind as K;
    match kind {
        K::Invited => by(invited),
        K::Registered | K::PersonForgotten => by(not_temp),
        K::Absorbed => by(absorbed),
        K::CodeIssued
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
        | K::RoleRevoked => None,
    }
}

fn to_crew(kind: CrewEventKind) -> Option<Handler<CrewEvent>> {
    use CrewEventKind as K;
    match kind {
        K::CrewCreated => by(crew_created),
        K::CrewMemberAdded | K::CrewMemberInvited => by(crew_joined),
        K::CrewChanged | K::CrewMemberTookPart | K::CrewMemberRemoved | K::CrewMemberReplaced | K::CrewDeleted => None,
    }
}

fn to_idea(kind: TripIdeaEventKind) -> Option<Handler<TripIdeaEvent>> {
    use TripIdeaEventKind as K;
    match kind {
        K::TripIdeaSuggested => by(idea_suggested),
        K::TripIdeaLiked => by(idea_liked),
        K::TripIdeaUnliked | K::TripIdeaPersonReplaced | K::TripIdeaDeleted => None,
    }
}

fn to_booking(kind: TripBookingEventKind) -> Option<Handler<TripBookingEvent>> {
    use TripBookingEventKind as K;
    match kind {
        K::BookingCreated => by(booking_created),
        K::MemberAdded => by(booking_joined),
        K::BookingDatesChanged
        | K::LeadersChanged
        | K::BundlesReordered
        | K::AccommodationsReordered
        | K::BookingAbandoned
        | K::BookingRecovered
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

async fn invited(reaction: Reaction<'_>, _: AccountEvent) -> Result<(), FollowError> {
    sqlx::query("insert into temp_members (person) values ($1) on conflict do nothing")
        .bind(reaction.id().0)
        .execute(reaction.tx)
        .await?;
    Ok(())
}

/// From now on nobody can absorb them.
async fn not_temp(reaction: Reaction<'_>, _: AccountEvent) -> Result<(), FollowError> {
    sqlx::query("delete from temp_members where person = $1").bind(reaction.id().0).execute(reaction.tx).await?;
    Ok(())
}

async fn absorbed(mut reaction: Reaction<'_>, event: AccountEvent) -> Result<(), FollowError> {
    let AccountEvent::Absorbed { into: to } = event else { return Err(reaction.misled()) };
    let from = reaction.id();
    sqlx::query("update temp_members set absorbed_into = $2 where person = $1")
        .bind(from.0)
        .bind(to.0)
        .execute(&mut *reaction.tx)
        .await?;
    replace_in::<Crews>(&mut reaction, from, replace_in_crew(from, to)).await?;
    replace_in::<TripIdeas>(&mut reaction, from, replace_in_idea(from, to)).await?;
    replace_in::<TripBookings>(&mut reaction, from, replace_in_booking(from, to)).await
}

async fn crew_created(reaction: Reaction<'_>, event: CrewEvent) -> Result<(), FollowError> {
    let CrewEvent::CrewCreated { members, .. } = event else { return Err(reaction.misled()) };
    named::<Crews>(reaction, members, replace_in_crew).await
}

async fn crew_joined(reaction: Reaction<'_>, event: CrewEvent) -> Result<(), FollowError> {
    let (CrewEvent::CrewMemberAdded { person } | CrewEvent::CrewMemberInvited { person, .. }) = event else {
        return Err(reaction.misled());
    };
    named::<Crews>(reaction, vec![person], replace_in_crew).await
}

async fn idea_suggested(reaction: Reaction<'_>, event: TripIdeaEvent) -> Result<(), FollowError> {
    let TripIdeaEvent::TripIdeaSuggested(mut idea) = event else { return Err(reaction.misled()) };
    idea.liked.push(idea.suggestor);
    named::<TripIdeas>(reaction, idea.liked, replace_in_idea).await
}

async fn idea_liked(reaction: Reaction<'_>, event: TripIdeaEvent) -> Result<(), FollowError> {
    let TripIdeaEvent::TripIdeaLiked { person } = event else { return Err(reaction.misled()) };
    named::<TripIdeas>(reaction, vec![person], replace_in_idea).await
}

async fn booking_created(reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let TripBookingEvent::BookingCreated { leaders, .. } = event else { return Err(reaction.misled()) };
    named::<TripBookings>(reaction, leaders, replace_in_booking).await
}

async fn booking_joined(reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let TripBookingEvent::MemberAdded { person, .. } = event else { return Err(reaction.misled()) };
    named::<TripBookings>(reaction, vec![person], replace_in_booking).await
}

fn replace_in_crew(from: EntityId, to: EntityId) -> CrewCommand {
    CrewCommand::ReplaceMember { from, to }
}

fn replace_in_idea(from: EntityId, to: EntityId) -> TripIdeaCommand {
    TripIdeaCommand::ReplaceMember { from, to }
}

fn replace_in_booking(from: EntityId, to: EntityId) -> TripBookingCommand {
    TripBookingCommand::ReplaceMember { from, to }
}

/// The event's stream names these people: remembered of temp members, who are replaced at once where they were
/// absorbed.
async fn named<D: Decider>(
    reaction: Reaction<'_>,
    people: Vec<EntityId>,
    replace: fn(EntityId, EntityId) -> D::Command,
) -> Result<(), FollowError> {
    let people: Vec<Uuid> = people.into_iter().map(|person| person.0).collect();
    let temps: Vec<(Uuid, Option<Uuid>)> = sqlx::query_as(
        "with placed as (
             insert into temp_member_places (person, category, stream_id)
             select person, $2, $3 from temp_members where person = any($1) on conflict do nothing
         )
         select person, absorbed_into from temp_members where person = any($1) order by 1",
    )
    .bind(people)
    .bind(D::CATEGORY)
    .bind(reaction.id().0)
    .fetch_all(&mut *reaction.tx)
    .await?;
    for (person, into) in temps {
        if let Some(into) = into {
            let (from, to) = (EntityId(person), EntityId(into));
            reaction.send::<D>(&absorption_of(from), reaction.id(), replace(from, to)).await?;
        }
    }
    Ok(())
}

/// Sends the command to every stream of the aggregate that names the temp member.
async fn replace_in<D: Decider>(
    reaction: &mut Reaction<'_>,
    temp: EntityId,
    command: D::Command,
) -> Result<(), FollowError> {
    let places: Vec<Uuid> =
        sqlx::query_scalar("select stream_id from temp_member_places where person = $1 and category = $2 order by 1")
            .bind(temp.0)
            .bind(D::CATEGORY)
            .fetch_all(&mut *reaction.tx)
            .await?;
    for place in places {
        reaction.send::<D>(&absorption_of(temp), EntityId(place), command.clone()).await?;
    }
    Ok(())
}

/// Tells the replacing of one temp member from that of another, where one event names both.
fn absorption_of(temp: EntityId) -> String {
    format!("absorption of {temp}")
}
