//! What a running process does: its roles, from start to shutdown.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use caravan_clock::Clock;
use caravan_commands::planted::Planted;
use caravan_commands::{Commands, processes};
use caravan_domain::kinds::KINDS;
use caravan_event_store::EventStore;
use caravan_event_store::following::follow;
use caravan_files::Files;
use caravan_files::pictures::Pictures;
use caravan_private_postgres::PrivatePostgres;
use caravan_read_api::{People, Read};
use caravan_wire::{Endpoints, Metrics, Readiness, Settings};
use caravan_write_api::Write;
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::metrics;
use crate::node::{self, Node};
use crate::purge::keep_purged;
use crate::serving;
use crate::{stop, telemetry, tools};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// All of them in one process.
    Serve,
    WriteApi,
    ReadApi,
    /// Followers of the log: projectors, process managers, deadlines.
    Project,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::Serve => "serve",
            Role::WriteApi => "write-api",
            Role::ReadApi => "read-api",
            Role::Project => "project",
        }
    }

    fn writes(self) -> bool {
        matches!(self, Role::Serve | Role::WriteApi)
    }

    fn reads(self) -> bool {
        matches!(self, Role::Serve | Role::ReadApi)
    }

    fn projects(self) -> bool {
        matches!(self, Role::Serve | Role::Project)
    }
}

/// How often what has lapsed is removed: idempotency keys, attempts.
const TIDYING: Duration = Duration::from_secs(600);

/// How often databases are looked after: asked whether they answer, and started again where that is our task.
const ROUND: Duration = Duration::from_secs(1);

/// Connections to the metrics at a time, where they have an address of their own.
const SCRAPERS: usize = 16;

/// How long a database may take to answer before this process no longer counts as ready.
const ANSWER: Duration = Duration::from_secs(2);

/// Runs a role until SIGTERM or SIGINT.
pub async fn run(config: Config, role: Role) -> Result<()> {
    let metrics = metrics::install().context("metrics")?;
    let stop = stop::asked()?;
    // Before anything else, so that a taken port is found out at once.
    let doors = Doors {
        api: bind(config.listen()?).await?,
        metrics: match config.metrics_listen()? {
            Some(address) => Some(bind(address).await?),
            None => None,
        },
    };
    node::with(config, node::CACHE_OF_SERVER, &stop, async |node| play(node, role, doors, metrics, &stop).await).await
}

/// Where this process is asked.
struct Doors {
    api: TcpListener,
    /// Where metrics are, if not among all else.
    metrics: Option<TcpListener>,
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{address}"))
}

async fn play(node: &Node, role: Role, doors: Doors, handle: PrometheusHandle, stop: &CancellationToken) -> Result<()> {
    let mut tasks = JoinSet::new();
    let mut parts = node.databases().map(|(name, _)| name).to_vec();
    if role.projects() {
        parts.push("followers");
    }
    if role.writes() {
        parts.push("log");
    }
    if role == Role::Serve {
        parts.push("demo");
    }
    let readiness = Readiness::of(&parts);
    let at_work = TaskTracker::new();
    let rendering = metrics::rendering(handle.clone(), node, role);
    let header_read_timeout = Duration::from_secs(node.config.header_read_timeout);
    tasks.spawn(metrics::keep_up(handle, stop.clone()));
    let among_all_else = match doors.metrics {
        None => Some(rendering),
        Some(listener) => {
            let router = caravan_wire::metrics(rendering);
            tasks.spawn(serving::serve(listener, router, SCRAPERS, header_read_timeout, stop.clone()));
            None
        }
    };
    let router = router(node, role, among_all_else, readiness.clone(), at_work.clone())?;
    if let Some(postgres) = &node.embedded {
        tasks.spawn(keep_running(postgres.clone(), stop.clone()));
    }
    for (name, options) in node.databases() {
        tasks.spawn(watch(name, options, readiness.clone(), stop.clone()));
    }
    for (name, pool) in node.pools() {
        tasks.spawn(metrics::try_pool(name, pool, stop.clone()));
    }
    let most = serving::most_connections()?;
    tasks.spawn(serving::serve(doors.api, router, most, header_read_timeout, stop.clone()));
    if role.projects() {
        start_followers(node, stop, &mut tasks)?;
        if let Some(postgres) = node.keys_server() {
            tasks.spawn(keep_purged(node.vault.clone(), postgres.clone(), stop.clone()));
        }
    }
    if role.writes() {
        tasks.spawn(watch_log(node.store.clone(), readiness.clone(), stop.clone()));
        tasks.spawn(tidy(node.commands.clone(), node.files.clone(), node.clock.clone(), stop.clone()));
        let planted = Planted::new(node.pool.clone());
        tasks.spawn(tools::put(node.commands.clone(), planted, node.clock.clone(), stop.clone()));
    }
    let started = async {
        if role == Role::Serve && node.config.wants_demo() {
            caravan_import::load_demo(&node.commands, node.store.as_ref(), node.clock.now())
                .await
                .context("the demo")?;
        }
        readiness.ready("demo");
        if role.projects() {
            caught_up(node).await?;
            readiness.ready("followers");
        }
        announce(node, role)
    };
    let serving = async {
        started.await?;
        tokio::select! {
            never = repair(node, role) => match never {},
            ended = one_ends(&mut tasks) => ended,
        }
    };
    let outcome = tokio::select! {
        () = stop.cancelled() => Ok(()),
        outcome = serving => outcome,
    };
    tracing::info!("stopping");
    stop.cancel();
    at_work.close();
    let ended = async {
        while tasks.join_next().await.is_some() {}
        at_work.wait().await;
    };
    if tokio::time::timeout(serving::GRACE + Duration::from_secs(5), ended).await.is_err() {
        tracing::warn!("stopped with work under way");
        tasks.abort_all();
    }
    outcome
}

/// Waits until a part of the process has ended, which none does by itself.
async fn one_ends(tasks: &mut JoinSet<Result<()>>) -> Result<()> {
    match tasks.join_next().await {
        Some(ended) => ended.context("a part of the process ended")?,
        None => Ok(()),
    }
}

fn router(
    node: &Node,
    role: Role,
    metrics: Option<Metrics>,
    readiness: Readiness,
    tasks: TaskTracker,
) -> Result<axum::Router> {
    let mut endpoints: Vec<Endpoints> = vec![];
    let pictures = Pictures::new(node.files.clone());
    if role.writes() {
        let write = Write {
            commands: node.commands.clone(),
            checkpoints: node.checkpoints.clone(),
            mail_senders: node.config.mail_senders()?,
            files: node.files.clone(),
            pictures: pictures.clone(),
            tasks: tasks.clone(),
        };
        endpoints.extend(caravan_write_api::endpoints(&Arc::new(write)));
    }
    if role.reads() {
        let read = Read {
            models: node.models.clone(),
            vault: node.vault.clone(),
            checkpoints: node.checkpoints.clone(),
            store: node.store.clone(),
            people: People::default(),
            limits: node.limits.clone(),
            pictures,
            public_url: node.config.public_url()?.into(),
            booking_partner: node.config.booking_partner.as_str().into(),
        };
        endpoints.extend(caravan_read_api::endpoints(&Arc::new(read)));
    }
    let settings = Settings {
        cors_origins: node.config.cors_origins()?,
        trusted_proxies: node.config.trusted_proxies()?,
        body_read_timeout: Duration::from_secs(node.config.body_read_timeout),
        clock: node.clock.clone(),
        metrics,
        adopt_trace: Some(telemetry::adopt),
        readiness,
        tasks,
    };
    Ok(caravan_wire::router(endpoints, crate::ops::documents(), settings))
}

fn start_followers(node: &Node, stop: &CancellationToken, tasks: &mut JoinSet<Result<()>>) -> Result<()> {
    let config = &node.config;
    let setup = processes::Setup {
        commands: node.commands.clone(),
        checkpoints: node.checkpoints.clone(),
        clock: node.clock.clone(),
        pool: node.pool.clone(),
        carriers: config.carriers()?,
        files: node.files.clone(),
        public_url: config.public_url()?.into(),
    };
    let documents = caravan_projections::postgres_follower(node.store.clone(), KINDS);
    let documents = follow(node.store.clone(), node.checkpoints.clone(), documents, stop.clone());
    let tallies = caravan_projections::tallies_follower();
    let tallies = follow(node.store.clone(), node.checkpoints.clone(), tallies, stop.clone());
    tasks.spawn(ending(documents));
    tasks.spawn(ending(tallies));
    for renderer in &node.renderers {
        tasks.spawn(ending(renderer.clone().follow(node.checkpoints.clone(), stop.clone())));
    }
    for (_, process) in processes::all(&setup, stop) {
        tasks.spawn(ending(process));
    }
    Ok(())
}

/// A follower as a part of the process: it ends when told to, without an error.
async fn ending(following: impl Future<Output = ()>) -> Result<()> {
    following.await;
    Ok(())
}

/// Waits until the read models show everything that the log holds by now.
async fn caught_up(node: &Node) -> Result<()> {
    let head = node.store.head().await?;
    while node.checkpoints.wait("postgres", head, Duration::from_secs(5)).await.is_err() {
        tracing::info!("read models are catching up with the log");
    }
    Ok(())
}

/// Starts the embedded Postgres again when it has died.
async fn keep_running(postgres: PrivatePostgres, stop: CancellationToken) -> Result<()> {
    loop {
        match postgres.revive().await {
            Ok(false) => {}
            Ok(true) => tracing::warn!("the embedded Postgres had died and was started again"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn Error, "the embedded Postgres has died and does not start again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

/// Says whether a database answers. On a connection of its own: a pool that is busy says nothing about its database.
async fn watch(
    name: &'static str,
    options: Arc<PgConnectOptions>,
    readiness: Readiness,
    stop: CancellationToken,
) -> Result<()> {
    let mut connection = None;
    let mut answers = true;
    loop {
        let known = connection.take();
        let asked = tokio::time::timeout(ANSWER, async {
            let mut connection = match known {
                Some(connection) => connection,
                None => PgConnection::connect_with(&options).await?,
            };
            connection.ping().await?;
            Ok::<_, sqlx::Error>(connection)
        });
        connection = asked.await.ok().and_then(Result::ok);
        match connection {
            Some(_) => readiness.ready(name),
            None => readiness.not_ready(name, "does not answer"),
        }
        if answers != connection.is_some() {
            answers = connection.is_some();
            tracing::warn!("the {name} {}", if answers { "answers again" } else { "does not answer" });
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

/// Says whether commands can be stored: a database may answer and yet have no room for more.
async fn watch_log(store: Arc<dyn EventStore>, readiness: Readiness, stop: CancellationToken) -> Result<()> {
    loop {
        match tokio::time::timeout(ANSWER, store.can_store()).await {
            Ok(Ok(())) => readiness.ready("log"),
            Ok(Err(_)) | Err(_) => readiness.not_ready("log", "stores nothing"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

async fn tidy(commands: Commands, files: Files, clock: Clock, stop: CancellationToken) -> Result<()> {
    loop {
        if let Err(error) = commands.tidy().await {
            tracing::warn!(error = &error as &dyn Error, "what has lapsed could not be removed");
        }
        if let Err(error) = files.sweep(clock.now()).await {
            tracing::warn!(error = &error as &dyn Error, "files that are good no longer could not be removed");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(TIDYING) => {}
        }
    }
}

/// Puts right what imports did to the demo, while everything else goes on; returns never.
async fn repair(node: &Node, role: Role) -> Infallible {
    if role == Role::Serve
        && node.config.wants_demo()
        && let Err(error) = caravan_import::repair_demo(&node.commands).await
    {
        tracing::warn!("the demo: {error:#}");
    }
    std::future::pending().await
}

fn announce(node: &Node, role: Role) -> Result<()> {
    let url = format!("http://{}", node.config.listen()?);
    let metrics = node.config.metrics_listen()?.map_or(url.clone(), |address| format!("http://{address}"));
    tracing::info!(%url, "ready");
    if role != Role::Serve {
        return Ok(());
    }
    let banner = format!(include_str!("banner.txt"), url = url, metrics = metrics, outbox = node.outbox().display());
    // Whoever started this may have stopped reading.
    let _ = writeln!(std::io::stdout(), "{banner}");
    Ok(())
}
