//! Counting the log anew, in tables beside the live ones.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use caravan_event_store::{Direction, EventStore, Position, StreamId};
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::apply::{apply, counted, filter};
use super::{TABLES, TALLIES};
use crate::rebuild::{connect, is_lock_timeout};
use crate::{Progress, RebuildError, bookkeeping, schema};

/// Events counted at once.
const PAGE: usize = 5_000;

/// Pause before the switch is tried again, after somebody held on to the checkpoint.
const PAUSE: Duration = Duration::from_millis(250);

/// Counts the log anew up to where the follower stands and puts that in place of what there is, in one transaction:
/// readers never see a gap. Returns how many events were counted. May be stopped at any time.
pub async fn rebuild_tallies(
    pool: &PgPool,
    store: &Arc<dyn EventStore>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<u64, RebuildError> {
    let mut connection = connect(pool).await?;
    let alone: bool = sqlx::query_scalar("select pg_try_advisory_lock(hashtext('caravan tallies rebuild'))")
        .fetch_one(&mut connection)
        .await?;
    if !alone {
        return Err(RebuildError::Running);
    }
    let mut beside = Beside::make(&mut connection).await?;
    loop {
        let reached = bookkeeping::position(&mut connection, TALLIES).await?;
        beside.count(&mut connection, store, reached, progress).await?;
        if switch(&mut connection, store, &mut beside, progress).await? {
            // Its server ends a connection some time after it is closed.
            sqlx::query("select pg_advisory_unlock_all()").execute(&mut connection).await?;
            return Ok(beside.events);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// With the follower held: the rest of the way to its checkpoint, and the exchange. False when somebody held what it
/// needs for too long.
async fn switch(
    connection: &mut PgConnection,
    store: &Arc<dyn EventStore>,
    beside: &mut Beside,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<bool, RebuildError> {
    let mut tx = connection.begin().await?;
    sqlx::query("set local lock_timeout = '200ms'").execute(&mut *tx).await?;
    // In the follower's order: it writes first and moves its checkpoint then. Readers go on.
    let tables: Vec<String> = TABLES.iter().map(|table| beside.live(table.name)).collect();
    match schema::execute(&mut tx, format!("lock table {} in exclusive mode", tables.join(", "))).await {
        Err(error) if is_lock_timeout(&error) => return Ok(false),
        other => other?,
    }
    let live = match bookkeeping::hold(&mut tx, TALLIES).await {
        Err(error) if is_lock_timeout(&error) => return Ok(false),
        other => other?,
    };
    sqlx::query("set local lock_timeout = 0").execute(&mut *tx).await?;
    beside.count(&mut tx, store, live, progress).await?;
    for table in TABLES {
        let (live, name) = (beside.live(table.name), table.name);
        schema::execute(&mut tx, format!("delete from {live}")).await?;
        schema::execute(&mut tx, format!("insert into {live} select * from pg_temp.{name}")).await?;
    }
    // What could be counted is parked no longer.
    let (categories, ids): (Vec<&str>, Vec<Uuid>) =
        beside.left_out.iter().map(|stream| (stream.category.as_str(), stream.id.0)).unzip();
    sqlx::query(
        "delete from parked_streams
         where follower = $1 and position <= $2
           and (category, stream_id) not in (select * from unnest($3::text[], $4::uuid[]))",
    )
    .bind(TALLIES)
    .bind(live)
    .bind(categories)
    .bind(ids)
    .execute(&mut *tx)
    .await?;
    bookkeeping::unseat(&mut tx, TALLIES).await?;
    tx.commit().await?;
    Ok(true)
}

/// Tables of one connection, of the names of the live ones: there they hide these, so that what counts need not know.
pub(super) struct Beside {
    /// Where the live ones are.
    schema: String,
    /// Everything up to here is counted.
    position: Position,
    events: u64,
    /// Streams with an event that cannot be read: what comes after it does not count either, as with the follower.
    left_out: BTreeSet<StreamId>,
}

impl Beside {
    pub(super) async fn make(connection: &mut PgConnection) -> Result<Beside, sqlx::Error> {
        let schema: String = sqlx::query_scalar("select current_schema()::text").fetch_one(&mut *connection).await?;
        let beside = Beside { schema, position: 0, events: 0, left_out: BTreeSet::new() };
        for table in TABLES {
            let (live, name) = (beside.live(table.name), table.name);
            schema::execute(connection, format!("create temp table {name} (like {live} including all)")).await?;
        }
        Ok(beside)
    }

    /// A live table, which another hides.
    pub(super) fn live(&self, table: &str) -> String {
        format!("\"{}\".{table}", self.schema)
    }

    /// Counts on to exactly `to`.
    pub(super) async fn count(
        &mut self,
        connection: &mut PgConnection,
        store: &Arc<dyn EventStore>,
        to: Position,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), RebuildError> {
        while self.position < to {
            let page = store.read_all(self.position, Direction::Forwards, &filter(), PAGE).await?;
            let mut batch = Vec::new();
            for recorded in page.events.iter().take_while(|event| event.position <= to) {
                if self.left_out.contains(&recorded.stream) {
                    continue;
                }
                match counted(recorded) {
                    Ok(what) => batch.extend(what),
                    Err(_) if bookkeeping::was_passed(connection, recorded).await? => {}
                    Err(_) => drop(self.left_out.insert(recorded.stream.clone())),
                }
            }
            self.events += batch.len() as u64;
            apply(connection, batch).await?;
            self.position = if page.end { to } else { page.next.min(to) };
            progress(Progress { position: self.position, head: to, events: self.events });
        }
        Ok(())
    }
}
