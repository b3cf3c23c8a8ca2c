//! Who is super-admin: one stream for the whole platform, so that the last one can be kept. The account's role follows
//! it; what counts for rights is the account's.

mod events;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use events::RosterEvent;

use super::roles::may_change_roles;
use crate::{Context, Decider, EntityId, Kind, Rejection};

/// The only one there is.
pub const ROSTER: EntityId = EntityId(Uuid::nil());

pub enum Roster {}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RosterState {
    pub super_admins: BTreeSet<EntityId>,
}

#[derive(Debug, Clone)]
pub enum RosterCommand {
    Add {
        account: EntityId,
    },
    /// Refused where nobody else would be left.
    Remove {
        account: EntityId,
    },
    /// Somebody who turned out to have no account, so that they are nobody who could be left.
    Strike {
        account: EntityId,
    },
}

pub const KIND: Kind = Kind::of::<Roster>();

impl Decider for Roster {
    const CATEGORY: &'static str = "roster";
    type State = RosterState;
    type Command = RosterCommand;
    type Event = RosterEvent;

    fn decide(state: &RosterState, command: RosterCommand, context: &Context) -> Result<Vec<RosterEvent>, Rejection> {
        use RosterCommand as Do;
        let (Do::Add { account } | Do::Remove { account } | Do::Strike { account }) = command;
        may_change_roles(context, account)?;
        let listed = state.super_admins.contains(&account);
        match command {
            Do::Add { .. } if listed => Ok(vec![]),
            Do::Add { account } => Ok(vec![RosterEvent::SuperAdminAdded { account }]),
            Do::Remove { .. } | Do::Strike { .. } if !listed => Ok(vec![]),
            Do::Remove { .. } if state.super_admins.len() == 1 => {
                Err(Rejection::conflict("last-super-admin", "the last super-admin stays"))
            }
            Do::Remove { account } | Do::Strike { account } => Ok(vec![RosterEvent::SuperAdminRemoved { account }]),
        }
    }

    fn evolve(mut state: RosterState, event: &RosterEvent) -> RosterState {
        match event {
            RosterEvent::SuperAdminAdded { account } => state.super_admins.insert(*account),
            RosterEvent::SuperAdminRemoved { account } => state.super_admins.remove(account),
        };
        state
    }
}
