//! Carries out what has fallen due.

use std::time::Duration;

use caravan_clock::Clock;
use caravan_domain::{Decider, EntityId};
use caravan_event_store::StreamId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Deadline, all, forget_again};
use crate::effects::Outbox;
use crate::processes::Setup;
use crate::{Caller, CommandError, Commands};

/// How often what is due is looked for.
const POLL: Duration = Duration::from_secs(1);
/// Carried out in one transaction.
const BATCH: i64 = 50;
/// How much later something is tried again whose time has not come after all, or that failed.
const LATER: TimeDelta = TimeDelta::seconds(60);

/// The task that carries out deadlines.
pub struct Due {
    setup: Setup,
    outbox: Outbox,
}

/// A deadline that is being carried out.
pub(super) struct Firing {
    commands: Commands,
    clock: Clock,
    stream: StreamId,
    name: &'static str,
    due_at: DateTime<Utc>,
    forgotten: Vec<EntityId>,
}

impl Firing {
    pub(super) fn commands(&self) -> &Commands {
        &self.commands
    }

    pub(super) fn id(&self) -> EntityId {
        self.stream.id
    }

    /// Sends the deadline's command; `next` tells from the state that it leads to when it is due again.
    pub(super) async fn send<D: Decider>(
        &self,
        command: D::Command,
        next: fn(&D::State) -> Option<DateTime<Utc>>,
    ) -> Result<Option<DateTime<Utc>>, CommandError> {
        // The same deadline again is the same command; the stream's next is another.
        let name = format!("{}/{}/{}", self.stream, self.name, self.due_at.timestamp_micros());
        let caller = Caller::system(self.clock.now(), Uuid::new_v5(&self.id().0, name.as_bytes()));
        let done = self.commands.asked_by(caller).send::<D>(self.id(), command).await?;
        Ok(next(&done.state))
    }

    /// Has messages that name these people removed from the outbox.
    pub(super) fn clear_outbox_of(&mut self, people: Vec<EntityId>) {
        self.forgotten.extend(people);
    }
}

/// A row that is due.
type Row = (String, Uuid, String, DateTime<Utc>);

impl Due {
    pub fn new(setup: &Setup) -> Self {
        Due { setup: setup.clone(), outbox: setup.carriers.outbox.clone() }
    }

    /// Carries out what is due, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut reminded = false;
        while !stop.is_cancelled() {
            let pass = async {
                if !reminded {
                    forget_again(&self.setup).await?;
                    reminded = true;
                }
                while self.carry_out().await? > 0 {}
                Ok::<_, CommandError>(())
            };
            if let Err(error) = pass.await {
                tracing::warn!(error = &error as &dyn std::error::Error, "what is due has to wait");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Carries out up to a batch; gives how many were due. What fails for good is tried again later and logged.
    pub async fn carry_out(&self) -> Result<usize, CommandError> {
        let now = self.setup.clock.now();
        let mut tx = self.setup.pool.begin().await?;
        let due = due(&mut tx, now).await?;
        let mut forgotten = vec![];
        for (category, id, name, due_at) in &due {
            let stream = StreamId::new(category, EntityId(*id));
            let Some(deadline) = all().find(|deadline| deadline.is_of(&stream, name)) else { continue };
            let mut firing = self.firing(deadline, stream, *due_at);
            let again = match (deadline.fire)(&mut firing).await {
                Ok(again) => again,
                Err(error @ CommandError::Unavailable(_)) => return Err(error),
                Err(error) => {
                    let (stream, error) = (&firing.stream, &error as &dyn std::error::Error);
                    tracing::error!(error, %stream, deadline = name, "is tried again");
                    Some(now)
                }
            };
            match again {
                Some(again) => {
                    let again = if again <= now { now + LATER } else { again };
                    postpone(&mut tx, deadline, *id, again).await?;
                }
                None => deadline.lift(&mut tx, EntityId(*id)).await?,
            }
            forgotten.append(&mut firing.forgotten);
        }
        self.clear_outbox(forgotten).await?;
        tx.commit().await?;
        Ok(due.len())
    }

    fn firing(&self, deadline: &Deadline, stream: StreamId, due_at: DateTime<Utc>) -> Firing {
        let Setup { commands, clock, .. } = self.setup.clone();
        Firing { commands, clock, stream, name: deadline.name, due_at, forgotten: vec![] }
    }

    /// Every file is read for it, so it is done once for a batch.
    async fn clear_outbox(&self, forgotten: Vec<EntityId>) -> Result<(), CommandError> {
        if forgotten.is_empty() {
            return Ok(());
        }
        let outbox = self.outbox.clone();
        let cleared = tokio::task::spawn_blocking(move || outbox.forget(&forgotten)).await;
        let cleared = cleared.map_err(std::io::Error::other).flatten();
        cleared.map(|_| ()).map_err(|error| CommandError::Unavailable(Box::new(error)))
    }
}

/// The rows that are due first, locked; those of deadlines that this program does not know wait for one that does.
async fn due(tx: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Row>, CommandError> {
    let (categories, names): (Vec<&str>, Vec<&str>) = all().map(|known| (known.category, known.name)).unzip();
    let rows = sqlx::query_as(
        "select category, stream_id, name, due_at from deadline
         where due_at <= $1 and (category, name) in (select * from unnest($2::text[], $3::text[]))
         order by due_at limit $4 for update skip locked",
    );
    Ok(rows.bind(now).bind(categories).bind(names).bind(BATCH).fetch_all(tx).await?)
}

async fn postpone(
    tx: &mut PgConnection,
    deadline: &Deadline,
    id: Uuid,
    due_at: DateTime<Utc>,
) -> Result<(), CommandError> {
    sqlx::query("update deadline set due_at = $4 where category = $1 and stream_id = $2 and name = $3")
        .bind(deadline.category)
        .bind(id)
        .bind(deadline.name)
        .bind(due_at)
        .execute(tx)
        .await?;
    Ok(())
}
