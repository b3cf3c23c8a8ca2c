//! Changing how one is reached. Proving a number that a temp member was invited by makes the two one person.

use caravan_domain::identity::code::wrong_code;
use caravan_domain::identity::{Account, AccountCommand, Channel, Claim, ClaimCommand, CodePurpose, Person, contact};
use caravan_domain::{EntityId, Rejection, RejectionKind};

use super::guesses::{guess_contact_code, match_code, spend_proof};
use super::lookup::{Holder, contact_claim, has_proven, holder, own_account};
use super::sessions::{Credentials, authenticate, check_credentials};
use crate::{Asking, CommandError, Done};

/// Sends a code to a new phone number.
pub async fn edit_phone(
    asking: &Asking,
    person: Person,
    shown: Credentials<'_>,
    phone: &str,
) -> Result<Done<Account>, CommandError> {
    check_credentials(asking, person, &shown, asking.now()).await?;
    request_phone_change(asking, person.account, phone).await
}

pub(super) async fn request_phone_change(
    asking: &Asking,
    account: EntityId,
    phone: &str,
) -> Result<Done<Account>, CommandError> {
    let phone = contact::phone("phone_number", phone)?;
    let request = async {
        spend_proof(asking, account, CodePurpose::PhoneChange, Channel::Sms, &phone).await?;
        let phone = asking.vault().seal(account, &phone).await?;
        Ok(AccountCommand::RequestPhoneChange { phone, nonce: asking.caller().command_id })
    };
    asking.send_once(account, request).await
}

/// Proves a new phone number or address with the code that was sent to it. `access_token` shows the session once
/// more.
pub async fn verify(
    asking: &Asking,
    person: Person,
    access_token: &str,
    code: &str,
) -> Result<Done<Account>, CommandError> {
    let shown = authenticate(asking, access_token, asking.now()).await?;
    if shown.account != person.account {
        return Err(CommandError::Unauthorised("this token belongs to somebody else"));
    }
    verify_own(asking, person, code).await
}

/// As [`verify`], of somebody who has shown their session.
pub(super) async fn verify_own(asking: &Asking, person: Person, code: &str) -> Result<Done<Account>, CommandError> {
    let proven = match asking.done_before(person.account).await? {
        Some(proven) => proven,
        None => prove(asking, person, code).await?,
    };
    release_former_contacts(asking, proven).await
}

async fn prove(asking: &Asking, person: Person, code: &str) -> Result<Done<Account>, CommandError> {
    let attempt = guess_contact_code(asking, person).await?;
    let state = own_account(asking, person).await?;
    let registered = state.registered().ok_or_else(wrong_code)?;
    let changes = [Channel::Sms, Channel::Mail].map(|channel| registered.contact_change(channel));
    let live = changes.into_iter().flatten().filter_map(|change| {
        let code = change.code.filter(|code| code.is_live(asking.now()))?;
        Some((code.nonce, change))
    });
    let live: Vec<_> = live.collect();
    let matched = match_code(asking, live.iter().map(|(nonce, _)| *nonce), code).await?;
    let meant = live.into_iter().find(|(nonce, _)| Some(*nonce) == matched);
    let (nonce, change) = meant.ok_or_else(wrong_code)?;
    attempt.give_back().await?;
    let contact = asking.vault().open_text(&change.value).await?;
    take_contact(asking, person.account, change.channel, &contact).await?;
    asking.send(person.account, AccountCommand::ProveContact { nonce }).await
}

/// Gives up the claims on proven contacts that the account had before it was `changed`, and has no more.
pub(super) async fn release_former_contacts(
    asking: &Asking,
    mut changed: Done<Account>,
) -> Result<Done<Account>, CommandError> {
    let before = asking.state_before(&changed).await?;
    for channel in [Channel::Sms, Channel::Mail] {
        let Some(former) = before.registered().and_then(|account| account.proven_contact(channel)) else { continue };
        let former = asking.vault().open_text(former).await?;
        if !has_proven(asking, &changed.state, channel, &former).await? {
            let release = ClaimCommand::Release { owner: changed.id };
            let released =
                asking.step("release").send::<Claim>(contact_claim(asking, channel, &former), release).await?;
            changed.position = changed.position.max(released.position);
        }
    }
    Ok(changed)
}

/// Makes `account` the holder of a contact it has proven.
async fn take_contact(asking: &Asking, account: EntityId, channel: Channel, contact: &str) -> Result<(), CommandError> {
    let claimed = contact_claim(asking, channel, contact);
    let command = match holder(asking, channel, contact).await? {
        Holder::Account(id) if id == account => return Ok(()),
        Holder::Account(_) => return Err(belongs_to_another(channel).into()),
        Holder::Invited(temp) => {
            let absorb = AccountCommand::Absorb { into: account };
            asking.step("absorb").send::<Account>(temp, absorb).await?;
            asking.vault().link(temp, account).await?;
            ClaimCommand::Move { from: temp, to: account }
        }
        // An earlier proof of this contact was interrupted after the first of these steps.
        Holder::Absorbed { temp, into } if into == account => {
            asking.vault().link(temp, account).await?;
            ClaimCommand::Move { from: temp, to: account }
        }
        Holder::Nobody | Holder::Unknown(_) | Holder::Absorbed { .. } => {
            ClaimCommand::Claim { owner: account, held: false }
        }
    };
    match asking.step("contact").send::<Claim>(claimed, command).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_rejection(RejectionKind::Conflict) => Err(belongs_to_another(channel).into()),
        Err(error) => Err(error),
    }
}

fn belongs_to_another(channel: Channel) -> Rejection {
    let message = match channel {
        Channel::Mail => "is for an email address that belongs to another account",
        Channel::Sms => "is for a phone number that belongs to another account",
    };
    Rejection::conflict("contact-of-another", message).on("code")
}
