//! How an account begins: invited by others, registered by its owner, absorbed by another.

use super::events::{AccountEvent, Registration};
use super::state::AccountState;
use crate::{EntityId, Rejection, Sealed};

pub(super) fn invite(
    state: &AccountState,
    first_name: Option<Sealed>,
    last_name: Option<Sealed>,
    phone: Sealed,
) -> Vec<AccountEvent> {
    match state {
        AccountState::Unknown => vec![AccountEvent::Invited { first_name, last_name, phone }],
        _ => vec![],
    }
}

pub(super) fn register(state: &AccountState, registration: Registration) -> Result<Vec<AccountEvent>, Rejection> {
    match state {
        AccountState::Unknown | AccountState::Invited(_) => Ok(vec![AccountEvent::Registered(registration)]),
        AccountState::Registered(account) if account.registration.is_same_person(&registration) => Ok(vec![]),
        _ => Err(anothers()),
    }
}

pub(super) fn absorb(state: &AccountState, into: EntityId) -> Result<Vec<AccountEvent>, Rejection> {
    match state {
        AccountState::Invited(_) => Ok(vec![AccountEvent::Absorbed { into }]),
        AccountState::Absorbed { into: before } if *before == into => Ok(vec![]),
        _ => Err(anothers()),
    }
}

fn anothers() -> Rejection {
    Rejection::conflict("another-account", "belongs to another account")
}

impl Registration {
    /// Whether both come from one sign-up, or from one person whom a provider vouches for.
    fn is_same_person(&self, other: &Registration) -> bool {
        self.provider == other.provider && self.sign_up == other.sign_up && self.facebook_id == other.facebook_id
    }
}
