//! Whether the database stores anything: the last append tells, or, when that is long ago, a write to find out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgPool;

use crate::port::StoreError;

/// So long an append that was stored says that the next one will be.
const FRESH: Duration = Duration::from_secs(10);

/// What came of the last write, and when. Clones share it.
#[derive(Clone)]
pub(super) struct LastWrite(Arc<Mutex<(Instant, bool)>>);

impl LastWrite {
    pub(super) fn new() -> Self {
        LastWrite(Arc::new(Mutex::new((Instant::now(), true))))
    }

    pub(super) fn note(&self, stored: bool) {
        *self.lock() = (Instant::now(), stored);
    }

    pub(super) async fn can_store(&self, pool: &PgPool) -> Result<(), StoreError> {
        let (at, stored) = *self.lock();
        if stored && at.elapsed() < FRESH {
            return Ok(());
        }
        let written = write(pool).await;
        self.note(written.is_ok());
        Ok(written?)
    }

    fn lock(&self) -> MutexGuard<'_, (Instant, bool)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A table made anew needs room for its file and for the log of it: a row changed in place would need none.
async fn write(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query("truncate storage_probe").execute(&mut *transaction).await?;
    sqlx::query("insert into storage_probe select repeat('x', 1000) from generate_series(1, 64)")
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
