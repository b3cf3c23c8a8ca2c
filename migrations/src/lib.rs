//! The SQL of both databases, embedded: `main` holds log, checkpoints and read models, `keys` the personal keys.

use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};

/// The main database.
pub static MAIN: Migrator = beside_newer(sqlx::migrate!("./main"));

/// The database of the personal keys.
pub static KEYS: Migrator = beside_newer(sqlx::migrate!("./keys"));

/// Two versions may run side by side: the older one starts although the newer one has migrated further.
const fn beside_newer(mut migrator: Migrator) -> Migrator {
    migrator.ignore_missing = true;
    migrator
}

/// Brings both databases to this program's version. Safe to run from several processes at once.
pub async fn run(main: &PgPool, keys: &PgPool) -> Result<(), MigrateError> {
    MAIN.run(main).await?;
    KEYS.run(keys).await
}
