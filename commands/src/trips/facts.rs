//! Facts of other streams: what exists, and who could lead or administer where the last one goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::catalogue::event::{Event, EventState, no_such_event};
use caravan_domain::catalogue::region::{REGION, Region};
use caravan_domain::trips::crew::{CrewState, Crews};
use caravan_domain::{Decider, EntityId, Rejection};
use futures::{StreamExt, TryStreamExt};

use crate::identity::people;
use crate::{Asking, CommandError, Commands, Done, TOGETHER};

/// Sends a command that may leave nobody in charge of something, with those of `members` who have an account. It is
/// decided on the very state that was asked for the members, so that nobody who joins meanwhile is overlooked.
pub(super) async fn send_with_accounts<D: Decider, C: Into<D::Command>>(
    asking: &Asking,
    id: EntityId,
    members: impl Fn(&D::State) -> Vec<EntityId>,
    command: impl Fn(BTreeSet<EntityId>) -> C,
) -> Result<Done<D>, CommandError> {
    const TRIES: usize = 20;
    if let Some(done) = asking.done_before(id).await? {
        return Ok(done);
    }
    let if_match = asking.caller().if_match;
    for _ in 0..TRIES {
        let current = asking.state::<D>(id).await?;
        let with_account = people::with_account(asking, &members(&current.state)).await?;
        let as_of = asking.at_revision(if_match.unwrap_or(current.revision));
        match as_of.send::<D>(id, command(with_account)).await {
            Err(CommandError::PreconditionFailed) if if_match.is_none() => {}
            outcome => return outcome,
        }
    }
    Err(CommandError::Busy)
}

/// Not found, naming `field`, where one of the events was never listed.
pub(super) async fn existing_events(
    commands: &Commands,
    events: &[EntityId],
    field: &'static str,
) -> Result<(), CommandError> {
    let exists = async |event: EntityId| match *commands.state::<Event>(event).await?.state {
        EventState::Unknown => Err(CommandError::from(no_such_event().on(field))),
        EventState::Scheduled(_) | EventState::Cancelled(_) => Ok(()),
    };
    futures::stream::iter(events.iter().copied()).map(exists).buffered(TOGETHER).try_collect().await
}

pub(super) async fn existing_city(commands: &Commands, city: EntityId) -> Result<City, CommandError> {
    let city = commands.record(&CITY, city).await?.state.get::<City>();
    city.ok_or_else(|| Rejection::not_found("no-such-city", "no such city").on("city_id").into())
}

pub(super) async fn existing_region(
    commands: &Commands,
    region: EntityId,
    field: &'static str,
) -> Result<Region, CommandError> {
    let region = commands.record(&REGION, region).await?.state.get::<Region>();
    region.ok_or_else(|| Rejection::not_found("no-such-region", "no such region").on(field).into())
}

pub(super) async fn crew(commands: &Commands, crew: EntityId) -> Result<Arc<CrewState>, CommandError> {
    Ok(commands.state::<Crews>(crew).await?.state)
}
