//! The write side as one process has it, on databases of a test's own.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use caravan_clock::Clock;
use caravan_commands::identity::IdentityProvider;
use caravan_commands::{Commands, Setup, Snapshot, Snapshots};
use caravan_event_store::{EventStore, StoreError, StreamId};
use caravan_limits::{Limits, Settings};
use caravan_private_postgres::testing;
use caravan_vault::Vault;
use sqlx::PgPool;

pub const SECRET: &str = "a secret for tests";

struct NoSnapshots;

#[async_trait]
impl Snapshots for NoSnapshots {
    async fn load(&self, _: &StreamId, _: i32) -> Result<Option<Snapshot>, StoreError> {
        Ok(None)
    }
}

pub struct Databases {
    pub main: PgPool,
    pub keys: PgPool,
    /// What its processes go by.
    pub clock: Clock,
}

impl Databases {
    /// Empty and migrated.
    pub async fn new() -> Databases {
        let main = PgPool::connect(&testing::database().await).await.unwrap();
        let keys = PgPool::connect(&testing::database().await).await.unwrap();
        caravan_migrations::run(&main, &keys).await.unwrap();
        Databases { main, keys, clock: Clock::default() }
    }

    /// A further process, with a cache and a store connection of its own.
    pub async fn process(&self, identity_provider: Option<Arc<dyn IdentityProvider>>) -> Commands {
        let log = caravan_event_store::open("database", &self.main, self.clock.clone()).unwrap();
        write_side(log, &self.main, self.vault().await, identity_provider)
    }

    pub async fn vault(&self) -> Vault {
        let master = STANDARD.encode([7; 32]);
        Vault::open(self.keys.clone(), self.main.clone(), &master, SECRET).await.unwrap()
    }
}

pub fn write_side(
    store: Arc<dyn EventStore>,
    main: &PgPool,
    vault: Vault,
    identity_provider: Option<Arc<dyn IdentityProvider>>,
) -> Commands {
    Commands::new(Setup {
        store,
        limits: Limits::new(main.clone(), vault.clone(), Settings::default()),
        vault,
        pool: main.clone(),
        snapshots: Arc::new(NoSnapshots),
        cache_bytes: 1024 * 1024,
        identity_provider,
    })
}
