//! Secrets somebody might guess: comparing them, and counting failures so that nobody can use up another's.

use std::fmt;

use caravan_domain::identity::contact::{self, Channel};
use caravan_domain::identity::{CodePurpose, Person};
use caravan_domain::{EntityId, Sealed};
use caravan_limits::known::{
    CODES_TO_CONTACT, FAILURES_IN_SESSION, FAILURES_PER_ACCOUNT, FAILURES_PER_ACCOUNT_AND_ADDRESS,
    FAILURES_PER_ADDRESS, GUESSES_PER_CODE, PROOFS_FOR_ACCOUNT, PROOFS_TO_CONTACT,
};
use caravan_limits::{Attempt, LimitError, Place};
use caravan_vault::FORGOTTEN;
use uuid::Uuid;

use super::lookup::own_account;
use crate::{Asking, CommandError, Commands};

/// A hash of no password, with the cost of a real one: checking against it takes as long.
const NO_PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz\
    $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What is guessed at. Each sort counts apart: who fills one keeps nobody from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secret {
    Password,
    LoginCode,
    ResetCode,
    SignUpCode,
    /// Of an identity provider. It may be anybody's, so it counts for the address alone.
    ProviderToken,
}

/// Whose secret is guessed at. A name is never taken for an id, whatever somebody calls themselves.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose<'a> {
    Account(EntityId),
    /// Of no account, or not yet.
    Name(&'a str),
}

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whose::Account(id) => write!(f, "account {id}"),
            Whose::Name(name) => write!(f, "name {name}"),
        }
    }
}

impl<'a> Whose<'a> {
    pub(super) fn of(account: Option<EntityId>, username: &'a str) -> Self {
        account.map_or(Whose::Name(username), Whose::Account)
    }
}

/// Takes one of the failures that somebody may have with a secret; given back when the attempt succeeds. `at_home`:
/// whether the caller's address is known as theirs: there, what others fail with elsewhere does not count.
pub(super) async fn guess(
    asking: &Asking,
    secret: Secret,
    whose: Whose<'_>,
    at_home: bool,
) -> Result<Attempt, CommandError> {
    let address = origin(asking);
    let here = format!("{secret:?} of {whose} from {address}");
    let places = match (at_home, secret) {
        (true, Secret::Password) => vec![FAILURES_PER_ACCOUNT_AND_ADDRESS.of(here)],
        // A code takes ten wrong guesses anyway; this many may be got wrong by asking for new ones.
        (true, _) => vec![FAILURES_PER_ACCOUNT.of(here)],
        (false, _) => vec![
            FAILURES_PER_ACCOUNT_AND_ADDRESS.of(here),
            FAILURES_PER_ACCOUNT.of(format!("{secret:?} of {whose}")),
            FAILURES_PER_ADDRESS.of(format!("{secret:?} from {address}")),
        ],
    };
    Ok(asking.limits().attempt(&places).await?)
}

/// As [`guess`], at a token by which an identity provider vouches for somebody.
pub(super) async fn guess_provider_token(asking: &Asking) -> Result<Attempt, CommandError> {
    let place = FAILURES_PER_ADDRESS.of(format!("{:?} from {}", Secret::ProviderToken, origin(asking)));
    Ok(asking.limits().attempt(&[place]).await?)
}

/// As [`guess`], at the password of somebody who is logged in: under a key that only their session fills.
pub(super) async fn guess_in_session(commands: &Commands, person: Person) -> Result<Attempt, CommandError> {
    let state = own_account(commands, person).await?;
    let session = state.registered().and_then(|account| account.sessions.iter().find(|s| s.number == person.session));
    // One of a day makes way for another as often as somebody likes: all that follow from one login count together.
    let place = match session.filter(|session| session.is_daily()) {
        Some(daily) => {
            format!("{} since {}", person.account, daily.since.unwrap_or(daily.opened_at).timestamp_micros())
        }
        None => format!("{} {}", person.account, person.session),
    };
    let place = FAILURES_IN_SESSION.of(place);
    Ok(commands.limits().attempt(&[place]).await?)
}

/// As [`guess`], at a code to a contact that somebody who is logged in has named.
pub(super) async fn guess_contact_code(commands: &Commands, person: Person) -> Result<Attempt, CommandError> {
    let place = FAILURES_PER_ACCOUNT.of(format!("contact code of {}", Whose::Account(person.account)));
    Ok(commands.limits().attempt(&[place]).await?)
}

/// Which of these nonces `given` is the code of. A wrong guess counts against each; a code that had as many as it
/// takes is void. Where no code waits, the guess is made at none, which costs the same.
pub(super) async fn match_code(
    commands: &Commands,
    nonces: impl IntoIterator<Item = Uuid>,
    given: &str,
) -> Result<Option<Uuid>, CommandError> {
    let nonces: Vec<Uuid> = nonces.into_iter().collect();
    if nonces.is_empty() {
        commands.limits().spend(&[GUESSES_PER_CODE.of(Uuid::new_v4())]).await?;
    }
    let mut matched = None;
    for nonce in nonces {
        match commands.limits().attempt(&[GUESSES_PER_CODE.of(nonce)]).await {
            Ok(guess) if is_code(commands, nonce, given) => {
                guess.give_back().await?;
                matched = matched.or(Some(nonce));
            }
            Ok(_) | Err(LimitError::Limited { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(matched)
}

/// Takes one of the codes that may be sent to a contact.
pub(super) async fn spend_code(
    commands: &Commands,
    purpose: CodePurpose,
    channel: Channel,
    contact: &str,
) -> Result<(), CommandError> {
    Ok(commands.limits().spend(&[code_to(purpose, channel, contact)]).await?)
}

/// As [`spend_code`], and one of the codes that an account may have sent to contacts it names.
pub(super) async fn spend_proof(
    commands: &Commands,
    account: EntityId,
    purpose: CodePurpose,
    channel: Channel,
    contact: &str,
) -> Result<(), CommandError> {
    let share = share_of(Whose::Account(account), channel, contact);
    let places = [PROOFS_FOR_ACCOUNT.of(account), share, code_to(purpose, channel, contact)];
    Ok(commands.limits().spend(&places).await?)
}

/// As [`spend_code`], for a sign-up that comes from an address.
pub(super) async fn spend_sign_up_code(asking: &Asking, channel: Channel, contact: &str) -> Result<(), CommandError> {
    let mut places = vec![code_to(CodePurpose::SignUp, channel, contact)];
    if asking.caller().address.is_some() {
        places.push(share_of(Whose::Name(&origin(asking)), channel, contact));
    }
    Ok(asking.limits().spend(&places).await?)
}

/// The hash of a new password, sealed for its owner.
pub(super) async fn hashed(commands: &Commands, owner: EntityId, password: &str) -> Result<Sealed, CommandError> {
    Ok(commands.vault().seal(owner, &commands.vault().hash_password(password).await?).await?)
}

/// Whether `given` is the password that was hashed; takes as long where there is none.
pub(super) async fn is_password(commands: &Commands, hash: Option<&Sealed>, given: &str) -> Result<bool, CommandError> {
    Ok(commands.vault().verify_password(&opened_hash(commands, hash).await?, given).await?)
}

async fn opened_hash(commands: &Commands, hash: Option<&Sealed>) -> Result<String, CommandError> {
    let hash = match hash {
        Some(hash) => commands.vault().open_text(hash).await?,
        None => FORGOTTEN.to_owned(),
    };
    Ok(if hash == FORGOTTEN { NO_PASSWORD.to_owned() } else { hash })
}

/// As [`is_password`], as one attempt: given back where the password is right, or cannot be checked now.
pub(super) async fn attempt_password(
    commands: &Commands,
    attempt: Attempt,
    hash: Option<&Sealed>,
    given: &str,
) -> Result<bool, CommandError> {
    judged(attempt, is_password(commands, hash, given).await).await
}

/// As [`attempt_password`], by somebody who has no account yet.
pub(super) async fn attempt_newcomers_password(
    commands: &Commands,
    attempt: Attempt,
    hash: Option<&Sealed>,
    given: &str,
) -> Result<bool, CommandError> {
    let hash = opened_hash(commands, hash).await?;
    let right = commands.vault().verify_newcomers_password(&hash, given).await;
    judged(attempt, right.map_err(CommandError::from)).await
}

/// Whether `given` is the code of a nonce; takes equally long whatever is given.
fn is_code(commands: &Commands, nonce: Uuid, given: &str) -> bool {
    is_same(&commands.vault().code(nonce), given.trim())
}

/// Whether `given` is our secret; takes equally long whatever is given.
pub(super) fn is_same(ours: &str, given: &str) -> bool {
    let differences = ours.bytes().zip(given.bytes()).fold(0, |all, (ours, theirs)| all | (ours ^ theirs));
    ours.len() == given.len() && differences == 0
}

async fn judged(attempt: Attempt, right: Result<bool, CommandError>) -> Result<bool, CommandError> {
    if !matches!(right, Ok(false)) {
        attempt.give_back().await?;
    }
    right
}

/// A place for a code to a contact. Codes that demand a password or a user name are counted apart from those that
/// anybody may have sent to a contact they name, so that nobody can use up the former.
fn code_to(purpose: CodePurpose, channel: Channel, contact: &str) -> Place {
    let demand = match purpose {
        CodePurpose::Login => "login",
        CodePurpose::PasswordReset => "reset",
        CodePurpose::SignUp | CodePurpose::PhoneChange | CodePurpose::EmailChange => "proof",
    };
    CODES_TO_CONTACT.of(format!("{demand} {}", contact::claimed_form(channel, contact)))
}

/// What one account or address takes of the codes to a contact that may not be theirs: something is left for its owner.
fn share_of(sender: Whose<'_>, channel: Channel, contact: &str) -> Place {
    PROOFS_TO_CONTACT.of(format!("{sender} {}", contact::claimed_form(channel, contact)))
}

/// Where a request came from, in keys.
pub(super) fn origin(asking: &Asking) -> String {
    asking.caller().address.map_or_else(|| "nowhere".to_owned(), |address| address.to_string())
}
