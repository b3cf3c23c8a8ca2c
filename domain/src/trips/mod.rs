//! Going together: crews, trip ideas and trip bookings.

pub mod booking;
pub mod crew;
pub mod trip_idea;

use chrono::NaiveDate;

use crate::{Actor, Context, EntityId, Rejection};

/// The ids without repeats, in the order of their first mention.
pub fn distinct(ids: Vec<EntityId>) -> Vec<EntityId> {
    let mut seen = std::collections::BTreeSet::new();
    ids.into_iter().filter(|id| seen.insert(*id)).collect()
}

/// Puts `to` in the place of `from`; where both are listed, the earlier place stays.
fn replace(ids: &mut Vec<EntityId>, from: EntityId, to: EntityId) {
    for id in ids.iter_mut().filter(|id| **id == from) {
        *id = to;
    }
    *ids = distinct(std::mem::take(ids));
}

/// Refuses an end before its start; a day left open fits everything. `field` names the end.
fn in_order(start: Option<NaiveDate>, end: Option<NaiveDate>, field: &'static str) -> Result<(), Rejection> {
    match (start, end) {
        (Some(start), Some(end)) if end < start => Err(Rejection::invalid(field, "is before its start")),
        _ => Ok(()),
    }
}

/// Refuses everybody but the system: consequences that no person commands directly.
fn by_system(context: &Context) -> Result<(), Rejection> {
    match context.actor {
        Actor::System => Ok(()),
        Actor::Person(_) | Actor::Anonymous => Err(Rejection::forbidden("only the system does this")),
    }
}

/// A refusal of a part of the input, naming it as a part of `whole`.
fn within(rejection: Rejection, whole: &str) -> Rejection {
    let field = match &rejection.field {
        Some(field) => format!("{whole}.{field}"),
        None => whole.to_owned(),
    };
    rejection.on(field)
}
