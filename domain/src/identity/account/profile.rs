//! What an account's owner changes: password, profile, second factor.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::contacts::{is_live, no_password, remove_email, request_change};
use super::events::AccountEvent;
use super::logins::{code, wrong_password};
use super::state::Registered;
use crate::identity::code::wrong_code;
use crate::identity::{Attribute, Channel, CodePurpose};
use crate::{Rejection, Sealed};

pub(super) fn request_password_reset(
    account: &Registered,
    nonce: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<AccountEvent>, Rejection> {
    if is_live(account.password_reset.as_ref(), nonce, now) {
        return Ok(vec![]);
    }
    let (to, channel) = account.reset_contact()?;
    Ok(vec![code(nonce, CodePurpose::PasswordReset, to, channel, now)])
}

pub(super) fn reset_password(
    account: &Registered,
    nonce: Uuid,
    hash: Sealed,
    now: DateTime<Utc>,
) -> Result<Vec<AccountEvent>, Rejection> {
    if !is_live(account.password_reset.as_ref(), nonce, now) {
        return Err(wrong_code());
    }
    Ok(vec![AccountEvent::PasswordChanged { hash, session: None }])
}

pub(super) fn change_password(
    account: &Registered,
    verified: &Sealed,
    hash: Sealed,
    session: u32,
) -> Result<Vec<AccountEvent>, Rejection> {
    if account.registration.password_hash.as_ref() != Some(verified) {
        return Err(wrong_password("old_password"));
    }
    Ok(vec![AccountEvent::PasswordChanged { hash, session: Some(session) }])
}

pub(super) fn force_password(account: &Registered, hash: Sealed) -> Result<Vec<AccountEvent>, Rejection> {
    match &account.registration.password_hash {
        None => Err(no_password()),
        Some(present) if *present == hash && account.must_change_password => Ok(vec![]),
        Some(_) => Ok(vec![AccountEvent::PasswordForced { hash }]),
    }
}

/// Only what differs. Another address than the proven one waits for its proof.
pub(super) fn edit(
    account: &Registered,
    email: Option<Option<Sealed>>,
    mut attributes: BTreeMap<Attribute, Option<Sealed>>,
    nonce: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<AccountEvent>, Rejection> {
    let mut events = match email {
        Some(Some(email)) if account.proven_email() != Some(&email) => {
            request_change(account, Channel::Mail, email, nonce, now)
        }
        Some(None) => remove_email(account)?,
        _ => vec![],
    };
    attributes.retain(|attribute, value| value.as_ref() != account.attribute(*attribute));
    if !attributes.is_empty() {
        events.push(AccountEvent::ProfileChanged { attributes });
    }
    Ok(events)
}

pub(super) fn switch_mfa(account: &Registered, on: bool) -> Result<Vec<AccountEvent>, Rejection> {
    if on == account.mfa {
        return Ok(vec![]);
    }
    if on && account.proven_phone().is_none() {
        return Err(Rejection::conflict("mfa-needs-proven-phone", "needs a verified phone number"));
    }
    Ok(vec![AccountEvent::MfaSwitched { on }])
}
