//! Purging: rows that are no more go from the file of their table too. Without it Postgres keeps them there until
//! something else is written over them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tokio::time::Instant;

/// How often who stands in the way is looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// Rows that somebody may still read are not removed. Names the session, transaction or replication slot.
    #[error("{0} still sees it")]
    Seen(String),
    #[error("the table {0} belongs to another role, which alone may rewrite it")]
    NotOwned(&'static str),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

/// A moment in the life of a database.
#[derive(Debug, Clone)]
pub struct Boundary {
    /// The next transaction's number: what is deleted by now was so before it.
    transaction: String,
    pub time: DateTime<Utc>,
}

impl Boundary {
    pub async fn now(connection: &mut PgConnection) -> Result<Boundary, sqlx::Error> {
        let now = "select pg_snapshot_xmax(pg_current_snapshot())::text, clock_timestamp()";
        let (transaction, time) = sqlx::query_as(now).fetch_one(connection).await?;
        Ok(Boundary { transaction, time })
    }
}

/// Rewrites a table without the rows that were deleted, or written over, before a boundary; and with `statistics` what
/// the planner knows of values, where the role may. Waits up to `patience` for whoever can still see such a row. The
/// write-ahead log still holds them afterwards.
pub async fn purge(
    pool: &PgPool,
    table: &'static str,
    statistics: bool,
    boundary: &Boundary,
    patience: Duration,
) -> Result<(), PurgeError> {
    let deadline = Instant::now() + patience;
    // A connection of its own, as its settings are not for others.
    let mut connection = pool.acquire().await?.detach();
    sqlx::query("set lock_timeout = '1s'").execute(&mut connection).await?;
    sqlx::query("set statement_timeout = 0").execute(&mut connection).await?;
    loop {
        let mut seen_by = who_sees_before(&boundary.transaction, &mut connection).await?;
        if seen_by.is_none() && !rewrite(&mut connection, table, statistics).await? {
            seen_by = Some(format!("a transaction at work on the table {table}"));
        }
        let Some(who) = seen_by else { break };
        if Instant::now() >= deadline {
            return Err(PurgeError::Seen(who));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(connection.close().await?)
}

/// Somebody who may see rows that were deleted before the transaction of this number. Snapshots count in this database,
/// transactions that write in every one: ours is no newer than the oldest of them.
async fn who_sees_before(boundary: &str, connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "with horizons (who, horizon) as (
             select format('session %s (%s)', pid, coalesce(nullif(application_name, ''), backend_type)), horizon
             from pg_stat_activity,
                  unnest(array[backend_xid, case when coalesce(datname, current_database()) = current_database()
                                                 then backend_xmin end]) horizon
             where pid <> pg_backend_pid()
             union all
             select format('the prepared transaction %L', gid), transaction from pg_prepared_xacts
             union all
             select format('the replication slot %s', slot_name), horizon
             from pg_replication_slots, unnest(array[xmin, catalog_xmin]) horizon
             union all
             -- What other roles do is hidden from all but a superuser.
             select 'a transaction of another role', pg_snapshot_xmin(pg_current_snapshot())::xid
         )
         select who from horizons where age(horizon) > age($1::xid8::xid)
         order by who = 'a transaction of another role', who limit 1",
    )
    .bind(boundary)
    .fetch_optional(connection)
    .await
}

/// Whether it was done: not while others are at work on it.
async fn rewrite(connection: &mut PgConnection, table: &'static str, statistics: bool) -> Result<bool, PurgeError> {
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    let before = file(connection, table).await?;
    for table in std::iter::once(table).chain(statistics.then_some("pg_statistic")) {
        match sqlx::query(AssertSqlSafe(format!("vacuum (full) {table}"))).execute(&mut *connection).await {
            Ok(_) => {}
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(LOCK_NOT_AVAILABLE) => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Postgres only warns whoever may not.
    if file(connection, table).await? == before { Err(PurgeError::NotOwned(table)) } else { Ok(true) }
}

/// The file of a table, which a rewritten one has not in common.
async fn file(connection: &mut PgConnection, table: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select pg_relation_filenode($1::regclass)::bigint").bind(table).fetch_one(connection).await
}
