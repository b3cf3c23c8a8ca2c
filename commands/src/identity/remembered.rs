//! Sessions whose access tokens are short, and which may last a year: a client that is remembered shows a token for the
//! next one. That token stays the same for as long as the session lasts.

use caravan_domain::EntityId;
use caravan_domain::identity::account::{LoginSession, LoginTerms, Registered};
use caravan_domain::identity::{Account, AccountCommand, Channel, Person};
use caravan_vault::{AccessToken, ForClients};
use chrono::TimeDelta;

use super::daily::{self, Entry};
use super::guesses::{attempt_password, guess_in_session, is_same};
use super::lookup::{check_username, has_proven, own_account};
use super::sessions::unauthorised;
use crate::{Asking, CommandError, Commands, Done};

/// How long the access token of a session lives that is not renewed.
const DAILY_LIFE: TimeDelta = TimeDelta::hours(24);
/// How long one lives that is renewed.
const SHORT_LIFE: TimeDelta = TimeDelta::minutes(90);

const REMEMBERED: &str = "remembered";

/// What a client that is remembered shows for its next access token.
pub struct Renewal {
    pub token: String,
    /// What a page has to show besides, where the browser shows the token by itself.
    pub page_token: String,
}

/// How a client shows its renewal.
pub enum Shown<'a> {
    /// By itself.
    Sent { token: &'a str },
    /// By a browser, which sends it whoever asks it to.
    Kept { token: &'a str, page_token: &'a str },
}

/// As [`daily::log_in`]; opens a session of a year where the client is to be remembered.
pub async fn log_in(asking: &Asking, address: &str, password: &str, remember: bool) -> Result<Entry, CommandError> {
    let terms = if remember { LoginTerms::REMEMBERED } else { LoginTerms::DAILY };
    daily::enter(asking, address, password, terms).await
}

/// The access token of a session; `fresh` where a password was shown just now.
pub fn access(asking: &Asking, account: EntityId, session: &LoginSession, fresh: bool) -> AccessToken {
    let life = if session.is_daily() { DAILY_LIFE } else { SHORT_LIFE };
    let life = life.min(session.expires_at - asking.now());
    let told = ForClients { identity: account.number(), fresh };
    asking.vault().sign_access_for(told, account, session.number, asking.now(), life)
}

/// The renewal of a session.
pub fn renewal(commands: &Commands, account: EntityId, session: &LoginSession) -> Renewal {
    let token = commands.vault().sign_purpose(REMEMBERED, account, session.login, session.expires_at);
    let page_token = page_token(commands, &token);
    Renewal { token, page_token }
}

/// The next access token of the session whose renewal is shown. It is not fresh.
pub async fn renew(asking: &Asking, shown: Shown<'_>) -> Result<AccessToken, CommandError> {
    let token = match shown {
        Shown::Sent { token } => token,
        Shown::Kept { token, page_token: given } => {
            if !is_same(&page_token(asking, token), given) {
                return Err(CommandError::Unauthorised("the page's token is missing or does not belong to the cookie"));
            }
            token
        }
    };
    let (account, login) = asking.vault().verify_purpose(REMEMBERED, token, asking.now()).map_err(unauthorised)?;
    let state = asking.state::<Account>(account).await?.state;
    let session = state.registered().and_then(|account| account.session_of(login, asking.now()));
    let session = session.filter(|session| !session.voided);
    let session = session.ok_or(CommandError::Unauthorised("this session has ended, or is not renewed any more"))?;
    Ok(access(asking, account, session, false))
}

/// Closes the session whose renewal this is; nothing where it is none, or of one that has ended.
pub async fn close(asking: &Asking, token: &str) -> Result<Option<Done<Account>>, CommandError> {
    let Ok((account, login)) = asking.vault().verify_purpose(REMEMBERED, token, asking.now()) else { return Ok(None) };
    let state = asking.state::<Account>(account).await?.state;
    let session = state.registered().and_then(|account| account.session_of(login, asking.now()));
    let Some(session) = session else { return Ok(None) };
    Ok(Some(asking.send(account, AccountCommand::CloseSession { session: session.number }).await?))
}

/// A fresh access token of the session that asks, for the address or user name and the password of its account.
pub async fn prove_anew(
    asking: &Asking,
    person: Person,
    address: &str,
    password: &str,
) -> Result<AccessToken, CommandError> {
    let state = own_account(asking, person).await?;
    let registered = state.registered().ok_or(ENDED)?;
    let address = address.trim();
    let is_name = check_username(asking, &state, address).await.is_ok();
    let is_theirs = is_name || has_proven(asking, &state, Channel::Mail, address).await?;
    // The password is checked either way, so that this tells nothing more of an address than a login does.
    if !is_password_of(asking, person, registered, password).await? || !is_theirs {
        return Err(CommandError::Unauthorised("wrong address or password"));
    }
    let session = registered.session(person.session, asking.now()).ok_or(ENDED)?;
    Ok(access(asking, person.account, session, true))
}

/// Whether a password is the person's own; a wrong one counts against their session.
pub async fn is_own_password(asking: &Asking, person: Person, password: &str) -> Result<bool, CommandError> {
    let state = own_account(asking, person).await?;
    is_password_of(asking, person, state.registered().ok_or(ENDED)?, password).await
}

/// Keeps every session that the person has from being renewed.
pub async fn void(asking: &Asking, person: Person) -> Result<Done<Account>, CommandError> {
    asking.send::<Account>(person.account, AccountCommand::VoidRefreshTokens).await
}

const ENDED: CommandError = CommandError::Unauthorised("this session has ended");

async fn is_password_of(
    asking: &Asking,
    person: Person,
    registered: &Registered,
    password: &str,
) -> Result<bool, CommandError> {
    let attempt = guess_in_session(asking, person).await?;
    attempt_password(asking, attempt, registered.registration.password_hash.as_ref(), password).await
}

/// Follows from the token, and only we can tell how.
fn page_token(commands: &Commands, token: &str) -> String {
    commands.vault().hash("page token", token)
}
