//! An event to go to: what it is called, when and where it takes place, who performs and what it costs.
//!
//! What is published about it changes part by part; each part is a value of its own and replaced as a whole.

mod category;
mod events;
mod location;
mod offers;
mod organizer;
mod schedule;
mod state;
#[cfg(test)]
pub(crate) mod tests;

pub use category::{Category, EventType};
pub use events::{EventChange, EventChangeKind};
pub use location::Location;
pub use offers::{Offers, PriceRange};
pub use organizer::Organizer;
pub use schedule::{Schedule, local_instant, out_of_calendar};
pub use state::{Details, EventState, Origin, PublishedEvent};

use crate::kind::{day, instant, keyword, keywords, place};
use crate::{Actor, Context, Decider, Kind, Rejection};

/// The aggregate.
pub enum Event {}

#[derive(Debug, Clone, PartialEq)]
pub enum EventCommand {
    /// Lists the event, or changes what differs from what is listed. A cancelled event stays cancelled.
    Put {
        /// Whose record it is; told once, when the event is first listed.
        origin: Origin,
        details: Box<Details>,
    },
    /// It will not take place.
    Cancel,
    /// It will take place after all.
    Reinstate,
}

pub const KIND: Kind = Kind::of::<Event>()
    .fields(&[
        keyword("status"),
        instant("starts_at"),
        day("day"),
        keyword("city"),
        keyword("region"),
        keyword("venue"),
        keywords("performers"),
        keyword("event_type"),
        keyword("category"),
        place("place"),
    ])
    .text(&["name", "category"])
    .searchable()
    .copied();

impl Decider for Event {
    const CATEGORY: &'static str = "event";
    type State = EventState;
    type Command = EventCommand;
    type Event = EventChange;

    fn decide(state: &EventState, command: EventCommand, context: &Context) -> Result<Vec<EventChange>, Rejection> {
        if context.actor != Actor::System {
            return Err(Rejection::forbidden("events-come-by-import", "events are published by imports"));
        }
        match (state, command) {
            (EventState::Unknown, EventCommand::Put { origin, details }) => list(origin, details),
            (
                EventState::Scheduled(published) | EventState::Cancelled(published),
                EventCommand::Put { details, .. },
            ) => change(&published.details, *details),
            (EventState::Unknown, EventCommand::Cancel | EventCommand::Reinstate) => Err(no_such_event()),
            (EventState::Scheduled(_), EventCommand::Cancel) => Ok(vec![EventChange::Cancelled {}]),
            (EventState::Cancelled(_), EventCommand::Reinstate) => Ok(vec![EventChange::Reinstated {}]),
            (EventState::Cancelled(_), EventCommand::Cancel) | (EventState::Scheduled(_), EventCommand::Reinstate) => {
                Ok(vec![])
            }
        }
    }

    fn evolve(state: EventState, event: &EventChange) -> EventState {
        state.after(event)
    }
}

/// The refusal where no event was ever listed.
pub fn no_such_event() -> Rejection {
    Rejection::not_found("no-such-event", "no such event")
}

fn list(origin: Origin, details: Box<Details>) -> Result<Vec<EventChange>, Rejection> {
    origin.check()?;
    details.check()?;
    Ok(vec![EventChange::Listed { origin, details }])
}

fn change(before: &Details, after: Details) -> Result<Vec<EventChange>, Rejection> {
    after.check()?;
    let mut changes = vec![];
    if before.name != after.name {
        changes.push(EventChange::Renamed { name: after.name });
    }
    if before.schedule != after.schedule {
        changes.push(EventChange::Rescheduled { schedule: after.schedule });
    }
    if before.location != after.location {
        changes.push(EventChange::Moved { location: after.location });
    }
    if before.performers != after.performers {
        changes.push(EventChange::LineUpChanged { performers: after.performers });
    }
    if before.category != after.category {
        changes.push(EventChange::Recategorised { category: after.category });
    }
    if before.offers != after.offers {
        changes.push(EventChange::OffersChanged { offers: after.offers });
    }
    if before.organizer != after.organizer {
        changes.push(EventChange::OrganizerChanged { organizer: after.organizer });
    }
    Ok(changes)
}
