//! The port to identity providers: who a token of theirs vouches for.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::CommandError;

/// Somebody whom an identity provider vouches for.
#[derive(Clone, Serialize, Deserialize)]
pub struct Vouched {
    /// The id that the provider knows them by.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// Facebook, or what stands in for it.
#[async_trait]
pub trait IdentityProvider: Send + Sync + 'static {
    /// Whom the token vouches for; unauthorised where it vouches for nobody, `ProviderUnavailable` where that cannot be
    /// found out now.
    async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Vouched, CommandError>;
}

pub(super) fn invalid() -> CommandError {
    CommandError::Unauthorised("this Facebook token is not valid")
}

pub(super) fn expired() -> CommandError {
    CommandError::Unauthorised("this Facebook token has expired")
}

/// Takes tokens that `caravan dev-token` signed with the token secret. Never in production.
pub struct DevelopmentProvider {
    secret: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    vouched: Vouched,
    exp: i64,
}

impl DevelopmentProvider {
    pub fn new(token_secret: &str) -> Self {
        // A key of its own: no other token signed with the secret passes for one of these.
        DevelopmentProvider { secret: format!("development identity provider {token_secret}") }
    }

    /// A token that vouches for somebody until it expires.
    pub fn sign(&self, vouched: Vouched, expires_at: DateTime<Utc>) -> Result<String, CommandError> {
        let claims = Claims { vouched, exp: expires_at.timestamp() };
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(CommandError::broken)
    }
}

#[async_trait]
impl IdentityProvider for DevelopmentProvider {
    async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Vouched, CommandError> {
        let mut validation = Validation::new(Algorithm::HS256);
        // The caller's clock decides about expiry, not the system's.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let key = DecodingKey::from_secret(self.secret.as_bytes());
        match jsonwebtoken::decode::<Claims>(token, &key, &validation) {
            Ok(token) if now.timestamp() < token.claims.exp => Ok(token.claims.vouched),
            Ok(_) => Err(expired()),
            Err(_) => Err(invalid()),
        }
    }
}
