//! The storage format of accounts: names and shapes here are what the log holds, so change them with care.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};
use uuid::Uuid;

use crate::identity::{Attribute, CodeIssued, Contact, Role};
use crate::{EntityId, Sealed};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "type", content = "data")]
#[strum_discriminants(name(AccountEventKind), derive(EnumIter, IntoStaticStr))]
pub enum AccountEvent {
    /// Somebody without an account was named by a phone number: a temp member.
    Invited {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_name: Option<Sealed>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_name: Option<Sealed>,
        phone: Sealed,
    },
    Registered(Registration),
    CodeIssued(CodeIssued),
    /// `login` is what opened it: a login, a sign-up's confirmation.
    SessionOpened {
        number: u32,
        login: Uuid,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
        /// When somebody last showed a password or code for it, where it took another session's place since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<DateTime<Utc>>,
    },
    SessionRefreshed {
        number: u32,
        generation: u32,
        at: DateTime<Utc>,
    },
    SessionClosed {
        number: u32,
    },
    /// Every session was closed.
    LoggedOut {},
    /// No session open then is renewed any more; each stays open until it ends.
    RefreshTokensVoided {},
    /// Who logs in was right so far, but more is asked.
    LoginChallenged {
        login: Uuid,
        challenge: Challenge,
        expires_at: DateTime<Utc>,
    },
    /// It was met, or made way for newer ones.
    LoginChallengeEnded {
        login: Uuid,
    },
    /// By its owner. Every session was closed, except the one it was changed in.
    PasswordChanged {
        hash: Sealed,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<u32>,
    },
    /// By an operator; the next login has to choose another. Every session was closed.
    PasswordForced {
        hash: Sealed,
    },
    /// A new phone number is waiting for its proof.
    PhoneChangeRequested {
        phone: Sealed,
    },
    PhoneProven {
        phone: Sealed,
    },
    /// A new address is waiting for its proof.
    EmailChangeRequested {
        email: Sealed,
    },
    EmailProven {
        email: Sealed,
    },
    EmailRemoved {},
    /// The device that a session is on is reached by push; by what, replaces what was known of it.
    PushEndpointSet {
        session: u32,
        endpoint: Sealed,
    },
    /// The push service does not know the device any more.
    PushEndpointDropped {
        session: u32,
    },
    /// Only what changed; null means taken away.
    ProfileChanged {
        attributes: BTreeMap<Attribute, Option<Sealed>>,
    },
    MfaSwitched {
        on: bool,
    },
    RoleGranted {
        role: Role,
    },
    RoleRevoked {
        role: Role,
    },
    /// This temp member turned out to be somebody who has an account.
    Absorbed {
        into: EntityId,
    },
    PersonForgotten {
        at: DateTime<Utc>,
    },
}

/// What an account begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    pub provider: Provider,
    /// The sign-up that was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_up: Option<EntityId>,
    pub username: Sealed,
    /// The argon2 string, sealed like everything else about the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<Sealed>,
    /// The id that Facebook knows the person by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facebook_id: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Contact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Contact>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Attribute, Sealed>,
}

/// Who vouches for a person at login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    Password,
    Facebook,
}

/// What a login asks for besides the password, or the word of an identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Challenge {
    Mfa,
    NewPassword,
}
