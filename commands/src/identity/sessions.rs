//! Logging in and out, and what the tokens of a session prove.

use std::sync::Arc;

use caravan_domain::identity::account::{Challenge, LOGIN_LIFE, LoginTerms, wrong_password};
use caravan_domain::identity::code::wrong_code;
use caravan_domain::identity::{Account, AccountCommand, AccountState, Channel, CodePurpose, credentials};
use caravan_domain::{EntityId, Rejection};
use caravan_vault::TokenError;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::guesses::{Secret, Whose};
use super::{LoggedIn, Next, Tokens};
use crate::{Caller, CommandError, Commands, Done};
use caravan_domain::identity::Person;

/// What a signed-in person shows once more for what matters: their user name and a refresh token.
pub struct Credentials<'a> {
    pub username: &'a str,
    pub refresh_token: &'a str,
}

const LOGIN: &str = "login";
const IDENTITY: &str = "identity";

impl Commands {
    /// Who an access token names, if its session is still open.
    pub async fn authenticate(&self, token: &str, now: DateTime<Utc>) -> Result<Person, CommandError> {
        let access = self.vault().verify_access(token, now).map_err(unauthorised)?;
        let account = self.account(access.account).await?;
        let registered = account.state.registered();
        match registered.filter(|registered| registered.session(access.session, now).is_some()) {
            Some(registered) => {
                Ok(Person { account: access.account, session: access.session, roles: registered.roles() })
            }
            None => Err(CommandError::Unauthorised("this session has ended")),
        }
    }

    /// Logs in with a password. Unknown, unconfirmed and wrong look and cost the same.
    pub async fn log_in(&self, username: &str, password: &str, caller: &Caller) -> Result<LoggedIn, CommandError> {
        let username = credentials::normalised_username(username);
        let found = self.account_of(&username).await?;
        let account = found.as_ref().map(|(id, _)| *id);
        let at_home = self.is_home(account, caller).await?;
        let attempt = self.guess(Secret::Password, Whose::of(account, &username), at_home, caller).await?;
        let hash = found.as_ref().and_then(|(_, state)| state.registered()?.registration.password_hash.clone());
        let right = self.attempt_password(attempt, hash.as_ref(), password).await?;
        let Some(((account, state), verified)) = found.zip(hash).filter(|_| right) else {
            return Err(wrong_password("password").into());
        };
        self.spend_login_code(&state).await?;
        let login = caller.command_id;
        let log_in = AccountCommand::LogIn { verified, login, terms: LoginTerms::REFRESHED };
        let changed = self.change_account(account, log_in, caller).await?;
        self.next(changed, login, caller).await
    }

    /// Logs in somebody whom an identity provider vouches for.
    pub(super) async fn log_in_vouched(&self, account: EntityId, caller: &Caller) -> Result<LoggedIn, CommandError> {
        self.spend_login_code(&self.account(account).await?.state).await?;
        let caller = caller.step("session");
        let login = caller.command_id;
        let changed = self.change_account(account, AccountCommand::LogInVouched { login }, &caller).await?;
        self.next(changed, login, &caller).await
    }

    /// Takes one of the codes that may be sent to the account's number, if the next login sends one.
    async fn spend_login_code(&self, state: &AccountState) -> Result<(), CommandError> {
        let registered = state.registered().filter(|account| !account.must_change_password);
        let Some(phone) = registered.and_then(|account| account.mfa_phone()) else { return Ok(()) };
        let phone = self.vault().open_text(phone).await?;
        self.spend_code(CodePurpose::Login, Channel::Sms, &phone).await
    }

    /// Finishes a login with the code that was sent. `username` may be the account's id.
    pub async fn answer_mfa(
        &self,
        username: &str,
        login_session: &str,
        code: &str,
        caller: &Caller,
    ) -> Result<LoggedIn, CommandError> {
        let (account, login) = self.login_of(username, login_session, caller).await?;
        let at_home = self.is_home(Some(account), caller).await?;
        let attempt = self.guess(Secret::LoginCode, Whose::Account(account), at_home, caller).await?;
        self.match_code([login], code).await?.ok_or_else(wrong_code)?;
        attempt.give_back().await?;
        let changed = self.change_account(account, AccountCommand::AnswerMfa { login }, caller).await?;
        self.next(changed, login, caller).await
    }

    /// Sets the password that a login asked for; the next login uses it.
    pub async fn answer_new_password(
        &self,
        username: &str,
        login_session: &str,
        new_password: &str,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        credentials::check_new_password("new_password", new_password)?;
        let (account, login) = self.login_of(username, login_session, caller).await?;
        let state = self.account(account).await?.state;
        let registered = state.registered().ok_or_else(wrong_code)?;
        // Before anything is hashed: another challenge's login is no reason to.
        if registered.challenge(login, caller.now).is_none_or(|asked| asked.challenge != Challenge::NewPassword) {
            return Err(wrong_code().into());
        }
        if self.is_password(registered.registration.password_hash.as_ref(), new_password).await? {
            return Err(Rejection::invalid("new_password", "is the password that has to be changed").into());
        }
        let hash = self.hashed(account, new_password).await?;
        self.change_account(account, AccountCommand::AnswerNewPassword { login, hash }, caller).await
    }

    /// Renews the tokens of a session. A token that was used before, longer ago than an answer may get lost, closes
    /// the session.
    pub async fn refresh(&self, shown: Credentials<'_>, caller: &Caller) -> Result<LoggedIn, CommandError> {
        let refresh = self.vault().verify_refresh(shown.refresh_token).map_err(unauthorised)?;
        let ended = || CommandError::Unauthorised("this session has ended");
        let state = self.account(refresh.account).await?.state;
        if self.check_username(&state, shown.username).await.is_err() {
            return Err(CommandError::Unauthorised("this token belongs to somebody else"));
        }
        let command = AccountCommand::Refresh { session: refresh.session, generation: refresh.generation };
        let changed = match self.change_account(refresh.account, command, caller).await {
            Err(CommandError::Rejected(_)) => return Err(ended()),
            other => other?,
        };
        let tokens = self.tokens(refresh.account, &changed.state, refresh.session, caller).ok_or_else(ended)?;
        Ok(LoggedIn {
            account: changed.id,
            state: changed.state,
            next: Next::Session(tokens),
            position: changed.position,
        })
    }

    /// Closes every session of a person.
    pub async fn log_out(
        &self,
        person: Person,
        shown: Credentials<'_>,
        caller: &Caller,
    ) -> Result<Done<Account>, CommandError> {
        self.check_credentials(person, &shown, caller.now).await?;
        self.change_account(person.account, AccountCommand::LogOut, caller).await
    }

    /// Opens a session for somebody whose sign-up was confirmed.
    pub(super) async fn open_session(&self, account: EntityId, caller: &Caller) -> Result<LoggedIn, CommandError> {
        let caller = caller.step("session");
        let login = caller.command_id;
        let changed = self.change_account(account, AccountCommand::OpenSession { login }, &caller).await?;
        self.next(changed, login, &caller).await
    }

    /// Refuses a user name or refresh token that is not the person's own.
    pub(super) async fn check_credentials(
        &self,
        person: Person,
        shown: &Credentials<'_>,
        now: DateTime<Utc>,
    ) -> Result<Arc<AccountState>, CommandError> {
        let state = self.own_account(person).await?;
        self.check_username(&state, shown.username).await?;
        let refresh = self.vault().verify_refresh(shown.refresh_token).map_err(unauthorised)?;
        let session = state.registered().and_then(|account| account.session(refresh.session, now));
        if refresh.account != person.account || !session.is_some_and(|session| session.accepts(refresh.generation, now))
        {
            return Err(CommandError::Unauthorised("this refresh token is not valid"));
        }
        Ok(state)
    }

    async fn login_of(
        &self,
        username: &str,
        login_session: &str,
        caller: &Caller,
    ) -> Result<(EntityId, Uuid), CommandError> {
        let (account, login) =
            self.vault().verify_purpose(LOGIN, login_session, caller.now).map_err(|_| wrong_code())?;
        if username.trim().parse() != Ok(account) {
            let state = self.account(account).await?.state;
            self.check_username(&state, username).await.map_err(|_| wrong_code())?;
        }
        Ok((account, login))
    }

    /// What the login of this id has led to.
    async fn next(&self, changed: Done<Account>, login: Uuid, caller: &Caller) -> Result<LoggedIn, CommandError> {
        let registered = changed.state.registered();
        let challenge = registered.and_then(|account| account.challenge(login, caller.now));
        let next = match challenge {
            Some(pending) => Next::Challenge {
                challenge: pending.challenge,
                login_session: self.vault().sign_purpose(LOGIN, changed.id, login, caller.now + LOGIN_LIFE),
            },
            None => {
                let session = registered.and_then(|account| account.session_of(login, caller.now));
                let tokens =
                    session.and_then(|session| self.tokens(changed.id, &changed.state, session.number, caller));
                let tokens = tokens.ok_or(CommandError::Unauthorised("this session has ended"))?;
                self.note_home(changed.id, caller).await?;
                Next::Session(tokens)
            }
        };
        Ok(LoggedIn { account: changed.id, state: changed.state, next, position: changed.position })
    }

    fn tokens(&self, account: EntityId, state: &AccountState, session: u32, caller: &Caller) -> Option<Tokens> {
        let session = state.registered()?.session(session, caller.now)?;
        let access = self.vault().sign_access(account, session.number, caller.now);
        Some(Tokens {
            id_token: self.vault().sign_purpose(IDENTITY, account, session.login, access.expires_at),
            refresh_token: self.vault().refresh_token(account, session.number, session.generation),
            access_token: access.token,
            expires_at: access.expires_at,
        })
    }
}

pub(super) fn unauthorised(error: TokenError) -> CommandError {
    CommandError::Unauthorised(match error {
        TokenError::Invalid => "this token is not valid",
        TokenError::Expired => "this token has expired",
    })
}
