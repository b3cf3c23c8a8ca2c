//! Appending to the store, one event at a time.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use caravan_domain::EntityId;
use caravan_event_store::{Append, EventStore, Expected, Json, Metadata, NewEvent, PostgresStore, Revision, StreamId};
use futures::future::try_join_all;
use sqlx::postgres::PgPoolOptions;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::SLICE;
use crate::cluster::Cluster;
use crate::limit::{Pgbench, payload};
use crate::report::{Pair, Row};

const CLIENTS: u32 = 64;

pub async fn one_process(cluster: &Cluster, rounds: u32) -> Result<Row> {
    let pairs = in_this_process(cluster, CLIENTS, rounds).await?;
    Ok(Row::rate("store append, 64 clients", "s", &pairs, 1.5))
}

pub async fn one_client(cluster: &Cluster, rounds: u32) -> Result<Row> {
    let pairs = in_this_process(cluster, 1, rounds).await?;
    Ok(Row::rate("store append, 1 client", "s", &pairs, 0.6))
}

pub async fn two_processes(cluster: &Cluster, rounds: u32) -> Result<Row> {
    let (_pool, url) = cluster.log("bench_append").await?;
    let pgbench = Pgbench::prepare(cluster).await?;
    let mut pairs = vec![];
    for round in 1..=rounds {
        let limit = pgbench.inserts(CLIENTS, SLICE).await?;
        let ours = side_by_side(&url).await?;
        eprintln!("append, 2 processes × 32: round {round} of {rounds}: {ours:.0}/s, pgbench {limit:.0}/s");
        pairs.push(Pair { ours, limit });
    }
    Ok(Row::rate("store append, 2 processes × 32 clients", "s", &pairs, 1.2))
}

/// The store's append by one client, for others to stand beside.
pub struct OneClient {
    store: Arc<dyn EventStore>,
    writers: Vec<Writer>,
}

impl OneClient {
    pub async fn new(cluster: &Cluster) -> Result<OneClient> {
        let (pool, _) = cluster.log("bench_append").await?;
        let mut client = OneClient { store: Arc::new(PostgresStore::new(pool)), writers: writers(1)? };
        append_for(&client.store, &mut client.writers, Duration::from_millis(500)).await?;
        Ok(client)
    }

    /// Events a second, over a slice.
    pub async fn rate(&mut self) -> Result<f64> {
        append_for(&self.store, &mut self.writers, SLICE).await
    }
}

async fn in_this_process(cluster: &Cluster, clients: u32, rounds: u32) -> Result<Vec<Pair>> {
    let (pool, _) = cluster.log("bench_append").await?;
    let pgbench = Pgbench::prepare(cluster).await?;
    let store: Arc<dyn EventStore> = Arc::new(PostgresStore::new(pool));
    let mut writers = writers(clients)?;
    append_for(&store, &mut writers, Duration::from_millis(500)).await?;
    let mut pairs = vec![];
    for round in 1..=rounds {
        let limit = pgbench.inserts(clients, SLICE).await?;
        let ours = append_for(&store, &mut writers, SLICE).await?;
        eprintln!("append, clients {clients}: round {round} of {rounds}: {ours:.0}/s, pgbench {limit:.0}/s");
        pairs.push(Pair { ours, limit });
    }
    Ok(pairs)
}

/// One client: a stream of its own and where it stands.
struct Writer {
    stream: StreamId,
    revision: Revision,
    data: Json,
}

fn writers(count: u32) -> Result<Vec<Writer>> {
    (0..count)
        .map(|_| {
            Ok(Writer { stream: StreamId::new("bench", EntityId(Uuid::new_v4())), revision: -1, data: payload(256)? })
        })
        .collect()
}

/// Appends with all writers side by side; events a second.
async fn append_for(store: &Arc<dyn EventStore>, writers: &mut [Writer], slice: Duration) -> Result<f64> {
    let started = Instant::now();
    let counts = try_join_all(writers.iter_mut().map(|writer| {
        let store = store.clone();
        let mut owned = Writer { stream: writer.stream.clone(), revision: writer.revision, data: writer.data.clone() };
        let task = tokio::spawn(async move {
            let mut count = 0;
            while started.elapsed() < slice {
                owned.append(&*store).await?;
                count += 1;
            }
            anyhow::Ok((count, owned.revision))
        });
        async move {
            let (count, revision) = task.await??;
            writer.revision = revision;
            anyhow::Ok(count)
        }
    }))
    .await?;
    Ok(counts.into_iter().sum::<u32>() as f64 / started.elapsed().as_secs_f64())
}

impl Writer {
    async fn append(&mut self, store: &dyn EventStore) -> Result<()> {
        let command_id = Uuid::new_v4();
        let event = NewEvent {
            id: Uuid::new_v4(),
            event_type: "Appended".to_owned(),
            schema_version: 1,
            data: self.data.clone(),
            metadata: Metadata {
                command_id,
                correlation_id: command_id,
                causation_id: None,
                actor: None,
                dialect: "bench".to_owned(),
            },
        };
        let expected = if self.revision < 0 { Expected::NoStream } else { Expected::Exact(self.revision) };
        let append = Append { stream: self.stream.clone(), expected, events: vec![event] };
        self.revision = store.append(append).await?.revision;
        Ok(())
    }
}

/// One of the two processes: says when it is ready, appends when told to, prints its rate.
#[derive(clap::Args)]
pub struct Appending {
    url: String,
}

impl Appending {
    pub async fn run(self) -> Result<()> {
        let pool = PgPoolOptions::new().max_connections(8).connect(&self.url).await?;
        let store: Arc<dyn EventStore> = Arc::new(PostgresStore::new(pool));
        let mut writers = writers(CLIENTS / 2)?;
        append_for(&store, &mut writers, Duration::from_millis(200)).await?;
        println!("ready");
        let mut go = String::new();
        BufReader::new(tokio::io::stdin()).read_line(&mut go).await?;
        println!("{}", append_for(&store, &mut writers, SLICE).await?);
        Ok(())
    }
}

/// The rates of two processes at once, together.
async fn side_by_side(url: &str) -> Result<f64> {
    let mut processes = [spawn(url)?, spawn(url)?];
    let mut outputs = vec![];
    for process in &mut processes {
        let mut lines = BufReader::new(process.stdout.take().context("the process has an output")?).lines();
        match lines.next_line().await? {
            Some(line) if line == "ready" => outputs.push(lines),
            other => bail!("the appending process said {other:?}"),
        }
    }
    for process in &mut processes {
        process.stdin.take().context("the process has an input")?.write_all(b"go\n").await?;
    }
    let mut rate = 0.0;
    for mut lines in outputs {
        let line = lines.next_line().await?.context("the appending process ended early")?;
        rate += line.parse::<f64>()?;
    }
    for process in &mut processes {
        process.wait().await?;
    }
    Ok(rate)
}

fn spawn(url: &str) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["append", url]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    Ok(command.spawn()?)
}
