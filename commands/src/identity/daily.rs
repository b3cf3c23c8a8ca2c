//! Sessions of a day, opened by e-mail address and password. They are not refreshed: another takes their place. Their
//! token is one that others can verify.

use std::sync::Arc;

use caravan_domain::EntityId;
use caravan_domain::identity::account::{Challenge, LoginSession, LoginTerms};
use caravan_domain::identity::{Account, AccountCommand, AccountState, Channel, Claim, Person, contact, credentials};
use caravan_event_store::Position;
use caravan_vault::AccessToken;
use uuid::Uuid;

use super::homes::note_home;
use super::lookup::{account_of, contact_claim, has_proven};
use super::sessions::{Verified, verified};
use crate::{Asking, CommandError, Commands, Done};

/// What a login comes to whose password is right.
pub enum Entry {
    Open(Opened),
    /// It is not enough.
    Outstanding {
        account: EntityId,
        needed: Needed,
    },
}

/// A session that is open.
pub struct Opened {
    pub account: EntityId,
    pub state: Arc<AccountState>,
    pub session: LoginSession,
    pub position: Position,
}

/// What a login waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// The account has proven no address.
    ProvenAddress,
    /// An operator has set the password: it has to be reset.
    OtherPassword,
    /// A code over the channel, of which nothing is stored before somebody asks for one.
    SecondFactor { login: Uuid, channel: Channel },
}

/// Logs in by an address that the account has proven, or by a user name. Unknown and wrong look and cost the same, and
/// count with all other attempts at the account's password.
pub async fn log_in(asking: &Asking, address: &str, password: &str) -> Result<Entry, CommandError> {
    enter(asking, address, password, LoginTerms::DAILY).await
}

/// As [`log_in`], on other terms.
pub(super) async fn enter(
    asking: &Asking,
    address: &str,
    password: &str,
    terms: LoginTerms,
) -> Result<Entry, CommandError> {
    let name = credentials::normalised_username(address);
    let (proven, named) = (proven_by(asking, address.trim()).await?, account_of(asking, &name).await?);
    let found = proven.or(named);
    // An address counts in the form by which it is found, whether or not it is: else its other spellings would tell.
    let name = if address.contains('@') { contact::claimed_form(Channel::Mail, address.trim()) } else { name };
    let Some(Verified { account, state, hash: verified }) = verified(asking, &name, found, password).await? else {
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
    let login = asking.caller().command_id;
    // Nothing waits for a code that nobody can ask for yet: whoever knows the password alone could crowd out the
    // owner's logins.
    if registered.mfa_phone().is_some() {
        return outstanding(Needed::SecondFactor { login, channel: Channel::Sms });
    }
    let log_in = AccountCommand::LogIn { verified, login, terms };
    let changed = asking.send::<Account>(account, log_in).await?;
    let challenge = changed.state.registered().and_then(|account| account.challenge(login, asking.now()));
    match challenge.map(|pending| pending.challenge) {
        Some(Challenge::Mfa) => outstanding(Needed::SecondFactor { login, channel: Channel::Sms }),
        Some(Challenge::NewPassword) => outstanding(Needed::OtherPassword),
        None => {
            let opened = opened(asking, changed, login).await?;
            note_home(asking, account).await?;
            Ok(Entry::Open(opened))
        }
    }
}

/// Puts another session in the place of the one that asks.
pub async fn relogin(asking: &Asking, person: Person) -> Result<Opened, CommandError> {
    let login = asking.caller().command_id;
    let relogin = AccountCommand::Relogin { session: person.session, login };
    match asking.send(person.account, relogin).await {
        Err(CommandError::Rejected(_)) => Err(ended()),
        changed => opened(asking, changed?, login).await,
    }
}

/// Closes the session that asks; the account's others stay open.
pub async fn log_out(asking: &Asking, person: Person) -> Result<Done<Account>, CommandError> {
    let close = AccountCommand::CloseSession { session: person.session };
    asking.send(person.account, close).await
}

/// The session that a login has opened, if it is open still: a repeat may come much later.
async fn opened(asking: &Asking, changed: Done<Account>, login: Uuid) -> Result<Opened, CommandError> {
    let state = asking.state::<Account>(changed.id).await?.state;
    let session = state.registered().and_then(|account| account.session_of(login, asking.now()));
    let session = *session.ok_or_else(ended)?;
    Ok(Opened { account: changed.id, state, session, position: changed.position })
}

/// The token of a session, which others can verify.
pub fn public_token(asking: &Asking, opened: &Opened) -> Result<AccessToken, CommandError> {
    let Opened { account, session, .. } = opened;
    Ok(asking.vault().sign_public_access(*account, session.number, asking.now(), session.expires_at)?)
}

fn ended() -> CommandError {
    CommandError::Unauthorised("this session has ended")
}

/// The account that has proven an address. Costs the same when there is none.
async fn proven_by(commands: &Commands, address: &str) -> Result<Option<(EntityId, Arc<AccountState>)>, CommandError> {
    let claimed = contact_claim(commands, Channel::Mail, address);
    let claim = commands.state::<Claim>(claimed).await?;
    let id = claim.state.owner.unwrap_or(claimed);
    let state = commands.state::<Account>(id).await?.state;
    let theirs = has_proven(commands, &state, Channel::Mail, address).await?;
    Ok(theirs.then_some((id, state)))
}
