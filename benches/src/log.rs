//! Reading the log through the port: all of it, and a stream as a command on it loads it.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use caravan_domain::EntityId;
use caravan_event_store::{
    Append, Direction, EventStore, Expected, Filter, Metadata, NewEvent, PostgresStore, StreamId, Tailed,
};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt};
use sqlx::postgres::{PgPoolCopyExt, PgPoolOptions};
use sqlx::{Executor, PgPool};
use uuid::Uuid;

use crate::SLICE;
use crate::cluster::Cluster;
use crate::limit::payload;
use crate::report::{Pair, Row};

/// Streams, and events of each.
const STREAMS: usize = 20_000;
const EVENTS: usize = 10;

/// Bytes of JSON in each event.
const PAYLOAD: usize = 256;

/// Appends under way at once while the log is made.
const APPENDS: usize = 128;

/// Clients that read streams, each on a connection.
const CLIENTS: usize = 16;

const CATEGORY: &str = "bench";

/// A log of 200,000 events.
#[derive(Clone)]
pub struct Log {
    pool: PgPool,
    store: PostgresStore,
    streams: Arc<Vec<StreamId>>,
}

impl Log {
    pub async fn make(cluster: &Cluster) -> Result<Log> {
        let (_, url) = cluster.log("bench_log").await?;
        let pool = PgPoolOptions::new().max_connections(CLIENTS as u32).connect(&url).await?;
        let store = PostgresStore::new(pool.clone());
        eprintln!("making a log of {} events", STREAMS * EVENTS);
        let streams: Vec<StreamId> = (0..STREAMS).map(|_| StreamId::new(CATEGORY, EntityId(Uuid::new_v4()))).collect();
        futures::stream::iter(&streams)
            .map(|stream| append(&store, stream))
            .buffer_unordered(APPENDS)
            .try_collect::<()>()
            .await?;
        pool.execute("vacuum analyze events").await?;
        Ok(Log { pool, store, streams: Arc::new(streams) })
    }

    /// All events as a follower that begins at the beginning gets them, beside a COPY of the same rows.
    pub async fn whole(&self, rounds: u32) -> Result<Row> {
        let mut pairs = vec![];
        for round in 1..=rounds {
            let limit = rate(|| self.copied()).await?;
            let ours = rate(|| self.followed()).await?;
            eprintln!("the whole log: round {round} of {rounds}: {ours:.0} events/s, COPY {limit:.0} rows/s");
            pairs.push(Pair { ours, limit });
        }
        Ok(Row::rate("the whole log through the port, events/s of COPY's rows/s", "s", &pairs, 0.5))
    }

    async fn followed(&self) -> Result<usize> {
        let mut tail = self.store.subscribe(0, Filter::default());
        let mut events = 0;
        while let Some(tailed) = tail.try_next().await? {
            match tailed {
                Tailed::Events { events: page, .. } => events += page.len(),
                Tailed::CaughtUp { .. } => break,
            }
        }
        ensure!(events == STREAMS * EVENTS, "{events} events were read");
        Ok(events)
    }

    /// The rows' text goes nowhere, so that what is measured is the server.
    async fn copied(&self) -> Result<usize> {
        let mut chunks = self.pool.copy_out_raw("copy events to stdout").await?;
        let mut rows = 0;
        // One chunk is one row.
        while chunks.try_next().await?.is_some() {
            rows += 1;
        }
        ensure!(rows == STREAMS * EVENTS, "{rows} rows were copied");
        Ok(rows)
    }

    /// Streams of ten events, beside the same statement without the port.
    pub async fn streams(&self, rounds: u32) -> Result<Row> {
        let mut pairs = vec![];
        for round in 1..=rounds {
            let limit = self.side_by_side(select).await?;
            let ours = self.side_by_side(read).await?;
            eprintln!("streams of {EVENTS} events: round {round} of {rounds}: {ours:.0}/s, sqlx {limit:.0}/s");
            pairs.push(Pair { ours, limit });
        }
        Ok(Row::rate("a stream of ten events, 16 clients, of the same statement through sqlx", "s", &pairs, 0.7))
    }

    /// Reads streams with all clients for a slice; streams a second.
    async fn side_by_side<F>(&self, read: fn(Log, StreamId) -> F) -> Result<f64>
    where
        F: Future<Output = Result<usize>> + Send + 'static,
    {
        let started = Instant::now();
        let clients = (0..CLIENTS).map(|client| {
            let log = self.clone();
            tokio::spawn(async move {
                let mut count = 0;
                for stream in log.streams.iter().cycle().skip(client * STREAMS / CLIENTS) {
                    if started.elapsed() >= SLICE {
                        break;
                    }
                    let events = read(log.clone(), stream.clone()).await?;
                    ensure!(events == EVENTS, "{events} events were read");
                    count += 1;
                }
                anyhow::Ok(count)
            })
        });
        let counts = try_join_all(clients.collect::<Vec<_>>()).await?;
        let total: u32 = counts.into_iter().sum::<Result<u32>>()?;
        Ok(f64::from(total) / started.elapsed().as_secs_f64())
    }
}

async fn append(store: &PostgresStore, stream: &StreamId) -> Result<()> {
    let command_id = Uuid::new_v4();
    let data = payload(PAYLOAD)?;
    let event = || NewEvent {
        id: Uuid::new_v4(),
        event_type: "Appended".to_owned(),
        schema_version: 1,
        data: data.clone(),
        metadata: Metadata {
            command_id,
            correlation_id: command_id,
            causation_id: None,
            actor: Some(EntityId(Uuid::new_v4())),
            dialect: "bench".to_owned(),
        },
    };
    let events = (0..EVENTS).map(|_| event()).collect();
    store.append(Append { stream: stream.clone(), expected: Expected::NoStream, events }).await?;
    Ok(())
}

/// A stream through the port; the number of events.
async fn read(log: Log, stream: StreamId) -> Result<usize> {
    Ok(log.store.read_stream(&stream, 0, Direction::Forwards, 1_000).await?.len())
}

/// What the store asks for a stream; the number of rows.
async fn select(log: Log, stream: StreamId) -> Result<usize> {
    let rows = sqlx::query(
        "select position, revision, time, stream_id, id, schema_version, category, event_type, data, metadata
         from events where stream_id = $1 and category = $2 and revision >= $3 order by revision limit $4",
    );
    let rows = rows.bind(stream.id.0).bind(stream.category).bind(0_i64).bind(1_000_i64);
    Ok(rows.fetch_all(&log.pool).await?.len())
}

/// Reads all, again and again for a slice; events a second.
async fn rate(read: impl AsyncFn() -> Result<usize>) -> Result<f64> {
    let started = Instant::now();
    let mut events = 0;
    while started.elapsed() < SLICE {
        events += read().await?;
    }
    Ok(events as f64 / started.elapsed().as_secs_f64())
}
