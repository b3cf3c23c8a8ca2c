//! How often something may happen: failed logins, codes and messages sent, questions about others. Counted in the
//! database, so that limits hold across processes and restarts, and never in the log. Windows roll; what was refused
//! does not count.

pub mod known;
mod settings;
mod under_way;

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caravan_vault::Vault;
use sqlx::PgPool;

pub use settings::{Settings, UnknownLimit};

use known::LIMITS;
use under_way::UnderWay;

/// One limit: under each of its keys at most so much within any span of that length.
#[derive(Debug)]
pub struct Limit {
    /// `CARAVAN_LIMIT_<name>` sets another `most`. No other limit shares this one's keys.
    pub name: &'static str,
    pub most: u32,
    pub span: Duration,
    /// What is counted, for operators.
    pub meaning: &'static str,
}

/// What somebody wants to take of a limit.
#[derive(Debug, Clone)]
pub struct Place {
    limit: &'static Limit,
    whose: String,
    count: u32,
}

impl Limit {
    /// One place under the key `whose`: an id, an address, a contact, or several of them.
    pub fn of(&'static self, whose: impl Display) -> Place {
        Place { limit: self, whose: whose.to_string(), count: 1 }
    }

    /// As OPERATIONS lists it.
    pub fn row(&self) -> String {
        let span = match self.span.as_secs() {
            86_400 => "a day".to_owned(),
            3_600 => "an hour".to_owned(),
            seconds => format!("in {} min", seconds / 60),
        };
        format!("| `CARAVAN_LIMIT_{}` | {} {span} | {} |", self.name, self.most, self.meaning)
    }
}

impl Place {
    /// So many at once: all of them or none.
    pub fn times(self, count: u32) -> Place {
        Place { count, ..self }
    }
}

/// Why no place was taken.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// There is none now; one may be free after that time.
    #[error("too many")]
    Limited { retry_after: Duration },
    #[error("limits cannot be counted now")]
    Database(#[from] sqlx::Error),
}

/// Counts what happened under a key within a span of time. Clones share everything.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    pool: PgPool,
    /// Hashes keys: they hold addresses and contacts.
    vault: Vault,
    settings: Settings,
    under_way: UnderWay,
}

/// Places taken before it is known whether the attempt fails. They count unless [`Attempt::give_back`].
#[must_use = "an attempt counts as failed until its places are given back"]
pub struct Attempt {
    limits: Limits,
    taken: Vec<i64>,
    keys: Vec<String>,
}

/// How long an attempt waits for others that are under way before it is refused because of them.
const PATIENCE: Duration = Duration::from_secs(5);
/// Other processes' attempts end unheard.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Limits {
    /// `pool` is the migrated main database.
    pub fn new(pool: PgPool, vault: Vault, settings: Settings) -> Self {
        Limits(Arc::new(Inner { pool, vault, settings, under_way: UnderWay::default() }))
    }

    /// Takes all the places, or none: `Limited` says when there is room again. Right logins that come together wait
    /// for each other instead of counting as each other's failures.
    pub async fn attempt(&self, places: &[Place]) -> Result<Attempt, LimitError> {
        if self.0.settings.off || places.is_empty() {
            return Ok(Attempt { limits: self.clone(), taken: vec![], keys: vec![] });
        }
        let began = Instant::now();
        let keys: Vec<String> = places.iter().map(|place| self.0.vault.hash(place.limit.name, &place.whose)).collect();
        loop {
            match self.take(places, &keys).await {
                Ok(taken) => {
                    self.0.under_way.begin(&keys);
                    return Ok(Attempt { limits: self.clone(), taken, keys });
                }
                Err(LimitError::Limited { .. }) if self.0.under_way.any(&keys) && began.elapsed() < PATIENCE => {
                    let _ = tokio::time::timeout(LOOK_AGAIN, self.0.under_way.ended.notified()).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes all the places for good, or none.
    pub async fn spend(&self, places: &[Place]) -> Result<(), LimitError> {
        self.attempt(places).await.map(drop)
    }

    async fn take(&self, places: &[Place], keys: &[String]) -> Result<Vec<i64>, LimitError> {
        let whole = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let wanted: Vec<i32> = places.iter().map(|place| whole(place.count)).collect();
        let most: Vec<i32> = places.iter().map(|place| whole(self.0.settings.most(place.limit))).collect();
        let spans: Vec<f64> = places.iter().map(|place| place.limit.span.as_secs_f64()).collect();
        let (taken, retry_after): (Option<Vec<i64>>, Option<f64>) =
            sqlx::query_as("select taken, retry_after from take_places($1, $2, $3, $4)")
                .bind(keys)
                .bind(wanted)
                .bind(most)
                .bind(spans)
                .fetch_one(&self.0.pool)
                .await?;
        match retry_after {
            Some(seconds) => Err(LimitError::Limited { retry_after: Duration::from_secs_f64(seconds.ceil()) }),
            None => Ok(taken.unwrap_or_default()),
        }
    }

    /// Removes what no limit looks at any more, and what a clock that has gone back since noted for the future; to be
    /// called now and then.
    pub async fn purge(&self) -> Result<(), LimitError> {
        let longest = LIMITS.iter().map(|limit| limit.span).max().unwrap_or_default();
        sqlx::query(
            "delete from attempt
             where at < clock_timestamp() - make_interval(secs => $1) or at > clock_timestamp() + interval '1 minute'",
        )
        .bind(longest.as_secs_f64())
        .execute(&self.0.pool)
        .await?;
        Ok(())
    }
}

impl Attempt {
    /// What did not happen, or did not fail, does not count.
    pub async fn give_back(self) -> Result<(), LimitError> {
        if !self.taken.is_empty() {
            let given_back = sqlx::query("delete from attempt where id = any($1)").bind(&self.taken);
            given_back.execute(&self.limits.0.pool).await?;
        }
        Ok(())
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.limits.0.under_way.end(&self.keys);
    }
}
