//! Facts of other streams: who and what exists.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::catalogue::event::{Event, EventState, no_such_event};
use caravan_domain::identity::{Account, AccountState};
use caravan_domain::record::Records;
use caravan_domain::trips::crew::{CrewState, Crews};
use caravan_domain::{Decider, EntityId, Rejection};
use caravan_event_store::StreamId;
use futures::{StreamExt, TryStreamExt};

use crate::{Caller, CommandError, Commands, Done, stream};

/// Streams looked at together; their reads share round trips.
pub(super) const TOGETHER: usize = 64;

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

    /// Those among the people who have an account.
    async fn with_account(&self, people: &[EntityId]) -> Result<BTreeSet<EntityId>, CommandError> {
        let accounts = self.accounts(people).await?;
        let registered = accounts.into_iter().filter(|(_, state)| state.registered().is_some());
        Ok(registered.map(|(person, _)| person).collect())
    }

    /// Invalid, naming `field`, where all of some people have yet to sign up: nobody among them could be in charge.
    pub(super) async fn some_with_account(&self, people: &[EntityId], field: &'static str) -> Result<(), CommandError> {
        if people.is_empty() || !self.with_account(people).await?.is_empty() {
            return Ok(());
        }
        Err(Rejection::invalid("nobody-signed-up", field, "names nobody who has signed up").into())
    }

    /// Sends a command that may leave nobody in charge of a stream, with those of `members` who have an account. It is
    /// decided on the very state that was asked for the members, so that nobody who joins meanwhile is overlooked.
    pub(super) async fn execute_with_accounts<D: Decider>(
        &self,
        stream: StreamId,
        members: impl Fn(&D::State) -> Vec<EntityId>,
        command: impl Fn(BTreeSet<EntityId>) -> D::Command,
        caller: &Caller,
    ) -> Result<Done<D>, CommandError> {
        const TRIES: usize = 20;
        for _ in 0..TRIES {
            let current = self.state::<D>(&stream).await?;
            let with_account = self.with_account(&members(&current.state)).await?;
            let as_of = Caller { if_match: caller.if_match.or(Some(current.revision)), ..caller.clone() };
            match self.execute::<D>(stream.clone(), command(with_account), &as_of).await {
                Err(CommandError::PreconditionFailed) if caller.if_match.is_none() => {}
                outcome => return outcome,
            }
        }
        Err(CommandError::Busy)
    }

    /// The people as they are named now: an absorbed temp member is the account that absorbed them. Not found, naming
    /// `field`, where somebody does not exist or was forgotten; invalid where somebody has not signed up.
    pub(super) async fn signed_up_people(
        &self,
        people: &[EntityId],
        field: &'static str,
    ) -> Result<Vec<EntityId>, CommandError> {
        let accounts = self.accounts(people).await?;
        let people = all_present(&accounts, field)?;
        match accounts.iter().position(|(_, state)| matches!(**state, AccountState::Invited(_))) {
            Some(index) => {
                Err(Rejection::invalid("person-not-signed-up", format!("{field}[{index}]"), "has not signed up yet")
                    .into())
            }
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
        present(person, &state).ok_or_else(|| no_such_person(field).into())
    }

    /// Not found, naming `field`, where one of the events was never listed.
    pub(super) async fn existing_events(&self, events: &[EntityId], field: &'static str) -> Result<(), CommandError> {
        let exists = async |event: EntityId| {
            let current = self.state::<Event>(&stream::<Event>(event)).await?;
            match *current.state {
                EventState::Unknown => Err(CommandError::from(no_such_event().on(field))),
                EventState::Scheduled(_) | EventState::Cancelled(_) => Ok(()),
            }
        };
        futures::stream::iter(events.iter().copied()).map(exists).buffered(TOGETHER).try_collect().await
    }

    pub(super) async fn existing_city(&self, city: EntityId) -> Result<City, CommandError> {
        let current = self.state::<Records>(&StreamId::new(CITY.kind.name, city)).await?;
        let city = current.state.get::<City>();
        city.ok_or_else(|| Rejection::not_found("no-such-city", "no such city").on("city_id").into())
    }

    pub(super) async fn crew(&self, crew: EntityId) -> Result<Arc<CrewState>, CommandError> {
        Ok(self.state::<Crews>(&stream::<Crews>(crew)).await?.state)
    }
}

/// Who somebody is now, unless they never were or were forgotten.
pub(super) fn present(person: EntityId, state: &AccountState) -> Option<EntityId> {
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
        present.ok_or_else(|| no_such_person(format!("{field}[{index}]")).into())
    });
    people.collect()
}

pub(super) fn no_such_person(field: impl Into<Cow<'static, str>>) -> Rejection {
    Rejection::not_found("no-such-person", "no such person").on(field)
}
