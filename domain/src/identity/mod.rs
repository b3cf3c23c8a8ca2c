//! Who somebody is: accounts with their sessions, sign-ups, and the names and contacts that only one may hold.

pub mod account;
pub mod claim;
pub mod code;
pub mod contact;
pub mod credentials;
pub mod details;
pub mod mailing_lists;
pub mod notices;
pub mod preferences;
pub mod roles;
pub mod roster;
pub mod sign_up;
#[cfg(test)]
mod testing;
pub mod user_group;

pub use account::{Account, AccountCommand, AccountEvent, AccountEventKind, AccountState};
pub use claim::{Claim, ClaimCommand, ClaimEvent, ClaimState};
pub use code::{CodeIssued, CodePurpose};
pub use contact::{Channel, Contact};
pub use details::{Attribute, Details};
pub use notices::{Medium, Notice};
pub use roles::{Role, Roles};
pub use roster::{Roster, RosterCommand, RosterEvent, RosterState};
pub use sign_up::{SignUp, SignUpCommand, SignUpEvent, SignUpEventKind, SignUpState};

use uuid::Uuid;

use crate::EntityId;

/// The account that an access token names, the session it belongs to, and what the account is on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    pub account: EntityId,
    pub session: u32,
    /// By which clients tell the session.
    pub login: Uuid,
    pub roles: Roles,
}
