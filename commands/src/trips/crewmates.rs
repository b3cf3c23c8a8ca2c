//! Who shares a crew with whom. Crews know their members, and nobody knows their crews: what `departures` keeps says
//! where to look, the crews' streams decide.

use std::collections::BTreeSet;
use std::time::Duration;

use caravan_domain::EntityId;
use caravan_event_store::following::Checkpoints;
use futures::{StreamExt, TryStreamExt};
use sqlx::PgPool;
use uuid::Uuid;

use super::facts::crew;
use crate::processes::DEPARTURES;
use crate::{CommandError, Commands, TOGETHER};

/// How long a command waits for `departures` to take in what happened before it.
const NEWS: Duration = Duration::from_secs(2);

/// Where the members of crews are kept.
pub(crate) struct CrewMembers {
    pool: PgPool,
    checkpoints: Checkpoints,
}

impl CrewMembers {
    pub(crate) fn new(pool: PgPool) -> Self {
        CrewMembers { checkpoints: Checkpoints::new(pool.clone()), pool }
    }

    /// Crews that `person` may share with one of `others`.
    async fn shared(&self, person: EntityId, others: &[EntityId]) -> Result<Vec<EntityId>, CommandError> {
        let others: Vec<Uuid> = others.iter().map(|other| other.0).collect();
        let crews: Vec<Uuid> = sqlx::query_scalar(
            "select distinct mine.crew from crew_members mine join crew_members theirs using (crew)
             where mine.person = $1 and theirs.person = any($2)",
        )
        .bind(person.0)
        .bind(others)
        .fetch_all(&self.pool)
        .await?;
        Ok(crews.into_iter().map(EntityId).collect())
    }
}

/// Those of `others` who are in a crew with `person` now.
pub(super) async fn crewmates(
    commands: &Commands,
    person: EntityId,
    others: &[EntityId],
) -> Result<BTreeSet<EntityId>, CommandError> {
    let asked_at = commands.store().head().await?;
    let found = known_crewmates(commands, person, others).await?;
    if others.iter().all(|other| found.contains(other)) {
        return Ok(found);
    }
    // The crew may be newer than what is kept.
    let checkpoints = &commands.crew_members().checkpoints;
    let late = |error| CommandError::Unavailable(Box::new(error));
    checkpoints.wait(DEPARTURES, asked_at, NEWS).await.map_err(late)?;
    known_crewmates(commands, person, others).await
}

async fn known_crewmates(
    commands: &Commands,
    person: EntityId,
    others: &[EntityId],
) -> Result<BTreeSet<EntityId>, CommandError> {
    let crews = commands.crew_members().shared(person, others).await?;
    let members = async |id: EntityId| {
        let state = crew(commands, id).await?;
        let members = state.crew().ok().filter(|crew| crew.is_member(person)).map(|crew| crew.members.clone());
        Ok::<_, CommandError>(members.unwrap_or_default())
    };
    let crews: Vec<Vec<EntityId>> = futures::stream::iter(crews).map(members).buffered(TOGETHER).try_collect().await?;
    let members: BTreeSet<EntityId> = crews.into_iter().flatten().collect();
    Ok(others.iter().copied().filter(|other| members.contains(other)).collect())
}
