//! Going together: crews, trip ideas, trip bookings, and the trips that people like.

pub mod booking;
pub mod crew;
pub mod likes;
pub mod trip_idea;

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::{Actor, Context, EntityId, Rejection};

/// The ids without repeats, in the order of their first mention.
pub fn distinct(ids: Vec<EntityId>) -> Vec<EntityId> {
    let mut seen = BTreeSet::new();
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
        (Some(start), Some(end)) if end < start => {
            Err(Rejection::invalid("dates-in-order", field, "is before its start"))
        }
        _ => Ok(()),
    }
}

/// Who takes over where somebody in charge is so no more.
enum Successor {
    /// Somebody in charge stays who has an account, and so can act.
    Needless,
    One(EntityId),
    Nobody,
}

impl Successor {
    /// The creator, else the longest-standing of `members`, which has an account.
    fn of(
        person: EntityId,
        in_charge: &[EntityId],
        creator: EntityId,
        members: &[EntityId],
        with_account: &BTreeSet<EntityId>,
    ) -> Successor {
        let can_act = |one: &&EntityId| **one != person && with_account.contains(one);
        if in_charge.iter().any(|one| can_act(&one)) {
            return Successor::Needless;
        }
        let mut able = members.iter().filter(can_act);
        match able.clone().find(|one| **one == creator).or_else(|| able.next()) {
            Some(one) => Successor::One(*one),
            None => Successor::Nobody,
        }
    }
}

/// Refuses everybody but the system: consequences that no person commands directly.
pub(crate) fn by_system(context: &Context) -> Result<(), Rejection> {
    match context.actor {
        Actor::System => Ok(()),
        Actor::Person(_) | Actor::Anonymous => Err(Rejection::forbidden("only-system", "only the system does this")),
    }
}
