//! Deleted keys go from the files of the Postgres in the data directory, not only from its table.

use std::error::Error;
use std::time::Duration;

use anyhow::{Context, Result};
use caravan_private_postgres::PrivatePostgres;
use caravan_vault::Vault;
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

/// How long to wait for whoever may still see a deleted key.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether a purge is due.
const ROUND: Duration = Duration::from_secs(600);

/// How long keys lie about that were deleted otherwise than by `caravan forget`: those of sign-ups that came to
/// nothing.
const AT_LEAST_EVERY: TimeDelta = TimeDelta::days(1);

/// Purges every key that is deleted by now; gives the moment up to which. `server` is the Postgres of the data
/// directory, whose log goes too; that of another is its operator's to remove.
pub async fn purge(vault: &Vault, server: Option<&PrivatePostgres>) -> Result<DateTime<Utc>> {
    let purged = vault.purge(PATIENCE).await?;
    if let Some(server) = server {
        server.discard_wal().await.context("the write-ahead log")?;
    }
    Ok(purged)
}

/// Purges now and then, until `stop`.
pub async fn keep_purged(vault: Vault, server: PrivatePostgres, stop: CancellationToken) -> Result<()> {
    let mut purged = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(ROUND) => {}
        }
        // The moment is the database's.
        if purged.is_some_and(|moment| Utc::now() < moment + AT_LEAST_EVERY) {
            continue;
        }
        let pass = async {
            if vault.has_forgotten_since(purged).await? {
                purged = Some(purge(&vault, Some(&server)).await?);
            }
            anyhow::Ok(())
        };
        if let Err(error) = pass.await {
            let error: &dyn Error = error.as_ref();
            tracing::warn!(error, "deleted keys are still in files of the database");
        }
    }
}
