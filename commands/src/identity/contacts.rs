//! Changing how one is reached. Proving a number that a temp member was invited by makes the two one person.

use caravan_domain::identity::code::wrong_code;
use caravan_domain::identity::{Account, AccountCommand, Channel, ClaimCommand, CodePurpose, contact};
use caravan_domain::{EntityId, Rejection, RejectionKind};
use caravan_event_store::StreamId;

use super::Credentials;
use super::lookup::Holder;
use crate::{Caller, CommandError, Commands, Done};
use caravan_domain::identity::Person;

impl Commands {
    /// Sends a code to a new phone number.
    pub async fn edit_phone(
        &self,
        person: Person,
        shown: Credentials<'_>,
        phone: &str,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        self.check_credentials(person, &shown, caller.now).await?;
        self.request_phone_change(person.account, phone, caller).await
    }

    pub(super) async fn request_phone_change(
        &self,
        account: EntityId,
        phone: &str,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        let phone = contact::phone("phone_number", phone)?;
        if let Some(changed) = self.changed_before(account, caller).await? {
            return Ok(changed);
        }
        self.spend_proof(account, CodePurpose::PhoneChange, Channel::Sms, &phone).await?;
        let phone = self.vault().seal(account, &phone).await?;
        let request = AccountCommand::RequestPhoneChange { phone, nonce: caller.command_id };
        self.change_account(account, request, caller).await
    }

    /// Proves a new phone number or address with the code that was sent to it. `access_token` shows the session once
    /// more.
    pub async fn verify_contact(
        &self,
        person: Person,
        access_token: &str,
        code: &str,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        let shown = self.authenticate(access_token, caller.now).await?;
        if shown.account != person.account {
            return Err(CommandError::Unauthorised("this token belongs to somebody else"));
        }
        let account = person.account;
        if let Some(changed) = self.changed_before(account, caller).await? {
            return Ok(changed);
        }
        let attempt = self.guess_contact_code(person).await?;
        let state = self.own_account(person).await?;
        let registered = state.registered().ok_or_else(wrong_code)?;
        let changes = [Channel::Sms, Channel::Mail].map(|channel| registered.contact_change(channel));
        let live = changes.into_iter().flatten().filter_map(|change| {
            let code = change.code.filter(|code| code.is_live(caller.now))?;
            Some((code.nonce, change))
        });
        let live: Vec<_> = live.collect();
        let matched = self.match_code(live.iter().map(|(nonce, _)| *nonce), code).await?;
        let proven = live.into_iter().find(|(nonce, _)| Some(*nonce) == matched);
        let (nonce, change) = proven.ok_or_else(wrong_code)?;
        attempt.give_back().await?;

        let contact = self.vault().open_text(&change.value).await?;
        let claimed = self.take_contact(account, change.channel, &contact, caller).await?;
        let mut changed = self.change_account(account, AccountCommand::ProveContact { nonce }, caller).await?;
        if let Some(before) = registered.proven_contact(change.channel) {
            let before = self.contact_stream(change.channel, &self.vault().open_text(before).await?);
            if before != claimed {
                let release = ClaimCommand::Release { owner: account };
                let released = self.claim(before, release, &caller.step("release")).await?;
                changed.position = changed.position.max(released);
            }
        }
        Ok(changed)
    }

    /// Makes `account` the holder of a contact it has proven; gives the stream of its claim.
    async fn take_contact(
        &self,
        account: EntityId,
        channel: Channel,
        contact: &str,
        caller: &Caller,
    ) -> Result<StreamId, CommandError> {
        let claimed = self.contact_stream(channel, contact);
        let command = match self.holder(channel, contact).await? {
            Holder::Account(id) if id == account => return Ok(claimed),
            Holder::Account(_) => return Err(belongs_to_another(channel).into()),
            Holder::Invited(temp) => {
                let absorb = AccountCommand::Absorb { into: account };
                self.change_account(temp, absorb, &caller.step("absorb")).await?;
                self.vault().link(temp, account).await?;
                ClaimCommand::Move { from: temp, to: account }
            }
            // An earlier proof of this contact was interrupted after the first of these steps.
            Holder::Absorbed { temp, into } if into == account => {
                self.vault().link(temp, account).await?;
                ClaimCommand::Move { from: temp, to: account }
            }
            Holder::Nobody | Holder::Unknown(_) | Holder::Absorbed { .. } => {
                ClaimCommand::Claim { owner: account, held: false }
            }
        };
        match self.claim(claimed.clone(), command, &caller.step("contact")).await {
            Ok(_) => Ok(claimed),
            Err(error) if error.is_rejection(RejectionKind::Conflict) => Err(belongs_to_another(channel).into()),
            Err(error) => Err(error),
        }
    }
}

fn belongs_to_another(channel: Channel) -> Rejection {
    let message = match channel {
        Channel::Mail => "is for an email address that belongs to another account",
        Channel::Sms => "is for a phone number that belongs to another account",
    };
    Rejection::conflict("contact-of-another", message).on("code")
}
