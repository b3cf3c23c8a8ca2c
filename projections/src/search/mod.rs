//! Search: text across a kind's documents, personal values included, in Elasticsearch or in Postgres.
//!
//! The `search` follower renders whole documents from the tables of documents, as far as these have followed the log,
//! and is the only one that opens personal values.

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

use crate::{Kinds, ReadError, RebuildError};

/// Where searchable kinds are found.
#[derive(Clone)]
pub enum SearchTarget {
    /// In the documents' own tables; opened personal text in a table beside.
    Postgres,
    Elasticsearch(Elastic),
}

/// All that keeping search up to date needs.
#[derive(Clone)]
pub struct Search {
    pub pool: PgPool,
    pub store: Arc<dyn EventStore>,
    pub kinds: Kinds,
    pub target: SearchTarget,
    pub vault: Vault,
}

/// Where the search documents of a kind are kept.
#[derive(Clone, Copy)]
enum Place<'a> {
    Index(&'a Elastic),
    /// The table `search_text`.
    Opened,
}

impl Search {
    /// The kinds that have search documents besides their own.
    fn places(&self) -> Vec<(&'static Kind, Place<'_>)> {
        self.kinds.iter().filter_map(|kind| Some((*kind, self.place(kind)?))).collect()
    }

    fn place(&self, kind: &Kind) -> Option<Place<'_>> {
        match &self.target {
            SearchTarget::Elasticsearch(elastic) if kind.searchable => Some(Place::Index(elastic)),
            _ if !kind.sealed_text.is_empty() => Some(Place::Opened),
            _ => None,
        }
    }
}

/// What keeps search from being kept.
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
    #[error("another rebuild of search is running")]
    Running,
    #[error("the documents lag behind search")]
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
