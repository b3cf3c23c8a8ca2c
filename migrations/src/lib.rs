//! The SQL of both databases, embedded: `main` holds log, checkpoints and read models, `keys` the personal keys.

use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};

/// The main database.
pub static MAIN: Migrator = sqlx::migrate!("./main");

/// The database of the personal keys.
pub static KEYS: Migrator = sqlx::migrate!("./keys");

/// Brings both databases to this program's version. Safe to run from several processes at once.
pub async fn run(main: &PgPool, keys: &PgPool) -> Result<(), MigrateError> {
    MAIN.run(main).await?;
    KEYS.run(keys).await
}
