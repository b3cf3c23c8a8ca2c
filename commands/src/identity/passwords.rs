//! Changing a password one knows, and resetting one that is forgotten.

use caravan_domain::identity::account::wrong_password;
use caravan_domain::identity::code::wrong_code;
use caravan_domain::identity::{Account, AccountCommand, CodePurpose, Person, credentials};
use caravan_limits::known::RESETS_PER_NAME;

use super::guesses::{Secret, Whose, attempt_password, guess, guess_in_session, hashed, match_code, spend_code};
use super::homes::{is_home, note_home};
use super::lookup::account_of;
use super::sessions::{Credentials, check_credentials};
use crate::{Asking, CommandError, Commands, Done};

/// Changes the password; every other session is closed.
pub async fn change(
    asking: &Asking,
    person: Person,
    shown: Credentials<'_>,
    old_password: &str,
    new_password: &str,
) -> Result<Done<Account>, CommandError> {
    credentials::check_new_password("new_password", new_password)?;
    if let Some(changed) = asking.done_before(person.account).await? {
        return Ok(changed);
    }
    let state = check_credentials(asking, person, &shown, asking.now()).await?;
    let attempt = guess_in_session(asking, person).await?;
    let known = state.registered().and_then(|account| account.registration.password_hash.clone());
    let right = attempt_password(asking, attempt, known.as_ref(), old_password).await?;
    let Some(verified) = known.filter(|_| right) else {
        return Err(wrong_password("old_password").into());
    };
    let hash = hashed(asking, person.account, new_password).await?;
    let change = AccountCommand::ChangePassword { verified, hash, session: person.session };
    asking.send::<Account>(person.account, change).await
}

/// Takes one of the resets that may be asked for under a user name, whether or not somebody has it. All that whoever
/// asks is told: what [`send_reset`] then finds is none of their business.
pub async fn ask_for_reset(commands: &Commands, username: &str) -> Result<(), CommandError> {
    let place = RESETS_PER_NAME.of(credentials::normalised_username(username));
    Ok(commands.limits().spend(&[place]).await?)
}

/// Sends a code to a proven contact of whoever has the user name, with which a forgotten password may be reset; to
/// nobody where nobody has it, or no password.
pub async fn send_reset(asking: &Asking, username: &str) -> Result<(), CommandError> {
    let found = account_of(asking, &credentials::normalised_username(username)).await?;
    let Some((id, state)) = found else { return Ok(()) };
    let Some((to, channel)) = state.registered().and_then(|account| account.reset_contact().ok()) else {
        return Ok(());
    };
    let to = asking.vault().open_text(to).await?;
    match spend_code(asking, CodePurpose::PasswordReset, channel, &to).await {
        Err(CommandError::Limited { .. }) => return Ok(()),
        other => other?,
    }
    let request = AccountCommand::RequestPasswordReset { nonce: asking.caller().command_id };
    asking.send::<Account>(id, request).await?;
    Ok(())
}

/// Sets a new password with the code; every session is closed.
pub async fn reset(
    asking: &Asking,
    username: &str,
    code: &str,
    new_password: &str,
) -> Result<Done<Account>, CommandError> {
    credentials::check_new_password("new_password", new_password)?;
    let username = credentials::normalised_username(username);
    let found = account_of(asking, &username).await?;
    let account = found.as_ref().map(|(id, _)| *id);
    let at_home = is_home(asking, account).await?;
    let attempt = guess(asking, Secret::ResetCode, Whose::of(account, &username), at_home).await?;
    let pending = found.as_ref().and_then(|(_, state)| state.registered()?.password_reset);
    let live = pending.filter(|code| code.is_live(asking.now())).map(|code| code.nonce);
    let nonce = match_code(asking, live, code).await?;
    let (Some(account), Some(nonce)) = (account, nonce) else { return Err(wrong_code().into()) };
    attempt.give_back().await?;
    let hash = hashed(asking, account, new_password).await?;
    let changed = asking.send::<Account>(account, AccountCommand::ResetPassword { nonce, hash }).await?;
    // Whoever has the code is who logs in next, also where others have failed meanwhile.
    note_home(asking, account).await?;
    Ok(changed)
}
