//! Sessions, and the challenges a login may have to meet first.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::events::{AccountEvent, Challenge};
use super::state::{LoginSession, Registered};
use crate::identity::code::{CODE_LIFE, wrong_code};
use crate::identity::{Channel, CodeIssued, CodePurpose};
use crate::{Rejection, Sealed};

/// How long a session lasts, however often it is refreshed.
pub const SESSION_LIFE: TimeDelta = TimeDelta::days(90);
/// How long a session lasts that is not refreshed but logged in anew.
const DAILY_LIFE: TimeDelta = TimeDelta::hours(24);
/// How long a session lasts of a client that somebody wants to stay logged in on.
const REMEMBERED_LIFE: TimeDelta = TimeDelta::days(365);
/// How many sessions may be open; one more closes the oldest.
pub const MAX_SESSIONS: usize = 20;
/// How long a login waits for the answer to its challenge.
pub const LOGIN_LIFE: TimeDelta = TimeDelta::minutes(10);
/// How many logins may wait; one more ends the oldest.
const MAX_CHALLENGES: usize = 5;

/// What logins differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginTerms {
    /// How long the session lasts.
    life: TimeDelta,
    /// Whether the code of a second factor is sent with the challenge; else once it is asked for.
    code_at_once: bool,
}

impl LoginTerms {
    /// A session that is refreshed.
    pub const REFRESHED: LoginTerms = LoginTerms { life: SESSION_LIFE, code_at_once: true };
    /// A session of one day.
    pub const DAILY: LoginTerms = LoginTerms { life: DAILY_LIFE, code_at_once: false };
    /// A session of one year.
    pub const REMEMBERED: LoginTerms = LoginTerms { life: REMEMBERED_LIFE, code_at_once: false };
}

pub(super) fn open_session(
    account: &Registered,
    login: Uuid,
    life: TimeDelta,
    now: DateTime<Utc>,
) -> Vec<AccountEvent> {
    if account.session_of(login, now).is_some() {
        return vec![];
    }
    let open: Vec<u32> = account.sessions.iter().filter(|s| now < s.expires_at).map(|s| s.number).collect();
    let surplus = (open.len() + 1).saturating_sub(MAX_SESSIONS);
    let mut events: Vec<_> =
        open.into_iter().take(surplus).map(|number| AccountEvent::SessionClosed { number }).collect();
    events.push(opening(account, login, life, now));
    events
}

fn opening(account: &Registered, login: Uuid, life: TimeDelta, now: DateTime<Utc>) -> AccountEvent {
    let number = account.next_session;
    AccountEvent::SessionOpened { number, login, at: now, expires_at: now + life, since: None }
}

pub(super) fn log_in(
    account: &Registered,
    verified: &Sealed,
    login: Uuid,
    terms: LoginTerms,
    now: DateTime<Utc>,
) -> Result<Vec<AccountEvent>, Rejection> {
    if account.registration.password_hash.as_ref() != Some(verified) {
        return Err(wrong_password("password"));
    }
    Ok(enter(account, login, terms, now))
}

pub(super) fn log_in_vouched(account: &Registered, login: Uuid, now: DateTime<Utc>) -> Vec<AccountEvent> {
    enter(account, login, LoginTerms::REFRESHED, now)
}

/// Who somebody is was proven, by a password or by an identity provider; the account may ask for more.
fn enter(account: &Registered, login: Uuid, terms: LoginTerms, now: DateTime<Utc>) -> Vec<AccountEvent> {
    if account.challenge(login, now).is_some() || account.session_of(login, now).is_some() {
        return vec![];
    }
    if account.must_change_password {
        return challenge(account, login, Challenge::NewPassword, now);
    }
    match account.mfa_phone() {
        Some(phone) => {
            let mut events = challenge(account, login, Challenge::Mfa, now);
            if terms.code_at_once {
                events.push(code(login, CodePurpose::Login, phone, Channel::Sms, now));
            }
            events
        }
        None => open_session(account, login, terms.life, now),
    }
}

/// Once: a code that was good before is a wrong one.
pub(super) fn answer_mfa(
    account: &Registered,
    login: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<AccountEvent>, Rejection> {
    waiting(account, login, Challenge::Mfa, now)?;
    let mut events = vec![AccountEvent::LoginChallengeEnded { login }];
    events.extend(open_session(account, login, SESSION_LIFE, now));
    Ok(events)
}

pub(super) fn answer_new_password(
    account: &Registered,
    login: Uuid,
    hash: Sealed,
    now: DateTime<Utc>,
) -> Result<Vec<AccountEvent>, Rejection> {
    waiting(account, login, Challenge::NewPassword, now)?;
    Ok(vec![AccountEvent::LoginChallengeEnded { login }, AccountEvent::PasswordChanged { hash, session: None }])
}

/// Renews a session. A token older than the last but one was used by two: the session is closed.
pub(super) fn refresh(
    account: &Registered,
    session: u32,
    generation: u32,
    now: DateTime<Utc>,
) -> Result<Vec<AccountEvent>, Rejection> {
    let Some(session) = account.session(session, now) else {
        return Err(ended());
    };
    if session.voided {
        return Err(ended());
    }
    let number = session.number;
    Ok(if generation == session.generation {
        vec![AccountEvent::SessionRefreshed { number, generation: generation.saturating_add(1), at: now }]
    } else if session.accepts(generation, now) {
        vec![]
    } else {
        vec![AccountEvent::SessionClosed { number }]
    })
}

/// Puts another session of a day in the place of one. Not in that of a session that is refreshed: whoever got hold of
/// its access token, which lives for an hour, would have it for good. For the same reason somebody has to show a
/// password again at last.
pub(super) fn relogin(
    account: &Registered,
    session: u32,
    login: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<AccountEvent>, Rejection> {
    if account.session_of(login, now).is_some() {
        return Ok(vec![]);
    }
    let session = account.session(session, now).filter(|session| session.is_daily() && !session.voided);
    let session = session.ok_or_else(ended)?;
    let since = session.since.unwrap_or(session.opened_at);
    let expires_at = (now + DAILY_LIFE).min(since + SESSION_LIFE);
    // One is closed for the one that is opened, so there are never too many.
    let number = account.next_session;
    Ok(vec![
        AccountEvent::SessionClosed { number: session.number },
        AccountEvent::SessionOpened { number, login, at: now, expires_at, since: Some(since) },
    ])
}

pub(super) fn close_session(account: &Registered, session: u32, now: DateTime<Utc>) -> Vec<AccountEvent> {
    let open = account.session(session, now);
    open.map(|session| AccountEvent::SessionClosed { number: session.number }).into_iter().collect()
}

pub(super) fn log_out(account: &Registered) -> Vec<AccountEvent> {
    let nothing = account.sessions.is_empty() && account.challenges.is_empty();
    if nothing { vec![] } else { vec![AccountEvent::LoggedOut {}] }
}

pub(super) fn void_refresh_tokens(account: &Registered, now: DateTime<Utc>) -> Vec<AccountEvent> {
    let renewable = account.sessions.iter().any(|session| now < session.expires_at && !session.voided);
    if renewable { vec![AccountEvent::RefreshTokensVoided {}] } else { vec![] }
}

impl LoginSession {
    /// Whether it lasts no longer than a day: then it is not renewed, but logged in anew.
    pub fn is_daily(&self) -> bool {
        self.expires_at <= self.opened_at + DAILY_LIFE
    }
}

impl Registered {
    /// The number that a login's code goes to, where one is asked for.
    pub fn mfa_phone(&self) -> Option<&Sealed> {
        self.proven_phone().filter(|_| self.mfa)
    }
}

pub(super) fn ended() -> Rejection {
    Rejection::gone("session-ended", "this session has ended")
}

/// The refusal of a user name and password that do not belong together; it does not say which is wrong.
pub fn wrong_password(field: &'static str) -> Rejection {
    Rejection::invalid("wrong-password", field, "wrong user name or password")
}

/// The event that makes the code of a nonce usable.
pub(super) fn code(
    nonce: Uuid,
    purpose: CodePurpose,
    to: &Sealed,
    channel: Channel,
    now: DateTime<Utc>,
) -> AccountEvent {
    let expires_at = now + CODE_LIFE;
    AccountEvent::CodeIssued(CodeIssued { nonce, purpose, to: to.clone(), channel, issued_at: now, expires_at })
}

fn challenge(account: &Registered, login: Uuid, challenge: Challenge, now: DateTime<Utc>) -> Vec<AccountEvent> {
    let ended = (account.challenges.len() + 1).saturating_sub(MAX_CHALLENGES);
    let oldest = account.challenges.iter().take(ended);
    let mut events: Vec<_> = oldest.map(|old| AccountEvent::LoginChallengeEnded { login: old.login }).collect();
    events.push(AccountEvent::LoginChallenged { login, challenge, expires_at: now + LOGIN_LIFE });
    events
}

fn waiting(account: &Registered, login: Uuid, asked: Challenge, now: DateTime<Utc>) -> Result<(), Rejection> {
    match account.challenge(login, now) {
        Some(pending) if pending.challenge == asked => Ok(()),
        _ => Err(wrong_code()),
    }
}
