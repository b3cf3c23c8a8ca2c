//! Purging: a deleted key goes from the files of its database too. Without it Postgres keeps the row's former version
//! in its file until something else is written over it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;

use crate::keys::LOCK;
use crate::{Vault, VaultError};

/// How often who stands in the way is looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// Rows that somebody may still read are not removed. Names the session, transaction or replication slot.
    #[error("{0} still sees it")]
    Seen(String),
    #[error("the table of the keys belongs to another role, which alone may rewrite it")]
    NotOwned,
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<sqlx::Error> for PurgeError {
    fn from(error: sqlx::Error) -> Self {
        PurgeError::Vault(error.into())
    }
}

impl Vault {
    /// Rewrites the table of the keys without those that were deleted; gives the moment up to which. Waits up to
    /// `patience` for whoever can still see one. The write-ahead log still holds them afterwards.
    pub async fn purge(&self, patience: Duration) -> Result<DateTime<Utc>, PurgeError> {
        let deadline = Instant::now() + patience;
        // A connection of its own, as its settings are not for others.
        let mut connection = self.0.keys.pool().acquire().await?.detach();
        sqlx::query("set lock_timeout = '1s'").execute(&mut connection).await?;
        let (boundary, purged) = boundary(&mut connection).await?;
        loop {
            let mut seen_by = who_sees_before(&boundary, &mut connection).await?;
            if seen_by.is_none() && !rewrite(&mut connection).await? {
                seen_by = Some("a transaction at work on the table of the keys".to_owned());
            }
            let Some(who) = seen_by else { break };
            if Instant::now() >= deadline {
                return Err(PurgeError::Seen(who));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        connection.close().await?;
        Ok(purged)
    }

    /// Whether a key was deleted after a moment; without one, ever.
    pub async fn has_forgotten_since(&self, moment: Option<DateTime<Utc>>) -> Result<bool, VaultError> {
        let found = sqlx::query_scalar(
            "select exists (select from personal_keys where forgotten_at > coalesce($1, '-infinity'::timestamptz))",
        );
        Ok(found.bind(moment).fetch_one(self.0.keys.pool()).await?)
    }
}

/// The next transaction's number: every key that is deleted by now was so before it. And the time.
async fn boundary(connection: &mut PgConnection) -> Result<(String, DateTime<Utc>), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    // Whoever is forgetting at this moment gets done first.
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    let boundary = sqlx::query_as("select pg_snapshot_xmax(pg_current_snapshot())::text, clock_timestamp()")
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(boundary)
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

/// Whether it was done: not while others are at work on it. The planner's statistics, which once held keys, are
/// rewritten too, where the role may.
async fn rewrite(connection: &mut PgConnection) -> Result<bool, PurgeError> {
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    let before = file(connection).await?;
    for table in ["vacuum (full) personal_keys", "vacuum (full) pg_statistic"] {
        match sqlx::query(table).execute(&mut *connection).await {
            Ok(_) => {}
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(LOCK_NOT_AVAILABLE) => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Postgres only warns whoever may not.
    if file(connection).await? == before { Err(PurgeError::NotOwned) } else { Ok(true) }
}

/// The file of the table, which a rewritten one has not in common.
async fn file(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select pg_relation_filenode('personal_keys')::bigint").fetch_one(connection).await
}
