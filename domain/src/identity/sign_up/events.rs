//! The storage format of sign-ups: names and shapes here are what the log holds, so change them with care.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use crate::identity::{Attribute, Channel, CodeIssued};
use crate::{EntityId, Sealed};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "type", content = "data")]
#[strum_discriminants(name(SignUpEventKind), derive(EnumIter, IntoStaticStr))]
pub enum SignUpEvent {
    SignUpBegun(Box<Attempt>),
    /// `to`'s subject is the attempt.
    CodeIssued(CodeIssued),
    /// The attempt came to nothing: too old, too many, another was confirmed, or its contact is somebody else's.
    SignUpDropped {
        attempt: EntityId,
    },
    /// Password and code were right; names and contacts are being claimed.
    SignUpConfirmed {
        attempt: EntityId,
        at: DateTime<Utc>,
    },
    /// The account exists.
    SignUpCompleted {
        attempt: EntityId,
        account: EntityId,
    },
}

/// One try to sign up under a user name. It claims nothing until confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The subject of its sealed values, and the account's id unless a temp member turns into it.
    pub id: EntityId,
    pub username: Sealed,
    pub password_hash: Sealed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Sealed>,
    /// Which contact the code proves.
    pub channel: Channel,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Attribute, Sealed>,
    pub begun_at: DateTime<Utc>,
    /// A keyed hash of the address it was begun from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_from: Option<String>,
}
