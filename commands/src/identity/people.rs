//! Facts about people that other contexts ask for: who they are now, and who of them has an account.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use caravan_domain::identity::{Account, AccountState};
use caravan_domain::{EntityId, Rejection};
use futures::{StreamExt, TryStreamExt};

use crate::{CommandError, Commands, TOGETHER};

/// What the people's accounts are now, in the order asked.
pub async fn accounts(
    commands: &Commands,
    people: &[EntityId],
) -> Result<Vec<(EntityId, Arc<AccountState>)>, CommandError> {
    let account = async |person: EntityId| {
        let current = commands.state::<Account>(person).await?;
        Ok::<_, CommandError>((person, current.state))
    };
    futures::stream::iter(people.iter().copied()).map(account).buffered(TOGETHER).try_collect().await
}

/// Those among the people who have no account yet.
pub async fn temp_members(commands: &Commands, people: &[EntityId]) -> Result<BTreeSet<EntityId>, CommandError> {
    let accounts = accounts(commands, people).await?;
    let temps = accounts.into_iter().filter(|(_, state)| matches!(**state, AccountState::Invited(_)));
    Ok(temps.map(|(person, _)| person).collect())
}

/// Those among the people who have an account.
pub(crate) async fn with_account(commands: &Commands, people: &[EntityId]) -> Result<BTreeSet<EntityId>, CommandError> {
    let accounts = accounts(commands, people).await?;
    let registered = accounts.into_iter().filter(|(_, state)| state.registered().is_some());
    Ok(registered.map(|(person, _)| person).collect())
}

/// Invalid, naming `field`, where all of some people have yet to sign up: nobody among them could be in charge.
pub(crate) async fn some_with_account(
    commands: &Commands,
    people: &[EntityId],
    field: &'static str,
) -> Result<(), CommandError> {
    if people.is_empty() || !with_account(commands, people).await?.is_empty() {
        return Ok(());
    }
    Err(Rejection::invalid("nobody-signed-up", field, "names nobody who has signed up").into())
}

/// The people as they are named now: an absorbed temp member is the account that absorbed them. Not found, naming
/// `field`, where somebody does not exist or was forgotten; invalid where somebody has not signed up.
pub(crate) async fn signed_up(
    commands: &Commands,
    people: &[EntityId],
    field: &'static str,
) -> Result<Vec<EntityId>, CommandError> {
    let accounts = accounts(commands, people).await?;
    let people = accounts.iter().enumerate().map(|(index, (person, state))| {
        let present = existing_as(*person, state);
        present.ok_or_else(|| no_such_person(format!("{field}[{index}]")).into())
    });
    let people = people.collect::<Result<_, CommandError>>()?;
    match accounts.iter().position(|(_, state)| matches!(**state, AccountState::Invited(_))) {
        Some(index) => {
            Err(Rejection::invalid("person-not-signed-up", format!("{field}[{index}]"), "has not signed up yet").into())
        }
        None => Ok(people),
    }
}

/// Who somebody is now, whether or not they exist.
pub async fn present(commands: &Commands, person: EntityId) -> Result<EntityId, CommandError> {
    Ok(commands.state::<Account>(person).await?.state.present(person))
}

/// Who somebody is now; not found, naming `field`, where they do not exist or were forgotten.
pub(crate) async fn existing(
    commands: &Commands,
    person: EntityId,
    field: &'static str,
) -> Result<EntityId, CommandError> {
    let state = commands.state::<Account>(person).await?.state;
    existing_as(person, &state).ok_or_else(|| no_such_person(field).into())
}

pub(crate) fn no_such_person(field: impl Into<Cow<'static, str>>) -> Rejection {
    Rejection::not_found("no-such-person", "no such person").on(field)
}

/// Who somebody is now, unless they never were or were forgotten.
pub(crate) fn existing_as(person: EntityId, state: &AccountState) -> Option<EntityId> {
    match state {
        AccountState::Unknown | AccountState::Forgotten { .. } => None,
        AccountState::Invited(_) | AccountState::Registered(_) | AccountState::Absorbed { .. } => {
            Some(state.present(person))
        }
    }
}
