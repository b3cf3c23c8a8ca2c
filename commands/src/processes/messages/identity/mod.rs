//! Messages about accounts.

pub(super) mod code;

use caravan_domain::identity::{Account, AccountEvent, AccountEventKind, SignUp, SignUpEvent, SignUpEventKind};

use super::Template;
use crate::processes::reactions::{Handler, Reactions, by};

pub(super) const MESSAGES: &[Template] =
    &[code::SIGN_UP, code::LOGIN, code::PASSWORD_RESET, code::PHONE_CHANGE, code::EMAIL_CHANGE];

pub(super) fn register(reactions: Reactions) -> Reactions {
    reactions.on::<SignUp>(to_sign_up).on::<Account>(to_account)
}

fn to_sign_up(kind: SignUpEventKind) -> Option<Handler<SignUpEvent>> {
    use SignUpEventKind as K;
    match kind {
        K::CodeIssued => by(code::demand_of_sign_up),
        K::SignUpBegun | K::SignUpDropped | K::SignUpConfirmed | K::SignUpCompleted => None,
    }
}

fn to_account(kind: AccountEventKind) -> Option<Handler<AccountEvent>> {
    use AccountEventKind as K;
    match kind {
        K::CodeIssued => by(code::demand_of_account),
        K::Invited
        | K::Registered
        | K::SessionOpened
        | K::SessionRefreshed
        | K::SessionClosed
        | K::LoggedOut
        | K::RefreshTokensVoided
        | K::LoginChallenged
        | K::LoginChallengeEnded
        | K::PasswordChanged
        | K::PasswordForced
        | K::PhoneChangeRequested
        | K::PhoneProven
        | K::EmailChangeRequested
        | K::EmailProven
        | K::EmailRemoved
        | K::PushEndpointSet
        | K::PushEndpointDropped
        | K::ProfileChanged
        | K::MfaSwitched
        | K::RoleGranted
        | K::RoleRevoked
        | K::Absorbed
        | K::PersonForgotten => None,
    }
}
