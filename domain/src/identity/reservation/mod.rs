//! A value that only one may hold: a user name, an email address, a phone number, an external id. The stream's id is
//! a keyed hash of the value, so the log does not say what it is.

mod events;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use events::ReservationEvent;

use crate::{Context, Decider, EntityId, Kind, Rejection};

/// For so long a claim stands although its owner does not hold the value yet: the time a sign-up may take from
/// claiming a name to being registered.
pub const CLAIM_LIFE: TimeDelta = TimeDelta::minutes(10);

pub enum Reservation {}

/// Who holds the value, and since when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReservationState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<EntityId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub enum ReservationCommand {
    /// `held`: whether the present owner, if there is one, exists and uses the value.
    Claim { owner: EntityId, held: bool },
    /// Hands the value over, when two owners turn out to be one person.
    Move { from: EntityId, to: EntityId },
    /// Gives the value up; nothing if somebody else has it by now.
    Release { owner: EntityId },
}

pub const KIND: Kind = Kind::of::<Reservation>();

impl Decider for Reservation {
    const CATEGORY: &'static str = "reservation";
    type State = ReservationState;
    type Command = ReservationCommand;
    type Event = ReservationEvent;

    fn decide(
        state: &ReservationState,
        command: ReservationCommand,
        context: &Context,
    ) -> Result<Vec<ReservationEvent>, Rejection> {
        match command {
            ReservationCommand::Claim { owner, held } => claim(state, owner, held, context.now),
            ReservationCommand::Move { from, to } => hand_over(state, from, to, context.now),
            ReservationCommand::Release { owner } if state.owner == Some(owner) => {
                Ok(vec![ReservationEvent::Released { owner }])
            }
            ReservationCommand::Release { .. } => Ok(vec![]),
        }
    }

    fn evolve(_: ReservationState, event: &ReservationEvent) -> ReservationState {
        match event {
            ReservationEvent::Claimed { owner, at } | ReservationEvent::Moved { to: owner, at, .. } => {
                ReservationState { owner: Some(*owner), claimed_at: Some(*at) }
            }
            ReservationEvent::Released { .. } => ReservationState::default(),
        }
    }
}

fn claim(
    state: &ReservationState,
    owner: EntityId,
    held: bool,
    now: DateTime<Utc>,
) -> Result<Vec<ReservationEvent>, Rejection> {
    let standing = held || state.claimed_at.is_some_and(|at| now < at + CLAIM_LIFE);
    match state.owner {
        Some(present) if standing && present == owner => Ok(vec![]),
        Some(_) if standing => Err(Rejection::conflict("is taken")),
        _ => Ok(vec![ReservationEvent::Claimed { owner, at: now }]),
    }
}

fn hand_over(
    state: &ReservationState,
    from: EntityId,
    to: EntityId,
    now: DateTime<Utc>,
) -> Result<Vec<ReservationEvent>, Rejection> {
    match state.owner {
        Some(present) if present == to => Ok(vec![]),
        Some(present) if present == from => Ok(vec![ReservationEvent::Moved { from, to, at: now }]),
        _ => Err(Rejection::conflict("is taken")),
    }
}
