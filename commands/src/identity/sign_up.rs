//! Signing up: begun with a code to a contact, confirmed with that code and the password.

use std::collections::BTreeMap;

use caravan_domain::identity::account::{Provider, Registration};
use caravan_domain::identity::claim::taken;
use caravan_domain::identity::code::wrong_code;
use caravan_domain::identity::sign_up::{Attempt, PendingAttempt, no_contact};
use caravan_domain::identity::{
    Account, AccountCommand, Attribute, Channel, Claim, ClaimCommand, Contact, Details, SignUp, SignUpCommand,
    SignUpEvent, contact, credentials,
};
use caravan_domain::{EntityId, RejectionKind, Sealed};
use caravan_event_store::Position;
use caravan_limits::known::{RESENDS_PER_NAME_AND_ADDRESS, SIGN_UPS_PER_ADDRESS};

use super::LoggedIn;
use super::guesses::{Secret, Whose, attempt_newcomers_password, guess, match_code, origin, spend_sign_up_code};
use super::lookup::{Holder, account_of, contact_claim, holder};
use super::sessions::open_session;
use crate::{Asking, CommandError, Commands};

/// What somebody signs up with, in clear text.
pub struct SignUpForm {
    pub username: String,
    pub password: String,
    pub details: Details,
}

/// A sign-up that waits for its code.
pub struct SignedUp {
    pub attempt: EntityId,
    /// As they will be stored.
    pub details: BTreeMap<Attribute, String>,
    pub position: Position,
}

/// How many attempts one guess is compared with.
const MOST_MEANT: usize = 10;

/// Begins a sign-up and sends its code: by SMS when there is a phone number, else by mail.
pub async fn begin(asking: &Asking, form: SignUpForm) -> Result<SignedUp, CommandError> {
    let username = credentials::username(&form.username)?;
    credentials::check_new_password("password", &form.password)?;
    let mut details: BTreeMap<_, _> =
        form.details.into_iter().filter_map(|(attribute, value)| Some((attribute, value?))).collect();
    let reachable = details.contains_key(&Attribute::PhoneNumber) || details.contains_key(&Attribute::Email);
    if !reachable && let Ok(email) = contact::email("username", &form.username) {
        // A user name that is an address stands for it.
        details.insert(Attribute::Email, email);
    }
    let (channel, to) = match (details.get(&Attribute::PhoneNumber), details.get(&Attribute::Email)) {
        (Some(phone), _) => (Channel::Sms, phone),
        (None, Some(email)) => (Channel::Mail, email),
        (None, None) => return Err(no_contact().into()),
    };
    let places: Vec<_> = asking.caller().address.map(|address| SIGN_UPS_PER_ADDRESS.of(address)).into_iter().collect();
    let place = asking.limits().attempt(&places).await?;
    // Before anything else that keeps the databases busy: where too many sign up at once, they are turned away here.
    let password_hash = match asking.vault().hash_newcomers_password(&form.password).await {
        Ok(hash) => hash,
        Err(refusal) => {
            place.give_back().await?;
            return Err(refusal.into());
        }
    };
    if account_of(asking, &username).await?.is_some() {
        // Counts as a sign-up: otherwise an address could ask for any number of names.
        return Err(taken().on("username").into());
    }
    if let Err(refusal) = spend_sign_up_code(asking, channel, to).await {
        place.give_back().await?;
        return Err(refusal);
    }
    let id = asking.new_id::<Account>().await?;
    let mut attributes = seal_all(asking, id, &details).await?;
    let attempt = Attempt {
        id,
        username: asking.vault().seal(id, &username).await?,
        password_hash: asking.vault().seal(id, &password_hash).await?,
        email: attributes.remove(&Attribute::Email),
        phone: attributes.remove(&Attribute::PhoneNumber),
        channel,
        attributes,
        begun_at: asking.now(),
        begun_from: Some(beginning(asking, id)),
    };
    let begin = SignUpCommand::Begin { attempt: Box::new(attempt), nonce: asking.caller().command_id };
    let done = asking.send::<SignUp>(sign_up_id(asking, &username), begin).await?;
    forget_dropped(asking, &done.events).await?;
    Ok(SignedUp { attempt: id, details, position: done.position })
}

/// Takes one of the codes that may be asked for again under a user name from the caller's address, whether or not
/// anybody signs up under it. All that whoever asks is told: [`resend_code`] sends it.
pub async fn ask_to_resend(asking: &Asking, username: &str) -> Result<(), CommandError> {
    let username = credentials::normalised_username(username);
    let place = RESENDS_PER_NAME_AND_ADDRESS.of(format!("{} {username}", origin(asking)));
    Ok(asking.limits().spend(&[place]).await?)
}

/// Sends another code to the sign-up under a user name that was begun last from the caller's address; to nobody
/// where none was.
pub async fn resend_code(asking: &Asking, username: &str) -> Result<(), CommandError> {
    let id = sign_up_id(asking, &credentials::normalised_username(username));
    let sign_up = asking.state::<SignUp>(id).await?;
    let mut waiting = sign_up.state.attempts.iter().rev().filter(|pending| pending.waits(asking.now()));
    let Some(pending) = waiting.find(|pending| begun_here(asking, pending)) else { return Ok(()) };
    let attempt = &pending.attempt;
    let to = asking.vault().open_text(attempt.contact()?).await?;
    match spend_sign_up_code(asking, attempt.channel, &to).await {
        Err(CommandError::Limited { .. }) => return Ok(()),
        other => other?,
    }
    let resend = SignUpCommand::Resend { attempt: attempt.id, nonce: asking.caller().command_id };
    match asking.send::<SignUp>(id, resend).await {
        // It was confirmed or dropped meanwhile.
        Err(CommandError::Rejected(_)) => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Confirms a sign-up: claims its user name and contact, makes the account and opens its first session.
///
/// A caller whose address began attempts under the name means one of those; only another's may be any. So nobody
/// guesses a code void that was asked for elsewhere, unless from an address that began nothing, where ten guesses
/// are all there are.
pub async fn confirm(asking: &Asking, username: &str, password: &str, code: &str) -> Result<LoggedIn, CommandError> {
    let username = credentials::normalised_username(username);
    let id = sign_up_id(asking, &username);
    let sign_up = asking.state::<SignUp>(id).await?;
    let open = sign_up.state.attempts.iter().rev();
    let open: Vec<_> = open.filter_map(|pending| Some((pending, pending.confirmable(asking.now())?))).collect();
    let here: Vec<_> = open.iter().filter(|(pending, _)| begun_here(asking, pending)).copied().collect();
    let at_home = !here.is_empty();
    let mut meant = if at_home { here } else { open };
    meant.truncate(MOST_MEANT);

    let guess = guess(asking, Secret::SignUpCode, Whose::Name(&username), at_home).await?;
    let matched = match_code(asking, meant.iter().map(|(_, nonce)| *nonce), code).await?;
    let named = meant.iter().find(|(_, nonce)| Some(*nonce) == matched);
    let named = named.map(|(pending, nonce)| (&pending.attempt, *nonce));
    let hash = named.map(|(attempt, _)| &attempt.password_hash);
    let right = attempt_newcomers_password(asking, guess, hash, password).await?;
    let Some((attempt, nonce)) = named.filter(|_| right) else { return Err(wrong_code().into()) };

    let confirm = SignUpCommand::Confirm { attempt: attempt.id, nonce };
    let done = asking.send::<SignUp>(id, confirm).await?;
    forget_dropped(asking, &done.events).await?;
    match make_account(asking, attempt, &username).await {
        Ok(account) => {
            let complete = SignUpCommand::Complete { attempt: attempt.id, account };
            let completed = asking.step("complete").send::<SignUp>(id, complete).await?;
            // Whoever sent the same code at the same time was faster: one code, one login.
            if completed.events.is_empty() {
                return Err(wrong_code().into());
            }
            open_session(asking, account).await
        }
        Err(refusal) => {
            if matches!(refusal, CommandError::Rejected(_)) {
                let drop = SignUpCommand::Drop { attempt: attempt.id };
                let done = asking.step("drop").send::<SignUp>(id, drop).await?;
                forget_dropped(asking, &done.events).await?;
            }
            Err(refusal)
        }
    }
}

/// The account of a confirmed attempt: under the id of the temp member who has the proven number, if there is one.
async fn make_account(asking: &Asking, attempt: &Attempt, username: &str) -> Result<EntityId, CommandError> {
    let proven = asking.vault().open_text(attempt.contact()?).await?;
    let claimed = contact_claim(asking, attempt.channel, &proven);
    let field = match attempt.channel {
        Channel::Mail => "email",
        Channel::Sms => "phone_number",
    };
    let account = match holder(asking, attempt.channel, &proven).await? {
        Holder::Invited(temp) => temp,
        Holder::Account(id) if is_made_from(asking, id, attempt).await? => return Ok(id),
        Holder::Account(_) => return Err(taken().on(field).into()),
        Holder::Nobody | Holder::Unknown(_) | Holder::Absorbed { .. } => {
            let claim = ClaimCommand::Claim { owner: attempt.id, held: false };
            let claimed = asking.step("contact").send::<Claim>(claimed, claim).await;
            claimed.map_err(|error| on(field, error))?;
            attempt.id
        }
    };
    claim_username(asking, username, account).await?;
    if account != attempt.id {
        asking.vault().link(attempt.id, account).await?;
    }
    let registration = registration(asking, attempt, account).await?;
    let register = AccountCommand::Register(Box::new(registration));
    if let Err(error) = asking.step("register").send::<Account>(account, register).await {
        if matches!(error, CommandError::Rejected(_)) && account_of(asking, username).await?.is_none() {
            let claimed = username_claim(asking, username);
            asking.step("release").send::<Claim>(claimed, ClaimCommand::Release { owner: account }).await?;
        }
        return Err(on(field, error));
    }
    Ok(account)
}

async fn is_made_from(commands: &Commands, account: EntityId, attempt: &Attempt) -> Result<bool, CommandError> {
    let state = commands.state::<Account>(account).await?.state;
    Ok(state.registered().is_some_and(|account| account.registration.sign_up == Some(attempt.id)))
}

async fn claim_username(asking: &Asking, username: &str, owner: EntityId) -> Result<(), CommandError> {
    let claimed = username_claim(asking, username);
    let held = account_of(asking, username).await?.is_some();
    let claim = ClaimCommand::Claim { owner, held };
    asking.step("username").send::<Claim>(claimed, claim).await.map_err(|error| on("username", error))?;
    Ok(())
}

/// What the account begins with. Its values are sealed for the account, so that equal ones compare as equal.
async fn registration(commands: &Commands, attempt: &Attempt, account: EntityId) -> Result<Registration, CommandError> {
    let mut attributes = BTreeMap::new();
    for (attribute, value) in &attempt.attributes {
        attributes.insert(*attribute, sealed_for(commands, account, value).await?);
    }
    let contact = async |value: &Option<Sealed>, channel| {
        let Some(value) = value else { return Ok::<_, CommandError>(None) };
        let value = sealed_for(commands, account, value).await?;
        Ok(Some(Contact { value, proven: attempt.channel == channel }))
    };
    Ok(Registration {
        provider: Provider::Password,
        sign_up: Some(attempt.id),
        username: sealed_for(commands, account, &attempt.username).await?,
        password_hash: Some(sealed_for(commands, account, &attempt.password_hash).await?),
        facebook_id: None,
        email: contact(&attempt.email, Channel::Mail).await?,
        phone: contact(&attempt.phone, Channel::Sms).await?,
        attributes,
    })
}

async fn sealed_for(commands: &Commands, subject: EntityId, value: &Sealed) -> Result<Sealed, CommandError> {
    if value.subject == subject {
        return Ok(value.clone());
    }
    Ok(commands.vault().seal(subject, &commands.vault().open_text(value).await?).await?)
}

pub(super) async fn seal_all(
    commands: &Commands,
    subject: EntityId,
    details: &BTreeMap<Attribute, String>,
) -> Result<BTreeMap<Attribute, Sealed>, CommandError> {
    let mut sealed = BTreeMap::new();
    for (attribute, text) in details {
        sealed.insert(*attribute, commands.vault().seal(subject, text).await?);
    }
    Ok(sealed)
}

/// Deletes the keys of attempts that came to nothing, unless somebody named the person meanwhile.
async fn forget_dropped(commands: &Commands, events: &[SignUpEvent]) -> Result<(), CommandError> {
    for event in events {
        if let SignUpEvent::SignUpDropped { attempt } = event
            && commands.state::<Account>(*attempt).await?.revision < 0
        {
            commands.vault().forget(*attempt).await?;
        }
    }
    Ok(())
}

/// From where an attempt was begun, as a keyed hash that says nothing beside another attempt's.
fn beginning(asking: &Asking, attempt: EntityId) -> String {
    asking.vault().hash("beginning of a sign-up", &format!("{attempt} {}", origin(asking)))
}

fn begun_here(asking: &Asking, pending: &PendingAttempt) -> bool {
    pending.attempt.begun_from.as_ref() == Some(&beginning(asking, pending.attempt.id))
}

fn username_claim(commands: &Commands, username: &str) -> EntityId {
    commands.vault().claim_id("username", username)
}

fn sign_up_id(commands: &Commands, username: &str) -> EntityId {
    commands.vault().claim_id("sign-up", username)
}

/// A conflict that names the field it is about.
fn on(field: &'static str, error: CommandError) -> CommandError {
    match error {
        CommandError::Rejected(rejection) if rejection.kind == RejectionKind::Conflict => rejection.on(field).into(),
        other => other,
    }
}
