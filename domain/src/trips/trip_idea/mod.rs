//! Trip ideas: what a member suggests to the crew, and who likes it.

mod events;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

pub use events::{TripIdea, TripIdeaEvent, TripIdeaEventKind};

use crate::kind::keyword;
use crate::trips::crew::CrewState;
use crate::trips::{by_system, distinct, in_order, replace};
use crate::{Context, Decider, EntityId, Kind, Rejection};

/// The rules of trip ideas.
pub enum TripIdeas {}

pub const KIND: Kind = Kind::of::<TripIdeas>().within("crew", "crew").fields(&[keyword("crew")]);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum TripIdeaState {
    #[default]
    Unknown,
    Active(TripIdea),
    Deleted {
        deleted_at: DateTime<Utc>,
    },
}

/// What may be asked of a trip idea; `crew` is the state of the crew that `crew_id` names.
#[derive(Debug, Clone)]
pub enum TripIdeaCommand {
    Suggest {
        suggestion: Suggestion,
        crew: Arc<CrewState>,
    },
    Like {
        crew_id: EntityId,
        crew: Arc<CrewState>,
    },
    Unlike {
        crew_id: EntityId,
        crew: Arc<CrewState>,
    },
    Delete {
        crew_id: EntityId,
        crew: Arc<CrewState>,
    },
    /// The system's: an account has absorbed the temp member `from`.
    ReplaceMember {
        from: EntityId,
        to: EntityId,
    },
}

/// A new idea. City and events must exist: whoever sends it has seen to it.
#[derive(Debug, Clone)]
pub struct Suggestion {
    pub crew_id: EntityId,
    pub city_id: EntityId,
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
    pub event_ids: Vec<EntityId>,
    pub liked_user_ids: Vec<EntityId>,
}

impl Decider for TripIdeas {
    const CATEGORY: &'static str = "trip_idea";
    type State = TripIdeaState;
    type Command = TripIdeaCommand;
    type Event = TripIdeaEvent;

    fn decide(
        state: &TripIdeaState,
        command: TripIdeaCommand,
        context: &Context,
    ) -> Result<Vec<TripIdeaEvent>, Rejection> {
        match (state, command) {
            (TripIdeaState::Unknown, TripIdeaCommand::Suggest { suggestion, crew }) => {
                suggest(suggestion, &crew, context)
            }
            (_, TripIdeaCommand::Suggest { .. }) => {
                Err(Rejection::conflict("trip-idea-exists", "this trip idea exists already"))
            }
            (TripIdeaState::Active(idea), TripIdeaCommand::ReplaceMember { from, to }) => {
                by_system(context)?;
                let present = from != to && (idea.suggestor == from || idea.liked.contains(&from));
                Ok(if present { vec![TripIdeaEvent::TripIdeaPersonReplaced { from, to }] } else { vec![] })
            }
            (_, TripIdeaCommand::ReplaceMember { .. }) => by_system(context).map(|()| vec![]),
            (TripIdeaState::Active(idea), TripIdeaCommand::Like { crew_id, crew }) => {
                let person = member(idea, crew_id, &crew, context)?;
                let liked = idea.liked.contains(&person);
                Ok(if liked { vec![] } else { vec![TripIdeaEvent::TripIdeaLiked { person }] })
            }
            (TripIdeaState::Active(idea), TripIdeaCommand::Unlike { crew_id, crew }) => {
                let person = member(idea, crew_id, &crew, context)?;
                let liked = idea.liked.contains(&person);
                Ok(if liked { vec![TripIdeaEvent::TripIdeaUnliked { person }] } else { vec![] })
            }
            (TripIdeaState::Active(idea), TripIdeaCommand::Delete { crew_id, crew }) => {
                let person = member(idea, crew_id, &crew, context)?;
                if person != idea.suggestor && !crew.crew()?.is_admin(person) {
                    return Err(Rejection::forbidden(
                        "only-suggestor-or-admins",
                        "only who suggested it or an admin of the crew may",
                    ));
                }
                Ok(vec![TripIdeaEvent::TripIdeaDeleted { at: context.now }])
            }
            (TripIdeaState::Unknown | TripIdeaState::Deleted { .. }, _) => Err(no_such_idea()),
        }
    }

    fn evolve(state: TripIdeaState, event: &TripIdeaEvent) -> TripIdeaState {
        match state {
            TripIdeaState::Unknown => match event {
                TripIdeaEvent::TripIdeaSuggested(idea) => TripIdeaState::Active(idea.clone()),
                TripIdeaEvent::TripIdeaLiked { .. }
                | TripIdeaEvent::TripIdeaUnliked { .. }
                | TripIdeaEvent::TripIdeaPersonReplaced { .. }
                | TripIdeaEvent::TripIdeaDeleted { .. } => TripIdeaState::Unknown,
            },
            TripIdeaState::Active(idea) => after(idea, event),
            TripIdeaState::Deleted { deleted_at } => TripIdeaState::Deleted { deleted_at },
        }
    }
}

fn after(mut idea: TripIdea, event: &TripIdeaEvent) -> TripIdeaState {
    match event {
        TripIdeaEvent::TripIdeaSuggested(_) => {}
        TripIdeaEvent::TripIdeaLiked { person } => {
            if !idea.liked.contains(person) {
                idea.liked.push(*person);
            }
        }
        TripIdeaEvent::TripIdeaUnliked { person } => idea.liked.retain(|liker| liker != person),
        TripIdeaEvent::TripIdeaPersonReplaced { from, to } => {
            replace(&mut idea.liked, *from, *to);
            if idea.suggestor == *from {
                idea.suggestor = *to;
            }
        }
        TripIdeaEvent::TripIdeaDeleted { at } => return TripIdeaState::Deleted { deleted_at: *at },
    }
    TripIdeaState::Active(idea)
}

fn no_such_idea() -> Rejection {
    Rejection::not_found("no-such-trip-idea", "no such trip idea")
}

/// The person acting, who must be a member of the crew; the idea must be that crew's.
fn member(idea: &TripIdea, crew_id: EntityId, crew: &CrewState, context: &Context) -> Result<EntityId, Rejection> {
    if idea.crew != crew_id {
        return Err(no_such_idea());
    }
    let person = context.person()?;
    crew.crew()?.only_members(person)?;
    Ok(person)
}

fn suggest(suggestion: Suggestion, crew: &CrewState, context: &Context) -> Result<Vec<TripIdeaEvent>, Rejection> {
    let suggestor = context.person()?;
    let crew = crew.crew()?;
    crew.only_members(suggestor)?;
    in_order(Some(suggestion.start_date), Some(suggestion.end_date), "end_date")?;
    let liked = distinct(suggestion.liked_user_ids);
    crew.only_names_members(&liked, "liked_user_ids")?;
    Ok(vec![TripIdeaEvent::TripIdeaSuggested(TripIdea {
        crew: suggestion.crew_id,
        city: suggestion.city_id,
        start_date: suggestion.start_date,
        end_date: suggestion.end_date,
        events: distinct(suggestion.event_ids),
        suggestor,
        liked,
    })])
}
