//! What operators do with accounts: `caravan account force-password` and `caravan forget`.

use std::sync::Arc;

use caravan_domain::identity::preferences::PREFERENCES;
use caravan_domain::identity::{Account, AccountCommand, AccountState, Channel, Claim, ClaimCommand, credentials};
use caravan_domain::record::{Change, RecordCommand, Records};
use caravan_domain::{EntityId, Rejection, RejectionKind};
use caravan_event_store::StreamId;

use super::roles;
use crate::{Caller, CommandError, Commands, Done, stream};

impl Commands {
    /// The account of a user name.
    pub async fn account_named(&self, username: &str) -> Result<Option<EntityId>, CommandError> {
        Ok(self.account_of(&credentials::normalised_username(username)).await?.map(|(id, _)| id))
    }

    /// Sets a password that its owner has to change at the next login; closes every session.
    pub async fn force_password(
        &self,
        account: EntityId,
        password: &str,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        credentials::check_new_password("password", password)?;
        let hash = self.hashed(account, password).await?;
        self.change_account(account, AccountCommand::ForcePassword { hash }, caller).await
    }

    /// The person whom forgetting an id would forget, and the user name, if they have an account.
    pub async fn person(&self, id: EntityId) -> Result<(EntityId, Option<String>), CommandError> {
        let (person, state) = self.known_person(id).await?;
        let username = match state.registered() {
            Some(account) => Some(self.vault().open_text(&account.registration.username).await?),
            None => None,
        };
        Ok((person, username))
    }

    /// Forgets a person for good: their values can never be opened again, their names and contacts are free. Gives
    /// the subjects whose messages have to go from the outbox. Running it again finishes what was interrupted.
    pub async fn forget(&self, account: EntityId, caller: &Caller) -> Result<Vec<EntityId>, CommandError> {
        let (account, state) = self.known_person(account).await?;
        let claimed = self.claims(&state).await?;
        // First: the last super-admin is not forgotten.
        roles::unlist(self, account, caller).await?;
        self.change_account(account, AccountCommand::Forget, caller).await?;
        for (name, claimed) in claimed {
            self.claim(claimed, ClaimCommand::Release { owner: account }, &caller.step(name)).await?;
        }
        let delete = RecordCommand { record: &PREFERENCES, id: account, change: Change::Delete };
        let preferences = StreamId::new(PREFERENCES.kind.name, account);
        match self.execute::<Records>(preferences, delete, &caller.system_step("preferences")).await {
            Err(error) if !error.is_rejection(RejectionKind::NotFound) => return Err(error),
            _ => {}
        }
        self.forget_homes(account).await?;
        Ok(self.vault().forget(account).await?)
    }

    async fn known_person(&self, id: EntityId) -> Result<(EntityId, Arc<AccountState>), CommandError> {
        // A temp member who turned out to be somebody else is forgotten with them.
        let person = self.account(id).await?.state.present(id);
        let state = self.account(person).await?.state;
        // Somebody may be named without having an account: a person who organises an event.
        let named = async || {
            Ok::<_, CommandError>(self.vault().has_key(person).await? || self.vault().is_forgotten(person).await?)
        };
        if matches!(*state, AccountState::Unknown) && !named().await? {
            return Err(Rejection::not_found("no such account").into());
        }
        Ok((person, state))
    }

    /// The claims on what only this person may hold.
    async fn claims(&self, state: &AccountState) -> Result<Vec<(&'static str, StreamId)>, CommandError> {
        let mut claimed = vec![];
        if let Some(phone) = state.phone() {
            claimed.push(("phone", self.contact_stream(Channel::Sms, &self.vault().open_text(phone).await?)));
        }
        if let Some(account) = state.registered() {
            if let Some(email) = account.proven_email() {
                claimed.push(("email", self.contact_stream(Channel::Mail, &self.vault().open_text(email).await?)));
            }
            let named = [
                ("username", Some(&account.registration.username)),
                ("facebook", account.registration.facebook_id.as_ref()),
            ];
            for (what, value) in named {
                if let Some(value) = value {
                    let id = self.vault().claim_id(what, &self.vault().open_text(value).await?);
                    claimed.push((what, stream::<Claim>(id)));
                }
            }
        }
        Ok(claimed)
    }
}
