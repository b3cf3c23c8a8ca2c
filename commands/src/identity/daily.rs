//! Sessions of a day, opened by e-mail address and password. They are not refreshed: another takes their place. Their
//! token is one that others can verify.

use std::sync::Arc;

use caravan_domain::EntityId;
use caravan_domain::identity::account::{Challenge, LoginTerms, Session};
use caravan_domain::identity::{Account, AccountCommand, AccountState, Channel, Claim, Person, credentials};
use caravan_event_store::Position;
use caravan_vault::AccessToken;
use uuid::Uuid;

use super::guesses::{Secret, Whose};
use crate::{Caller, CommandError, Commands, Done};

/// What a login comes to whose password is right.
pub enum Entry {
    Open(Opened),
    /// It is not enough.
    Outstanding {
        account: EntityId,
        needed: Needed,
    },
}

/// A session that is open, and its token.
pub struct Opened {
    pub account: EntityId,
    pub state: Arc<AccountState>,
    pub session: Session,
    pub token: AccessToken,
    pub position: Position,
}

/// What a login waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// The account has proven no address.
    ProvenAddress,
    /// An operator has set the password: it has to be reset.
    OtherPassword,
    /// The login waits for a code, once one is asked for over the channel.
    SecondFactor { login: Uuid, channel: Channel },
}

/// Logs in by an address that the account has proven, or by a user name. Unknown and wrong look and cost the same, and
/// count with all other attempts at the account's password.
pub async fn log_in(
    commands: &Commands,
    address: &str,
    password: &str,
    caller: &Caller,
) -> Result<Entry, CommandError> {
    let name = credentials::normalised_username(address);
    let (proven, named) = (proven_by(commands, address.trim()).await?, commands.account_of(&name).await?);
    let found = proven.or(named);
    let account = found.as_ref().map(|(id, _)| *id);
    let at_home = commands.is_home(account, caller).await?;
    let attempt = commands.guess(Secret::Password, Whose::of(account, &name), at_home, caller).await?;
    let hash = found.as_ref().and_then(|(_, state)| state.registered()?.registration.password_hash.clone());
    let right = commands.attempt_password(attempt, hash.as_ref(), password).await?;
    let Some(((account, state), verified)) = found.zip(hash).filter(|_| right) else {
        return Err(CommandError::Unauthorised("wrong address or password"));
    };
    let Some(registered) = state.registered() else { return Err(ended()) };
    let outstanding = |needed| Ok(Entry::Outstanding { account, needed });
    if registered.proven_email().is_none() {
        return outstanding(Needed::ProvenAddress);
    }
    if registered.must_change_password {
        return outstanding(Needed::OtherPassword);
    }
    let login = caller.command_id;
    let log_in = AccountCommand::LogIn { verified, login, terms: LoginTerms::DAILY };
    let changed = commands.change_account(account, log_in, caller).await?;
    let challenge = changed.state.registered().and_then(|account| account.challenge(login, caller.now));
    match challenge.map(|pending| pending.challenge) {
        Some(Challenge::Mfa) => outstanding(Needed::SecondFactor { login, channel: Channel::Sms }),
        Some(Challenge::NewPassword) => outstanding(Needed::OtherPassword),
        None => {
            let opened = opened(commands, changed, login, caller)?;
            commands.note_home(account, caller).await?;
            Ok(Entry::Open(opened))
        }
    }
}

/// Puts another session in the place of the one that asks.
pub async fn relogin(commands: &Commands, person: Person, caller: &Caller) -> Result<Opened, CommandError> {
    let login = caller.command_id;
    let relogin = AccountCommand::Relogin { session: person.session, login, terms: LoginTerms::DAILY };
    match commands.change_account(person.account, relogin, caller).await {
        Err(CommandError::Rejected(_)) => Err(ended()),
        changed => opened(commands, changed?, login, caller),
    }
}

/// Closes the session that asks; the account's others stay open.
pub async fn log_out(commands: &Commands, person: Person, caller: &Caller) -> Result<Done<Account>, CommandError> {
    let close = AccountCommand::CloseSession { session: person.session };
    commands.change_account(person.account, close, caller).await
}

/// The session that a login has opened.
fn opened(commands: &Commands, changed: Done<Account>, login: Uuid, caller: &Caller) -> Result<Opened, CommandError> {
    let registered = changed.state.registered();
    let session = *registered.and_then(|account| account.session_of(login, caller.now)).ok_or_else(ended)?;
    let token = commands.vault().sign_public_access(changed.id, session.number, caller.now)?;
    Ok(Opened { account: changed.id, state: changed.state, session, token, position: changed.position })
}

fn ended() -> CommandError {
    CommandError::Unauthorised("this session has ended")
}

/// The account that has proven an address. Costs the same when there is none.
async fn proven_by(commands: &Commands, address: &str) -> Result<Option<(EntityId, Arc<AccountState>)>, CommandError> {
    let claimed = commands.contact_stream(Channel::Mail, address);
    let claim = commands.state::<Claim>(&claimed).await?;
    let id = claim.state.owner.unwrap_or(claimed.id);
    let state = commands.account(id).await?.state;
    let theirs = commands.has_proven(&state, Channel::Mail, address).await?;
    Ok(theirs.then_some((id, state)))
}
