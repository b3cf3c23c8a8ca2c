//! Changing one's phone number. Proving one that a temp member was invited by makes the two one person.

use caravan_domain::identity::code::wrong_code;
use caravan_domain::identity::{AccountCommand, Channel, ReservationCommand, contact};
use caravan_domain::{EntityId, Rejection, RejectionKind};

use super::lookup::Holder;
use super::{Changed, Credentials, Person};
use crate::{Caller, CommandError, Commands};

impl Commands {
    /// Sends a code to a new phone number.
    pub async fn edit_phone(
        &self,
        person: Person,
        shown: Credentials<'_>,
        phone: &str,
        caller: &Caller,
    ) -> Result<Changed, CommandError> {
        self.check_credentials(person, &shown, caller.now).await?;
        self.request_phone_change(person.account, phone, caller).await
    }

    pub(super) async fn request_phone_change(
        &self,
        account: EntityId,
        phone: &str,
        caller: &Caller,
    ) -> Result<Changed, CommandError> {
        let phone = contact::phone("phoneNumber", phone)?;
        if let Some(changed) = self.changed_before(account, caller).await? {
            return Ok(changed);
        }
        self.spend_code(Channel::Sms, &phone).await?;
        let phone = self.vault().seal(account, &phone).await?;
        let request = AccountCommand::RequestPhoneChange { phone, nonce: caller.command_id };
        self.change_account(account, request, caller).await
    }

    /// Proves a new phone number with the code that was sent to it. `access_token` shows the session once more.
    pub async fn verify_phone(
        &self,
        person: Person,
        access_token: &str,
        code: &str,
        caller: &Caller,
    ) -> Result<Changed, CommandError> {
        let shown = self.authenticate(access_token, caller.now).await?;
        if shown.account != person.account {
            return Err(CommandError::Unauthorised("this token belongs to somebody else"));
        }
        let account = person.account;
        if let Some(changed) = self.changed_before(account, caller).await? {
            return Ok(changed);
        }
        let attempt = self.guess(&account.to_string(), caller).await?;
        let state = self.own_account(person).await?;
        let registered = state.registered().ok_or_else(wrong_code)?;
        let change = registered.phone_change.as_ref().ok_or_else(wrong_code)?;
        let nonce = self.nonce_of(change.code.as_ref(), code, caller).ok_or_else(wrong_code)?;
        attempt.succeeded().await?;

        let phone = self.vault().open_text(&change.phone).await?;
        self.take_phone(account, &phone, caller).await?;
        let mut changed = self.change_account(account, AccountCommand::ProvePhone { nonce }, caller).await?;
        if let Some(before) = registered.proven_phone().filter(|before| **before != change.phone) {
            let before = self.contact_stream(Channel::Sms, &self.vault().open_text(before).await?);
            let release = ReservationCommand::Release { owner: account };
            let released = self.reserve(before, release, &caller.step("release")).await?;
            changed.position = changed.position.max(released);
        }
        Ok(changed)
    }

    /// Makes `account` the holder of a number it has proven.
    async fn take_phone(&self, account: EntityId, phone: &str, caller: &Caller) -> Result<(), CommandError> {
        let reserved = self.contact_stream(Channel::Sms, phone);
        let command = match self.holder(Channel::Sms, phone).await? {
            Holder::Account(id) if id == account => return Ok(()),
            Holder::Account(_) => {
                return Err(belongs_to_another().into());
            }
            Holder::Invited(temp) => {
                let absorb = AccountCommand::Absorb { into: account };
                self.change_account(temp, absorb, &caller.step("absorb")).await?;
                self.vault().link(temp, account).await?;
                ReservationCommand::Move { from: temp, to: account }
            }
            // An earlier proof of this number was interrupted after the first of these steps.
            Holder::Absorbed { temp, into } if into == account => {
                self.vault().link(temp, account).await?;
                ReservationCommand::Move { from: temp, to: account }
            }
            Holder::Nobody | Holder::Unknown(_) | Holder::Absorbed { .. } => {
                ReservationCommand::Claim { owner: account, held: false }
            }
        };
        match self.reserve(reserved, command, &caller.step("phone")).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_rejection(RejectionKind::Conflict) => Err(belongs_to_another().into()),
            Err(error) => Err(error),
        }
    }
}

fn belongs_to_another() -> Rejection {
    Rejection::conflict("is for a phone number that belongs to another account").on("code")
}
