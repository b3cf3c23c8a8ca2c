//! The trips that one person likes: a stream under their account's id. Thousands may like one trip at once, each in
//! their own; how many do is counted where all of them are read.

mod events;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use events::{TripLikesEvent, TripLikesEventKind};

use crate::catalogue::discover::TripWindow;
use crate::trips::by_system;
use crate::{Context, Decider, Kind, Rejection, Who};

/// The rules of likes.
pub enum TripLikes {}

pub const KIND: Kind = Kind::of::<TripLikes>().known(Who::Person("id"));

/// How many trips one person likes at most.
pub const MOST_LIKED: usize = 1_000;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TripLikesState {
    /// In the order of liking.
    pub liked: Vec<TripWindow>,
}

#[derive(Debug, Clone)]
pub enum TripLikesCommand {
    /// There must be such a region: whoever sends it has seen to it.
    Like {
        trip: TripWindow,
    },
    Unlike {
        trip: TripWindow,
    },
    /// The system's: the person is forgotten.
    TakeAllBack,
}

impl TripLikesState {
    pub fn likes(&self, trip: &TripWindow) -> bool {
        self.liked.contains(trip)
    }
}

impl Decider for TripLikes {
    const CATEGORY: &'static str = "trip_likes";
    type State = TripLikesState;
    type Command = TripLikesCommand;
    type Event = TripLikesEvent;

    fn decide(
        state: &TripLikesState,
        command: TripLikesCommand,
        context: &Context,
    ) -> Result<Vec<TripLikesEvent>, Rejection> {
        match command {
            TripLikesCommand::Like { trip } => {
                context.person()?;
                like(state, trip, context)
            }
            TripLikesCommand::Unlike { trip } => {
                context.person()?;
                Ok(if state.likes(&trip) { vec![TripLikesEvent::TripUnliked(trip)] } else { vec![] })
            }
            TripLikesCommand::TakeAllBack => {
                by_system(context)?;
                Ok(state.liked.iter().copied().map(TripLikesEvent::TripUnliked).collect())
            }
        }
    }

    fn evolve(mut state: TripLikesState, event: &TripLikesEvent) -> TripLikesState {
        match event {
            TripLikesEvent::TripLiked(trip) => {
                if !state.likes(trip) {
                    state.liked.push(*trip);
                }
            }
            TripLikesEvent::TripUnliked(trip) => state.liked.retain(|liked| liked != trip),
        }
        state
    }
}

fn like(state: &TripLikesState, trip: TripWindow, context: &Context) -> Result<Vec<TripLikesEvent>, Rejection> {
    if state.likes(&trip) {
        return Ok(vec![]);
    }
    trip.check(context.now.date_naive())?;
    if state.liked.len() >= MOST_LIKED {
        return Err(Rejection::conflict("too-many-liked-trips", format!("likes {MOST_LIKED} trips already")));
    }
    Ok(vec![TripLikesEvent::TripLiked(trip)])
}
