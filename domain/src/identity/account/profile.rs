//! What an account's owner changes: password, phone number, profile, second factor.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::events::AccountEvent;
use super::logins::{code, wrong_password};
use super::state::Registered;
use crate::identity::code::{PendingCode, wrong_code};
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
        return Err(wrong_password("oldPassword"));
    }
    Ok(vec![AccountEvent::PasswordChanged { hash, session: Some(session) }])
}

pub(super) fn force_password(account: &Registered, hash: Sealed) -> Result<Vec<AccountEvent>, Rejection> {
    match &account.registration.password_hash {
        None => Err(Rejection::conflict("this account logs in without a password")),
        Some(present) if *present == hash && account.must_change_password => Ok(vec![]),
        Some(_) => Ok(vec![AccountEvent::PasswordForced { hash }]),
    }
}

pub(super) fn request_phone_change(
    account: &Registered,
    phone: Sealed,
    nonce: Uuid,
    now: DateTime<Utc>,
) -> Vec<AccountEvent> {
    let pending = account.phone_change.as_ref().filter(|change| change.phone == phone);
    if pending.is_some_and(|change| is_live(change.code.as_ref(), nonce, now)) {
        return vec![];
    }
    let issued = code(nonce, CodePurpose::PhoneChange, &phone, Channel::Sms, now);
    vec![AccountEvent::PhoneChangeRequested { phone }, issued]
}

pub(super) fn prove_phone(
    account: &Registered,
    nonce: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<AccountEvent>, Rejection> {
    let mut changes = account.phone_change.iter().chain(&account.superseded);
    match changes.find(|change| is_live(change.code.as_ref(), nonce, now)) {
        Some(change) => Ok(vec![AccountEvent::PhoneProven { phone: change.phone.clone() }]),
        None => Err(wrong_code()),
    }
}

/// Only what differs. An address that changes is no longer a proven one.
pub(super) fn edit(
    account: &Registered,
    email: Option<Option<Sealed>>,
    mut attributes: BTreeMap<Attribute, Option<Sealed>>,
) -> Vec<AccountEvent> {
    let mut events = vec![];
    let present = account.registration.email.as_ref().map(|contact| &contact.value);
    if let Some(email) = email
        && email.as_ref() != present
    {
        events.push(AccountEvent::EmailChanged { email });
    }
    attributes.retain(|attribute, value| value.as_ref() != account.attribute(*attribute));
    if !attributes.is_empty() {
        events.push(AccountEvent::ProfileChanged { attributes });
    }
    events
}

pub(super) fn switch_mfa(account: &Registered, on: bool) -> Result<Vec<AccountEvent>, Rejection> {
    if on == account.mfa {
        return Ok(vec![]);
    }
    if on && account.proven_phone().is_none() {
        return Err(Rejection::conflict("needs a verified phone number"));
    }
    Ok(vec![AccountEvent::MfaSwitched { on }])
}

impl Registered {
    /// Where a code to reset the password goes: a proven contact, the address first.
    pub fn reset_contact(&self) -> Result<(&Sealed, Channel), Rejection> {
        if self.registration.password_hash.is_none() {
            return Err(Rejection::conflict("this account logs in without a password"));
        }
        let mail = self.proven_email().map(|email| (email, Channel::Mail));
        let sms = self.proven_phone().map(|phone| (phone, Channel::Sms));
        mail.or(sms).ok_or_else(|| Rejection::conflict("this account has no verified contact"))
    }
}

fn is_live(pending: Option<&PendingCode>, nonce: Uuid, now: DateTime<Utc>) -> bool {
    pending.is_some_and(|code| code.nonce == nonce && code.is_live(now))
}
