//! The write side without HTTP: who may, what happens, and what follows from it.
//!
//! [`Asking::send`] carries out one command on one stream; the flows of each context ([`identity`], [`trips`],
//! [`catalogue`]) and of [`records`], functions of who asks and what for, gather the facts of other streams that a
//! command needs; [`processes`] react to events, [`effects`] reach the outside.

mod asking;
mod cache;
mod caller;
pub mod catalogue;
mod counted;
pub mod effects;
mod error;
mod execute;
mod idempotency;
pub mod identity;
pub mod planted;
pub mod platform;
pub mod processes;
pub mod records;
pub mod seeds;
pub mod trips;

use std::sync::Arc;

use async_trait::async_trait;
use caravan_domain::EntityId;
use caravan_event_store::{EventStore, Position, Revision, StoreError, StreamId};
use caravan_limits::Limits;
use caravan_vault::Vault;
use serde_json::Value;
use sqlx::PgPool;

pub use asking::Asking;
pub use caller::Caller;
pub use error::CommandError;
use execute::stream;
pub use execute::{Current, Done};

pub use idempotency::Key;

use cache::{Beginnings, Cache};
use idempotency::Idempotency;
use identity::{Homes, IdentityProvider};
use trips::CrewMembers;

/// Streams looked at together, whose reads share round trips.
const TOGETHER: usize = 64;

/// The write side. Clones share everything.
#[derive(Clone)]
pub struct Commands(Arc<Inner>);

struct Inner {
    store: Arc<dyn EventStore>,
    vault: Vault,
    snapshots: Arc<dyn Snapshots>,
    cache: Cache,
    beginnings: Beginnings,
    idempotency: Idempotency,
    crew_members: CrewMembers,
    limits: Limits,
    homes: Homes,
    identity_provider: Option<Arc<dyn IdentityProvider>>,
}

/// What the write side is made of.
pub struct Setup {
    pub store: Arc<dyn EventStore>,
    pub vault: Vault,
    /// The main database: idempotency keys, who is in which crew, where accounts signed in from.
    pub pool: PgPool,
    pub limits: Limits,
    pub snapshots: Arc<dyn Snapshots>,
    /// Memory for cached states, in bytes.
    pub cache_bytes: usize,
    /// Facebook, or what stands in for it; without one nobody logs in that way.
    pub identity_provider: Option<Arc<dyn IdentityProvider>>,
}

/// A stream's state folded up to a revision.
pub struct Snapshot {
    pub revision: Revision,
    pub position: Position,
    pub state: Value,
}

/// The port through which a cold stream's state is loaded without reading all its events.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// The newest snapshot of a stream that was folded with `fold_version`.
    async fn load(&self, stream: &StreamId, fold_version: i32) -> Result<Option<Snapshot>, StoreError>;
}

impl Commands {
    pub fn new(setup: Setup) -> Self {
        Commands(Arc::new(Inner {
            store: setup.store,
            vault: setup.vault,
            snapshots: setup.snapshots,
            cache: Cache::new(setup.cache_bytes),
            beginnings: Beginnings::new(),
            idempotency: Idempotency::new(setup.pool.clone()),
            crew_members: CrewMembers::new(setup.pool.clone()),
            homes: Homes::new(setup.pool),
            limits: setup.limits,
            identity_provider: setup.identity_provider,
        }))
    }

    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.0.store
    }

    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn identity_provider(&self) -> Option<&dyn IdentityProvider> {
        self.0.identity_provider.as_deref()
    }

    /// A new entity's id; the one allotted before when the request is a repeat.
    async fn allotted_id(&self, kind: &str, caller: &Caller) -> Result<EntityId, CommandError> {
        let fresh = self.vault().new_id(kind).await?;
        match &caller.key {
            Some(key) => self.0.idempotency.allot(key, &format!("{kind}/{}", caller.command_id), fresh).await,
            None => Ok(fresh),
        }
    }

    /// Removes idempotency keys, attempts and homes that nothing looks at any more; to be called now and then.
    pub async fn tidy(&self) -> Result<(), CommandError> {
        self.0.idempotency.purge().await?;
        self.0.homes.purge().await?;
        Ok(self.0.limits.purge().await?)
    }

    fn cache(&self) -> &Cache {
        &self.0.cache
    }

    fn beginnings(&self) -> &Beginnings {
        &self.0.beginnings
    }

    fn crew_members(&self) -> &CrewMembers {
        &self.0.crew_members
    }

    fn homes(&self) -> &Homes {
        &self.0.homes
    }

    fn idempotency(&self) -> &Idempotency {
        &self.0.idempotency
    }

    fn snapshots(&self) -> &dyn Snapshots {
        &*self.0.snapshots
    }
}
