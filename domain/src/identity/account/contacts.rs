//! How somebody is reached. What is proven serves until another is: for messages, codes and getting back in.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::events::AccountEvent;
use super::logins::code;
use super::state::Registered;
use crate::identity::code::{PendingCode, wrong_code};
use crate::identity::{Channel, CodePurpose};
use crate::{Rejection, Sealed};

/// Asks for the proof of another contact.
pub(super) fn request_change(
    account: &Registered,
    channel: Channel,
    contact: Sealed,
    nonce: Uuid,
    now: DateTime<Utc>,
) -> Vec<AccountEvent> {
    let asked = account.contact_change(channel).filter(|change| change.value == contact);
    if asked.is_some_and(|change| is_live(change.code.as_ref(), nonce, now)) {
        return vec![];
    }
    let (purpose, requested) = match channel {
        Channel::Sms => (CodePurpose::PhoneChange, AccountEvent::PhoneChangeRequested { phone: contact.clone() }),
        Channel::Mail => (CodePurpose::EmailChange, AccountEvent::EmailChangeRequested { email: contact.clone() }),
    };
    vec![requested, code(nonce, purpose, &contact, channel, now)]
}

pub(super) fn prove(account: &Registered, nonce: Uuid, now: DateTime<Utc>) -> Result<Vec<AccountEvent>, Rejection> {
    let change = account.contact_changes.iter().find(|change| is_live(change.code.as_ref(), nonce, now));
    let change = change.ok_or_else(wrong_code)?;
    let value = change.value.clone();
    Ok(vec![match change.channel {
        Channel::Sms => AccountEvent::PhoneProven { phone: value },
        Channel::Mail => AccountEvent::EmailProven { email: value },
    }])
}

/// Takes the address away, unless nothing else is left by which the password could be reset.
pub(super) fn remove_email(account: &Registered) -> Result<Vec<AccountEvent>, Rejection> {
    if account.registration.email.is_none() && account.contact_change(Channel::Mail).is_none() {
        return Ok(vec![]);
    }
    let logs_in_by_password = account.registration.password_hash.is_some();
    if account.proven_email().is_some() && account.proven_phone().is_none() && logs_in_by_password {
        return Err(Rejection::conflict("only-contact-left", "is the only contact by which the password can be reset")
            .on("email"));
    }
    Ok(vec![AccountEvent::EmailRemoved {}])
}

impl Registered {
    /// Where a code to reset the password goes: a proven contact, the address first.
    pub fn reset_contact(&self) -> Result<(&Sealed, Channel), Rejection> {
        if self.registration.password_hash.is_none() {
            return Err(no_password());
        }
        let mail = self.proven_email().map(|email| (email, Channel::Mail));
        let sms = self.proven_phone().map(|phone| (phone, Channel::Sms));
        mail.or(sms).ok_or_else(|| Rejection::conflict("no-proven-contact", "this account has no verified contact"))
    }

    /// The phone number to which another code may be sent.
    pub fn phone_to_prove(&self) -> Result<&Sealed, Rejection> {
        let waiting = self.contact_change(Channel::Sms).map(|change| &change.value);
        waiting.ok_or_else(|| Rejection::conflict("no-phone-to-prove", "no phone number waits for its code"))
    }
}

pub(super) fn no_password() -> Rejection {
    Rejection::conflict("logs-in-without-password", "this account logs in without a password")
}

pub(super) fn is_live(pending: Option<&PendingCode>, nonce: Uuid, now: DateTime<Utc>) -> bool {
    pending.is_some_and(|code| code.nonce == nonce && code.is_live(now))
}
