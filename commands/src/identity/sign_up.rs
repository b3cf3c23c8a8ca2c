//! Signing up: begun with a code to a contact, confirmed with that code and the password.

use std::collections::BTreeMap;

use caravan_domain::identity::account::{Provider, Registration};
use caravan_domain::identity::code::wrong_code;
use caravan_domain::identity::sign_up::{Attempt, nothing_to_confirm};
use caravan_domain::identity::{
    AccountCommand, Attribute, Channel, Contact, Details, Reservation, ReservationCommand, SignUp, SignUpCommand,
    SignUpEvent, contact, credentials,
};
use caravan_domain::{EntityId, Rejection, RejectionKind, Sealed};
use caravan_event_store::{Position, StreamId};

use super::lookup::Holder;
use super::{Delivery, LoggedIn};
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
            (None, None) => return Err(Rejection::invalid("attributes", "need an email or a phone_number").into()),
        };
        if self.account_of(&username).await?.is_some() {
            return Err(taken("username").into());
        }
        self.spend_sign_up(channel, to, caller).await?;
        let id = self.new_id("account", caller).await?;
        let mut attributes = self.seal_all(id, &details).await?;
        let attempt = Attempt {
            id,
            username: self.vault().seal(id, &username).await?,
            password_hash: self.hashed(id, &form.password).await?,
            email: attributes.remove(&Attribute::Email),
            phone: attributes.remove(&Attribute::PhoneNumber),
            channel,
            attributes,
            begun_at: caller.now,
        };
        let begin = SignUpCommand::Begin { attempt: Box::new(attempt), nonce: caller.command_id };
        let done = self.execute::<SignUp>(self.sign_up_stream(&username), begin, caller).await?;
        self.forget_dropped(&done.events).await?;
        Ok(SignedUp { attempt: id, details, position: done.position })
    }

    /// Sends another code to the latest sign-up under a user name.
    pub async fn resend_sign_up_code(&self, username: &str, caller: &Caller) -> Result<Delivery, CommandError> {
        let stream = self.sign_up_stream(&credentials::normalised_username(username));
        let sign_up = self.state::<SignUp>(&stream).await?;
        let attempt = &sign_up.state.latest(caller.now).ok_or_else(nothing_to_confirm)?.attempt;
        let to = self.vault().open_text(attempt.contact()?).await?;
        self.spend_code(attempt.channel, &to).await?;
        let resend = SignUpCommand::Resend { attempt: attempt.id, nonce: caller.command_id };
        let done = self.execute::<SignUp>(stream, resend, caller).await?;
        let destination = contact::masked(attempt.channel, &to);
        Ok(Delivery { channel: attempt.channel, destination, position: done.position })
    }

    /// Confirms a sign-up: claims its user name and contact, makes the account and opens its first session.
    pub async fn confirm_sign_up(
        &self,
        username: &str,
        password: &str,
        code: &str,
        caller: &Caller,
    ) -> Result<LoggedIn, CommandError> {
        let username = credentials::normalised_username(username);
        let stream = self.sign_up_stream(&username);
        let guess = self.guess(&username, caller).await?;
        let sign_up = self.state::<SignUp>(&stream).await?;
        let named = sign_up.state.attempts.iter().rev().find_map(|pending| {
            let nonce = pending.confirmable(caller.now).filter(|nonce| self.is_code(*nonce, code))?;
            Some((&pending.attempt, nonce))
        });
        let right = self.is_password(named.map(|(attempt, _)| &attempt.password_hash), password).await?;
        let Some((attempt, nonce)) = named.filter(|_| right) else { return Err(wrong_code().into()) };
        guess.succeeded().await?;

        let confirm = SignUpCommand::Confirm { attempt: attempt.id, nonce };
        let done = self.execute::<SignUp>(stream.clone(), confirm, caller).await?;
        self.forget_dropped(&done.events).await?;
        match self.make_account(attempt, &username, caller).await {
            Ok(account) => {
                let complete = SignUpCommand::Complete { attempt: attempt.id, account };
                self.execute::<SignUp>(stream, complete, &caller.step("complete")).await?;
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
        let reserved = self.contact_stream(attempt.channel, &proven);
        let field = match attempt.channel {
            Channel::Mail => "email",
            Channel::Sms => "phone_number",
        };
        let account = match self.holder(attempt.channel, &proven).await? {
            Holder::Invited(temp) => temp,
            Holder::Account(id) if self.is_made_from(id, attempt).await? => return Ok(id),
            Holder::Account(_) => return Err(taken(field).into()),
            Holder::Nobody | Holder::Unknown(_) | Holder::Absorbed { .. } => {
                let claim = ReservationCommand::Claim { owner: attempt.id, held: false };
                let claimed = self.reserve(reserved, claim, &caller.step("contact")).await;
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
                let reserved = self.username_stream(username);
                self.reserve(reserved, ReservationCommand::Release { owner: account }, &caller.step("release")).await?;
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
        let reserved = self.username_stream(username);
        let held = self.account_of(username).await?.is_some();
        let claim = ReservationCommand::Claim { owner, held };
        self.reserve(reserved, claim, &caller.step("username")).await.map_err(|error| on("username", error))?;
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

    fn username_stream(&self, username: &str) -> StreamId {
        stream::<Reservation>(self.vault().reservation_id("username", username))
    }

    fn sign_up_stream(&self, username: &str) -> StreamId {
        stream::<SignUp>(self.vault().reservation_id("sign-up", username))
    }
}

fn taken(field: &'static str) -> Rejection {
    Rejection::conflict("is taken").on(field)
}

/// A conflict that names the field it is about.
fn on(field: &'static str, error: CommandError) -> CommandError {
    match error {
        CommandError::Rejected(rejection) if rejection.kind == RejectionKind::Conflict => rejection.on(field).into(),
        other => other,
    }
}
