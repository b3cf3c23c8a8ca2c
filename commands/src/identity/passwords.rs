//! Changing a password one knows, and resetting one that is forgotten.

use caravan_domain::Rejection;
use caravan_domain::identity::account::wrong_password;
use caravan_domain::identity::code::wrong_code;
use caravan_domain::identity::{AccountCommand, contact, credentials};

use super::sessions::whose;
use super::{Changed, Credentials, Delivery, Person};
use crate::{Caller, CommandError, Commands};

impl Commands {
    /// Changes the password; every other session is closed.
    pub async fn change_password(
        &self,
        person: Person,
        shown: Credentials<'_>,
        old_password: &str,
        new_password: &str,
        caller: &Caller,
    ) -> Result<Changed, CommandError> {
        credentials::check_new_password("newPassword", new_password)?;
        if let Some(changed) = self.changed_before(person.account, caller).await? {
            return Ok(changed);
        }
        let state = self.check_credentials(person, &shown, caller.now).await?;
        let attempt = self.guess(&person.account.to_string(), caller).await?;
        let known = state.registered().and_then(|account| account.registration.password_hash.clone());
        let right = self.is_password(known.as_ref(), old_password).await?;
        let Some(verified) = known.filter(|_| right) else {
            return Err(wrong_password("oldPassword").into());
        };
        attempt.succeeded().await?;
        let hash = self.hashed(person.account, new_password).await?;
        let change = AccountCommand::ChangePassword { verified, hash, session: person.session };
        self.change_account(person.account, change, caller).await
    }

    /// Sends a code to a proven contact, with which a forgotten password may be reset.
    pub async fn request_password_reset(&self, username: &str, caller: &Caller) -> Result<Delivery, CommandError> {
        let found = self.account_of(&credentials::normalised_username(username)).await?;
        let account = found.as_ref().and_then(|(id, state)| Some((*id, state.registered()?)));
        let (id, registered) = account.ok_or_else(|| Rejection::invalid("username", "is unknown"))?;
        let (to, channel) = registered.reset_contact()?;
        let to = self.vault().open_text(to).await?;
        self.spend_code(channel, &to).await?;
        let request = AccountCommand::RequestPasswordReset { nonce: caller.command_id };
        let changed = self.change_account(id, request, caller).await?;
        Ok(Delivery { channel, destination: contact::masked(channel, &to), position: changed.position })
    }

    /// Sets a new password with the code; every session is closed.
    pub async fn reset_password(
        &self,
        username: &str,
        code: &str,
        new_password: &str,
        caller: &Caller,
    ) -> Result<Changed, CommandError> {
        credentials::check_new_password("newPassword", new_password)?;
        let username = credentials::normalised_username(username);
        let found = self.account_of(&username).await?;
        let attempt = self.guess(&whose(found.as_ref().map(|(id, _)| *id), &username), caller).await?;
        let pending = found.as_ref().and_then(|(_, state)| state.registered()?.password_reset);
        let nonce = self.nonce_of(pending.as_ref(), code, caller);
        let (Some((account, _)), Some(nonce)) = (found, nonce) else { return Err(wrong_code().into()) };
        attempt.succeeded().await?;
        let hash = self.hashed(account, new_password).await?;
        self.change_account(account, AccountCommand::ResetPassword { nonce, hash }, caller).await
    }
}
