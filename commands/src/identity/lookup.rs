//! Finding accounts, and who holds a user name or a contact.

use std::sync::Arc;

use caravan_domain::identity::contact;
use caravan_domain::identity::{Account, AccountState, Channel, Claim, Person, credentials};
use caravan_domain::{EntityId, Rejection};

use crate::{CommandError, Commands};

/// Who holds a contact, seen by somebody who has proven it, or wants to name whoever has it.
pub(super) enum Holder {
    /// Nobody does, or not any more.
    Nobody,
    /// This id claimed it and is nobody yet: a sign-up or an invitation in progress.
    Unknown(EntityId),
    /// A temp member.
    Invited(EntityId),
    /// A temp member whom an account absorbed, without having proven the contact (yet).
    Absorbed { temp: EntityId, into: EntityId },
    /// An account that has proven it.
    Account(EntityId),
}

/// The account of a user name, in its stored form. A name that nobody has takes as many look-ups, so that the time
/// tells nobody which names there are. A sign-up may claim a name and then fail: that account does not have it.
pub(super) async fn account_of(
    commands: &Commands,
    username: &str,
) -> Result<Option<(EntityId, Arc<AccountState>)>, CommandError> {
    let claimed = commands.vault().claim_id("username", username);
    let claim = commands.state::<Claim>(claimed).await?;
    let id = claim.state.owner.unwrap_or(claimed);
    let state = commands.state::<Account>(id).await?.state;
    let Some(registered) = state.registered() else { return Ok(None) };
    let theirs = commands.vault().open_text(&registered.registration.username).await? == username;
    Ok(theirs.then_some((id, state)))
}

/// The registered account behind an access token.
pub(super) async fn own_account(commands: &Commands, person: Person) -> Result<Arc<AccountState>, CommandError> {
    let state = commands.state::<Account>(person.account).await?.state;
    match state.registered() {
        Some(_) => Ok(state),
        None => Err(CommandError::Unauthorised("this session has ended")),
    }
}

/// Refuses a user name that is not the account's.
pub(super) async fn check_username(commands: &Commands, state: &AccountState, given: &str) -> Result<(), CommandError> {
    if let Some(account) = state.registered()
        && commands.vault().open_text(&account.registration.username).await? == credentials::normalised_username(given)
    {
        return Ok(());
    }
    Err(Rejection::forbidden("username-of-another", "is not your user name").on("username").into())
}

/// The claim on a contact.
pub(super) fn contact_claim(commands: &Commands, channel: Channel, contact: &str) -> EntityId {
    let what = match channel {
        Channel::Mail => "email",
        Channel::Sms => "phone",
    };
    commands.vault().claim_id(what, &contact::claimed_form(channel, contact))
}

pub(super) async fn holder(commands: &Commands, channel: Channel, contact: &str) -> Result<Holder, CommandError> {
    let claim = commands.state::<Claim>(contact_claim(commands, channel, contact)).await?;
    let Some(owner) = claim.state.owner else { return Ok(Holder::Nobody) };
    let state = commands.state::<Account>(owner).await?.state;
    Ok(match *state {
        AccountState::Unknown => Holder::Unknown(owner),
        AccountState::Invited(_) => Holder::Invited(owner),
        AccountState::Registered(_) if has_proven(commands, &state, channel, contact).await? => Holder::Account(owner),
        AccountState::Absorbed { into } => {
            let state = commands.state::<Account>(into).await?.state;
            match has_proven(commands, &state, channel, contact).await? {
                true => Holder::Account(into),
                false => Holder::Absorbed { temp: owner, into },
            }
        }
        AccountState::Registered(_) | AccountState::Forgotten { .. } => Holder::Nobody,
    })
}

pub(super) async fn has_proven(
    commands: &Commands,
    state: &AccountState,
    channel: Channel,
    contact: &str,
) -> Result<bool, CommandError> {
    let Some(account) = state.registered() else { return Ok(false) };
    let Some(proven) = account.proven_contact(channel) else { return Ok(false) };
    let proven = commands.vault().open_text(proven).await?;
    Ok(contact::claimed_form(channel, &proven) == contact::claimed_form(channel, contact))
}
