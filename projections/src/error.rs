//! What can go wrong while reading.

use std::sync::Arc;

use caravan_domain::Rejection;
use caravan_postgres::is_transient;

type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Why a read has no answer. Cheap to clone: one failed statement answers everybody who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// Postgres cannot be reached or is overloaded; trying again later may help.
    #[error("the read models are unavailable")]
    Unavailable(#[source] Source),
    /// The search server cannot be reached, or its index is not ready; trying again later may help.
    #[error("search is unavailable")]
    SearchUnavailable(#[source] Source),
    /// The plan asks for what its kind does not declare.
    #[error("{field}: {message}")]
    InvalidPlan { field: String, message: String },
    /// Trying again will not help: a document does not have the shape of its state, or a statement is wrong.
    #[error("a read model is broken")]
    Broken(#[source] Source),
}

impl ReadError {
    pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        ReadError::InvalidPlan { field: field.into(), message: message.into() }
    }

    pub(crate) fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        ReadError::Broken(Arc::from(error.into()))
    }

    pub(crate) fn search(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        ReadError::SearchUnavailable(Arc::from(error.into()))
    }
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) { ReadError::Unavailable(Arc::new(error)) } else { ReadError::Broken(Arc::new(error)) }
    }
}

/// Why somebody is not shown what they ask for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotSeen {
    /// By a rule: it does not exist for them, or they may not see it.
    #[error(transparent)]
    Refused(#[from] Rejection),
    #[error(transparent)]
    Unread(#[from] ReadError),
}

/// Why a rebuild or a verification stopped. What was built so far is dropped by the next run.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error("there is no read model {0}")]
    Unknown(String),
    #[error("another rebuild is running")]
    Running,
    /// Streams that the new tables could not fold although the live ones can.
    #[error("{} streams cannot be folded any more, the first is {}: {}", .0.len(), .0[0].0, .0[0].1)]
    Parked(Vec<(caravan_event_store::StreamId, String)>),
    #[error(transparent)]
    Store(#[from] caravan_event_store::StoreError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the vault cannot open personal values")]
    Vault(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<sqlx::Error> for RebuildError {
    fn from(error: sqlx::Error) -> Self {
        RebuildError::Read(error.into())
    }
}
