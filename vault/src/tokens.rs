//! Tokens: who somebody is, signed. Each sort has a key of its own, so that none passes as another.
//!
//! Access tokens come in two forms that are good for the same: HS256 with the token secret, whose header names no key,
//! and RS256 with a key pair that the header names. The key that is named, or that none is, fixes the algorithm: the
//! header cannot choose another, and is refused where it names one.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use caravan_domain::EntityId;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use lru::LruCache;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::secrets::Secret;
use crate::signing::{Pair, SigningKeys};
use crate::{Vault, VaultError};

/// How long an access token signed with the token secret lives, unless said otherwise.
const ACCESS_LIFE: TimeDelta = TimeDelta::hours(1);
/// How long one signed with a key pair lives.
const PUBLIC_LIFE: TimeDelta = TimeDelta::hours(24);
/// How far the clocks of an installation's processes may be apart.
const LEEWAY: TimeDelta = TimeDelta::minutes(5);
/// Verified access tokens kept, about 300 bytes each.
const VERIFIED: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// A signed access token; not printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    pub token: String,
    /// Whole seconds.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken(expires {})", self.expires_at)
    }
}

/// What an access token says. Whether the session is still open is for its account to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    pub account: EntityId,
    pub session: u32,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// What clients read of the access tokens that are made for them; we do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ForClients {
    /// The account's number.
    pub identity: u64,
    /// Whether a password was shown for it just now.
    pub fresh: bool,
}

/// What a refresh token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refresh {
    pub account: EntityId,
    pub session: u32,
    pub generation: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not signed by us for this purpose, or damaged.
    #[error("not a valid token")]
    Invalid,
    #[error("the token has expired")]
    Expired,
}

#[derive(Serialize, Deserialize)]
struct AccessClaims {
    sub: EntityId,
    sid: u32,
    iat: i64,
    exp: i64,
    #[serde(flatten, skip_deserializing, skip_serializing_if = "Option::is_none")]
    told: Option<ForClients>,
}

#[derive(Serialize, Deserialize)]
struct RefreshClaims {
    sub: EntityId,
    sid: u32,
    generation: u32,
}

#[derive(Serialize, Deserialize)]
struct PurposeClaims {
    sub: EntityId,
    nonce: Uuid,
    purpose: String,
    exp: i64,
}

pub(crate) struct Tokens {
    access: Signer,
    refresh: Signer,
    purpose: Signer,
    /// How a token is read that a key pair signed.
    public: Validation,
    verified: Mutex<LruCache<String, Verified>>,
}

/// What a token said whose signature was right.
#[derive(Clone)]
struct Verified {
    access: Access,
    /// The pair that signed it, for as long as that counts.
    pair: Option<Arc<Pair>>,
}

impl Tokens {
    pub(crate) fn new(secret: &str) -> Self {
        Tokens {
            access: Signer::new(secret, "access token"),
            refresh: Signer::new(secret, "refresh token"),
            purpose: Signer::new(secret, "purpose token"),
            public: validation(Algorithm::RS256),
            verified: Mutex::new(LruCache::new(VERIFIED)),
        }
    }

    /// What an access token says, if its signature is that of the key its header names.
    fn read(&self, keys: &SigningKeys, token: &str) -> Result<Verified, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let (claims, pair) = match header.kid {
            None => (self.access.verify(token)?, None),
            Some(id) => {
                let pair = keys.find(&id).ok_or(TokenError::Invalid)?;
                let decoded = jsonwebtoken::decode(token, &pair.verify, &self.public);
                (decoded.map_err(|_| TokenError::Invalid)?.claims, Some(pair))
            }
        };
        let AccessClaims { sub, sid, iat, exp, .. } = claims;
        let time = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(TokenError::Invalid);
        let (issued_at, expires_at) = (time(iat)?, time(exp)?);
        Ok(Verified { access: Access { account: sub, session: sid, issued_at, expires_at }, pair })
    }

    fn verified(&self) -> MutexGuard<'_, LruCache<String, Verified>> {
        // No holder leaves the cache half changed.
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a token has to be: of one algorithm. The caller's clock decides about expiry, not the system's.
fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    validation
}

/// HS256 with a key of its own.
struct Signer {
    sign: EncodingKey,
    verify: Vec<DecodingKey>,
    validation: Validation,
}

impl Signer {
    /// `secrets` are separated by commas: the first signs, all verify.
    fn new(secrets: &str, sort: &str) -> Self {
        let keys: Vec<Secret> = secrets.split(',').map(|secret| Secret::derive(secret.trim(), sort)).collect();
        Signer {
            sign: EncodingKey::from_secret(keys.first().map_or(&[], Secret::bytes)),
            verify: keys.iter().map(|key| DecodingKey::from_secret(key.bytes())).collect(),
            validation: validation(Algorithm::HS256),
        }
    }

    fn sign(&self, claims: &impl Serialize) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.sign)
            .expect("claims of numbers, ids and texts always encode, and HMAC takes any key")
    }

    fn verify<C: DeserializeOwned>(&self, token: &str) -> Result<C, TokenError> {
        let decoded = self.verify.iter().find_map(|key| jsonwebtoken::decode(token, key, &self.validation).ok());
        decoded.map(|data| data.claims).ok_or(TokenError::Invalid)
    }
}

fn access(account: EntityId, session: u32, now: DateTime<Utc>, life: TimeDelta) -> (AccessClaims, DateTime<Utc>) {
    let (iat, exp) = (now.timestamp(), (now + life).timestamp());
    let expires_at = DateTime::from_timestamp(exp, 0).unwrap_or(now);
    (AccessClaims { sub: account, sid: session, iat, exp, told: None }, expires_at)
}

impl Vault {
    /// An HS256 JWT that lives for an hour. The same arguments give the same token.
    pub fn sign_access(&self, account: EntityId, session: u32, now: DateTime<Utc>) -> AccessToken {
        let (claims, expires_at) = access(account, session, now, ACCESS_LIFE);
        AccessToken { token: self.0.tokens.access.sign(&claims), expires_at }
    }

    /// As [`Self::sign_access`], with a life of its own and what clients read of it.
    pub fn sign_access_for(
        &self,
        told: ForClients,
        account: EntityId,
        session: u32,
        now: DateTime<Utc>,
        life: TimeDelta,
    ) -> AccessToken {
        let (claims, expires_at) = access(account, session, now, life);
        let claims = AccessClaims { told: Some(told), ..claims };
        AccessToken { token: self.0.tokens.access.sign(&claims), expires_at }
    }

    /// An RS256 JWT that lives for a day, but not longer than its session, which others can verify with the public half
    /// of the key that its header names. The same arguments give the same token until the next key signs.
    pub fn sign_public_access(
        &self,
        account: EntityId,
        session: u32,
        now: DateTime<Utc>,
        session_ends: DateTime<Utc>,
    ) -> Result<AccessToken, VaultError> {
        let (claims, expires_at) = access(account, session, now, PUBLIC_LIFE.min(session_ends - now));
        Ok(AccessToken { token: self.0.signing_keys.current().sign(&claims)?, expires_at })
    }

    /// What a token of either form says, if we signed it and it has not expired. A repeat costs neither cryptography
    /// nor JSON.
    pub fn verify_access(&self, token: &str, now: DateTime<Utc>) -> Result<Access, TokenError> {
        let (tokens, keys) = (&self.0.tokens, &self.0.signing_keys);
        let known = tokens.verified().get(token).cloned();
        let known = known.filter(|known| known.pair.as_ref().is_none_or(|pair| keys.find(&pair.id).is_some()));
        let is_new = known.is_none();
        let verified = match known {
            Some(verified) => verified,
            None => tokens.read(keys, token)?,
        };
        let access = verified.access;
        if access.expires_at <= now {
            return Err(TokenError::Expired);
        }
        // By a clock that was ahead, and is no more.
        if access.issued_at > now + LEEWAY {
            return Err(TokenError::Invalid);
        }
        if is_new {
            tokens.verified().put(token.to_owned(), verified);
        }
        Ok(access)
    }

    /// The refresh token of a session's generation; always the same one, so that a lost answer can be given again.
    pub fn refresh_token(&self, account: EntityId, session: u32, generation: u32) -> String {
        self.0.tokens.refresh.sign(&RefreshClaims { sub: account, sid: session, generation })
    }

    /// What a refresh token says, if we signed it. Whether its generation still counts is for its account to say.
    pub fn verify_refresh(&self, token: &str) -> Result<Refresh, TokenError> {
        let RefreshClaims { sub, sid, generation } = self.0.tokens.refresh.verify(token)?;
        Ok(Refresh { account: sub, session: sid, generation })
    }

    /// A token that is good for one purpose until it expires (whole seconds), such as the second step of a login.
    pub fn sign_purpose(&self, purpose: &str, account: EntityId, nonce: Uuid, expires_at: DateTime<Utc>) -> String {
        let claims = PurposeClaims { sub: account, nonce, purpose: purpose.to_owned(), exp: expires_at.timestamp() };
        self.0.tokens.purpose.sign(&claims)
    }

    /// The account and nonce of a token signed for this very purpose.
    pub fn verify_purpose(
        &self,
        purpose: &str,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<(EntityId, Uuid), TokenError> {
        let claims: PurposeClaims = self.0.tokens.purpose.verify(token)?;
        if claims.purpose != purpose {
            return Err(TokenError::Invalid);
        }
        if claims.exp <= now.timestamp() {
            return Err(TokenError::Expired);
        }
        Ok((claims.sub, claims.nonce))
    }
}
