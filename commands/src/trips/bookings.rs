//! Trip bookings.

use std::collections::BTreeSet;
use std::sync::Arc;

use caravan_domain::identity::Account;
use caravan_domain::trips::booking::{
    AddMember, ChangeBooking, ChangeMember, CreateBooking, MemberChange, NewBooking, NewMember, TripBookingCommand,
    TripBookingState, TripBookings,
};
use caravan_domain::trips::crew::CrewState;
use caravan_domain::{Decider, EntityId};
use caravan_limits::known::REMINDERS_PER_ACCOUNT;

use super::facts::{crew, existing_city, existing_events, send_with_accounts};
use super::requests::ask_for_messages;
use crate::identity::people;
use crate::processes::{Reach, TRIP_BOOKING_REMINDER};
use crate::{Asking, CommandError, Commands, Done};

pub async fn create(asking: &Asking, booking: NewBooking) -> Result<Done<TripBookings>, CommandError> {
    let create = async {
        let crew = crew(asking, booking.crew_id).await?;
        let time_zone = existing_city(asking, booking.city_id).await?.time_zone;
        people::some_with_account(asking, &booking.leader_ids, "leader_ids").await?;
        Ok(CreateBooking { booking, crew, time_zone })
    };
    asking.send_once(asking.new_id::<TripBookings>().await?, create).await
}

/// Changes dates, leaders and orders.
pub async fn change(
    asking: &Asking,
    booking: EntityId,
    change: ChangeBooking,
) -> Result<Done<TripBookings>, CommandError> {
    let change = async {
        people::some_with_account(asking, change.leader_ids.as_deref().unwrap_or_default(), "leader_ids").await?;
        Ok(change)
    };
    asking.send_once(booking, change).await
}

pub async fn recover(
    asking: &Asking,
    booking: EntityId,
    crew_id: EntityId,
    forced: bool,
) -> Result<Done<TripBookings>, CommandError> {
    let recover = async { Ok(TripBookingCommand::Recover { crew_id, crew: crew(asking, crew_id).await?, forced }) };
    asking.send_once(booking, recover).await
}

/// Adds a person; gives who that is now, where they were a temp member whom an account has absorbed, and the booking.
pub async fn add_member(
    asking: &Asking,
    booking: EntityId,
    member: NewMember,
) -> Result<(EntityId, Done<TripBookings>), CommandError> {
    let person = people::present(asking, member.person).await?;
    let add = async {
        let member = NewMember { person: people::existing(asking, person, "person").await?, ..member };
        Ok(AddMember { member, crew: crew_of(asking, booking).await? })
    };
    Ok((person, asking.send_once(booking, add).await?))
}

pub async fn change_member(
    asking: &Asking,
    booking: EntityId,
    change: MemberChange,
) -> Result<Done<TripBookings>, CommandError> {
    let person = change.person;
    let command = |with_account| ChangeMember { change: change.clone(), with_account };
    if change.leader != Some(false) {
        return asking.send(booking, command(BTreeSet::new())).await;
    }
    without(asking, booking, person, command).await
}

pub async fn remove_member(
    asking: &Asking,
    booking: EntityId,
    person: EntityId,
) -> Result<Done<TripBookings>, CommandError> {
    let remove = |with_account| TripBookingCommand::RemoveMember { person, with_account };
    without(asking, booking, person, remove).await
}

/// The system's: somebody is in the booking's crew no more.
pub(crate) async fn leave(
    asking: &Asking,
    booking: EntityId,
    person: EntityId,
) -> Result<Done<TripBookings>, CommandError> {
    let leave = |with_account| TripBookingCommand::LeaveCrew { person, with_account };
    without(asking, booking, person, leave).await
}

/// The system's: somebody was forgotten, and leads nothing any more.
pub(crate) async fn pass_on(
    asking: &Asking,
    booking: EntityId,
    person: EntityId,
) -> Result<Done<TripBookings>, CommandError> {
    let pass_on = |with_account| TripBookingCommand::PassOn { person, with_account };
    without(asking, booking, person, pass_on).await
}

async fn without<C: Into<TripBookingCommand>>(
    asking: &Asking,
    booking: EntityId,
    person: EntityId,
    command: impl Fn(BTreeSet<EntityId>) -> C,
) -> Result<Done<TripBookings>, CommandError> {
    let crew = crew_of(asking, booking).await?;
    // Who left the crew while the booking was abandoned is in it still, but could not recover it.
    let stays = |member: &EntityId| crew.crew().map_or(true, |crew| crew.is_member(*member));
    let members = |state: &TripBookingState| match state.booking() {
        Ok(booking) if booking.is_leader(person) => booking.members.iter().copied().filter(stays).collect(),
        Ok(_) | Err(_) => vec![],
    };
    send_with_accounts::<TripBookings, _>(asking, booking, members, command).await
}

/// Has a message sent to a member, by what reaches them and they have not switched off.
pub async fn remind_member(
    asking: &Asking,
    booking: EntityId,
    person: EntityId,
) -> Result<Done<TripBookings>, CommandError> {
    if let Some(done) = asking.done_before(booking).await? {
        return Ok(done);
    }
    let account = asking.state::<Account>(person).await?.state;
    let reach = Reach::of(asking, &TRIP_BOOKING_REMINDER, person, &account, asking.now()).await?;
    let remind = TripBookingCommand::RemindMember { person, medium: reach.medium() };
    // Who may not remind is told nothing about what the person was sent.
    let present = asking.state::<TripBookings>(booking).await?.state;
    TripBookings::decide(&present, remind.clone(), &asking.caller().context())?;
    let taken =
        ask_for_messages(asking, &REMINDERS_PER_ACCOUNT, &TRIP_BOOKING_REMINDER, &[person], BTreeSet::new()).await?;
    let reminded = asking.send(booking, remind).await;
    if matches!(reminded, Err(CommandError::Rejected(_) | CommandError::PreconditionFailed)) {
        taken.give_back().await?;
    }
    reminded
}

pub async fn add_event(
    asking: &Asking,
    booking: EntityId,
    event: EntityId,
    attendees: Option<Vec<EntityId>>,
) -> Result<Done<TripBookings>, CommandError> {
    let add = async {
        existing_events(asking, &[event], "event").await?;
        Ok(TripBookingCommand::AddEvent { event, attendees })
    };
    asking.send_once(booking, add).await
}

/// Adds or changes an accommodation that may name a city.
pub async fn change_accommodation(
    asking: &Asking,
    booking: EntityId,
    city_id: Option<EntityId>,
    command: impl Into<TripBookingCommand>,
) -> Result<Done<TripBookings>, CommandError> {
    let change = async {
        if let Some(city) = city_id {
            existing_city(asking, city).await?;
        }
        Ok(command)
    };
    asking.send_once(booking, change).await
}

async fn crew_of(commands: &Commands, booking: EntityId) -> Result<Arc<CrewState>, CommandError> {
    let booking = commands.state::<TripBookings>(booking).await?.state;
    crew(commands, booking.booking()?.crew).await
}
