//! Personal values as rules, events and read models see them: encrypted, comparable, opaque.

use serde::{Deserialize, Serialize};

use crate::EntityId;

/// A name, email, phone, address or free text about a person, encrypted with that person's key. Sealed by the vault
/// when a command is parsed and opened only to render an answer, a message or a search document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sealed {
    /// Whose key opens it.
    pub subject: EntityId,
    /// Nonce and AES-256-GCM ciphertext, base64.
    pub cipher: String,
    /// Keyed hash of subject and value, base64: equal exactly when the values are.
    pub hash: String,
}

/// Equal when the value is the same, however often it was encrypted.
impl PartialEq for Sealed {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for Sealed {}
