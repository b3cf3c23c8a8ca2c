//! What every role and operator's command stands on: databases, keys, the log, the write side and the read models.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use caravan_commands::identity::{DevelopmentProvider, IdentityProvider};
use caravan_commands::{Commands, Setup, Snapshot, Snapshots};
use caravan_domain::kinds::KINDS;
use caravan_event_store::following::Checkpoints;
use caravan_event_store::{EventStore, StoreError, StreamId};
use caravan_private_postgres::PrivatePostgres;
use caravan_projections::{Elastic, ReadError, ReadModels, Search, SearchTarget};
use caravan_vault::Vault;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};

use crate::config::Config;

/// Connections to the main database that one process keeps at most, besides those of appender and followers.
const CONNECTIONS: u32 = 16;

/// How long a request waits for a connection before it answers that the database is unavailable.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a connection may have idled to be used without being tried.
const TRUSTED: Duration = Duration::from_secs(1);

/// Memory for the states of streams that commands used lately, in bytes.
const CACHE_BYTES: usize = 96 * 1024 * 1024;

pub struct Node {
    pub config: Config,
    pub pool: PgPool,
    pub vault: Vault,
    pub store: Arc<dyn EventStore>,
    pub checkpoints: Checkpoints,
    pub models: ReadModels,
    pub search: Search,
    pub commands: Commands,
    keys: PgPool,
    postgres: Option<PrivatePostgres>,
}

impl Node {
    /// Connects to everything, starting the embedded Postgres where one is configured, and migrates.
    pub async fn open(config: Config) -> Result<Node> {
        let (postgres, main_url) = match config.database_url.as_str() {
            "embedded" => {
                let postgres = embedded(&config).await?;
                let url = postgres.database("caravan").await?;
                (Some(postgres), url)
            }
            url => (None, url.to_owned()),
        };
        let options: PgConnectOptions = main_url.parse().context("CARAVAN_DATABASE_URL")?;
        let pool = pool(options.clone(), CONNECTIONS).await.context("the main database")?;
        let keys = keys(&config, &options, &pool).await.context("the keys database")?;
        caravan_migrations::run(&pool, &keys).await.context("migrations")?;
        for kind in ReadModels::migrate(&pool, KINDS).await.context("tables of the read models")? {
            tracing::warn!("documents of {kind} were folded by other rules: run `caravan rebuild {kind}`");
        }
        let vault = Vault::open(keys.clone(), pool.clone(), &config.master_key()?, &config.secret()?).await?;
        let store = caravan_event_store::open(&config.event_store, &pool)?;
        let checkpoints = Checkpoints::new(pool.clone());
        let target = search_target(&config)?;
        let models = ReadModels::open(pool.clone(), KINDS, target.clone());
        let search = Search { pool: pool.clone(), store: store.clone(), kinds: KINDS, target, vault: vault.clone() };
        let commands = Commands::new(Setup {
            store: store.clone(),
            vault: vault.clone(),
            pool: pool.clone(),
            snapshots: Arc::new(Documents(models.clone())),
            cache_bytes: CACHE_BYTES,
            identity_provider: identity_provider(&config)?,
        });
        Ok(Node { config, pool, vault, store, checkpoints, models, search, commands, keys, postgres })
    }

    /// Where messages go that are written to files.
    pub fn outbox(&self) -> PathBuf {
        self.config.data_dir.join("outbox")
    }

    /// Disconnects. The embedded Postgres stops when this process started it, or when it is `ours` in any case.
    pub async fn close(self, ours: bool) -> Result<()> {
        self.pool.close().await;
        self.keys.close().await;
        if let Some(postgres) = self.postgres
            && (ours || !postgres.adopted())
        {
            postgres.stop().await?;
        }
        Ok(())
    }
}

/// Opens a node, does one thing with it and closes it again: an operator's command.
pub async fn with(config: Config, work: impl AsyncFnOnce(&Node) -> Result<()>) -> Result<()> {
    let node = Node::open(config).await?;
    let outcome = work(&node).await;
    node.close(false).await?;
    outcome
}

/// Facebook's own adapter comes later; until then there is the development one, and none in production.
fn identity_provider(config: &Config) -> Result<Option<Arc<dyn IdentityProvider>>> {
    if config.is_production() {
        return Ok(None);
    }
    Ok(Some(Arc::new(DevelopmentProvider::new(&config.secret()?))))
}

fn search_target(config: &Config) -> Result<SearchTarget> {
    match config.search.as_str() {
        "postgres" => Ok(SearchTarget::Postgres),
        url => {
            let (server, prefix) = elasticsearch(url);
            Ok(SearchTarget::Elasticsearch(Elastic::new(server, prefix).context("CARAVAN_SEARCH")?))
        }
    }
}

/// An Elasticsearch's URL without its path, and the path: the prefix of index names, so that installations can share a
/// server.
fn elasticsearch(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let path = url.get(host..).and_then(|rest| rest.find('/')).map_or(url.len(), |slash| host + slash);
    let (server, prefix) = url.split_at(path);
    match prefix.trim_matches('/') {
        "" => (server, "caravan"),
        prefix => (server, prefix),
    }
}

async fn embedded(config: &Config) -> Result<PrivatePostgres> {
    let settings = [("max_connections", "200"), ("shared_buffers", "256MB"), ("max_wal_size", "2GB")];
    let dir = config.data_dir.join("postgres");
    PrivatePostgres::start(&dir, &settings).await.context("the embedded Postgres")
}

async fn pool(options: PgConnectOptions, connections: u32) -> Result<PgPool, sqlx::Error> {
    PgPoolOptions::new()
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
        .connect_with(options)
        .await
}

/// The keys database: configured, or one beside the main one, made on first use.
async fn keys(config: &Config, main: &PgConnectOptions, pool_of_main: &PgPool) -> Result<PgPool> {
    const CONNECTIONS: u32 = 4;
    if !config.keys_url.is_empty() {
        return Ok(pool(config.keys_url.parse().context("CARAVAN_KEYS_URL")?, CONNECTIONS).await?);
    }
    let name = format!("{}_keys", main.get_database().unwrap_or("caravan"));
    // Two processes may start at once: making it twice fails for one of them, which is as good.
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(pool_of_main)
        .await?;
    if !exists {
        let create = format!("create database \"{}\"", name.replace('"', "\"\""));
        if let Err(error) = sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(pool_of_main).await
            && !error
                .as_database_error()
                .is_some_and(|error| matches!(error.code().as_deref(), Some("42P04" | "23505")))
        {
            return Err(error.into());
        }
    }
    Ok(pool(main.clone().database(&name), CONNECTIONS).await?)
}

/// Documents as the snapshots that cold streams load.
struct Documents(ReadModels);

#[async_trait]
impl Snapshots for Documents {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_elasticsearch_url_names_its_indexes() {
        assert_eq!(elasticsearch("http://localhost:9200"), ("http://localhost:9200", "caravan"));
        assert_eq!(elasticsearch("https://a:b@search/"), ("https://a:b@search", "caravan"));
        assert_eq!(elasticsearch("http://search:9200/staging"), ("http://search:9200", "staging"));
    }
}
