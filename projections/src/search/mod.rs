//! What documents are found by besides their own columns: personal values, opened, in Postgres; whole documents in
//! Elasticsearch.
//!
//! Both are rendered from the tables of documents, as far as these have followed the log, each by a follower of its
//! own: `opened`, so that forgetting somebody never waits for another server, and `search`. No other follower opens
//! personal values.

mod dsl;
mod elastic;
mod follower;
mod opened;
mod rebuild;
mod render;
mod verify;

use std::sync::Arc;

use caravan_domain::Kind;
use caravan_event_store::{EventStore, StoreError};
use caravan_vault::{Vault, VaultError};
use sqlx::PgPool;

pub(crate) use dsl::{carries, find};
pub use elastic::Elastic;
pub(crate) use opened::{ALL, complete_up_to};
pub use opened::{OPENED_TABLES, forget_opened};

use crate::bookkeeping::{OPENED, SEARCH};
use crate::{Kinds, ReadError, RebuildError};

/// Where searchable kinds are found.
#[derive(Clone)]
pub enum SearchTarget {
    /// In the documents' own tables.
    Postgres,
    Elasticsearch(Elastic),
}

/// What all that renders documents works on.
#[derive(Clone)]
pub struct Rendering {
    pub pool: PgPool,
    pub store: Arc<dyn EventStore>,
    pub kinds: Kinds,
    pub vault: Vault,
}

/// Keeps what is rendered from documents in one place up to date.
#[derive(Clone)]
pub struct Renderer {
    rendering: Rendering,
    place: Place,
}

/// Where what is rendered is kept.
#[derive(Clone)]
enum Place {
    /// The table `opened`.
    Opened,
    Index(Elastic),
}

impl Rendering {
    /// One for each place that there is with this target.
    pub fn renderers(&self, target: &SearchTarget) -> Vec<Renderer> {
        let index = match target {
            SearchTarget::Postgres => None,
            SearchTarget::Elasticsearch(elastic) => Some(Place::Index(elastic.clone())),
        };
        let places = std::iter::once(Place::Opened).chain(index);
        places.map(|place| Renderer { rendering: self.clone(), place }).collect()
    }
}

impl Renderer {
    /// Its follower.
    pub fn name(&self) -> &'static str {
        match self.place {
            Place::Opened => OPENED,
            Place::Index(_) => SEARCH,
        }
    }

    /// The kinds of which there is something in its place.
    fn kinds(&self) -> impl Iterator<Item = &'static Kind> {
        self.rendering.kinds.iter().copied().filter(|kind| match self.place {
            Place::Opened => !kind.sealed.is_empty(),
            Place::Index(_) => kind.searchable,
        })
    }
}

/// What keeps documents from being rendered.
#[derive(Debug, thiserror::Error)]
enum SearchError {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error(transparent)]
    Elastic(#[from] elastic::ElasticError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the vault cannot open personal values")]
    Vault(#[from] VaultError),
    #[error("another rebuild of it is running")]
    Running,
    #[error("the documents lag behind it")]
    Lagging,
}

impl From<SearchError> for RebuildError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Sql(error) => error.into(),
            SearchError::Elastic(error) => RebuildError::Read(error.into()),
            SearchError::Store(error) => error.into(),
            SearchError::Vault(error) => RebuildError::Vault(error.into()),
            SearchError::Running => RebuildError::Running,
            SearchError::Lagging => RebuildError::Read(ReadError::search(error)),
        }
    }
}
