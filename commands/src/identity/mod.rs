//! What people do with their accounts: signing up, logging in, passwords, phones, profiles, being forgotten.
//!
//! Secrets are checked here, with the vault; what then happens is for the account to decide. Steps that touch several
//! streams come in an order that a repeat can finish wherever it broke off.

pub mod contacts;
pub mod daily;
pub mod devices;
pub mod facebook;
mod graph;
mod guesses;
mod homes;
pub mod invited;
mod lookup;
pub mod mailing_lists;
pub mod operator;
pub mod passwords;
pub mod people;
pub mod profile;
mod provider;
pub mod remembered;
pub mod roles;
pub mod sessions;
pub mod sign_up;

use std::sync::Arc;

use caravan_domain::EntityId;
use caravan_domain::identity::AccountState;
use caravan_domain::identity::account::Challenge;
use caravan_event_store::Position;
use chrono::{DateTime, Utc};

pub use graph::{Graph, GraphSettings};
pub(crate) use homes::Homes;
pub use provider::{DevelopmentProvider, IdentityProvider, Vouched};

/// A login that was right so far.
pub struct LoggedIn {
    pub account: EntityId,
    pub state: Arc<AccountState>,
    pub next: Next,
    pub position: Position,
}

/// What a login gives.
pub enum Next {
    Session(Tokens),
    /// `login_session` has to come back with the answer.
    Challenge {
        challenge: Challenge,
        login_session: String,
    },
}

/// The tokens of an open session.
pub struct Tokens {
    pub access_token: String,
    pub id_token: String,
    pub refresh_token: String,
    /// Of the access and id tokens.
    pub expires_at: DateTime<Utc>,
}
