//! What people tell about themselves, and their second factor.

use std::collections::BTreeMap;

use caravan_domain::Rejection;
use caravan_domain::identity::{Account, AccountCommand, Attribute, Channel, ClaimCommand, CodePurpose, Details};

use super::Credentials;
use crate::{Caller, CommandError, Commands, Done};
use caravan_domain::identity::Person;

impl Commands {
    /// Changes what somebody tells about themselves, except the phone number. Another email address than the proven one
    /// gets a code, and does not count before [`Commands::verify_contact`] has seen it.
    pub async fn edit_profile(
        &self,
        person: Person,
        username: &str,
        mut details: Details,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        if details.contains_key(&Attribute::PhoneNumber) {
            return Err(
                Rejection::invalid("phone-changes-apart", "phone_number", "is not changed with the profile").into()
            );
        }
        let before = self.own_account(person).await?;
        self.check_username(&before, username).await?;
        let mut email = details.remove(&Attribute::Email);
        if let Some(Some(given)) = &email
            && self.has_proven(&before, Channel::Mail, given).await?
        {
            // The proven address in other letters is still the proven address.
            email = None;
        }
        if let Some(changed) = self.changed_before(person.account, caller).await? {
            return Ok(changed);
        }
        let email = match email {
            Some(Some(text)) => {
                self.spend_proof(person.account, CodePurpose::EmailChange, Channel::Mail, &text).await?;
                Some(Some(self.vault().seal(person.account, &text).await?))
            }
            Some(None) => Some(None),
            None => None,
        };
        let mut attributes = BTreeMap::new();
        for (attribute, text) in details {
            let value = match text {
                Some(text) => Some(self.vault().seal(person.account, &text).await?),
                None => None,
            };
            attributes.insert(attribute, value);
        }
        let edit = AccountCommand::EditProfile { email, attributes, nonce: caller.command_id };
        let mut changed = self.change_account(person.account, edit, caller).await?;
        if let Some(address) = before.registered().and_then(|account| account.proven_email())
            && changed.state.registered().is_some_and(|account| account.proven_email().is_none())
        {
            let claimed = self.contact_stream(Channel::Mail, &self.vault().open_text(address).await?);
            let release = ClaimCommand::Release { owner: person.account };
            let released = self.claim(claimed, release, &caller.step("release")).await?;
            changed.position = changed.position.max(released);
        }
        Ok(changed)
    }

    /// Switches the second factor on or off.
    pub async fn switch_mfa(
        &self,
        person: Person,
        shown: Credentials<'_>,
        on: bool,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        self.check_credentials(person, &shown, caller.now).await?;
        self.change_account(person.account, AccountCommand::SwitchMfa { on }, caller).await
    }
}
