//! How one person votes on pictures: a stream under their account's id, one vote on each picture. Thousands may vote at
//! once, each in their own; what they come to is counted where all of them are read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use crate::trips::by_system;
use crate::{Context, Decider, EntityId, Kind, Rejection, Who};

/// The rules of votes.
pub enum PictureVotes {}

pub const KIND: Kind = Kind::of::<PictureVotes>().known(Who::Person("id"));

/// How many pictures one person votes on at most.
pub const MOST_VOTES: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    Up,
    Down,
}

impl Vote {
    /// What it adds to a picture's rank.
    pub fn weight(self) -> i64 {
        match self {
            Vote::Up => 1,
            Vote::Down => -1,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PictureVotesState {
    pub votes: BTreeMap<EntityId, Vote>,
}

#[derive(Debug, Clone)]
pub enum PictureVotesCommand {
    /// There must be such a picture: whoever sends it has seen to it.
    Cast { picture: EntityId, vote: Vote },
    /// The system's: the person is forgotten.
    TakeAllBack,
}

/// The storage format of votes: names and shapes here are what the log holds, so change them with care.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "type", content = "data")]
#[strum_discriminants(name(PictureVotesEventKind), derive(EnumIter, IntoStaticStr))]
pub enum PictureVotesEvent {
    VoteCast { picture: EntityId, vote: Vote },
    VoteTakenBack { picture: EntityId, vote: Vote },
}

impl Decider for PictureVotes {
    const CATEGORY: &'static str = "picture_votes";
    type State = PictureVotesState;
    type Command = PictureVotesCommand;
    type Event = PictureVotesEvent;

    fn decide(
        state: &PictureVotesState,
        command: PictureVotesCommand,
        context: &Context,
    ) -> Result<Vec<PictureVotesEvent>, Rejection> {
        match command {
            PictureVotesCommand::Cast { picture, vote } => {
                context.person()?;
                cast(state, picture, vote)
            }
            PictureVotesCommand::TakeAllBack => {
                by_system(context)?;
                let votes = state.votes.iter();
                Ok(votes.map(|(picture, vote)| taken_back(*picture, *vote)).collect())
            }
        }
    }

    fn evolve(mut state: PictureVotesState, event: &PictureVotesEvent) -> PictureVotesState {
        match event {
            PictureVotesEvent::VoteCast { picture, vote } => {
                state.votes.insert(*picture, *vote);
            }
            PictureVotesEvent::VoteTakenBack { picture, .. } => {
                state.votes.remove(picture);
            }
        }
        state
    }
}

/// One vote a picture: another opinion takes the place of the one before.
fn cast(state: &PictureVotesState, picture: EntityId, vote: Vote) -> Result<Vec<PictureVotesEvent>, Rejection> {
    let cast = PictureVotesEvent::VoteCast { picture, vote };
    match state.votes.get(&picture) {
        Some(before) if *before == vote => Ok(vec![]),
        Some(before) => Ok(vec![taken_back(picture, *before), cast]),
        None if state.votes.len() >= MOST_VOTES => {
            Err(Rejection::conflict("too-many-votes", format!("votes on {MOST_VOTES} pictures already")))
        }
        None => Ok(vec![cast]),
    }
}

fn taken_back(picture: EntityId, vote: Vote) -> PictureVotesEvent {
    PictureVotesEvent::VoteTakenBack { picture, vote }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decider::testing::given;

    fn picture(number: u64) -> EntityId {
        EntityId::from_parts(number, [3; 10])
    }

    fn person() -> EntityId {
        EntityId::from_parts(1, [1; 10])
    }

    fn voted(number: u64, vote: Vote) -> PictureVotesEvent {
        PictureVotesEvent::VoteCast { picture: picture(number), vote }
    }

    fn cast(number: u64, vote: Vote) -> PictureVotesCommand {
        PictureVotesCommand::Cast { picture: picture(number), vote }
    }

    #[test]
    fn a_person_has_one_vote_on_a_picture() {
        given::<PictureVotes>([]).by(person()).when(cast(1, Vote::Up)).then([voted(1, Vote::Up)]);
        given::<PictureVotes>([voted(1, Vote::Up)]).by(person()).when(cast(1, Vote::Up)).then([]);
        given::<PictureVotes>([voted(1, Vote::Up)])
            .by(person())
            .when(cast(1, Vote::Down))
            .then([taken_back(picture(1), Vote::Up), voted(1, Vote::Down)]);
        given::<PictureVotes>([voted(1, Vote::Up)]).by(person()).when(cast(2, Vote::Down)).then([voted(2, Vote::Down)]);
    }

    #[test]
    fn a_persons_votes_have_an_end() {
        let full = || (0..MOST_VOTES as u64).map(|number| voted(number, Vote::Up));
        given::<PictureVotes>(full()).by(person()).when(cast(5_000, Vote::Up)).then_err("too-many-votes");
        let changed = [taken_back(picture(3), Vote::Up), voted(3, Vote::Down)];
        given::<PictureVotes>(full()).by(person()).when(cast(3, Vote::Down)).then(changed);
    }

    #[test]
    fn only_the_system_takes_all_back() {
        let votes = || [voted(1, Vote::Up), voted(2, Vote::Down)];
        let back = [taken_back(picture(1), Vote::Up), taken_back(picture(2), Vote::Down)];
        given::<PictureVotes>(votes()).when(PictureVotesCommand::TakeAllBack).then(back);
        given::<PictureVotes>(votes()).by(person()).when(PictureVotesCommand::TakeAllBack).then_err("only-system");
    }
}
