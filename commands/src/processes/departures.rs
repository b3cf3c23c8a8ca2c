//! Who leaves a crew, or is removed from it, leaves its active bookings; a crew that is deleted abandons them.

use async_trait::async_trait;
use caravan_domain::EntityId;
use caravan_domain::identity::{Account, AccountState};
use caravan_domain::trips::booking::{TripBookingCommand, TripBookingEvent, TripBookings};
use caravan_domain::trips::crew::{CrewEvent, CrewState, Crews};
use caravan_domain::{Decider, trips::booking::TripBookingState};
use caravan_event_store::following::{FollowError, Follower};
use caravan_event_store::{Filter, Recorded};
use sqlx::PgConnection;
use uuid::Uuid;

use super::reaction::{decoded, failed, react};
use crate::{CommandError, Commands, stream};

pub struct Departures {
    commands: Commands,
}

impl Departures {
    pub fn new(commands: Commands) -> Self {
        Departures { commands }
    }

    async fn crew_changed(&self, tx: &mut PgConnection, event: &Recorded) -> Result<(), FollowError> {
        let command = match decoded::<Crews>(event)? {
            CrewEvent::CrewMemberRemoved { person } => TripBookingCommand::LeaveCrew { person },
            CrewEvent::CrewDeleted { .. } => TripBookingCommand::AbandonWithCrew,
            _ => return Ok(()),
        };
        let bookings: Vec<Uuid> = sqlx::query_scalar("select booking from crew_bookings where crew = $1 order by 1")
            .bind(event.stream.id.0)
            .fetch_all(tx)
            .await?;
        for booking in bookings {
            let booking = stream::<TripBookings>(EntityId(booking));
            react::<TripBookings>(&self.commands, event, "departure", booking, command.clone()).await?;
        }
        Ok(())
    }

    /// Whoever joined a booking while leaving the crew, or while it was deleted, was not yet known to be in it.
    async fn booking_changed(&self, tx: &mut PgConnection, event: &Recorded) -> Result<(), FollowError> {
        if let TripBookingEvent::BookingCreated { crew, .. } = decoded::<TripBookings>(event)? {
            sqlx::query("insert into crew_bookings (booking, crew) values ($1, $2) on conflict do nothing")
                .bind(event.stream.id.0)
                .bind(crew.0)
                .execute(tx)
                .await?;
        }
        for command in self.strangers(event).await.map_err(|error| failed(event, error))? {
            let name = match &command {
                TripBookingCommand::LeaveCrew { person } => format!("stranger {person}"),
                _ => "orphan".to_owned(),
            };
            react::<TripBookings>(&self.commands, event, &name, event.stream.clone(), command).await?;
        }
        Ok(())
    }

    /// What makes the members of a booking members of its crew again.
    async fn strangers(&self, event: &Recorded) -> Result<Vec<TripBookingCommand>, CommandError> {
        let state = self.commands.state::<TripBookings>(&event.stream).await?.state;
        let TripBookingState::Active(booking) = &*state else { return Ok(vec![]) };
        let crew = self.commands.state::<Crews>(&stream::<Crews>(booking.crew)).await?.state;
        let crew = match &*crew {
            CrewState::Active(crew) => crew,
            CrewState::Deleted { .. } => return Ok(vec![TripBookingCommand::AbandonWithCrew]),
            CrewState::Unknown => return Ok(vec![]),
        };
        let mut strangers = vec![];
        for person in booking.members.iter().copied().filter(|member| !crew.is_member(*member)) {
            // An absorbed temp member is about to be replaced, here as in the crew.
            let account = self.commands.state::<Account>(&stream::<Account>(person)).await?.state;
            if !matches!(*account, AccountState::Absorbed { .. }) {
                strangers.push(TripBookingCommand::LeaveCrew { person });
            }
        }
        Ok(strangers)
    }
}

#[async_trait]
impl Follower for Departures {
    fn name(&self) -> &str {
        "departures"
    }

    fn filter(&self) -> Filter {
        Filter {
            categories: [Crews::CATEGORY, TripBookings::CATEGORY].map(str::to_owned).to_vec(),
            event_types: [
                "CrewMemberRemoved",
                "CrewDeleted",
                "BookingCreated",
                "BookingRecovered",
                "MemberAdded",
                "MemberReplaced",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    fn durable(&self) -> bool {
        true
    }

    fn batch(&self) -> usize {
        100
    }

    async fn apply(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<(), FollowError> {
        for event in batch {
            match event.stream.category.as_str() {
                Crews::CATEGORY => self.crew_changed(tx, event).await?,
                _ => self.booking_changed(tx, event).await?,
            }
        }
        Ok(())
    }
}
