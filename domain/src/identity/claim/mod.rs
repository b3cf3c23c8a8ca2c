//! A value that only one may hold: a user name, an email address, a phone number, an external id. The stream's id is
//! a keyed hash of the value, so the log does not say what it is.

mod events;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use events::ClaimEvent;

use crate::{Context, Decider, EntityId, Kind, Rejection};

/// For so long a claim stands although its owner does not hold the value yet: the time a sign-up may take from
/// claiming a name to being registered.
pub const CLAIM_LIFE: TimeDelta = TimeDelta::minutes(10);

pub enum Claim {}

/// Who holds the value, and since when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClaimState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<EntityId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub enum ClaimCommand {
    /// `held`: whether the present owner, if there is one, exists and uses the value.
    Claim { owner: EntityId, held: bool },
    /// Hands the value over, when two owners turn out to be one person.
    Move { from: EntityId, to: EntityId },
    /// Gives the value up; nothing if somebody else has it by now.
    Release { owner: EntityId },
}

pub const KIND: Kind = Kind::of::<Claim>();

impl Decider for Claim {
    const CATEGORY: &'static str = "claim";
    type State = ClaimState;
    type Command = ClaimCommand;
    type Event = ClaimEvent;

    fn decide(state: &ClaimState, command: ClaimCommand, context: &Context) -> Result<Vec<ClaimEvent>, Rejection> {
        match command {
            ClaimCommand::Claim { owner, held } => claim(state, owner, held, context.now),
            ClaimCommand::Move { from, to } => hand_over(state, from, to, context.now),
            ClaimCommand::Release { owner } if state.owner == Some(owner) => Ok(vec![ClaimEvent::Released { owner }]),
            ClaimCommand::Release { .. } => Ok(vec![]),
        }
    }

    fn evolve(_: ClaimState, event: &ClaimEvent) -> ClaimState {
        match event {
            ClaimEvent::Claimed { owner, at } | ClaimEvent::Moved { to: owner, at, .. } => {
                ClaimState { owner: Some(*owner), claimed_at: Some(*at) }
            }
            ClaimEvent::Released { .. } => ClaimState::default(),
        }
    }
}

fn claim(state: &ClaimState, owner: EntityId, held: bool, now: DateTime<Utc>) -> Result<Vec<ClaimEvent>, Rejection> {
    let standing = held || state.claimed_at.is_some_and(|at| now < at + CLAIM_LIFE);
    match state.owner {
        Some(present) if standing && present == owner => Ok(vec![]),
        Some(_) if standing => Err(taken()),
        _ => Ok(vec![ClaimEvent::Claimed { owner, at: now }]),
    }
}

fn hand_over(
    state: &ClaimState,
    from: EntityId,
    to: EntityId,
    now: DateTime<Utc>,
) -> Result<Vec<ClaimEvent>, Rejection> {
    match state.owner {
        Some(present) if present == to => Ok(vec![]),
        Some(present) if present == from => Ok(vec![ClaimEvent::Moved { from, to, at: now }]),
        _ => Err(taken()),
    }
}

/// The refusal of a value that another holds.
pub fn taken() -> Rejection {
    Rejection::conflict("value-taken", "is taken")
}
