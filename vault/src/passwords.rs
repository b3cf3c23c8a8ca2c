//! Passwords: argon2id with its recommended cost (19 MiB, 2 passes), off the async threads.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
use unicode_normalization::UnicodeNormalization;

use crate::{Vault, VaultError};

/// How many passwords are hashed at a time; the others wait.
pub(crate) const AT_ONCE: usize = 2;

impl Vault {
    /// The hash to store, in PHC form with its own salt and cost.
    pub async fn hash_password(&self, password: &str) -> Result<String, VaultError> {
        let password = normalised(password);
        self.hashing(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|error| VaultError::Corrupt(format!("password: {error}")))
        })
        .await
    }

    /// Whether the password is the one that was hashed. [`VaultError::Corrupt`] when `hash` is no hash.
    pub async fn verify_password(&self, hash: &str, password: &str) -> Result<bool, VaultError> {
        let (hash, password) = (hash.to_owned(), normalised(password));
        self.hashing(move || {
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

    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let _permit = self.0.hashing.acquire().await.map_err(|error| VaultError::Unavailable(Box::new(error)))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| VaultError::Unavailable(Box::new(error)))?
    }
}

/// Keyboards write the same letter in different ways; a password is the same in all of them.
fn normalised(password: &str) -> String {
    password.nfc().collect()
}
