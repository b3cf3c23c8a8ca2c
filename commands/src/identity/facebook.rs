//! Logging in with Facebook, which also makes the account.

use std::collections::BTreeMap;

use caravan_domain::identity::account::{Provider, Registration};
use caravan_domain::identity::{
    Account, AccountCommand, AccountState, Attribute, Claim, ClaimCommand, Contact, credentials, details,
};
use caravan_domain::{EntityId, Rejection, RejectionKind};

use super::{LoggedIn, Vouched};
use crate::{Caller, CommandError, Commands, Done, stream};
use caravan_domain::identity::Person;

impl Commands {
    /// Logs in whom Facebook vouches for; the first time, an account is made.
    pub async fn log_in_with_facebook(&self, token: &str, caller: &Caller) -> Result<LoggedIn, CommandError> {
        let provider = self.identity_provider();
        let provider = provider.ok_or(CommandError::Unauthorised("logging in with Facebook is not set up"))?;
        let vouched = provider.verify(token, caller.now).await?;
        let account = match self.facebook_account(&vouched.id, caller).await {
            // Somebody logs in for the first time in two places at once: the account is the other's.
            Err(error) if error.is_rejection(RejectionKind::Conflict) => {
                self.facebook_account(&vouched.id, caller).await?
            }
            other => other?,
        };
        if self.account(account).await?.state.registered().is_none() {
            let registration = Box::new(self.vouched_registration(account, &vouched).await?);
            self.change_account(account, AccountCommand::Register(registration), &caller.step("register")).await?;
        }
        self.log_in_vouched(account, caller).await
    }

    /// The account that a Facebook id is claimed for, from now on if it was for none. It may not be registered yet.
    async fn facebook_account(&self, facebook_id: &str, caller: &Caller) -> Result<EntityId, CommandError> {
        let claimed = stream::<Claim>(self.vault().claim_id("facebook", facebook_id));
        if let Some(owner) = self.state::<Claim>(&claimed).await?.state.owner
            && !matches!(*self.account(owner).await?.state, AccountState::Forgotten { .. })
        {
            return Ok(owner);
        }
        let account = self.vault().new_id("account").await?;
        let claim = ClaimCommand::Claim { owner: account, held: false };
        self.claim(claimed, claim, &caller.step(&format!("claim {account}"))).await?;
        Ok(account)
    }

    /// Sends a code to the phone number of somebody who logs in with Facebook, known by their Facebook id.
    pub async fn edit_facebook_phone(
        &self,
        person: Person,
        facebook_id: &str,
        phone: &str,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        let state = self.own_account(person).await?;
        let known = state.registered().and_then(|account| account.registration.facebook_id.as_ref());
        let own = match known {
            Some(id) => self.vault().open_text(id).await? == facebook_id,
            None => false,
        };
        if !own {
            return Err(Rejection::forbidden("facebook-id-of-another", "is not your Facebook id").on("id").into());
        }
        self.request_phone_change(person.account, phone, caller).await
    }

    async fn vouched_registration(&self, account: EntityId, vouched: &Vouched) -> Result<Registration, CommandError> {
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
                attributes.insert(attribute, self.vault().seal(account, &text).await?);
            }
        }
        let email = attributes.remove(&Attribute::Email).map(|value| Contact { value, proven: false });
        Ok(Registration {
            provider: Provider::Facebook,
            sign_up: None,
            username: self.vault().seal(account, &credentials::facebook_username(&vouched.id)).await?,
            password_hash: None,
            facebook_id: Some(self.vault().seal(account, &vouched.id).await?),
            email,
            phone: None,
            attributes,
        })
    }
}
