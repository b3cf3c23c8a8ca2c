//! What operators do with accounts: `caravan account force-password` and `caravan forget`.

use std::sync::Arc;

use caravan_domain::identity::mailing_lists::MAILING_LISTS;
use caravan_domain::identity::notices::{MAIL_NOTICES, PUSH_NOTICES, SMS_NOTICES};
use caravan_domain::identity::preferences::PREFERENCES;
use caravan_domain::identity::{
    Account, AccountCommand, AccountState, Channel, Claim, ClaimCommand, account, credentials,
};
use caravan_domain::record::Change;
use caravan_domain::{EntityId, Rejection, RejectionKind};

use super::guesses::hashed;
use super::homes::forget_homes;
use super::lookup::{Holder, account_of, contact_claim, holder};
use super::roles;
use crate::{Asking, CommandError, Commands, Done, records};

/// The account of a user name, or of an address that it has proven. Refused where these are two accounts: anybody may
/// call themselves by another's address.
pub async fn account_named(commands: &Commands, name: &str) -> Result<Option<EntityId>, CommandError> {
    let named = account_of(commands, &credentials::normalised_username(name)).await?.map(|(id, _)| id);
    let proven = match holder(commands, Channel::Mail, name.trim()).await? {
        Holder::Account(id) => Some(id),
        Holder::Nobody | Holder::Unknown(_) | Holder::Invited(_) | Holder::Absorbed { .. } => None,
    };
    match (named, proven) {
        (Some(one), Some(other)) if one != other => {
            let message =
                format!("is the user name of {one} and the address of {other}: give the id of the one you mean");
            Err(Rejection::conflict("name-of-two", message).on("account").into())
        }
        (named, proven) => Ok(named.or(proven)),
    }
}

/// Sets a password that its owner has to change at the next login; closes every session.
pub async fn force_password(asking: &Asking, account: EntityId, password: &str) -> Result<Done<Account>, CommandError> {
    credentials::check_new_password("password", password)?;
    let hash = hashed(asking, account, password).await?;
    asking.send::<Account>(account, AccountCommand::ForcePassword { hash }).await
}

/// The person whom forgetting an id would forget, and the user name, if they have an account.
pub async fn known_as(commands: &Commands, id: EntityId) -> Result<(EntityId, Option<String>), CommandError> {
    let (person, state) = known_person(commands, id).await?;
    let username = match state.registered() {
        Some(account) => Some(commands.vault().open_text(&account.registration.username).await?),
        None => None,
    };
    Ok((person, username))
}

/// Forgets a person for good: their values can never be opened again, their names and contacts are free. Gives
/// the subjects whose messages have to go from the outbox. Running it again finishes what was interrupted.
pub async fn forget(asking: &Asking, account: EntityId) -> Result<Vec<EntityId>, CommandError> {
    let (account, state) = known_person(asking, account).await?;
    let claimed = claims(asking, &state).await?;
    // First: the last super-admin is not forgotten.
    roles::unlist(asking, account).await?;
    asking.send::<Account>(account, AccountCommand::Forget).await?;
    for (name, claimed) in claimed {
        asking.step(name).send::<Claim>(claimed, ClaimCommand::Release { owner: account }).await?;
    }
    for record in [&PREFERENCES, &MAILING_LISTS, &MAIL_NOTICES, &PUSH_NOTICES, &SMS_NOTICES] {
        match records::change(&asking.system_step(record.kind.name), record, account, Change::Delete).await {
            Err(error) if !error.is_rejection(RejectionKind::NotFound) => return Err(error),
            _ => {}
        }
    }
    forget_homes(asking, account).await?;
    Ok(asking.vault().forget(account).await?)
}

async fn known_person(commands: &Commands, id: EntityId) -> Result<(EntityId, Arc<AccountState>), CommandError> {
    // A temp member who turned out to be somebody else is forgotten with them.
    let person = commands.state::<Account>(id).await?.state.present(id);
    let state = commands.state::<Account>(person).await?.state;
    // Somebody may be named without having an account: a person who organises an event.
    let named = async || {
        Ok::<_, CommandError>(commands.vault().has_key(person).await? || commands.vault().is_forgotten(person).await?)
    };
    if matches!(*state, AccountState::Unknown) && !named().await? {
        return Err(account::no_such_account().into());
    }
    Ok((person, state))
}

/// The claims on what only this person may hold.
async fn claims(commands: &Commands, state: &AccountState) -> Result<Vec<(&'static str, EntityId)>, CommandError> {
    let mut claimed = vec![];
    if let Some(phone) = state.phone() {
        claimed.push(("phone", contact_claim(commands, Channel::Sms, &commands.vault().open_text(phone).await?)));
    }
    if let Some(account) = state.registered() {
        if let Some(email) = account.proven_email() {
            claimed.push(("email", contact_claim(commands, Channel::Mail, &commands.vault().open_text(email).await?)));
        }
        let named = [
            ("username", Some(&account.registration.username)),
            ("facebook", account.registration.facebook_id.as_ref()),
        ];
        for (what, value) in named {
            if let Some(value) = value {
                let id = commands.vault().claim_id(what, &commands.vault().open_text(value).await?);
                claimed.push((what, id));
            }
        }
    }
    Ok(claimed)
}
