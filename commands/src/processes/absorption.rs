//! A temp member who turns out to be somebody with an account is replaced by it in every crew, idea and booking, also
//! in those that named the temp member just before they knew.

use async_trait::async_trait;
use caravan_domain::identity::{Account, AccountEvent};
use caravan_domain::trips::booking::{TripBookingCommand, TripBookingEvent, TripBookings};
use caravan_domain::trips::crew::{CrewCommand, CrewEvent, Crews};
use caravan_domain::trips::trip_idea::{TripIdeaCommand, TripIdeaEvent, TripIdeas};
use caravan_domain::{Decider, EntityId};
use caravan_event_store::following::{FollowError, Follower};
use caravan_event_store::{Filter, Recorded, StreamId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::reaction::{decoded, react};
use crate::Commands;

pub struct Absorption {
    commands: Commands,
}

impl Absorption {
    pub fn new(commands: Commands) -> Self {
        Absorption { commands }
    }

    async fn account_changed(&self, tx: &mut PgConnection, event: &Recorded) -> Result<(), FollowError> {
        let person = event.stream.id;
        match decoded::<Account>(event)? {
            AccountEvent::Invited { .. } => {
                sqlx::query("insert into temp_members (person) values ($1) on conflict do nothing")
                    .bind(person.0)
                    .execute(tx)
                    .await?;
            }
            // From now on nobody can absorb them.
            AccountEvent::Registered(_) | AccountEvent::PersonForgotten { .. } => {
                sqlx::query("delete from temp_members where person = $1").bind(person.0).execute(tx).await?;
            }
            AccountEvent::Absorbed { into } => {
                sqlx::query("update temp_members set absorbed_into = $2 where person = $1")
                    .bind(person.0)
                    .bind(into.0)
                    .execute(&mut *tx)
                    .await?;
                let places: Vec<(String, Uuid)> = sqlx::query_as(
                    "select category, stream_id from temp_member_places where person = $1 order by 1, 2",
                )
                .bind(person.0)
                .fetch_all(tx)
                .await?;
                for (category, id) in places {
                    self.replace(event, StreamId::new(&category, EntityId(id)), person, into).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn named(&self, tx: &mut PgConnection, event: &Recorded, people: Vec<EntityId>) -> Result<(), FollowError> {
        let people: Vec<Uuid> = people.into_iter().map(|person| person.0).collect();
        let temps: Vec<(Uuid, Option<Uuid>)> = sqlx::query_as(
            "with placed as (
                 insert into temp_member_places (person, category, stream_id)
                 select person, $2, $3 from temp_members where person = any($1) on conflict do nothing
             )
             select person, absorbed_into from temp_members where person = any($1) order by 1",
        )
        .bind(people)
        .bind(&event.stream.category)
        .bind(event.stream.id.0)
        .fetch_all(tx)
        .await?;
        for (person, into) in temps {
            if let Some(into) = into {
                self.replace(event, event.stream.clone(), EntityId(person), EntityId(into)).await?;
            }
        }
        Ok(())
    }

    async fn replace(
        &self,
        event: &Recorded,
        place: StreamId,
        from: EntityId,
        to: EntityId,
    ) -> Result<(), FollowError> {
        let (commands, name, id) = (&self.commands, format!("absorption of {from}"), place.id);
        match place.category.as_str() {
            Crews::CATEGORY => {
                react::<Crews>(commands, event, &name, id, CrewCommand::ReplaceMember { from, to }).await
            }
            TripIdeas::CATEGORY => {
                react::<TripIdeas>(commands, event, &name, id, TripIdeaCommand::ReplaceMember { from, to }).await
            }
            _ => {
                let replace = TripBookingCommand::ReplaceMember { from, to };
                react::<TripBookings>(commands, event, &name, id, replace).await
            }
        }
    }
}

/// Whom an event brings into a crew, idea or booking.
fn people(event: &Recorded) -> Result<Vec<EntityId>, FollowError> {
    Ok(match event.stream.category.as_str() {
        Crews::CATEGORY => match decoded::<Crews>(event)? {
            CrewEvent::CrewCreated { members, .. } => members,
            CrewEvent::CrewMemberAdded { person } | CrewEvent::CrewMemberInvited { person, .. } => vec![person],
            _ => vec![],
        },
        TripIdeas::CATEGORY => match decoded::<TripIdeas>(event)? {
            TripIdeaEvent::TripIdeaSuggested(mut idea) => {
                idea.liked.push(idea.suggestor);
                idea.liked
            }
            TripIdeaEvent::TripIdeaLiked { person } => vec![person],
            _ => vec![],
        },
        _ => match decoded::<TripBookings>(event)? {
            TripBookingEvent::BookingCreated { leaders, .. } => leaders,
            TripBookingEvent::MemberAdded { person, .. } => vec![person],
            _ => vec![],
        },
    })
}

#[async_trait]
impl Follower for Absorption {
    fn name(&self) -> &str {
        "absorption"
    }

    fn filter(&self) -> Filter {
        Filter {
            categories: [Account::CATEGORY, Crews::CATEGORY, TripIdeas::CATEGORY, TripBookings::CATEGORY]
                .map(str::to_owned)
                .to_vec(),
            event_types: [
                "Invited",
                "Registered",
                "Absorbed",
                "PersonForgotten",
                "CrewCreated",
                "CrewMemberAdded",
                "CrewMemberInvited",
                "TripIdeaSuggested",
                "TripIdeaLiked",
                "BookingCreated",
                "MemberAdded",
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
                _ => self.named(tx, event, people(event)?).await?,
            }
        }
        Ok(())
    }
}
