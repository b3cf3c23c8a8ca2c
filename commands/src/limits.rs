//! Limits on failed logins and codes, and on codes sent: counted in the database, so that they hold across processes and
//! restarts, and never in the log.

use std::time::Duration;

use sqlx::PgPool;

use crate::CommandError;

/// Counts what happened under a key within a span of time.
pub struct Limits {
    pool: PgPool,
}

/// Places taken before it is known whether the attempt fails. They count as failures unless [`Attempt::succeeded`].
#[must_use = "an attempt counts as failed until it says that it succeeded"]
pub struct Attempt {
    pool: PgPool,
    taken: Vec<i64>,
}

/// Most that may happen under one key: (keyed hash, number).
pub type Limit = (String, u32);

impl Limits {
    pub(crate) fn new(pool: PgPool) -> Self {
        Limits { pool }
    }

    /// Takes a place under every key, or none: `Limited` says when one is free again.
    pub async fn attempt(&self, limits: &[Limit], span: Duration) -> Result<Attempt, CommandError> {
        let mut transaction = self.pool.begin().await?;
        let mut taken = Vec::with_capacity(limits.len());
        // In one order, so that two attempts never wait for each other.
        let mut limits: Vec<&Limit> = limits.iter().collect();
        limits.sort();
        for (key, most) in limits {
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
        Ok(Attempt { pool: self.pool.clone(), taken })
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
