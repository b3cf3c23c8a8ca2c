//! Changing a password one knows, and resetting one that is forgotten.

use caravan_domain::identity::account::wrong_password;
use caravan_domain::identity::code::wrong_code;
use caravan_domain::identity::{Account, AccountCommand, CodePurpose, credentials};
use caravan_limits::rules::RESETS_PER_NAME;

use super::Credentials;
use super::guesses::{Secret, Whose};
use crate::{Caller, CommandError, Commands, Done};
use caravan_domain::identity::Person;

impl Commands {
    /// Changes the password; every other session is closed.
    pub async fn change_password(
        &self,
        person: Person,
        shown: Credentials<'_>,
        old_password: &str,
        new_password: &str,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        credentials::check_new_password("new_password", new_password)?;
        if let Some(changed) = self.changed_before(person.account, caller).await? {
            return Ok(changed);
        }
        let state = self.check_credentials(person, &shown, caller.now).await?;
        let attempt = self.guess_in_session(person).await?;
        let known = state.registered().and_then(|account| account.registration.password_hash.clone());
        let right = self.attempt_password(attempt, known.as_ref(), old_password).await?;
        let Some(verified) = known.filter(|_| right) else {
            return Err(wrong_password("old_password").into());
        };
        let hash = self.hashed(person.account, new_password).await?;
        let change = AccountCommand::ChangePassword { verified, hash, session: person.session };
        self.change_account(person.account, change, caller).await
    }

    /// Takes one of the resets that may be asked for under a user name, whether or not somebody has it. All that
    /// whoever asks is told: what [`Commands::send_password_reset`] then finds is none of their business.
    pub async fn ask_for_password_reset(&self, username: &str) -> Result<(), CommandError> {
        let place = RESETS_PER_NAME.of(credentials::normalised_username(username));
        Ok(self.limits().spend(&[place]).await?)
    }

    /// Sends a code to a proven contact of whoever has the user name, with which a forgotten password may be reset; to
    /// nobody where nobody has it, or no password.
    pub async fn send_password_reset(&self, username: &str, caller: &Caller) -> Result<(), CommandError> {
        let found = self.account_of(&credentials::normalised_username(username)).await?;
        let Some((id, state)) = found else { return Ok(()) };
        let Some((to, channel)) = state.registered().and_then(|account| account.reset_contact().ok()) else {
            return Ok(());
        };
        let to = self.vault().open_text(to).await?;
        match self.spend_code(CodePurpose::PasswordReset, channel, &to).await {
            Err(CommandError::Limited { .. }) => return Ok(()),
            other => other?,
        }
        let request = AccountCommand::RequestPasswordReset { nonce: caller.command_id };
        self.change_account(id, request, caller).await?;
        Ok(())
    }

    /// Sets a new password with the code; every session is closed.
    pub async fn reset_password(
        &self,
        username: &str,
        code: &str,
        new_password: &str,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        credentials::check_new_password("new_password", new_password)?;
        let username = credentials::normalised_username(username);
        let found = self.account_of(&username).await?;
        let account = found.as_ref().map(|(id, _)| *id);
        let at_home = self.is_home(account, caller).await?;
        let attempt = self.guess(Secret::ResetCode, Whose::of(account, &username), at_home, caller).await?;
        let pending = found.as_ref().and_then(|(_, state)| state.registered()?.password_reset);
        let live = pending.filter(|code| code.is_live(caller.now)).map(|code| code.nonce);
        let nonce = self.match_code(live, code).await?;
        let (Some(account), Some(nonce)) = (account, nonce) else { return Err(wrong_code().into()) };
        attempt.give_back().await?;
        let hash = self.hashed(account, new_password).await?;
        let changed = self.change_account(account, AccountCommand::ResetPassword { nonce, hash }, caller).await?;
        // Whoever has the code is who logs in next, also where others have failed meanwhile.
        self.note_home(account, caller).await?;
        Ok(changed)
    }
}
