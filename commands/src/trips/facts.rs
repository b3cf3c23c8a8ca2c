//! Facts of other streams: who and what exists.

use std::collections::BTreeSet;
use std::sync::Arc;

use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::catalogue::event::{Event, EventState};
use caravan_domain::identity::{Account, AccountState};
use caravan_domain::record::Records;
use caravan_domain::trips::crew::{CrewState, Crews};
use caravan_domain::{EntityId, Rejection};
use caravan_event_store::StreamId;
use futures::{StreamExt, TryStreamExt};

use crate::{CommandError, Commands, stream};

/// Streams looked at together; their reads share round trips.
const TOGETHER: usize = 64;

impl Commands {
    /// What the people's accounts are now, in the order asked.
    pub async fn accounts(&self, people: &[EntityId]) -> Result<Vec<(EntityId, Arc<AccountState>)>, CommandError> {
        let account = async |person: EntityId| {
            let current = self.state::<Account>(&stream::<Account>(person)).await?;
            Ok::<_, CommandError>((person, current.state))
        };
        futures::stream::iter(people.iter().copied()).map(account).buffered(TOGETHER).try_collect().await
    }

    /// Those among the people who have no account yet.
    pub async fn temp_members(&self, people: &[EntityId]) -> Result<BTreeSet<EntityId>, CommandError> {
        let accounts = self.accounts(people).await?;
        let temps = accounts.into_iter().filter(|(_, state)| matches!(**state, AccountState::Invited(_)));
        Ok(temps.map(|(person, _)| person).collect())
    }

    /// The people as they are named now: an absorbed temp member is the account that absorbed them. Not found, naming
    /// `field`, where somebody does not exist or was forgotten.
    pub(super) async fn existing_people(
        &self,
        people: &[EntityId],
        field: &'static str,
    ) -> Result<Vec<EntityId>, CommandError> {
        all_present(&self.accounts(people).await?, field)
    }

    /// As [`Self::existing_people`]; invalid where somebody has not signed up.
    pub(super) async fn signed_up_people(
        &self,
        people: &[EntityId],
        field: &'static str,
    ) -> Result<Vec<EntityId>, CommandError> {
        let accounts = self.accounts(people).await?;
        let people = all_present(&accounts, field)?;
        match accounts.iter().position(|(_, state)| matches!(**state, AccountState::Invited(_))) {
            Some(index) => Err(Rejection::invalid(format!("{field}[{index}]"), "has not signed up yet").into()),
            None => Ok(people),
        }
    }

    /// Who somebody is now, whether or not they exist.
    pub async fn present(&self, person: EntityId) -> Result<EntityId, CommandError> {
        Ok(self.state::<Account>(&stream::<Account>(person)).await?.state.present(person))
    }

    pub(super) async fn existing_person(
        &self,
        person: EntityId,
        field: &'static str,
    ) -> Result<EntityId, CommandError> {
        let state = self.state::<Account>(&stream::<Account>(person)).await?.state;
        present(person, &state).ok_or_else(|| Rejection::not_found("no such person").on(field).into())
    }

    /// Not found, naming `field`, where one of the events was never listed.
    pub(super) async fn existing_events(&self, events: &[EntityId], field: &'static str) -> Result<(), CommandError> {
        let exists = async |event: EntityId| {
            let current = self.state::<Event>(&stream::<Event>(event)).await?;
            match *current.state {
                EventState::Unknown => Err(CommandError::from(Rejection::not_found("no such event").on(field))),
                EventState::Scheduled(_) | EventState::Cancelled(_) => Ok(()),
            }
        };
        futures::stream::iter(events.iter().copied()).map(exists).buffered(TOGETHER).try_collect().await
    }

    pub(super) async fn existing_city(&self, city: EntityId) -> Result<City, CommandError> {
        let current = self.state::<Records>(&StreamId::new(CITY.kind.name, city)).await?;
        let city = current.state.get::<City>();
        city.ok_or_else(|| Rejection::not_found("no such city").on("city_id").into())
    }

    pub(super) async fn crew(&self, crew: EntityId) -> Result<Arc<CrewState>, CommandError> {
        Ok(self.state::<Crews>(&stream::<Crews>(crew)).await?.state)
    }
}

/// Who somebody is now, unless they never were or were forgotten.
fn present(person: EntityId, state: &AccountState) -> Option<EntityId> {
    match state {
        AccountState::Unknown | AccountState::Forgotten { .. } => None,
        AccountState::Invited(_) | AccountState::Registered(_) | AccountState::Absorbed { .. } => {
            Some(state.present(person))
        }
    }
}

/// Who these are now; not found, naming the place in `field`, where somebody is not.
fn all_present(accounts: &[(EntityId, Arc<AccountState>)], field: &str) -> Result<Vec<EntityId>, CommandError> {
    let people = accounts.iter().enumerate().map(|(index, (person, state))| {
        let present = present(*person, state);
        present.ok_or_else(|| Rejection::not_found("no such person").on(format!("{field}[{index}]")).into())
    });
    people.collect()
}
