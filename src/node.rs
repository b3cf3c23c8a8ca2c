//! What every role and operator's command stands on: databases, keys, the log, the write side and the read models.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use async_trait::async_trait;
use caravan_clock::Clock;
use caravan_commands::identity::{DevelopmentProvider, Graph, IdentityProvider};
use caravan_commands::{Commands, Setup, Snapshot, Snapshots};
use caravan_domain::kinds::KINDS;
use caravan_event_store::following::Checkpoints;
use caravan_event_store::{Direction, EventStore, Filter, StoreError, StreamId};
use caravan_files::Files;
use caravan_limits::Limits;
use caravan_postgres::is_transient;
use caravan_private_postgres::{PrivatePostgres, make_database};
use caravan_projections::{ReadError, ReadModels, Renderer, Rendering};
use caravan_vault::Vault;
use futures::FutureExt;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, VouchedBy};
use crate::data_dir;
use crate::stop;

/// Connections to the main database that one process keeps at most, besides those of appender and followers.
const CONNECTIONS: u32 = 16;

/// How long a request waits for a connection before it answers that the database is unavailable.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a connection may have idled to be used without being tried.
const TRUSTED: Duration = Duration::from_secs(1);

/// Memory for the states of streams that commands used lately, in bytes: while serving, and of an operator's command,
/// which comes back to few streams.
pub const CACHE_OF_SERVER: usize = 96 * 1024 * 1024;
pub const CACHE_OF_COMMAND: usize = 8 * 1024 * 1024;

/// The databases in the embedded Postgres.
pub const MAIN_DATABASE: &str = "caravan";
pub const KEYS_DATABASE: &str = "caravan_keys";

pub struct Node {
    pub config: Config,
    pub pool: PgPool,
    pub vault: Vault,
    pub store: Arc<dyn EventStore>,
    pub checkpoints: Checkpoints,
    pub models: ReadModels,
    pub rendering: Rendering,
    pub renderers: Vec<Renderer>,
    pub commands: Commands,
    pub limits: Limits,
    pub files: Files,
    pub clock: Clock,
    /// The Postgres of the data directory, where no other is configured.
    pub embedded: Option<PrivatePostgres>,
    keys: PgPool,
}

impl Node {
    /// Connects to everything and migrates. `embedded` is the Postgres of the data directory, where that is configured.
    async fn open(config: Config, embedded: Option<PrivatePostgres>, cache_bytes: usize) -> Result<Node> {
        let options = match (&embedded, config.database()?) {
            (_, Some(options)) => options,
            (Some(postgres), None) => postgres.database(MAIN_DATABASE).await?.parse()?,
            (None, None) => bail!("the embedded Postgres does not run"),
        };
        let pool = pool(options.clone(), CONNECTIONS).await.context("the main database")?;
        let keys = keys(&config, &options, &pool).await.context("the keys database")?;
        caravan_migrations::run(&pool, &keys).await.context("migrations")?;
        for kind in ReadModels::migrate(&pool, KINDS).await.context("tables of the read models")? {
            tracing::warn!("documents of {kind} were folded by other rules: run `caravan rebuild {kind}`");
        }
        let vault = Vault::open(keys.clone(), pool.clone(), &config.master_key()?, &config.secret()?).await?;
        let clock = config.clock()?;
        if !clock.ahead().is_zero() {
            tracing::warn!("the clock is {} ahead (CARAVAN_CLOCK)", config.clock.trim_start_matches('+'));
        }
        let store = caravan_event_store::open(&config.event_store, &pool, clock.clone())?;
        refuse_former(store.as_ref()).await?;
        let checkpoints = Checkpoints::new(pool.clone());
        let target = config.search_target()?;
        let models = ReadModels::open(pool.clone(), KINDS, target.clone(), checkpoints.clone());
        let rendering = Rendering { pool: pool.clone(), store: store.clone(), kinds: KINDS, vault: vault.clone() };
        let renderers = rendering.renderers(&target);
        let limits = Limits::new(pool.clone(), vault.clone(), config.limits()?);
        let commands = Commands::new(Setup {
            store: store.clone(),
            vault: vault.clone(),
            pool: pool.clone(),
            limits: limits.clone(),
            snapshots: Arc::new(DocumentSnapshots(models.clone())),
            cache_bytes,
            identity_provider: identity_provider(&config)?,
        });
        let files = config.files()?;
        Ok(Node {
            config,
            pool,
            vault,
            store,
            checkpoints,
            models,
            rendering,
            renderers,
            commands,
            limits,
            files,
            clock,
            embedded,
            keys,
        })
    }

    /// Where messages go that are written to files.
    pub fn outbox(&self) -> PathBuf {
        self.config.outbox()
    }

    /// The databases by what they are called, and how to connect to them.
    pub fn databases(&self) -> [(&'static str, Arc<PgConnectOptions>); 2] {
        [("database", self.pool.connect_options()), ("keys database", self.keys.connect_options())]
    }

    /// The connections that are kept to them, by the same names.
    pub fn pools(&self) -> [(&'static str, PgPool); 2] {
        [("database", self.pool.clone()), ("keys database", self.keys.clone())]
    }

    /// The Postgres of the data directory, where it keeps the keys.
    pub fn keys_server(&self) -> Option<&PrivatePostgres> {
        self.embedded.as_ref().filter(|_| self.config.keys_url.is_empty())
    }

    async fn disconnect(&self) {
        self.pool.close().await;
        self.keys.close().await;
    }
}

/// The category of claims in logs that were written before they were called so, which nobody can read any more.
const FORMER_CLAIMS: &str = "reservation";

async fn refuse_former(store: &dyn EventStore) -> Result<()> {
    let former = Filter { categories: vec![FORMER_CLAIMS.to_owned()], ..Filter::default() };
    let found = store.read_all(0, Direction::Forwards, &former, 1).await?;
    ensure!(
        found.events.is_empty(),
        "this log was written by a version whose events cannot be read any more (category `{FORMER_CLAIMS}`): start \
         anew with an empty CARAVAN_DATA_DIR, or with an empty CARAVAN_DATABASE_URL and CARAVAN_KEYS_URL"
    );
    Ok(())
}

/// Does `work` on a node that is there for it, and closes that again however the work ends. `work` is not begun where
/// `stop` comes first; otherwise it is for `work` to see it.
pub async fn with(
    config: Config,
    cache_bytes: usize,
    stop: &CancellationToken,
    work: impl AsyncFnOnce(&Node) -> Result<()>,
) -> Result<()> {
    if config.uses_data_dir() {
        data_dir::prepare(&config.data_dir).context("CARAVAN_DATA_DIR")?;
    }
    // Not given up halfway, or nobody would stop what was started.
    let embedded = match config.database()? {
        Some(_) => None,
        None => Some(start(&config).await.context("the embedded Postgres")?),
    };
    let outcome = async {
        let node = tokio::select! {
            node = Node::open(config, embedded.clone(), cache_bytes) => node?,
            () = stop.cancelled() => return Ok(()),
        };
        let outcome = work(&node).await;
        node.disconnect().await;
        outcome
    };
    // Even after a panic, such as that of printing into a pipe that nobody reads any more.
    let outcome = AssertUnwindSafe(outcome).catch_unwind().await;
    let closed = match embedded {
        Some(postgres) => postgres.close().await.context("the embedded Postgres"),
        None => Ok(()),
    };
    outcome.unwrap_or_else(|panic| resume_unwind(panic)).and(closed)
}

/// An operator's command on a node of its own. It is given up on SIGTERM and SIGINT.
pub async fn command(config: Config, work: impl AsyncFnOnce(&Node) -> Result<()>) -> Result<()> {
    let stop = stop::asked()?;
    let mut done = false;
    let until_stopped = async |node: &Node| {
        tokio::select! {
            outcome = work(node) => {
                done = true;
                outcome
            }
            () = stop.cancelled() => Ok(()),
        }
    };
    with(config, CACHE_OF_COMMAND, &stop, until_stopped).await?;
    ensure!(done, "interrupted");
    Ok(())
}

fn identity_provider(config: &Config) -> Result<Option<Arc<dyn IdentityProvider>>> {
    Ok(match config.vouched_by()? {
        VouchedBy::Nobody => None,
        VouchedBy::Development => Some(Arc::new(DevelopmentProvider::new(&config.secret()?))),
        VouchedBy::Facebook(settings) => Some(Arc::new(Graph::new(settings)?)),
    })
}

/// Starts the Postgres of the data directory, or becomes one of its users.
pub async fn start(config: &Config) -> Result<PrivatePostgres, caravan_private_postgres::Error> {
    let settings = [("max_connections", "200"), ("shared_buffers", "256MB"), ("max_wal_size", "2GB")];
    PrivatePostgres::start(&config.data_dir.join("postgres"), &settings).await
}

async fn pool(options: PgConnectOptions, connections: u32) -> Result<PgPool> {
    // So that whoever looks at the server's connections sees whose they are; all others are made after these.
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name(&named_by_command()),
    };
    let server = format!("{}:{}", options.get_host(), options.get_port());
    reach(&options).await.context(server)?;
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(Duration::from_secs(300))
        // Trying a connection costs as much as many a statement: only after a rest.
        .test_before_acquire(false)
        .before_acquire(|connection, rest| {
            Box::pin(async move {
                if rest.idle_for > TRUSTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options);
    Ok(pool)
}

/// `caravan serve`, as this process was started.
fn named_by_command() -> String {
    std::iter::once("caravan".to_owned()).chain(std::env::args().nth(1)).collect::<Vec<_>>().join(" ")
}

/// Connects once, since a pool says only that it has waited, not what is wrong.
async fn reach(options: &PgConnectOptions) -> Result<()> {
    const LOOK_AGAIN: Duration = Duration::from_millis(100);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match timeout_at(deadline, PgConnection::connect_with(options)).await {
            Ok(Ok(connection)) => return Ok(connection.close().await?),
            // It may be about to start.
            Ok(Err(error)) if is_transient(&error) && Instant::now() + LOOK_AGAIN < deadline => sleep(LOOK_AGAIN).await,
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => bail!("does not answer"),
        }
    }
}

/// The keys database: configured, or one beside the main one, made on first use.
async fn keys(config: &Config, main: &PgConnectOptions, pool_of_main: &PgPool) -> Result<PgPool> {
    const CONNECTIONS: u32 = 4;
    if let Some(options) = config.keys_database()? {
        return pool(options, CONNECTIONS).await;
    }
    let name = format!("{}_keys", main.get_database().unwrap_or("caravan"));
    make_database(&mut *pool_of_main.acquire().await?, &name).await.map_err(|error| {
        const INSUFFICIENT_PRIVILEGE: &str = "42501";
        let code = error.as_database_error().and_then(|error| error.code());
        let denied = code.as_deref() == Some(INSUFFICIENT_PRIVILEGE);
        let error = anyhow::Error::from(error);
        if !denied {
            return error;
        }
        let role = main.get_username();
        error.context(format!(
            "the role {role} may not create databases: `create database \"{name}\" owner \"{role}\"` as one that may, or \
             name another in CARAVAN_KEYS_URL"
        ))
    })?;
    pool(main.clone().database(&name), CONNECTIONS).await
}

/// Documents as the snapshots that cold streams load.
struct DocumentSnapshots(ReadModels);

#[async_trait]
impl Snapshots for DocumentSnapshots {
    async fn load(&self, stream: &StreamId, fold_version: i32) -> Result<Option<Snapshot>, StoreError> {
        let document = self.0.snapshot(stream, fold_version).await.map_err(|error| match error {
            ReadError::Unavailable(_) => StoreError::Unavailable(error.into()),
            _ => StoreError::Refused(error.into()),
        })?;
        let snapshot = document.map(|document| Snapshot {
            revision: document.revision,
            position: document.position,
            state: document.state,
        });
        Ok(snapshot)
    }
}
