//! Why a command did not happen: refused, or broken.

use std::time::Duration;

use caravan_domain::identity::account;
use caravan_domain::{Rejection, RejectionKind};
use caravan_event_store::StoreError;
use caravan_files::FilesError;
use caravan_files::pictures::PictureError;
use caravan_limits::LimitError;
use caravan_postgres::is_transient;
use caravan_vault::VaultError;

/// Nothing was stored, except where `Unavailable` says that this is not known.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A business rule refused.
    #[error("rejected: {0}")]
    Rejected(#[from] Rejection),
    /// `If-Match` names another revision than the stream's.
    #[error("changed since it was read")]
    PreconditionFailed,
    /// The idempotency key came with another operation or body before.
    #[error("this idempotency key was used for something else")]
    KeyReused,
    /// The credential does not prove who asks.
    #[error("{0}")]
    Unauthorised(&'static str),
    /// Too many failures or messages; try again after the time given.
    #[error("too many attempts")]
    Limited { retry_after: Duration },
    /// Other processes kept changing the stream for a second.
    #[error("the stream is too busy")]
    Busy,
    /// We are asked for more at the moment than we can do; nothing was stored.
    #[error("overloaded")]
    Overloaded,
    /// A database cannot be reached now. Whether the command was stored is not known: repeat it with its key.
    #[error("unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An identity provider cannot say now whom a token vouches for; nothing was stored.
    #[error("the identity provider does not answer as it should")]
    ProviderUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something that trying again does not cure.
    #[error("broken")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl CommandError {
    /// Whether a rule refused for this reason.
    pub fn is_rejection(&self, kind: RejectionKind) -> bool {
        matches!(self, CommandError::Rejected(rejection) if rejection.kind == kind)
    }

    pub(crate) fn broken(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        CommandError::Broken(Box::new(source))
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(source) => CommandError::Unavailable(source),
            StoreError::Refused(source) => CommandError::Broken(source),
        }
    }
}

impl From<FilesError> for CommandError {
    fn from(error: FilesError) -> Self {
        CommandError::Unavailable(Box::new(error))
    }
}

impl From<PictureError> for CommandError {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::Fault(fault) => Rejection::invalid("no-picture", "image", fault.to_string()).into(),
            PictureError::Busy => CommandError::Overloaded,
            PictureError::Files(error) => error.into(),
        }
    }
}

impl From<LimitError> for CommandError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Limited { retry_after } => CommandError::Limited { retry_after },
            LimitError::Database(error) => error.into(),
        }
    }
}

impl From<VaultError> for CommandError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Forgotten => CommandError::Rejected(account::forgotten()),
            VaultError::Unavailable(source) => CommandError::Unavailable(source),
            VaultError::Overloaded => CommandError::Overloaded,
            other => CommandError::broken(other),
        }
    }
}

/// A statement that failed against the database of the write side: the connection's fault, or ours.
impl From<sqlx::Error> for CommandError {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) { CommandError::Unavailable(error.into()) } else { CommandError::broken(error) }
    }
}
