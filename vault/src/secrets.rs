//! Secret bytes and what they compute: encryption, keyed hashes, and the two keys every installation makes once.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use caravan_domain::EntityId;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{Vault, VaultError};

const NONCE_BYTES: usize = 12;

/// 32 secret bytes. Never printed.
#[derive(Clone)]
pub(crate) struct Secret([u8; 32]);

impl Secret {
    pub(crate) fn random() -> Result<Self, VaultError> {
        Ok(Secret(random()?))
    }

    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text.trim()).ok()?.try_into().ok().map(Secret)
    }

    /// A key for one purpose, from a secret text of any length.
    pub(crate) fn derive(text: &str, purpose: &str) -> Self {
        Secret(hmac(text.as_bytes(), purpose, &[]))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// HMAC-SHA256 over `purpose` and `parts`, unambiguous about where one ends and the next begins.
    pub(crate) fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        hmac(&self.0, purpose, parts)
    }

    /// AES-256-GCM: a fresh nonce, then the ciphertext. `bound_to` must be the same on decrypting.
    pub(crate) fn encrypt(&self, plain: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, VaultError> {
        let nonce: [u8; NONCE_BYTES] = random()?;
        let cipher = Aes256Gcm::new(&self.0.into())
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: bound_to })
            .map_err(|_| VaultError::Corrupt("the value is too long to encrypt".to_owned()))?;
        Ok([&nonce[..], &cipher[..]].concat())
    }

    /// What `encrypt` was given; nothing when the key, the value or what it is bound to is another.
    pub(crate) fn decrypt(&self, cipher: &[u8], bound_to: &[u8]) -> Option<Vec<u8>> {
        let (nonce, cipher) = cipher.split_first_chunk::<NONCE_BYTES>()?;
        Aes256Gcm::new(&self.0.into()).decrypt(&Nonce::from(*nonce), Payload { msg: cipher, aad: bound_to }).ok()
    }

    /// `inner`, wrapped by this secret under a name.
    pub(crate) fn wrap(&self, inner: &Secret, name: &str) -> Result<Vec<u8>, VaultError> {
        self.encrypt(&inner.0, name.as_bytes())
    }

    pub(crate) fn unwrap(&self, wrapped: &[u8], name: &str) -> Option<Secret> {
        self.decrypt(wrapped, name.as_bytes())?.try_into().ok().map(Secret)
    }
}

fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| VaultError::Broken(Box::new(error)))?;
    Ok(bytes)
}

fn hmac(key: &[u8], purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in [purpose.as_bytes()].iter().chain(parts) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The id key and the pepper.
pub(crate) struct Secrets {
    pub(crate) id_key: Secret,
    pub(crate) pepper: Secret,
}

impl Secrets {
    pub(crate) async fn open(keys: &PgPool, master: &Secret) -> Result<Self, VaultError> {
        Ok(Secrets {
            id_key: made_once(keys, master, "id key").await?,
            pepper: made_once(keys, master, "pepper").await?,
        })
    }
}

/// The secret of a name: whoever comes first makes it, all others unwrap it.
async fn made_once(keys: &PgPool, master: &Secret, name: &str) -> Result<Secret, VaultError> {
    let fresh = master.wrap(&Secret::random()?, name)?;
    sqlx::query("insert into secrets (name, wrapped) values ($1, $2) on conflict do nothing")
        .bind(name)
        .bind(fresh)
        .execute(keys)
        .await?;
    let wrapped: Vec<u8> =
        sqlx::query_scalar("select wrapped from secrets where name = $1").bind(name).fetch_one(keys).await?;
    master.unwrap(&wrapped, name).ok_or(VaultError::WrongMasterKey)
}

impl Vault {
    /// The id of the claim stream of a value that is unique in its way, such as a username; `value` is already
    /// normalised. Nobody without the pepper can tell which value an id stands for.
    pub fn claim_id(&self, what: &str, value: &str) -> EntityId {
        let mac = self.0.secrets.pepper.mac("claim", &[what.as_bytes(), value.as_bytes()]);
        let (bytes, _) = mac.split_first_chunk().expect("32 bytes begin with 16");
        EntityId(uuid::Builder::from_custom_bytes(*bytes).into_uuid())
    }

    /// A keyed hash, base64url: a stand-in for a personal value where only equality counts.
    pub fn hash(&self, what: &str, value: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.0.secrets.pepper.mac("hash", &[what.as_bytes(), value.as_bytes()]))
    }

    /// The six digits that belong to a nonce. Codes are never stored: only their nonce is.
    pub fn code(&self, nonce: Uuid) -> String {
        let mac = self.0.secrets.pepper.mac("code", &[nonce.as_bytes()]);
        let (bytes, _) = mac.split_first_chunk().expect("32 bytes begin with 8");
        format!("{:06}", u64::from_be_bytes(*bytes) % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decrypting_gives_back_what_was_encrypted(plain: Vec<u8>, bound_to: Vec<u8>) {
            let secret = Secret([7; 32]);
            let cipher = secret.encrypt(&plain, &bound_to).unwrap();
            prop_assert_eq!(secret.decrypt(&cipher, &bound_to), Some(plain));
        }

        #[test]
        fn a_changed_ciphertext_does_not_decrypt(plain: Vec<u8>, at: prop::sample::Index, flip in 1u8..) {
            let secret = Secret([7; 32]);
            let mut cipher = secret.encrypt(&plain, b"x").unwrap();
            let at = at.index(cipher.len());
            cipher[at] ^= flip;
            prop_assert_eq!(secret.decrypt(&cipher, b"x"), None);
        }

        #[test]
        fn hashes_know_where_a_part_ends(a in ".{1,8}", b in ".{1,8}") {
            let secret = Secret([7; 32]);
            let joined = format!("{a}{b}");
            prop_assert_ne!(secret.mac("p", &[a.as_bytes(), b.as_bytes()]), secret.mac("p", &[joined.as_bytes(), b""]));
            prop_assert_ne!(secret.mac("p", &[a.as_bytes(), b.as_bytes()]), secret.mac("p", &[joined.as_bytes()]));
        }
    }

    #[test]
    fn another_key_or_binding_does_not_decrypt() {
        let cipher = Secret([7; 32]).encrypt(b"text", b"anna").unwrap();
        assert_eq!(Secret([8; 32]).decrypt(&cipher, b"anna"), None);
        assert_eq!(Secret([7; 32]).decrypt(&cipher, b"ben"), None);
        assert_eq!(Secret([7; 32]).decrypt(b"short", b"anna"), None);
    }
}
