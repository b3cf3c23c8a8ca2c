//! Rebuilding documents: the log is folded into new tables beside the live ones; one short transaction switches.

mod build;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use caravan_domain::Kind;
use caravan_event_store::{EventStore, Position, Revision, StreamId};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;

use build::Stuck;
pub(crate) use build::{Build, STATES_BYTES};

use crate::bookkeeping::{self, DOCUMENTS};
use crate::{Kinds, RebuildError, schema};

/// How far a rebuild or verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to here is folded.
    pub position: Position,
    /// The log's last position when last looked.
    pub head: Position,
    /// Events folded.
    pub events: u64,
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    pub events: u64,
    pub documents: u64,
    /// The highest entity number of each kind: its sequence must stand above.
    pub highest: BTreeMap<&'static str, u64>,
}

/// Pause before the switch is tried again, after somebody held on to what it needs for longer than the lock timeout.
const PAUSE: Duration = Duration::from_millis(250);

/// Folds the whole log into new tables for the kinds named (all, if none is), catches up with the follower and
/// switches, while everything goes on: readers never see a gap. Refuses with [`RebuildError::Parked`] when streams
/// stop earlier than in the live documents. May be stopped at any time: what was built is dropped by the next run.
pub async fn rebuild(
    pool: &PgPool,
    store: &Arc<dyn EventStore>,
    kinds: Kinds,
    names: &[String],
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Rebuilt, RebuildError> {
    let chosen = choose(kinds, names)?;
    let everything = chosen.len() == kinds.len();
    // A connection of its own: its locks and settings end with it, however this ends.
    let mut connection = connect(pool).await?;
    let alone: bool = sqlx::query_scalar("select pg_try_advisory_lock(hashtext('caravan rebuild'))")
        .fetch_one(&mut connection)
        .await?;
    if !alone {
        return Err(RebuildError::Running);
    }
    let mut models = Vec::new();
    for kind in chosen {
        models.push(prepare(&mut connection, kind).await?);
    }
    let tables = models.iter().map(|model| (model.kind, model.table())).collect();
    let mut build = Build::new(store.clone(), tables, STATES_BYTES);
    build.advance(&mut connection, None, progress).await?;
    build.flush(&mut connection).await?;
    build.make_keys(&mut connection).await?;
    for model in &models {
        schema::add_indexes(&mut connection, model.kind, &model.table()).await?;
        schema::execute(&mut connection, format!("analyze {}", model.table())).await?;
    }
    build.stay_in_memory();
    loop {
        build.advance(&mut connection, None, progress).await?;
        build.flush(&mut connection).await?;
        if switch(&mut connection, &mut build, &models, everything, progress).await? {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    // Not in the transaction that switched: a reader that had looked up the old table may still be on its way to it.
    for model in &models {
        drop_others(&mut connection, model.kind, model.version).await?;
    }
    Ok(Rebuilt { events: build.events, documents: build.documents, highest: build.highest })
}

/// A table being built.
struct Model {
    kind: &'static Kind,
    version: i32,
}

impl Model {
    fn table(&self) -> String {
        schema::table(self.kind, self.version)
    }
}

fn choose(kinds: Kinds, names: &[String]) -> Result<Vec<&'static Kind>, RebuildError> {
    if names.is_empty() {
        return Ok(kinds.to_vec());
    }
    if let Some(unknown) = names.iter().find(|name| kinds.iter().all(|kind| kind.name != name.as_str())) {
        return Err(RebuildError::Unknown(unknown.clone()));
    }
    Ok(kinds.iter().copied().filter(|kind| names.iter().any(|name| name == kind.name)).collect())
}

pub(crate) async fn connect(pool: &PgPool) -> Result<PgConnection, sqlx::Error> {
    let settings = [("synchronous_commit", "off"), ("maintenance_work_mem", "128MB")];
    PgConnection::connect_with(&(*pool.connect_options()).clone().options(settings)).await
}

async fn prepare(connection: &mut PgConnection, kind: &'static Kind) -> Result<Model, RebuildError> {
    let models = bookkeeping::read(connection).await?;
    let live = models.get(kind.name).ok_or_else(|| RebuildError::Unknown(kind.name.to_owned()))?;
    drop_others(connection, kind, live.version).await?;
    let model = Model { kind, version: live.version + 1 };
    schema::execute(connection, schema::create_table(kind, &model.table())).await?;
    Ok(model)
}

/// Drops the kind's tables of all versions but one.
async fn drop_others(connection: &mut PgConnection, kind: &Kind, keep: i32) -> Result<(), sqlx::Error> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select tablename::text from pg_tables where schemaname = current_schema() and tablename ~ $1 and tablename <> $2",
    )
    .bind(format!("^doc_{}_v[0-9]+$", kind.name))
    .bind(schema::table(kind, keep))
    .fetch_all(&mut *connection)
    .await?;
    for table in tables {
        schema::execute(connection, format!("drop table \"{table}\"")).await?;
    }
    Ok(())
}

/// One transaction with the follower held: the rest of the way to its checkpoint, views, bookkeeping. False when
/// somebody held a lock for too long.
async fn switch(
    connection: &mut PgConnection,
    build: &mut Build,
    models: &[Model],
    everything: bool,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<bool, RebuildError> {
    let mut tx = connection.begin().await?;
    sqlx::query("set local lock_timeout = '200ms'").execute(&mut *tx).await?;
    let live = match bookkeeping::hold(&mut tx, DOCUMENTS).await {
        Err(error) if is_lock_timeout(&error) => return Ok(false),
        other => other?,
    };
    build.advance(&mut tx, Some(live), progress).await?;
    let flushed = build.flush(&mut tx).await?;
    refuse_parked(&mut tx, &build.parked).await?;
    for model in models {
        match schema::execute(&mut tx, schema::point_view(model.kind, model.version)).await {
            Err(error) if is_lock_timeout(&error) => {
                tx.rollback().await?;
                build.lost(flushed);
                return Ok(false);
            }
            other => other?,
        }
        bookkeeping::switch(&mut tx, model.kind.name, model.version, model.kind.fold.version).await?;
    }
    carry_over_parked(&mut tx, &build.parked, models, live, build.position).await?;
    if everything && build.position > live {
        // The documents are all that this follower writes, so it has nothing left to do up to here.
        bookkeeping::move_to(&mut tx, DOCUMENTS, build.position).await?;
    }
    bookkeeping::unseat(&mut tx, DOCUMENTS).await?;
    tx.commit().await?;
    Ok(true)
}

pub(crate) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("55P03" | "40P01"))
}

/// Streams that stop in the new tables, are not parked in the live ones and have got further there.
async fn refuse_parked(tx: &mut PgConnection, parked: &BTreeMap<StreamId, Stuck>) -> Result<(), RebuildError> {
    let live: Vec<(String, Uuid)> =
        sqlx::query_as("select category, stream_id from parked_streams where follower = $1")
            .bind(DOCUMENTS)
            .fetch_all(&mut *tx)
            .await?;
    let live: HashSet<StreamId> = live.into_iter().map(|(category, id)| StreamId::new(&category, id.into())).collect();
    let mut worse = Vec::new();
    for (stream, stuck) in parked.iter().filter(|(stream, _)| !live.contains(stream)) {
        let reached: Option<Revision> =
            sqlx::query_scalar(AssertSqlSafe(format!("select revision from doc_{} where id = $1", stream.category)))
                .bind(stream.id.0)
                .fetch_optional(&mut *tx)
                .await?;
        if reached.is_some_and(|reached| reached >= stuck.revision) {
            worse.push((stream.clone(), stuck.error.clone()));
        }
    }
    if worse.is_empty() { Ok(()) } else { Err(RebuildError::Parked(worse)) }
}

/// Streams that are folded again are parked no longer; those that stop beyond where the follower stands are from now.
async fn carry_over_parked(
    tx: &mut PgConnection,
    parked: &BTreeMap<StreamId, Stuck>,
    models: &[Model],
    live: Position,
    position: Position,
) -> Result<(), sqlx::Error> {
    for model in models {
        let stuck: Vec<Uuid> =
            parked.keys().filter(|stream| stream.category == model.kind.name).map(|stream| stream.id.0).collect();
        sqlx::query(
            "delete from parked_streams
             where follower = $1 and category = $2 and position <= $3 and stream_id <> all ($4)",
        )
        .bind(DOCUMENTS)
        .bind(model.kind.name)
        .bind(position)
        .bind(stuck)
        .execute(&mut *tx)
        .await?;
    }
    for (stream, stuck) in parked.iter().filter(|(_, stuck)| stuck.position > live) {
        sqlx::query(
            "insert into parked_streams (follower, category, stream_id, position, revision, error)
             values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        )
        .bind(DOCUMENTS)
        .bind(&stream.category)
        .bind(stream.id.0)
        .bind(stuck.position)
        .bind(stuck.revision)
        .bind(&stuck.error)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
