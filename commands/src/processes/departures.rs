//! Who leaves a crew, or is removed from it, leaves its active bookings; a crew that is deleted abandons them. Who is
//! forgotten is in charge of none any more.
//!
//! Who is in which crew and booking is kept as of the event looked at, so that a repeat reacts to the same.

use async_trait::async_trait;
use caravan_domain::identity::{Account, AccountEvent};
use caravan_domain::trips::booking::{TripBookingCommand, TripBookingEvent, TripBookings};
use caravan_domain::trips::crew::{CrewEvent, Crews};
use caravan_domain::{Decider, EntityId};
use caravan_event_store::following::{FollowError, Follower};
use caravan_event_store::{Filter, Recorded};
use sqlx::PgConnection;
use uuid::Uuid;

use super::reaction::{decoded, react, react_by};
use crate::trips::{bookings, crews};
use crate::{Asking, Commands};

/// The follower's name.
pub(crate) const DEPARTURES: &str = "departures";

pub struct Departures {
    commands: Commands,
}

impl Departures {
    pub fn new(commands: Commands) -> Self {
        Departures { commands }
    }

    async fn crew_changed(&self, tx: &mut PgConnection, event: &Recorded) -> Result<(), FollowError> {
        let crew = event.stream.id;
        match decoded::<Crews>(event)? {
            CrewEvent::CrewCreated { members, .. } => join_crew(tx, crew, &members).await,
            CrewEvent::CrewMemberAdded { person } | CrewEvent::CrewMemberInvited { person, .. } => {
                join_crew(tx, crew, &[person]).await
            }
            // Bookings that still name the temp member are about to name the account too: no reason to leave them.
            CrewEvent::CrewMemberReplaced { from, to } => {
                // A crew that was deleted keeps its last members, and is gone here.
                let known = "select exists (select from crew_members where crew = $1 and person = $2)";
                let known: bool = sqlx::query_scalar(known).bind(crew.0).bind(from.0).fetch_one(&mut *tx).await?;
                if known { join_crew(tx, crew, &[to]).await } else { Ok(()) }
            }
            CrewEvent::CrewMemberRemoved { person } => {
                sqlx::query("delete from crew_members where crew = $1 and person = $2")
                    .bind(crew.0)
                    .bind(person.0)
                    .execute(&mut *tx)
                    .await?;
                let bookings: Vec<Uuid> = sqlx::query_scalar(
                    "select booking from crew_bookings join booking_members using (booking)
                     where crew = $1 and person = $2 order by booking",
                )
                .bind(crew.0)
                .bind(person.0)
                .fetch_all(tx)
                .await?;
                for booking in bookings {
                    self.leave(event, EntityId(booking), person).await?;
                }
                Ok(())
            }
            CrewEvent::CrewDeleted { .. } => {
                sqlx::query("delete from crew_members where crew = $1").bind(crew.0).execute(&mut *tx).await?;
                let bookings: Vec<Uuid> =
                    sqlx::query_scalar("select booking from crew_bookings where crew = $1 order by booking")
                        .bind(crew.0)
                        .fetch_all(tx)
                        .await?;
                for booking in bookings {
                    self.abandon(event, EntityId(booking)).await?;
                }
                Ok(())
            }
            CrewEvent::CrewChanged { .. } | CrewEvent::CrewMemberTookPart { .. } => Ok(()),
        }
    }

    async fn booking_changed(&self, tx: &mut PgConnection, event: &Recorded) -> Result<(), FollowError> {
        let booking = event.stream.id;
        match decoded::<TripBookings>(event)? {
            TripBookingEvent::BookingCreated { crew, leaders, .. } => {
                sqlx::query("insert into crew_bookings (booking, crew) values ($1, $2) on conflict do nothing")
                    .bind(booking.0)
                    .bind(crew.0)
                    .execute(&mut *tx)
                    .await?;
                join_booking(tx, booking, &leaders).await?;
                self.strangers_leave(tx, event).await
            }
            TripBookingEvent::MemberAdded { person, .. } => {
                join_booking(tx, booking, &[person]).await?;
                self.strangers_leave(tx, event).await
            }
            TripBookingEvent::MemberReplaced { from, to } => {
                leave_booking(tx, booking, from).await?;
                join_booking(tx, booking, &[to]).await?;
                self.strangers_leave(tx, event).await
            }
            TripBookingEvent::MemberRemoved { person } => leave_booking(tx, booking, person).await,
            TripBookingEvent::BookingRecovered {} => self.strangers_leave(tx, event).await,
            _ => Ok(()),
        }
    }

    /// Who joined a booking, or recovered it, may have known the crew as it was before somebody left it.
    async fn strangers_leave(&self, tx: &mut PgConnection, event: &Recorded) -> Result<(), FollowError> {
        let booking = event.stream.id;
        // A crew always has a member, unless it was deleted.
        let exists: bool = sqlx::query_scalar(
            "select exists (select from crew_bookings join crew_members using (crew) where booking = $1)",
        )
        .bind(booking.0)
        .fetch_one(&mut *tx)
        .await?;
        if !exists {
            return self.abandon(event, booking).await;
        }
        let strangers: Vec<Uuid> = sqlx::query_scalar(
            "select person from booking_members join crew_bookings b using (booking)
             where booking = $1
               and not exists (select from crew_members m where m.crew = b.crew and m.person = booking_members.person)
             order by person",
        )
        .bind(booking.0)
        .fetch_all(tx)
        .await?;
        for person in strangers {
            self.leave(event, booking, EntityId(person)).await?;
        }
        Ok(())
    }

    async fn leave(&self, event: &Recorded, booking: EntityId, person: EntityId) -> Result<(), FollowError> {
        let name = format!("departure of {person}");
        let leave = |asking: Asking| async move { bookings::leave(&asking, booking, person).await };
        react_by(&self.commands, event, &name, booking, leave).await
    }

    async fn account_changed(&self, tx: &mut PgConnection, event: &Recorded) -> Result<(), FollowError> {
        let AccountEvent::PersonForgotten { .. } = decoded::<Account>(event)? else { return Ok(()) };
        const NAME: &str = "forgetting";
        let person = event.stream.id;
        for crew in places(tx, "select crew from crew_members where person = $1 order by 1", person).await? {
            let pass_on = |asking: Asking| async move { crews::pass_on(&asking, crew, person).await };
            react_by(&self.commands, event, NAME, crew, pass_on).await?;
        }
        for booking in places(tx, "select booking from booking_members where person = $1 order by 1", person).await? {
            let pass_on = |asking: Asking| async move { bookings::pass_on(&asking, booking, person).await };
            react_by(&self.commands, event, NAME, booking, pass_on).await?;
        }
        Ok(())
    }

    async fn abandon(&self, event: &Recorded, booking: EntityId) -> Result<(), FollowError> {
        react::<TripBookings>(&self.commands, event, "end of the crew", booking, TripBookingCommand::AbandonWithCrew)
            .await
    }
}

async fn places(tx: &mut PgConnection, query: &'static str, person: EntityId) -> Result<Vec<EntityId>, FollowError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(query).bind(person.0).fetch_all(tx).await?;
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

#[async_trait]
impl Follower for Departures {
    fn name(&self) -> &str {
        DEPARTURES
    }

    fn filter(&self) -> Filter {
        Filter {
            categories: [Account::CATEGORY, Crews::CATEGORY, TripBookings::CATEGORY].map(str::to_owned).to_vec(),
            event_types: [
                "PersonForgotten",
                "CrewCreated",
                "CrewMemberAdded",
                "CrewMemberInvited",
                "CrewMemberReplaced",
                "CrewMemberRemoved",
                "CrewDeleted",
                "BookingCreated",
                "BookingRecovered",
                "MemberAdded",
                "MemberReplaced",
                "MemberRemoved",
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
                Account::CATEGORY => self.account_changed(tx, event).await?,
                Crews::CATEGORY => self.crew_changed(tx, event).await?,
                _ => self.booking_changed(tx, event).await?,
            }
        }
        Ok(())
    }
}
