//! Logging in and out, and what the tokens of a session prove.

use std::sync::Arc;

use caravan_domain::identity::account::{Challenge, LOGIN_LIFE, LoginTerms, wrong_password};
use caravan_domain::identity::code::wrong_code;
use caravan_domain::identity::{Account, AccountCommand, AccountState, Channel, CodePurpose, Person, credentials};
use caravan_domain::{EntityId, Rejection, Sealed};
use caravan_vault::TokenError;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::guesses::{Secret, Whose, attempt_password, guess, hashed, is_password, match_code, spend_code};
use super::homes::{is_home, note_home};
use super::lookup::{account_of, check_username, own_account};
use super::{LoggedIn, Next, Tokens};
use crate::{Asking, CommandError, Commands, Done};

/// What a signed-in person shows once more for what matters: their user name and a refresh token.
pub struct Credentials<'a> {
    pub username: &'a str,
    pub refresh_token: &'a str,
}

const LOGIN: &str = "login";
const IDENTITY: &str = "identity";

/// Who an access token names, if its session is still open.
pub async fn authenticate(commands: &Commands, token: &str, now: DateTime<Utc>) -> Result<Person, CommandError> {
    let access = commands.vault().verify_access(token, now).map_err(unauthorised)?;
    let account = commands.state::<Account>(access.account).await?;
    let ended = || CommandError::Unauthorised("this session has ended");
    let registered = account.state.registered().ok_or_else(ended)?;
    let login = registered.session(access.session, now).ok_or_else(ended)?.login;
    Ok(Person { account: access.account, session: access.session, login, roles: registered.roles() })
}

/// Logs in with a password. Unknown, unconfirmed and wrong look and cost the same.
pub async fn log_in(asking: &Asking, username: &str, password: &str) -> Result<LoggedIn, CommandError> {
    let username = credentials::normalised_username(username);
    let found = account_of(asking, &username).await?;
    let Verified { account, state, hash: verified } =
        verified(asking, &username, found, password).await?.ok_or_else(|| wrong_password("password"))?;
    spend_login_code(asking, &state).await?;
    let login = asking.caller().command_id;
    let log_in = AccountCommand::LogIn { verified, login, terms: LoginTerms::REFRESHED };
    let changed = asking.send::<Account>(account, log_in).await?;
    next(asking, changed, login).await
}

/// An account, and the password that somebody has shown to be its own.
pub(super) struct Verified {
    pub account: EntityId,
    pub state: Arc<AccountState>,
    pub hash: Sealed,
}

/// Whether the password is that of the account `found` under a name. Counts as an attempt at it, and costs the same
/// where there is no account or password.
pub(super) async fn verified(
    asking: &Asking,
    name: &str,
    found: Option<(EntityId, Arc<AccountState>)>,
    password: &str,
) -> Result<Option<Verified>, CommandError> {
    let account = found.as_ref().map(|(id, _)| *id);
    let at_home = is_home(asking, account).await?;
    let attempt = guess(asking, Secret::Password, Whose::of(account, name), at_home).await?;
    let hash = found.as_ref().and_then(|(_, state)| state.registered()?.registration.password_hash.clone());
    let right = attempt_password(asking, attempt, hash.as_ref(), password).await?;
    let verified = found.zip(hash).filter(|_| right);
    Ok(verified.map(|((account, state), hash)| Verified { account, state, hash }))
}

/// Logs in somebody whom an identity provider vouches for.
pub(super) async fn log_in_vouched(asking: &Asking, account: EntityId) -> Result<LoggedIn, CommandError> {
    spend_login_code(asking, &asking.state::<Account>(account).await?.state).await?;
    let asking = &asking.step("session");
    let login = asking.caller().command_id;
    let changed = asking.send::<Account>(account, AccountCommand::LogInVouched { login }).await?;
    next(asking, changed, login).await
}

/// Takes one of the codes that may be sent to the account's number, if the next login sends one.
async fn spend_login_code(commands: &Commands, state: &AccountState) -> Result<(), CommandError> {
    let registered = state.registered().filter(|account| !account.must_change_password);
    let Some(phone) = registered.and_then(|account| account.mfa_phone()) else { return Ok(()) };
    let phone = commands.vault().open_text(phone).await?;
    spend_code(commands, CodePurpose::Login, Channel::Sms, &phone).await
}

/// Finishes a login with the code that was sent. `username` may be the account's id.
pub async fn answer_mfa(
    asking: &Asking,
    username: &str,
    login_session: &str,
    code: &str,
) -> Result<LoggedIn, CommandError> {
    let (account, login) = login_of(asking, username, login_session).await?;
    let at_home = is_home(asking, Some(account)).await?;
    let attempt = guess(asking, Secret::LoginCode, Whose::Account(account), at_home).await?;
    match_code(asking, [login], code).await?.ok_or_else(wrong_code)?;
    attempt.give_back().await?;
    let changed = asking.send::<Account>(account, AccountCommand::AnswerMfa { login }).await?;
    next(asking, changed, login).await
}

/// Sets the password that a login asked for; the next login uses it.
pub async fn answer_new_password(
    asking: &Asking,
    username: &str,
    login_session: &str,
    new_password: &str,
) -> Result<Done<Account>, CommandError> {
    credentials::check_new_password("new_password", new_password)?;
    let (account, login) = login_of(asking, username, login_session).await?;
    let state = asking.state::<Account>(account).await?.state;
    let registered = state.registered().ok_or_else(wrong_code)?;
    // Before anything is hashed: another challenge's login is no reason to.
    if registered.challenge(login, asking.now()).is_none_or(|asked| asked.challenge != Challenge::NewPassword) {
        return Err(wrong_code().into());
    }
    if is_password(asking, registered.registration.password_hash.as_ref(), new_password).await? {
        return Err(
            Rejection::invalid("password-unchanged", "new_password", "is the password that has to be changed").into()
        );
    }
    let hash = hashed(asking, account, new_password).await?;
    asking.send::<Account>(account, AccountCommand::AnswerNewPassword { login, hash }).await
}

/// Renews the tokens of a session. A token that was used before, longer ago than an answer may get lost, closes
/// the session.
pub async fn refresh(asking: &Asking, shown: Credentials<'_>) -> Result<LoggedIn, CommandError> {
    let refresh = asking.vault().verify_refresh(shown.refresh_token).map_err(unauthorised)?;
    let ended = || CommandError::Unauthorised("this session has ended");
    let state = asking.state::<Account>(refresh.account).await?.state;
    if check_username(asking, &state, shown.username).await.is_err() {
        return Err(CommandError::Unauthorised("this token belongs to somebody else"));
    }
    let command = AccountCommand::Refresh { session: refresh.session, generation: refresh.generation };
    let changed = match asking.send::<Account>(refresh.account, command).await {
        Err(CommandError::Rejected(_)) => return Err(ended()),
        other => other?,
    };
    let tokens = tokens(asking, refresh.account, &changed.state, refresh.session).ok_or_else(ended)?;
    Ok(LoggedIn { account: changed.id, state: changed.state, next: Next::Session(tokens), position: changed.position })
}

/// Closes every session of a person.
pub async fn log_out(asking: &Asking, person: Person, shown: Credentials<'_>) -> Result<Done<Account>, CommandError> {
    check_credentials(asking, person, &shown, asking.now()).await?;
    asking.send::<Account>(person.account, AccountCommand::LogOut).await
}

/// Opens a session for somebody whose sign-up was confirmed.
pub(super) async fn open_session(asking: &Asking, account: EntityId) -> Result<LoggedIn, CommandError> {
    let asking = &asking.step("session");
    let login = asking.caller().command_id;
    let changed = asking.send::<Account>(account, AccountCommand::OpenSession { login }).await?;
    next(asking, changed, login).await
}

/// Refuses a user name or refresh token that is not the person's own.
pub(super) async fn check_credentials(
    commands: &Commands,
    person: Person,
    shown: &Credentials<'_>,
    now: DateTime<Utc>,
) -> Result<Arc<AccountState>, CommandError> {
    let state = own_account(commands, person).await?;
    check_username(commands, &state, shown.username).await?;
    let refresh = commands.vault().verify_refresh(shown.refresh_token).map_err(unauthorised)?;
    let session = state.registered().and_then(|account| account.session(refresh.session, now));
    if refresh.account != person.account || !session.is_some_and(|session| session.accepts(refresh.generation, now)) {
        return Err(CommandError::Unauthorised("this refresh token is not valid"));
    }
    Ok(state)
}

async fn login_of(asking: &Asking, username: &str, login_session: &str) -> Result<(EntityId, Uuid), CommandError> {
    let (account, login) =
        asking.vault().verify_purpose(LOGIN, login_session, asking.now()).map_err(|_| wrong_code())?;
    if username.trim().parse() != Ok(account) {
        let state = asking.state::<Account>(account).await?.state;
        check_username(asking, &state, username).await.map_err(|_| wrong_code())?;
    }
    Ok((account, login))
}

/// What the login of this id has led to.
async fn next(asking: &Asking, changed: Done<Account>, login: Uuid) -> Result<LoggedIn, CommandError> {
    let registered = changed.state.registered();
    let challenge = registered.and_then(|account| account.challenge(login, asking.now()));
    let next = match challenge {
        Some(pending) => Next::Challenge {
            challenge: pending.challenge,
            login_session: asking.vault().sign_purpose(LOGIN, changed.id, login, asking.now() + LOGIN_LIFE),
        },
        None => {
            let session = registered.and_then(|account| account.session_of(login, asking.now()));
            let tokens = session.and_then(|session| tokens(asking, changed.id, &changed.state, session.number));
            let tokens = tokens.ok_or(CommandError::Unauthorised("this session has ended"))?;
            note_home(asking, changed.id).await?;
            Next::Session(tokens)
        }
    };
    Ok(LoggedIn { account: changed.id, state: changed.state, next, position: changed.position })
}

fn tokens(asking: &Asking, account: EntityId, state: &AccountState, session: u32) -> Option<Tokens> {
    let session = state.registered()?.session(session, asking.now())?;
    let access = asking.vault().sign_access(account, session.number, asking.now());
    Some(Tokens {
        id_token: asking.vault().sign_purpose(IDENTITY, account, session.login, access.expires_at),
        refresh_token: asking.vault().refresh_token(account, session.number, session.generation),
        access_token: access.token,
        expires_at: access.expires_at,
    })
}

pub(super) fn unauthorised(error: TokenError) -> CommandError {
    CommandError::Unauthorised(match error {
        TokenError::Invalid => "this token is not valid",
        TokenError::Expired => "this token has expired",
    })
}
