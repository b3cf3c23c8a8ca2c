//! Sealing and opening personal values.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use caravan_domain::{EntityId, Sealed};

use crate::secrets::Secret;
use crate::{FORGOTTEN, Vault, VaultError};

/// Bytes of the keyed hash that are kept: enough that two values never collide.
const HASH_BYTES: usize = 16;

impl Vault {
    /// Encrypts a value with the person's key, which is made on first use. [`VaultError::Forgotten`] for a forgotten
    /// person. Sealing the same value twice gives other ciphers and an equal `Sealed`; the hash too says nothing once
    /// the key is gone.
    pub async fn seal(&self, subject: EntityId, text: &str) -> Result<Sealed, VaultError> {
        let key = self.0.keys.obtain(subject).await?;
        let hash = key.mac("sealed value", &[text.as_bytes()]);
        Ok(Sealed {
            subject,
            cipher: STANDARD.encode(key.encrypt(text.as_bytes(), subject.0.as_bytes())?),
            hash: URL_SAFE_NO_PAD.encode(&hash[..HASH_BYTES]),
        })
    }

    /// The sealed text, or [`FORGOTTEN`] when the key is gone. [`VaultError::Corrupt`] when the value was tampered with.
    pub async fn open_text(&self, sealed: &Sealed) -> Result<String, VaultError> {
        let keys = self.0.keys.find(&[sealed.subject]).await?;
        opened(sealed, &keys)
    }

    /// As [`Vault::open_text`], for many values in their order, with one round trip for all missing keys.
    pub async fn open_many(&self, sealed: &[&Sealed]) -> Result<Vec<String>, VaultError> {
        let keys = self.keys_of(sealed).await?;
        sealed.iter().map(|sealed| opened(sealed, &keys)).collect()
    }

    /// As [`Vault::open_many`], to be shown: what cannot be opened shows as [`FORGOTTEN`], and the log says so.
    pub async fn open_to_show(&self, sealed: &[&Sealed]) -> Result<Vec<String>, VaultError> {
        let keys = self.keys_of(sealed).await?;
        let shown = sealed.iter().map(|sealed| {
            opened(sealed, &keys).unwrap_or_else(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "a sealed value is shown as forgotten");
                FORGOTTEN.to_owned()
            })
        });
        Ok(shown.collect())
    }

    async fn keys_of(&self, sealed: &[&Sealed]) -> Result<HashMap<EntityId, Secret>, VaultError> {
        let mut subjects: Vec<EntityId> = sealed.iter().map(|sealed| sealed.subject).collect();
        subjects.sort();
        subjects.dedup();
        self.0.keys.find(&subjects).await
    }
}

fn opened(sealed: &Sealed, keys: &HashMap<EntityId, Secret>) -> Result<String, VaultError> {
    let Some(key) = keys.get(&sealed.subject) else { return Ok(FORGOTTEN.to_owned()) };
    let corrupt = || VaultError::Corrupt(format!("a sealed value of {}", sealed.subject));
    let cipher = STANDARD.decode(&sealed.cipher).map_err(|_| corrupt())?;
    let plain = key.decrypt(&cipher, sealed.subject.0.as_bytes()).ok_or_else(corrupt)?;
    String::from_utf8(plain).map_err(|_| corrupt())
}
