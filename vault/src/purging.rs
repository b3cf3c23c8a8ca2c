//! Purging: a deleted key goes from the files of its database too.

use std::time::Duration;

use caravan_postgres::purging::{Boundary, PurgeError, purge};
use chrono::{DateTime, Utc};
use sqlx::Connection;

use crate::keys::LOCK;
use crate::{Vault, VaultError};

impl Vault {
    /// Rewrites the table of the keys without those that were deleted; gives the moment up to which. Waits up to
    /// `patience` for whoever can still see one. The write-ahead log still holds them afterwards.
    pub async fn purge(&self, patience: Duration) -> Result<DateTime<Utc>, PurgeError> {
        let keys = self.0.keys.pool();
        let mut connection = keys.acquire().await?;
        let mut transaction = connection.begin().await?;
        // Whoever is forgetting at this moment gets done first.
        sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
        let boundary = Boundary::now(&mut transaction).await?;
        transaction.commit().await?;
        drop(connection);
        // The planner's statistics once held keys.
        purge(keys, "personal_keys", true, &boundary, patience).await?;
        Ok(boundary.time)
    }

    /// Whether a key was deleted after a moment; without one, ever.
    pub async fn has_forgotten_since(&self, moment: Option<DateTime<Utc>>) -> Result<bool, VaultError> {
        let found = sqlx::query_scalar(
            "select exists (select from personal_keys where forgotten_at > coalesce($1, '-infinity'::timestamptz))",
        );
        Ok(found.bind(moment).fetch_one(self.0.keys.pool()).await?)
    }
}
