//! Six-digit codes that prove a contact or a login. Only the nonce a code is derived from is ever stored.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::contact::Channel;
use crate::{Rejection, Sealed};

/// How long a code may be used.
pub const CODE_LIFE: TimeDelta = TimeDelta::minutes(15);

/// A code was made and is to be sent; part of the storage format of accounts and sign-ups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CodeIssued {
    pub nonce: Uuid,
    pub purpose: CodePurpose,
    /// Whom to send it to.
    pub to: Sealed,
    pub channel: Channel,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// What somebody proves with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodePurpose {
    SignUp,
    Login,
    PasswordReset,
    PhoneChange,
    EmailChange,
}

/// A code that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCode {
    pub nonce: Uuid,
    pub expires_at: DateTime<Utc>,
}

impl PendingCode {
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at
    }
}

impl From<&CodeIssued> for PendingCode {
    fn from(code: &CodeIssued) -> Self {
        PendingCode { nonce: code.nonce, expires_at: code.expires_at }
    }
}

/// The refusal of a code that is wrong, used up or too old; it does not say which.
pub fn wrong_code() -> Rejection {
    Rejection::invalid("wrong-code", "code", "is wrong or has expired")
}
