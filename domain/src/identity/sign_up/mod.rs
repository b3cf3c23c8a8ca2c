//! Signing up under a user name: whoever confirms first gets it. The stream's id is a keyed hash of the name.

mod events;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use events::{Attempt, SignUpEvent, SignUpEventKind};

use super::claim::taken;
use super::code::{CODE_LIFE, CodeIssued, CodePurpose, PendingCode, wrong_code};
use super::contact::Channel;
use crate::{Context, Decider, EntityId, Kind, Rejection, Sealed};

/// How long an attempt may be confirmed.
pub const ATTEMPT_LIFE: TimeDelta = TimeDelta::hours(24);
/// How many attempts under one user name may wait; one more drops the oldest. So many that nobody can keep others from
/// confirming theirs by beginning a few of their own.
pub const MAX_ATTEMPTS: usize = 100;
/// After so long a confirmed attempt that was never completed no longer stands in another's way.
const CONFIRMATION_LIFE: TimeDelta = TimeDelta::minutes(15);

pub enum SignUp {}

/// The attempts under one user name, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SignUpState {
    pub attempts: Vec<PendingAttempt>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingAttempt {
    #[serde(flatten)]
    pub attempt: Attempt,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<PendingCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub enum SignUpCommand {
    Begin {
        attempt: Box<Attempt>,
        nonce: Uuid,
    },
    /// A new code for an attempt.
    Resend {
        attempt: EntityId,
        nonce: Uuid,
    },
    /// Password and code were checked: the caller has proven both.
    Confirm {
        attempt: EntityId,
        nonce: Uuid,
    },
    /// The account was made.
    Complete {
        attempt: EntityId,
        account: EntityId,
    },
    /// A confirmed attempt cannot become an account.
    Drop {
        attempt: EntityId,
    },
    /// Drops the attempts whose time is up.
    Lapse,
}

pub const KIND: Kind = Kind::of::<SignUp>();

impl Decider for SignUp {
    const CATEGORY: &'static str = "sign_up";
    const FOLD_VERSION: i32 = 2;
    type State = SignUpState;
    type Command = SignUpCommand;
    type Event = SignUpEvent;

    fn decide(state: &SignUpState, command: SignUpCommand, context: &Context) -> Result<Vec<SignUpEvent>, Rejection> {
        match command {
            SignUpCommand::Begin { attempt, nonce } => begin(state, *attempt, nonce, context.now),
            SignUpCommand::Resend { attempt, nonce } => resend(state, attempt, nonce, context.now),
            SignUpCommand::Confirm { attempt, nonce } => confirm(state, attempt, nonce, context.now),
            SignUpCommand::Complete { attempt, account } => Ok(match state.find(attempt) {
                Some(_) => vec![SignUpEvent::SignUpCompleted { attempt, account }],
                None => vec![],
            }),
            SignUpCommand::Drop { attempt } => Ok(state.find(attempt).map(dropped).into_iter().collect()),
            SignUpCommand::Lapse => {
                Ok(state.attempts.iter().filter(|pending| context.now >= pending.lapses_at()).map(dropped).collect())
            }
        }
    }

    fn evolve(mut state: SignUpState, event: &SignUpEvent) -> SignUpState {
        match event {
            SignUpEvent::SignUpBegun(attempt) => {
                let attempt = Attempt::clone(attempt);
                state.attempts.push(PendingAttempt { attempt, code: None, confirmed_at: None });
            }
            SignUpEvent::CodeIssued(code) => {
                if let Some(pending) = state.find_mut(code.to.subject) {
                    pending.code = Some(code.into());
                }
            }
            SignUpEvent::SignUpDropped { attempt } => state.attempts.retain(|pending| pending.attempt.id != *attempt),
            SignUpEvent::SignUpConfirmed { attempt, at } => {
                if let Some(pending) = state.find_mut(*attempt) {
                    pending.confirmed_at = Some(*at);
                }
            }
            SignUpEvent::SignUpCompleted { .. } => state.attempts.clear(),
        }
        state
    }
}

impl SignUpState {
    pub fn find(&self, attempt: EntityId) -> Option<&PendingAttempt> {
        self.attempts.iter().find(|pending| pending.attempt.id == attempt)
    }

    /// When the time of the first attempt is up.
    pub fn lapses_at(&self) -> Option<DateTime<Utc>> {
        self.attempts.iter().map(PendingAttempt::lapses_at).min()
    }

    fn find_mut(&mut self, attempt: EntityId) -> Option<&mut PendingAttempt> {
        self.attempts.iter_mut().find(|pending| pending.attempt.id == attempt)
    }
}

impl PendingAttempt {
    /// The nonce of the code that confirms it, while it can be confirmed. A confirmed attempt may be confirmed again
    /// until it is complete, so that an interrupted sign-up can be finished.
    pub fn confirmable(&self, now: DateTime<Utc>) -> Option<Uuid> {
        let live = self.confirmed_at.is_some() || self.waits(now);
        self.code.filter(|code| live && (self.confirmed_at.is_some() || code.is_live(now))).map(|code| code.nonce)
    }

    /// Whether a new code may be sent for it.
    pub fn waits(&self, now: DateTime<Utc>) -> bool {
        self.confirmed_at.is_none() && now < self.attempt.begun_at + ATTEMPT_LIFE
    }

    fn is_being_confirmed(&self, now: DateTime<Utc>) -> bool {
        self.confirmed_at.is_some_and(|at| now < at + CONFIRMATION_LIFE)
    }

    fn lapses_at(&self) -> DateTime<Utc> {
        let lapses_at = self.attempt.begun_at + ATTEMPT_LIFE;
        self.confirmed_at.map_or(lapses_at, |at| lapses_at.max(at + CONFIRMATION_LIFE))
    }
}

impl Attempt {
    /// The contact that its code proves.
    pub fn contact(&self) -> Result<&Sealed, Rejection> {
        let contact = match self.channel {
            Channel::Mail => &self.email,
            Channel::Sms => &self.phone,
        };
        contact.as_ref().ok_or_else(no_contact)
    }
}

/// The refusal of an attempt that no code could be sent for.
pub fn no_contact() -> Rejection {
    Rejection::invalid("no-contact-given", "attributes", "need an email or a phone_number")
}

fn begin(
    state: &SignUpState,
    attempt: Attempt,
    nonce: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<SignUpEvent>, Rejection> {
    if state.find(attempt.id).is_some() {
        return Ok(vec![]);
    }
    if state.attempts.iter().any(|pending| pending.is_being_confirmed(now)) {
        return Err(taken().on("username"));
    }
    let waiting = state.attempts.iter().filter(|pending| pending.waits(now)).count();
    let mut surplus = (waiting + 1).saturating_sub(MAX_ATTEMPTS);
    let mut events = vec![];
    for pending in &state.attempts {
        if !pending.waits(now) {
            events.push(dropped(pending));
        } else if surplus > 0 {
            surplus -= 1;
            events.push(dropped(pending));
        }
    }
    let code = code(&attempt, nonce, now)?;
    events.push(SignUpEvent::SignUpBegun(Box::new(attempt)));
    events.push(code);
    Ok(events)
}

fn resend(
    state: &SignUpState,
    attempt: EntityId,
    nonce: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<SignUpEvent>, Rejection> {
    match state.find(attempt).filter(|pending| pending.waits(now)) {
        None => Err(Rejection::invalid("no-sign-up-waits", "username", "has no sign-up that waits for a code")),
        Some(pending) if pending.code.is_some_and(|code| code.nonce == nonce) => Ok(vec![]),
        Some(pending) => Ok(vec![code(&pending.attempt, nonce, now)?]),
    }
}

fn confirm(
    state: &SignUpState,
    attempt: EntityId,
    nonce: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<SignUpEvent>, Rejection> {
    let pending = state.find(attempt).ok_or_else(wrong_code)?;
    if pending.confirmable(now) != Some(nonce) {
        return Err(wrong_code());
    }
    if pending.confirmed_at.is_some() {
        return Ok(vec![]);
    }
    let others = state.attempts.iter().filter(|other| other.attempt.id != attempt);
    let mut events: Vec<_> = others.map(dropped).collect();
    events.push(SignUpEvent::SignUpConfirmed { attempt, at: now });
    Ok(events)
}

fn dropped(pending: &PendingAttempt) -> SignUpEvent {
    SignUpEvent::SignUpDropped { attempt: pending.attempt.id }
}

fn code(attempt: &Attempt, nonce: Uuid, now: DateTime<Utc>) -> Result<SignUpEvent, Rejection> {
    Ok(SignUpEvent::CodeIssued(CodeIssued {
        nonce,
        purpose: CodePurpose::SignUp,
        to: attempt.contact()?.clone(),
        channel: attempt.channel,
        issued_at: now,
        expires_at: now + CODE_LIFE,
    }))
}
