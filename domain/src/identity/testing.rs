//! Values that the tests of this context share.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{EntityId, Sealed};

pub(super) const ONE: EntityId = EntityId(Uuid::from_u128(1));
pub(super) const OTHER: EntityId = EntityId(Uuid::from_u128(2));

/// A sealed value whose hash is its text.
pub(super) fn sealed(text: &str) -> Sealed {
    sealed_for(ONE, text)
}

pub(super) fn sealed_for(subject: EntityId, text: &str) -> Sealed {
    Sealed { subject, cipher: String::new(), hash: text.to_owned() }
}

pub(super) fn nonce(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(super) fn after(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}
