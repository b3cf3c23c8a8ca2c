//! The log in Postgres: one table, appended to by two SQL functions (see the migrations).
//!
//! [`appender`] sends what has queued in this process as one batch on a connection of its own, [`tails`] does the same
//! for reads of stream tails, [`read`] has the other queries, [`wake`] hears of appends by other processes, [`probe`]
//! finds out whether anything is stored.

mod append;
mod appender;
mod error;
mod probe;
mod read;
mod tails;
mod wake;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use caravan_clock::Clock;
use futures::stream::BoxStream;
use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::event::{Position, Recorded, Revision, StreamId};
use crate::measure::{self, InFlight};
use crate::port::{Append, AppendError, Appended, Direction, EventStore, Filter, Page, StoreError, Tailed};
use crate::tail::{heard, tail};

/// How long an append whose outcome is unknown, or that cannot be sent, is tried again before the caller is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// Requests that wait for a task at most; more wait in their callers.
const QUEUE: usize = 4_096;

/// The log in Postgres. Clones share one appender.
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

struct Inner {
    pool: PgPool,
    appends: mpsc::Sender<appender::Queued>,
    tails: mpsc::Sender<tails::Queued>,
    /// The highest position this process has heard of.
    head: watch::Sender<Position>,
    last_write: probe::LastWrite,
    /// Hears of other processes' appends; started by the first subscription.
    listener: OnceLock<AbortOnDropHandle<()>>,
}

impl PostgresStore {
    /// The log in the database of `pool`, whose migrations have run. Starts its tasks, so it must be made inside a
    /// runtime; they end with the last clone.
    pub fn new(pool: PgPool) -> Self {
        PostgresStore::by(Clock::default(), pool)
    }

    /// The same; events have the time of `clock`.
    pub fn by(clock: Clock, pool: PgPool) -> Self {
        let head = watch::Sender::new(0);
        let (appends, queued) = mpsc::channel(QUEUE);
        let last_write = probe::LastWrite::new();
        let appending = append::Appending::new((*pool.connect_options()).clone(), clock);
        tokio::spawn(appender::run(appending, queued, head.clone(), last_write.clone()));
        let (tails, queued) = mpsc::channel(QUEUE);
        tokio::spawn(tails::run(pool.clone(), queued));
        measure::begin_log();
        PostgresStore(Arc::new(Inner { pool, appends, tails, head, last_write, listener: OnceLock::new() }))
    }

    /// Queues an append and waits for its outcome.
    async fn send(&self, append: append::Prepared) -> Result<Appended, AppendError> {
        let (answer, answered) = oneshot::channel();
        let outcome = tokio::time::timeout(PATIENCE, async {
            self.0.appends.send(appender::Queued { append, answer }).await.ok()?;
            answered.await.ok()
        });
        match outcome.await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => Err(unavailable("the appender has ended").into()),
            Err(_) => Err(unavailable("no answer from the database in time").into()),
        }
    }
}

#[async_trait]
impl EventStore for PostgresStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let append = append::Prepared::new(append)?;
        let span = tracing::info_span!(
            "append",
            otel.kind = "client",
            db.system.name = "postgresql",
            db.operation.name = "append",
            caravan.category = append.stream.category,
            caravan.outcome = tracing::field::Empty,
        );
        let (begun, _in_flight) = (Instant::now(), InFlight::begin());
        let outcome = self.send(append).instrument(span.clone()).await;
        let name = measure::outcome(&outcome);
        span.record("caravan.outcome", name);
        metrics::histogram!("caravan_append_duration_seconds").record(begun.elapsed());
        metrics::counter!("caravan_appends_total", "outcome" => name).increment(1);
        outcome
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Revision,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        Ok(read::stream(&self.0.pool, stream, from, direction, max).await?)
    }

    async fn read_tails(&self, tails: &[(StreamId, Revision)]) -> Result<Vec<Vec<Recorded>>, StoreError> {
        if tails.is_empty() {
            return Ok(vec![]);
        }
        let (answer, answered) = oneshot::channel();
        let queued = tails::Queued { tails: tails.to_vec(), answer };
        if self.0.tails.send(queued).await.is_err() {
            return Err(unavailable("the reader of tails has ended"));
        }
        answered.await.unwrap_or_else(|_| Err(unavailable("the reader of tails has ended")))
    }

    async fn read_all(
        &self,
        from: Position,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Page, StoreError> {
        Ok(read::all(&self.0.pool, from, direction, filter, max).await?)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        let head = read::head(&self.0.pool).await?;
        heard(&self.0.head, head);
        Ok(head)
    }

    async fn can_store(&self) -> Result<(), StoreError> {
        self.0.last_write.can_store(&self.0.pool).await
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Tailed, StoreError>> {
        self.0
            .listener
            .get_or_init(|| AbortOnDropHandle::new(tokio::spawn(wake::run(self.0.pool.clone(), self.0.head.clone()))));
        tail(self.clone(), self.0.head.subscribe(), from, filter)
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(why.into())
}
