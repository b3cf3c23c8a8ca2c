//! Limits on failed logins and codes, and on codes sent: counted in the database, so that they hold across processes and
//! restarts, and never in the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio::sync::Notify;

use crate::CommandError;

/// Counts what happened under a key within a span of time.
pub struct Limits {
    pool: PgPool,
    under_way: Arc<UnderWay>,
}

/// Places taken before it is known whether the attempt fails. They count as failures unless [`Attempt::succeeded`].
#[must_use = "an attempt counts as failed until it says that it succeeded"]
pub struct Attempt {
    pool: PgPool,
    taken: Vec<i64>,
    keys: Vec<String>,
    under_way: Arc<UnderWay>,
}

/// The attempts of this process whose outcome is open, by key. Their places may become free in a moment.
#[derive(Default)]
struct UnderWay {
    keys: Mutex<HashMap<String, usize>>,
    ended: Notify,
}

/// How long an attempt waits for others that are under way before it is refused because of them.
const PATIENCE: Duration = Duration::from_secs(5);
/// Other processes' attempts end unheard.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Most that may happen under one key: (keyed hash, number).
pub type Limit = (String, u32);

impl Limits {
    pub(crate) fn new(pool: PgPool) -> Self {
        Limits { pool, under_way: Arc::default() }
    }

    /// Takes a place under every key, or none: `Limited` says when one is free again. Right logins that come together
    /// wait for each other instead of counting as each other's failures.
    pub async fn attempt(&self, limits: &[Limit], span: Duration) -> Result<Attempt, CommandError> {
        let began = Instant::now();
        loop {
            match self.take(limits, span).await {
                Err(CommandError::Limited { .. }) if self.under_way.any(limits) && began.elapsed() < PATIENCE => {
                    let _ = tokio::time::timeout(LOOK_AGAIN, self.under_way.ended.notified()).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn take(&self, limits: &[Limit], span: Duration) -> Result<Attempt, CommandError> {
        let mut transaction = self.pool.begin().await?;
        let mut taken = Vec::with_capacity(limits.len());
        // In one order, so that two attempts never wait for each other.
        let mut limits: Vec<&Limit> = limits.iter().collect();
        limits.sort();
        for (key, most) in &limits {
            let (place, retry_after): (Option<i64>, Option<f64>) =
                sqlx::query_as("select taken, retry_after from take_attempt($1, $2, make_interval(secs => $3))")
                    .bind(key)
                    .bind(i32::try_from(*most).unwrap_or(i32::MAX))
                    .bind(span.as_secs_f64())
                    .fetch_one(&mut *transaction)
                    .await?;
            match place {
                Some(place) => taken.push(place),
                None => {
                    let retry_after = Duration::from_secs_f64(retry_after.unwrap_or(1.0).ceil());
                    return Err(CommandError::Limited { retry_after });
                }
            }
        }
        transaction.commit().await?;
        let keys: Vec<String> = limits.iter().map(|(key, _)| key.clone()).collect();
        self.under_way.begin(&keys);
        Ok(Attempt { pool: self.pool.clone(), taken, keys, under_way: self.under_way.clone() })
    }

    /// Takes a place for good: a code that is sent.
    pub async fn spend(&self, limit: Limit, span: Duration) -> Result<(), CommandError> {
        self.attempt(&[limit], span).await.map(|_| ())
    }

    /// Removes what no limit looks at any more.
    pub(crate) async fn purge(&self, older_than: Duration) -> Result<(), CommandError> {
        sqlx::query("delete from attempt where at < now() - make_interval(secs => $1)")
            .bind(older_than.as_secs_f64())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

impl Attempt {
    /// Gives the places back: successes do not count.
    pub async fn succeeded(self) -> Result<(), CommandError> {
        sqlx::query("delete from attempt where id = any($1)").bind(&self.taken).execute(&self.pool).await?;
        Ok(())
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.under_way.end(&self.keys);
    }
}

impl UnderWay {
    fn keys(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn any(&self, limits: &[Limit]) -> bool {
        let keys = self.keys();
        limits.iter().any(|(key, _)| keys.contains_key(key))
    }

    fn begin(&self, begun: &[String]) {
        let mut keys = self.keys();
        for key in begun {
            *keys.entry(key.clone()).or_default() += 1;
        }
    }

    fn end(&self, ended: &[String]) {
        let mut keys = self.keys();
        for key in ended {
            if let Some(count) = keys.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    keys.remove(key);
                }
            }
        }
        drop(keys);
        self.ended.notify_waiters();
    }
}
