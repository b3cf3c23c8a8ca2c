//! Logging in with Facebook, which also makes the account.

use std::collections::BTreeMap;

use caravan_domain::identity::account::{Provider, Registration};
use caravan_domain::identity::{
    Account, AccountCommand, AccountState, Attribute, Claim, ClaimCommand, Contact, Person, credentials, details,
};
use caravan_domain::{EntityId, Rejection, RejectionKind};
use caravan_limits::known::LOGINS_PER_TOKEN;

use super::contacts::{request_phone_change, verify_own};
use super::guesses::guess_provider_token;
use super::lookup::own_account;
use super::sessions::log_in_vouched;
use super::{LoggedIn, Vouched};
use crate::{Asking, CommandError, Commands, Done};

/// Logs in whom Facebook vouches for; the first time, an account is made.
pub async fn log_in(asking: &Asking, token: &str) -> Result<LoggedIn, CommandError> {
    let provider = asking.identity_provider();
    let provider = provider.ok_or(CommandError::Unauthorised("logging in with Facebook is not set up"))?;
    // Before Facebook is asked: whoever floods us with tokens that are none, or with one that is, does not flood it.
    asking.limits().spend(&[LOGINS_PER_TOKEN.of(asking.vault().hash("provider token", token))]).await?;
    let attempt = guess_provider_token(asking).await?;
    let vouched = provider.verify(token, asking.now()).await;
    if !matches!(vouched, Err(CommandError::Unauthorised(_))) {
        attempt.give_back().await?;
    }
    let vouched = vouched?;
    let account = match account_of_id(asking, &vouched.id).await {
        // Somebody logs in for the first time in two places at once: the account is the other's.
        Err(error) if error.is_rejection(RejectionKind::Conflict) => account_of_id(asking, &vouched.id).await?,
        other => other?,
    };
    if asking.state::<Account>(account).await?.state.registered().is_none() {
        let registration = Box::new(vouched_registration(asking, account, &vouched).await?);
        asking.step("register").send::<Account>(account, AccountCommand::Register(registration)).await?;
    }
    log_in_vouched(asking, account).await
}

/// The account that a Facebook id is claimed for, from now on if it was for none. It may not be registered yet.
async fn account_of_id(asking: &Asking, facebook_id: &str) -> Result<EntityId, CommandError> {
    let claimed = asking.vault().claim_id("facebook", facebook_id);
    if let Some(owner) = asking.state::<Claim>(claimed).await?.state.owner
        && !matches!(*asking.state::<Account>(owner).await?.state, AccountState::Forgotten { .. })
    {
        return Ok(owner);
    }
    let account = asking.vault().new_id("account").await?;
    let claim = ClaimCommand::Claim { owner: account, held: false };
    asking.step(&format!("claim {account}")).send::<Claim>(claimed, claim).await?;
    Ok(account)
}

/// Sends a code to the phone number of somebody who logs in with Facebook, known by their Facebook id.
pub async fn edit_phone(
    asking: &Asking,
    person: Person,
    facebook_id: &str,
    phone: &str,
) -> Result<Done<Account>, CommandError> {
    check_own_id(asking, person, facebook_id).await?;
    request_phone_change(asking, person.account, phone).await
}

/// Sends another code to the phone number that waits for its proof.
pub async fn resend_code(asking: &Asking, person: Person, facebook_id: &str) -> Result<Done<Account>, CommandError> {
    check_own_id(asking, person, facebook_id).await?;
    // By the time of a repeat the number may be proven.
    if let Some(sent) = asking.done_before(person.account).await? {
        return Ok(sent);
    }
    let state = own_account(asking, person).await?;
    let registered = state.registered().ok_or(CommandError::Unauthorised("this session has ended"))?;
    let phone = asking.vault().open_text(registered.phone_to_prove()?).await?;
    request_phone_change(asking, person.account, &phone).await
}

/// Proves the phone number with the code that was sent to it.
pub async fn verify_code(
    asking: &Asking,
    person: Person,
    facebook_id: &str,
    code: &str,
) -> Result<Done<Account>, CommandError> {
    check_own_id(asking, person, facebook_id).await?;
    verify_own(asking, person, code).await
}

async fn check_own_id(commands: &Commands, person: Person, facebook_id: &str) -> Result<(), CommandError> {
    let state = own_account(commands, person).await?;
    let known = state.registered().and_then(|account| account.registration.facebook_id.as_ref());
    let own = match known {
        Some(id) => commands.vault().open_text(id).await? == facebook_id,
        None => false,
    };
    if !own {
        return Err(Rejection::forbidden("facebook-id-of-another", "is not your Facebook id").on("id").into());
    }
    Ok(())
}

async fn vouched_registration(
    commands: &Commands,
    account: EntityId,
    vouched: &Vouched,
) -> Result<Registration, CommandError> {
    let given = [
        (Attribute::Name, &vouched.name),
        (Attribute::Email, &vouched.email),
        (Attribute::Gender, &vouched.gender),
        (Attribute::Picture, &vouched.picture),
    ];
    let mut attributes = BTreeMap::new();
    for (attribute, text) in given {
        // What the provider says about somebody is no reason to turn them away: unsound details are left out.
        let Some(text) = text else { continue };
        let Ok(sound) = details::parse([(attribute.name(), text.as_str())]) else { continue };
        if let Some(text) = sound.into_values().next().flatten() {
            attributes.insert(attribute, commands.vault().seal(account, &text).await?);
        }
    }
    let email = attributes.remove(&Attribute::Email).map(|value| Contact { value, proven: false });
    Ok(Registration {
        provider: Provider::Facebook,
        sign_up: None,
        username: commands.vault().seal(account, &credentials::facebook_username(&vouched.id)).await?,
        password_hash: None,
        facebook_id: Some(commands.vault().seal(account, &vouched.id).await?),
        email,
        phone: None,
        attributes,
    })
}
