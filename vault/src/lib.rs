//! Keys and everything made with them: entity ids, sealed personal values, keyed hashes and codes, tokens, passwords.
//!
//! Personal keys live in a database of their own, each wrapped by the master key. Forgetting a person deletes their
//! key; what was sealed with it can never be opened again.

mod ids;
mod keys;
mod passwords;
mod purging;
mod queue;
mod seals;
mod secrets;
mod signing;
mod tokens;

use std::sync::Arc;

use caravan_postgres::is_transient;
use sqlx::PgPool;

pub use signing::PublicKey;
pub use tokens::{Access, AccessToken, ForClients, Refresh, TokenError};

use ids::Numbers;
use keys::Keys;
use queue::Queue;
use secrets::{Secret, Secrets};
use signing::SigningKeys;
use tokens::Tokens;

/// The text that opening a forgotten person's value gives.
pub const FORGOTTEN: &str = "forgotten";

/// All of it, cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    secrets: Secrets,
    numbers: Numbers,
    keys: Arc<Keys>,
    signing_keys: Arc<SigningKeys>,
    tokens: Tokens,
    /// For passwords being hashed.
    hashing: Queue,
}

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A database cannot be reached or answer now; trying again later may help.
    #[error("the vault is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What should never fail did, such as a statement that Postgres refuses; it will not help to try again.
    #[error("the vault is broken")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// More passwords wait to be hashed than can be soon; trying again later helps.
    #[error("too many passwords wait to be hashed")]
    Overloaded,
    /// The person is forgotten: nothing can be sealed for them any more.
    #[error("this person is forgotten")]
    Forgotten,
    /// The master key is not the one that the keys database was made with, or no 32 bytes in base64.
    #[error("the master key does not open the keys database")]
    WrongMasterKey,
    /// A stored value does not have its shape, or was tampered with; says which.
    #[error("corrupt: {0}")]
    Corrupt(String),
}

impl From<sqlx::Error> for VaultError {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) { VaultError::Unavailable(error.into()) } else { VaultError::Broken(error.into()) }
    }
}

impl Vault {
    /// Opens the vault. `keys` is the migrated keys database, `main` the migrated main database (number sequences).
    /// The first process makes the id key, the pepper and a signing key; every later one unwraps them, and is refused
    /// with [`VaultError::WrongMasterKey`] when it cannot. `token_secret` only signs tokens; of several, separated by
    /// commas, the first signs and all verify.
    pub async fn open(
        keys: PgPool,
        main: PgPool,
        master_key_base64: &str,
        token_secret: &str,
    ) -> Result<Vault, VaultError> {
        let master = Secret::from_base64(master_key_base64).ok_or(VaultError::WrongMasterKey)?;
        let secrets = Secrets::open(&keys, &master).await?;
        Ok(Vault(Arc::new(Inner {
            secrets,
            numbers: Numbers::new(main),
            signing_keys: SigningKeys::open(keys.clone(), master.clone()).await?,
            keys: Keys::open(keys, master).await?,
            tokens: Tokens::new(token_secret),
            hashing: Queue::new(),
        })))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}
