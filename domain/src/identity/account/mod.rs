//! A person's account: how they log in, how they are reached, what they tell about themselves. A temp member, whom
//! others named by a phone number, is an account that nobody has registered yet.

mod contacts;
mod events;
mod logins;
mod profile;
mod push;
mod registration;
mod roles;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

pub use events::{AccountEvent, AccountEventKind, Challenge, Provider, Registration};
pub use logins::{LOGIN_LIFE, LoginTerms, MAX_SESSIONS, SESSION_LIFE, wrong_password};
pub use state::{
    AccountState, ContactChange, Destination, Invited, LoginSession, LoginSessions, PendingChallenge, PushEndpoint,
    Registered,
};

use super::{Attribute, Channel, Role};
use crate::access::STAFF;
use crate::kind::{SealedField, keyword, keywords};
use crate::{Condition, Context, Decider, EntityId, Kind, Rejection, Sealed, Who};

pub enum Account {}

/// What may be done with an account. Secrets are checked before: a command that carries a nonce or a verified hash
/// says that the caller has proven it.
#[derive(Debug, Clone)]
pub enum AccountCommand {
    /// Makes a temp member; nothing where somebody is already.
    Invite {
        first_name: Option<Sealed>,
        last_name: Option<Sealed>,
        phone: Sealed,
    },
    Register(Box<Registration>),
    /// For a sign-up just confirmed.
    OpenSession {
        login: Uuid,
    },
    /// `verified` is the hash that the password was checked against.
    LogIn {
        verified: Sealed,
        login: Uuid,
        terms: LoginTerms,
    },
    /// For somebody whom an identity provider vouches for.
    LogInVouched {
        login: Uuid,
    },
    AnswerMfa {
        login: Uuid,
    },
    /// Sets the password that a challenge asks for.
    AnswerNewPassword {
        login: Uuid,
        hash: Sealed,
    },
    Refresh {
        session: u32,
        generation: u32,
    },
    /// Closes one session and opens another in its place.
    Relogin {
        session: u32,
        login: Uuid,
    },
    /// Closes one session; nothing where it is closed.
    CloseSession {
        session: u32,
    },
    LogOut,
    /// Keeps every session that is open from being renewed.
    VoidRefreshTokens,
    RequestPasswordReset {
        nonce: Uuid,
    },
    ResetPassword {
        nonce: Uuid,
        hash: Sealed,
    },
    ChangePassword {
        verified: Sealed,
        hash: Sealed,
        session: u32,
    },
    /// An operator sets a password that has to be changed at the next login.
    ForcePassword {
        hash: Sealed,
    },
    RequestPhoneChange {
        phone: Sealed,
        nonce: Uuid,
    },
    /// Of the phone number or the address, whichever the code was sent to.
    ProveContact {
        nonce: Uuid,
    },
    /// `email: Some(None)` takes it away; another than the proven one gets a code.
    EditProfile {
        email: Option<Option<Sealed>>,
        attributes: BTreeMap<Attribute, Option<Sealed>>,
        nonce: Uuid,
    },
    SwitchMfa {
        on: bool,
    },
    /// From now on the device of this session is reached by push.
    SetPushEndpoint {
        session: u32,
        endpoint: Sealed,
    },
    /// The push service does not know this device any more.
    DropPushEndpoint {
        session: u32,
        endpoint: Sealed,
    },
    /// `account` is this one. Who is super-admin is decided by the [`super::Roster`] first.
    ChangeRole {
        account: EntityId,
        role: Role,
        on: bool,
    },
    Absorb {
        into: EntityId,
    },
    Forget,
}

/// Everybody may know of an account by its id; they see it themselves, and staff do.
pub const KIND: Kind = Kind::of::<Account>()
    .known(Who::Anyone)
    .read(Who::AnyOf(&[Who::Person("id"), STAFF]))
    .fields(&[keyword("status"), keywords("granted")])
    .sealed(&[
        SealedField { name: "whole_name", parts: |state, _| parts(state, Registered::whole_name) },
        // One that nobody has proven may be somebody else's.
        SealedField {
            name: "proven_email",
            parts: |state, _| parts(state, |it| it.proven_email().into_iter().collect()),
        },
    ]);

/// That a role was granted to an account.
pub fn granted(role: Role) -> Condition {
    Condition::Contains("granted", vec![role.stored()])
}

/// Values of an account, of its stored state.
fn parts(state: &Map<String, Value>, of: impl FnOnce(&Registered) -> Vec<&Sealed>) -> Vec<Sealed> {
    let state = AccountState::deserialize(state);
    let account = state.as_ref().ok().and_then(AccountState::registered);
    account.map(of).unwrap_or_default().into_iter().cloned().collect()
}

impl Decider for Account {
    const CATEGORY: &'static str = "account";
    const FOLD_VERSION: i32 = 3;
    type State = AccountState;
    type Command = AccountCommand;
    type Event = AccountEvent;

    fn decide(
        state: &AccountState,
        command: AccountCommand,
        context: &Context,
    ) -> Result<Vec<AccountEvent>, Rejection> {
        use AccountCommand as Do;
        let now = context.now;
        match (state, command) {
            (AccountState::Forgotten { .. }, Do::Forget) => Ok(vec![]),
            (AccountState::Forgotten { .. }, _) => Err(forgotten()),
            (_, Do::Invite { first_name, last_name, phone }) => {
                Ok(registration::invite(state, first_name, last_name, phone))
            }
            (_, Do::Register(registration)) => registration::register(state, *registration),
            (_, Do::Absorb { into }) => registration::absorb(state, into),
            (_, Do::Forget) => Ok(vec![AccountEvent::PersonForgotten { at: now }]),
            (AccountState::Unknown, _) => Err(no_such_account()),
            (AccountState::Invited(_) | AccountState::Absorbed { .. }, _) => {
                Err(Rejection::conflict("not-signed-up", "this person has not signed up"))
            }
            (AccountState::Registered(account), command) => match command {
                Do::OpenSession { login } => Ok(logins::open_session(account, login, SESSION_LIFE, now)),
                Do::LogIn { verified, login, terms } => logins::log_in(account, &verified, login, terms, now),
                Do::LogInVouched { login } => Ok(logins::log_in_vouched(account, login, now)),
                Do::AnswerMfa { login } => logins::answer_mfa(account, login, now),
                Do::AnswerNewPassword { login, hash } => logins::answer_new_password(account, login, hash, now),
                Do::Refresh { session, generation } => logins::refresh(account, session, generation, now),
                Do::Relogin { session, login } => logins::relogin(account, session, login, now),
                Do::CloseSession { session } => Ok(logins::close_session(account, session, now)),
                Do::LogOut => Ok(logins::log_out(account)),
                Do::VoidRefreshTokens => Ok(logins::void_refresh_tokens(account, now)),
                Do::RequestPasswordReset { nonce } => profile::request_password_reset(account, nonce, now),
                Do::ResetPassword { nonce, hash } => profile::reset_password(account, nonce, hash, now),
                Do::ChangePassword { verified, hash, session } => {
                    profile::change_password(account, &verified, hash, session)
                }
                Do::ForcePassword { hash } => profile::force_password(account, hash),
                Do::RequestPhoneChange { phone, nonce } => {
                    Ok(contacts::request_change(account, Channel::Sms, phone, nonce, now))
                }
                Do::ProveContact { nonce } => contacts::prove(account, nonce, now),
                Do::EditProfile { email, attributes, nonce } => profile::edit(account, email, attributes, nonce, now),
                Do::SwitchMfa { on } => profile::switch_mfa(account, on),
                Do::SetPushEndpoint { session, endpoint } => push::set(account, session, endpoint, now),
                Do::DropPushEndpoint { session, endpoint } => Ok(push::drop_endpoint(account, session, &endpoint)),
                Do::ChangeRole { account: id, role, on } => roles::change(account, id, role, on, context),
                Do::Invite { .. } | Do::Register(_) | Do::Absorb { .. } | Do::Forget => Ok(vec![]),
            },
        }
    }

    fn evolve(state: AccountState, event: &AccountEvent) -> AccountState {
        state::evolve(state, event)
    }
}

/// The refusal where no account was ever made.
pub fn no_such_account() -> Rejection {
    Rejection::not_found("no-such-account", "no such account")
}

/// The refusal of everything that concerns a person who was forgotten.
pub fn forgotten() -> Rejection {
    Rejection::gone("person-forgotten", "this person was forgotten")
}
