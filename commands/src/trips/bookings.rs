//! Trip bookings.

use std::collections::BTreeSet;
use std::sync::Arc;

use caravan_domain::trips::booking::{
    AddMember, Availability, ChangeBooking, ChangeMember, CreateBooking, TripBookingCommand, TripBookingState,
    TripBookings,
};
use caravan_domain::trips::crew::CrewState;
use caravan_domain::{Decider, EntityId};
use caravan_limits::rules::REMINDERS_PER_ACCOUNT;
use chrono::NaiveDate;

use crate::{Caller, CommandError, Commands, Done, stream};

pub struct NewBooking {
    pub crew_id: EntityId,
    pub city_id: EntityId,
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
    pub leader_ids: Vec<EntityId>,
}

/// A person to be added to a booking.
pub struct NewMember {
    pub person: EntityId,
    pub leader: bool,
    pub start_date: Option<NaiveDate>,
    pub end_date: Option<NaiveDate>,
    pub availability: Option<Availability>,
}

impl Commands {
    pub async fn create_booking(&self, new: NewBooking, caller: &Caller) -> Result<Done<TripBookings>, CommandError> {
        let crew = self.crew(new.crew_id).await?;
        let time_zone = self.existing_city(new.city_id).await?.time_zone;
        self.some_with_account(&new.leader_ids, "leader_ids").await?;
        let id = self.new_id("trip_booking", caller).await?;
        let NewBooking { crew_id, city_id, start_date, end_date, leader_ids } = new;
        let create = CreateBooking { crew_id, crew, city_id, time_zone, start_date, end_date, leader_ids };
        self.change_booking(id, TripBookingCommand::Create(create), caller).await
    }

    /// A command that the booking decides alone.
    pub async fn change_booking(
        &self,
        booking: EntityId,
        command: TripBookingCommand,
        caller: &Caller,
    ) -> Result<Done<TripBookings>, CommandError> {
        self.execute::<TripBookings>(stream::<TripBookings>(booking), command, caller).await
    }

    pub async fn recover_booking(
        &self,
        booking: EntityId,
        crew_id: EntityId,
        forced: bool,
        caller: &Caller,
    ) -> Result<Done<TripBookings>, CommandError> {
        let crew = self.crew(crew_id).await?;
        self.change_booking(booking, TripBookingCommand::Recover { crew_id, crew, forced }, caller).await
    }

    /// The person as they are named now, and the booking.
    pub async fn add_booking_member(
        &self,
        booking: EntityId,
        new: NewMember,
        caller: &Caller,
    ) -> Result<(EntityId, Done<TripBookings>), CommandError> {
        let crew = self.crew_of(booking).await?;
        let person = self.existing_person(new.person, "person").await?;
        let NewMember { leader, start_date, end_date, availability, .. } = new;
        let add = AddMember { person, crew, leader, start_date, end_date, availability };
        let done = self.change_booking(booking, TripBookingCommand::AddMember(add), caller).await?;
        Ok((person, done))
    }

    /// Changes dates, leaders and orders.
    pub async fn update_booking(
        &self,
        booking: EntityId,
        change: ChangeBooking,
        caller: &Caller,
    ) -> Result<Done<TripBookings>, CommandError> {
        if let Some(leaders) = &change.leader_ids {
            self.some_with_account(leaders, "leader_ids").await?;
        }
        self.change_booking(booking, TripBookingCommand::Change(change), caller).await
    }

    pub async fn change_booking_member(
        &self,
        booking: EntityId,
        change: ChangeMember,
        caller: &Caller,
    ) -> Result<Done<TripBookings>, CommandError> {
        if change.leader != Some(false) {
            return self.change_booking(booking, TripBookingCommand::ChangeMember(change), caller).await;
        }
        let command = |with_account| TripBookingCommand::ChangeMember(ChangeMember { with_account, ..change.clone() });
        self.without_in_booking(booking, change.person, command, caller).await
    }

    pub async fn remove_booking_member(
        &self,
        booking: EntityId,
        person: EntityId,
        caller: &Caller,
    ) -> Result<Done<TripBookings>, CommandError> {
        let remove = |with_account| TripBookingCommand::RemoveMember { person, with_account };
        self.without_in_booking(booking, person, remove, caller).await
    }

    /// The system's: somebody is in the booking's crew no more.
    pub(crate) async fn leave_booking(
        &self,
        booking: EntityId,
        person: EntityId,
        caller: &Caller,
    ) -> Result<Done<TripBookings>, CommandError> {
        let leave = |with_account| TripBookingCommand::LeaveCrew { person, with_account };
        self.without_in_booking(booking, person, leave, caller).await
    }

    /// The system's: somebody was forgotten, and leads nothing any more.
    pub(crate) async fn pass_booking_on(
        &self,
        booking: EntityId,
        person: EntityId,
        caller: &Caller,
    ) -> Result<Done<TripBookings>, CommandError> {
        let pass_on = |with_account| TripBookingCommand::PassOn { person, with_account };
        self.without_in_booking(booking, person, pass_on, caller).await
    }

    async fn without_in_booking(
        &self,
        booking: EntityId,
        person: EntityId,
        command: impl Fn(BTreeSet<EntityId>) -> TripBookingCommand,
        caller: &Caller,
    ) -> Result<Done<TripBookings>, CommandError> {
        let crew = self.crew_of(booking).await?;
        // Who left the crew while the booking was abandoned is in it still, but could not recover it.
        let stays = |member: &EntityId| crew.crew().map_or(true, |crew| crew.is_member(*member));
        let members = |state: &TripBookingState| match state.booking() {
            Ok(booking) if booking.is_leader(person) => booking.members.iter().copied().filter(stays).collect(),
            Ok(_) | Err(_) => vec![],
        };
        let stream = stream::<TripBookings>(booking);
        self.execute_with_accounts::<TripBookings>(stream, members, command, caller).await
    }

    /// Has a message sent to a member: by mail, else SMS; temp members by SMS.
    pub async fn remind_booking_member(
        &self,
        booking: EntityId,
        person: EntityId,
        caller: &Caller,
    ) -> Result<Done<TripBookings>, CommandError> {
        let accounts = self.accounts(&[person]).await?;
        let channel = accounts.first().and_then(|(_, state)| state.reached_by()).map(|(channel, _)| channel);
        let remind = TripBookingCommand::RemindMember { person, channel };
        if self.repeated::<TripBookings>(&stream::<TripBookings>(booking), caller).await?.is_some() {
            return self.change_booking(booking, remind, caller).await;
        }
        // Who may not remind is told nothing about what the person was sent.
        let present = self.state::<TripBookings>(&stream::<TripBookings>(booking)).await?.state;
        TripBookings::decide(&present, remind.clone(), &caller.context())?;
        let taken = self.ask_for_messages(&REMINDERS_PER_ACCOUNT, caller.person()?, &[person], BTreeSet::new()).await?;
        let reminded = self.change_booking(booking, remind, caller).await;
        if matches!(reminded, Err(CommandError::Rejected(_) | CommandError::PreconditionFailed)) {
            taken.give_back().await?;
        }
        reminded
    }

    pub async fn add_booking_event(
        &self,
        booking: EntityId,
        event: EntityId,
        attendees: Option<Vec<EntityId>>,
        caller: &Caller,
    ) -> Result<Done<TripBookings>, CommandError> {
        self.existing_events(&[event], "event").await?;
        self.change_booking(booking, TripBookingCommand::AddEvent { event, attendees }, caller).await
    }

    /// Adds or changes an accommodation that may name a city.
    pub async fn change_accommodation(
        &self,
        booking: EntityId,
        city_id: Option<EntityId>,
        command: TripBookingCommand,
        caller: &Caller,
    ) -> Result<Done<TripBookings>, CommandError> {
        if let Some(city) = city_id {
            self.existing_city(city).await?;
        }
        self.change_booking(booking, command, caller).await
    }

    async fn crew_of(&self, booking: EntityId) -> Result<Arc<CrewState>, CommandError> {
        let booking: Arc<TripBookingState> = self.state::<TripBookings>(&stream::<TripBookings>(booking)).await?.state;
        self.crew(booking.booking()?.crew).await
    }
}
