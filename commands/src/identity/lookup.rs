//! Finding accounts, and who holds a user name or a contact.

use std::sync::Arc;

use caravan_domain::identity::contact;
use caravan_domain::identity::{Account, AccountCommand, AccountState, Channel, Claim, ClaimCommand, credentials};
use caravan_domain::{EntityId, Rejection};
use caravan_event_store::{Position, StreamId};

use crate::{Caller, CommandError, Commands, Current, Done, stream};
use caravan_domain::identity::Person;

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

impl Commands {
    pub(super) async fn account(&self, id: EntityId) -> Result<Current<Account>, CommandError> {
        self.state::<Account>(&stream::<Account>(id)).await
    }

    /// The account of a user name, in its stored form. A name that nobody has takes as many look-ups, so that the time
    /// tells nobody which names there are. A sign-up may claim a name and then fail: that account does not have it.
    pub(super) async fn account_of(
        &self,
        username: &str,
    ) -> Result<Option<(EntityId, Arc<AccountState>)>, CommandError> {
        let claimed = self.vault().claim_id("username", username);
        let claim = self.state::<Claim>(&stream::<Claim>(claimed)).await?;
        let id = claim.state.owner.unwrap_or(claimed);
        let state = self.account(id).await?.state;
        let Some(registered) = state.registered() else { return Ok(None) };
        let theirs = self.vault().open_text(&registered.registration.username).await? == username;
        Ok(theirs.then_some((id, state)))
    }

    /// The registered account behind an access token.
    pub(super) async fn own_account(&self, person: Person) -> Result<Arc<AccountState>, CommandError> {
        let state = self.account(person.account).await?.state;
        match state.registered() {
            Some(_) => Ok(state),
            None => Err(CommandError::Unauthorised("this session has ended")),
        }
    }

    /// Refuses a user name that is not the account's.
    pub(super) async fn check_username(&self, state: &AccountState, given: &str) -> Result<(), CommandError> {
        if let Some(account) = state.registered()
            && self.vault().open_text(&account.registration.username).await? == credentials::normalised_username(given)
        {
            return Ok(());
        }
        Err(Rejection::forbidden("username-of-another", "is not your user name").on("username").into())
    }

    pub(super) fn contact_stream(&self, channel: Channel, contact: &str) -> StreamId {
        let what = match channel {
            Channel::Mail => "email",
            Channel::Sms => "phone",
        };
        stream::<Claim>(self.vault().claim_id(what, &contact::claimed_form(channel, contact)))
    }

    pub(super) async fn holder(&self, channel: Channel, contact: &str) -> Result<Holder, CommandError> {
        let claim = self.state::<Claim>(&self.contact_stream(channel, contact)).await?;
        let Some(owner) = claim.state.owner else { return Ok(Holder::Nobody) };
        let state = self.account(owner).await?.state;
        Ok(match *state {
            AccountState::Unknown => Holder::Unknown(owner),
            AccountState::Invited(_) => Holder::Invited(owner),
            AccountState::Registered(_) if self.has_proven(&state, channel, contact).await? => Holder::Account(owner),
            AccountState::Absorbed { into } => {
                let state = self.account(into).await?.state;
                match self.has_proven(&state, channel, contact).await? {
                    true => Holder::Account(into),
                    false => Holder::Absorbed { temp: owner, into },
                }
            }
            AccountState::Registered(_) | AccountState::Forgotten { .. } => Holder::Nobody,
        })
    }

    pub(super) async fn has_proven(
        &self,
        state: &AccountState,
        channel: Channel,
        contact: &str,
    ) -> Result<bool, CommandError> {
        let Some(account) = state.registered() else { return Ok(false) };
        let Some(proven) = account.proven_contact(channel) else { return Ok(false) };
        let proven = self.vault().open_text(proven).await?;
        Ok(contact::claimed_form(channel, &proven) == contact::claimed_form(channel, contact))
    }

    pub(super) async fn claim(
        &self,
        stream: StreamId,
        command: ClaimCommand,
        caller: &Caller,
    ) -> Result<Position, CommandError> {
        Ok(self.execute::<Claim>(stream, command, caller).await?.position)
    }

    pub(super) async fn change_account(
        &self,
        account: EntityId,
        command: AccountCommand,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        self.execute::<Account>(stream::<Account>(account), command, caller).await
    }

    /// What a repeated request has done to an account. Asked before a secret is looked at that the first one used up.
    pub(super) async fn changed_before(
        &self,
        account: EntityId,
        caller: &Caller,
    ) -> Result<Option<Done<Account>>, CommandError> {
        self.repeated::<Account>(&stream::<Account>(account), caller).await
    }
}
