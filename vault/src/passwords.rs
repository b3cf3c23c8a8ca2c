//! Passwords: argon2id with its recommended cost (19 MiB, 2 passes), off the async threads.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
use unicode_normalization::UnicodeNormalization;

use crate::queue::Line;
use crate::{Vault, VaultError};

impl Vault {
    /// The hash to store, in PHC form with its own salt and cost. [`VaultError::Overloaded`] when too many wait.
    pub async fn hash_password(&self, password: &str) -> Result<String, VaultError> {
        self.hash_in(Line::SignedUp, password).await
    }

    /// As [`Vault::hash_password`], for somebody who has no account yet: everybody else goes first.
    pub async fn hash_newcomers_password(&self, password: &str) -> Result<String, VaultError> {
        self.hash_in(Line::Newcomers, password).await
    }

    /// Whether the password is the one that was hashed. [`VaultError::Corrupt`] when `hash` is no hash,
    /// [`VaultError::Overloaded`] when too many wait.
    pub async fn verify_password(&self, hash: &str, password: &str) -> Result<bool, VaultError> {
        self.verify_in(Line::SignedUp, hash, password).await
    }

    /// As [`Vault::verify_password`], for somebody who has no account yet: everybody else goes first.
    pub async fn verify_newcomers_password(&self, hash: &str, password: &str) -> Result<bool, VaultError> {
        self.verify_in(Line::Newcomers, hash, password).await
    }

    async fn verify_in(&self, line: Line, hash: &str, password: &str) -> Result<bool, VaultError> {
        let (hash, password) = (hash.to_owned(), normalised(password));
        self.hashing(line, move || {
            let hash =
                PasswordHash::new(&hash).map_err(|error| VaultError::Corrupt(format!("password hash: {error}")))?;
            match Argon2::default().verify_password(password.as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(VaultError::Corrupt(format!("password hash: {error}"))),
            }
        })
        .await
    }

    async fn hash_in(&self, line: Line, password: &str) -> Result<String, VaultError> {
        let password = normalised(password);
        self.hashing(line, move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|error| VaultError::Corrupt(format!("password: {error}")))
        })
        .await
    }

    async fn hashing<T: Send + 'static>(
        &self,
        line: Line,
        work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let turn = self.0.hashing.turn(line).await?;
        let done = tokio::task::spawn_blocking(move || {
            // Until the work is done, also when nobody waits for it any more.
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| VaultError::Unavailable(Box::new(error)))?
    }
}

/// Keyboards write the same letter in different ways; a password is the same in all of them.
fn normalised(password: &str) -> String {
    password.nfc().collect()
}
