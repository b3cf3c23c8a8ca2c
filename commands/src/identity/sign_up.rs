//! Signing up: begun with a code to a contact, confirmed with that code and the password.

use std::collections::BTreeMap;

use caravan_domain::identity::account::{Provider, Registration};
use caravan_domain::identity::claim::taken;
use caravan_domain::identity::code::wrong_code;
use caravan_domain::identity::sign_up::{Attempt, PendingAttempt, no_contact};
use caravan_domain::identity::{
    AccountCommand, Attribute, Channel, Claim, ClaimCommand, Contact, Details, SignUp, SignUpCommand, SignUpEvent,
    contact, credentials,
};
use caravan_domain::{EntityId, RejectionKind, Sealed};
use caravan_event_store::{Position, StreamId};
use caravan_limits::rules::{RESENDS_PER_NAME_AND_ADDRESS, SIGN_UPS_PER_ADDRESS};

use super::LoggedIn;
use super::guesses::{Secret, Whose, origin};
use super::lookup::Holder;
use crate::{Caller, CommandError, Commands, stream};

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

impl Commands {
    /// Begins a sign-up and sends its code: by SMS when there is a phone number, else by mail.
    pub async fn sign_up(&self, form: SignUpForm, caller: &Caller) -> Result<SignedUp, CommandError> {
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
        let places: Vec<_> = caller.address.map(|address| SIGN_UPS_PER_ADDRESS.of(address)).into_iter().collect();
        let place = self.limits().attempt(&places).await?;
        // Before anything else that keeps the databases busy: where too many sign up at once, they are turned away
        // here.
        let password_hash = match self.vault().hash_newcomers_password(&form.password).await {
            Ok(hash) => hash,
            Err(refusal) => {
                place.give_back().await?;
                return Err(refusal.into());
            }
        };
        if self.account_of(&username).await?.is_some() {
            // Counts as a sign-up: otherwise an address could ask for any number of names.
            return Err(taken().on("username").into());
        }
        if let Err(refusal) = self.spend_sign_up_code(channel, to, caller).await {
            place.give_back().await?;
            return Err(refusal);
        }
        let id = self.new_id("account", caller).await?;
        let mut attributes = self.seal_all(id, &details).await?;
        let attempt = Attempt {
            id,
            username: self.vault().seal(id, &username).await?,
            password_hash: self.vault().seal(id, &password_hash).await?,
            email: attributes.remove(&Attribute::Email),
            phone: attributes.remove(&Attribute::PhoneNumber),
            channel,
            attributes,
            begun_at: caller.now,
            begun_from: Some(self.beginning(id, caller)),
        };
        let begin = SignUpCommand::Begin { attempt: Box::new(attempt), nonce: caller.command_id };
        let done = self.execute::<SignUp>(self.sign_up_stream(&username), begin, caller).await?;
        self.forget_dropped(&done.events).await?;
        Ok(SignedUp { attempt: id, details, position: done.position })
    }

    /// Takes one of the codes that may be asked for again under a user name from the caller's address, whether or not
    /// anybody signs up under it. All that whoever asks is told: [`Commands::resend_sign_up_code`] sends it.
    pub async fn ask_to_resend(&self, username: &str, caller: &Caller) -> Result<(), CommandError> {
        let username = credentials::normalised_username(username);
        let place = RESENDS_PER_NAME_AND_ADDRESS.of(format!("{} {username}", origin(caller)));
        Ok(self.limits().spend(&[place]).await?)
    }

    /// Sends another code to the sign-up under a user name that was begun last from the caller's address; to nobody
    /// where none was.
    pub async fn resend_sign_up_code(&self, username: &str, caller: &Caller) -> Result<(), CommandError> {
        let stream = self.sign_up_stream(&credentials::normalised_username(username));
        let sign_up = self.state::<SignUp>(&stream).await?;
        let mut waiting = sign_up.state.attempts.iter().rev().filter(|pending| pending.waits(caller.now));
        let Some(pending) = waiting.find(|pending| self.begun_here(pending, caller)) else { return Ok(()) };
        let attempt = &pending.attempt;
        let to = self.vault().open_text(attempt.contact()?).await?;
        match self.spend_sign_up_code(attempt.channel, &to, caller).await {
            Err(CommandError::Limited { .. }) => return Ok(()),
            other => other?,
        }
        let resend = SignUpCommand::Resend { attempt: attempt.id, nonce: caller.command_id };
        match self.execute::<SignUp>(stream, resend, caller).await {
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
    pub async fn confirm_sign_up(
        &self,
        username: &str,
        password: &str,
        code: &str,
        caller: &Caller,
    ) -> Result<LoggedIn, CommandError> {
        let username = credentials::normalised_username(username);
        let stream = self.sign_up_stream(&username);
        let sign_up = self.state::<SignUp>(&stream).await?;
        let open = sign_up.state.attempts.iter().rev();
        let open: Vec<_> = open.filter_map(|pending| Some((pending, pending.confirmable(caller.now)?))).collect();
        let begun_here: Vec<_> = open.iter().filter(|(pending, _)| self.begun_here(pending, caller)).copied().collect();
        let at_home = !begun_here.is_empty();
        let mut meant = if at_home { begun_here } else { open };
        meant.truncate(MOST_MEANT);

        let guess = self.guess(Secret::SignUpCode, Whose::Name(&username), at_home, caller).await?;
        let matched = self.match_code(meant.iter().map(|(_, nonce)| *nonce), code).await?;
        let named = meant.iter().find(|(_, nonce)| Some(*nonce) == matched);
        let named = named.map(|(pending, nonce)| (&pending.attempt, *nonce));
        let hash = named.map(|(attempt, _)| &attempt.password_hash);
        let right = self.attempt_newcomers_password(guess, hash, password).await?;
        let Some((attempt, nonce)) = named.filter(|_| right) else { return Err(wrong_code().into()) };

        let confirm = SignUpCommand::Confirm { attempt: attempt.id, nonce };
        let done = self.execute::<SignUp>(stream.clone(), confirm, caller).await?;
        self.forget_dropped(&done.events).await?;
        match self.make_account(attempt, &username, caller).await {
            Ok(account) => {
                let complete = SignUpCommand::Complete { attempt: attempt.id, account };
                let completed = self.execute::<SignUp>(stream, complete, &caller.step("complete")).await?;
                // Whoever sent the same code at the same time was faster: one code, one login.
                if completed.events.is_empty() {
                    return Err(wrong_code().into());
                }
                self.open_session(account, caller).await
            }
            Err(refusal) => {
                if matches!(refusal, CommandError::Rejected(_)) {
                    let drop = SignUpCommand::Drop { attempt: attempt.id };
                    let done = self.execute::<SignUp>(stream, drop, &caller.step("drop")).await?;
                    self.forget_dropped(&done.events).await?;
                }
                Err(refusal)
            }
        }
    }

    /// The account of a confirmed attempt: under the id of the temp member who has the proven number, if there is one.
    async fn make_account(&self, attempt: &Attempt, username: &str, caller: &Caller) -> Result<EntityId, CommandError> {
        let proven = self.vault().open_text(attempt.contact()?).await?;
        let claimed = self.contact_stream(attempt.channel, &proven);
        let field = match attempt.channel {
            Channel::Mail => "email",
            Channel::Sms => "phone_number",
        };
        let account = match self.holder(attempt.channel, &proven).await? {
            Holder::Invited(temp) => temp,
            Holder::Account(id) if self.is_made_from(id, attempt).await? => return Ok(id),
            Holder::Account(_) => return Err(taken().on(field).into()),
            Holder::Nobody | Holder::Unknown(_) | Holder::Absorbed { .. } => {
                let claim = ClaimCommand::Claim { owner: attempt.id, held: false };
                let claimed = self.claim(claimed, claim, &caller.step("contact")).await;
                claimed.map_err(|error| on(field, error))?;
                attempt.id
            }
        };
        self.claim_username(username, account, caller).await?;
        if account != attempt.id {
            self.vault().link(attempt.id, account).await?;
        }
        let registration = self.registration(attempt, account).await?;
        let register = AccountCommand::Register(Box::new(registration));
        if let Err(error) = self.change_account(account, register, &caller.step("register")).await {
            if matches!(error, CommandError::Rejected(_)) && self.account_of(username).await?.is_none() {
                let claimed = self.username_stream(username);
                self.claim(claimed, ClaimCommand::Release { owner: account }, &caller.step("release")).await?;
            }
            return Err(on(field, error));
        }
        Ok(account)
    }

    async fn is_made_from(&self, account: EntityId, attempt: &Attempt) -> Result<bool, CommandError> {
        let state = self.account(account).await?.state;
        Ok(state.registered().is_some_and(|account| account.registration.sign_up == Some(attempt.id)))
    }

    async fn claim_username(&self, username: &str, owner: EntityId, caller: &Caller) -> Result<(), CommandError> {
        let claimed = self.username_stream(username);
        let held = self.account_of(username).await?.is_some();
        let claim = ClaimCommand::Claim { owner, held };
        self.claim(claimed, claim, &caller.step("username")).await.map_err(|error| on("username", error))?;
        Ok(())
    }

    /// What the account begins with. Its values are sealed for the account, so that equal ones compare as equal.
    async fn registration(&self, attempt: &Attempt, account: EntityId) -> Result<Registration, CommandError> {
        let mut attributes = BTreeMap::new();
        for (attribute, value) in &attempt.attributes {
            attributes.insert(*attribute, self.sealed_for(account, value).await?);
        }
        let contact = async |value: &Option<Sealed>, channel| {
            let Some(value) = value else { return Ok::<_, CommandError>(None) };
            let value = self.sealed_for(account, value).await?;
            Ok(Some(Contact { value, proven: attempt.channel == channel }))
        };
        Ok(Registration {
            provider: Provider::Password,
            sign_up: Some(attempt.id),
            username: self.sealed_for(account, &attempt.username).await?,
            password_hash: Some(self.sealed_for(account, &attempt.password_hash).await?),
            facebook_id: None,
            email: contact(&attempt.email, Channel::Mail).await?,
            phone: contact(&attempt.phone, Channel::Sms).await?,
            attributes,
        })
    }

    async fn sealed_for(&self, subject: EntityId, value: &Sealed) -> Result<Sealed, CommandError> {
        if value.subject == subject {
            return Ok(value.clone());
        }
        Ok(self.vault().seal(subject, &self.vault().open_text(value).await?).await?)
    }

    pub(super) async fn seal_all(
        &self,
        subject: EntityId,
        details: &BTreeMap<Attribute, String>,
    ) -> Result<BTreeMap<Attribute, Sealed>, CommandError> {
        let mut sealed = BTreeMap::new();
        for (attribute, text) in details {
            sealed.insert(*attribute, self.vault().seal(subject, text).await?);
        }
        Ok(sealed)
    }

    /// Deletes the keys of attempts that came to nothing, unless somebody named the person meanwhile.
    async fn forget_dropped(&self, events: &[SignUpEvent]) -> Result<(), CommandError> {
        for event in events {
            if let SignUpEvent::SignUpDropped { attempt } = event
                && self.account(*attempt).await?.revision < 0
            {
                self.vault().forget(*attempt).await?;
            }
        }
        Ok(())
    }

    /// From where an attempt was begun, as a keyed hash that says nothing beside another attempt's.
    fn beginning(&self, attempt: EntityId, caller: &Caller) -> String {
        self.vault().hash("beginning of a sign-up", &format!("{attempt} {}", origin(caller)))
    }

    fn begun_here(&self, pending: &PendingAttempt, caller: &Caller) -> bool {
        pending.attempt.begun_from.as_ref() == Some(&self.beginning(pending.attempt.id, caller))
    }

    fn username_stream(&self, username: &str) -> StreamId {
        stream::<Claim>(self.vault().claim_id("username", username))
    }

    fn sign_up_stream(&self, username: &str) -> StreamId {
        stream::<SignUp>(self.vault().claim_id("sign-up", username))
    }
}

/// A conflict that names the field it is about.
fn on(field: &'static str, error: CommandError) -> CommandError {
    match error {
        CommandError::Rejected(rejection) if rejection.kind == RejectionKind::Conflict => rejection.on(field).into(),
        other => other,
    }
}
