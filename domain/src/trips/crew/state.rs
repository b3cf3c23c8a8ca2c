//! What is known of a crew.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::events::{CrewEvent, Description};
use crate::trips::replace;
use crate::{EntityId, Rejection, Sealed};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum CrewState {
    #[default]
    Unknown,
    Active(Crew),
    Deleted {
        deleted_at: DateTime<Utc>,
        /// Who was a member to the last.
        last_members: Vec<EntityId>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crew {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    pub has_image: bool,
    pub creator: EntityId,
    /// Never empty; all are members.
    pub admins: Vec<EntityId>,
    /// In the order of joining.
    pub members: Vec<EntityId>,
    /// Members who have themselves sent a command here.
    pub took_part: BTreeSet<EntityId>,
    /// By number, of those who are members.
    pub invitations: Vec<Invitation>,
}

/// A member was invited by a phone number that the inviter had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    pub person: EntityId,
    pub inviter: EntityId,
    pub number: Sealed,
}

impl CrewState {
    /// The crew, unless it was never made or was deleted.
    pub fn crew(&self) -> Result<&Crew, Rejection> {
        match self {
            CrewState::Active(crew) => Ok(crew),
            CrewState::Unknown | CrewState::Deleted { .. } => Err(no_such_crew()),
        }
    }
}

pub fn no_such_crew() -> Rejection {
    Rejection::not_found("no-such-crew", "no such crew")
}

impl Crew {
    pub fn is_member(&self, person: EntityId) -> bool {
        self.members.contains(&person)
    }

    pub fn is_admin(&self, person: EntityId) -> bool {
        self.admins.contains(&person)
    }

    /// Whether another member sees a member's phone number, because its owner takes part here.
    pub fn shows_number(&self, of: EntityId, to: EntityId) -> bool {
        self.is_member(of) && self.is_member(to) && self.took_part.contains(&of)
    }

    /// The number by which `inviter` invited a member, and which they so know.
    pub fn invited_by_number(&self, person: EntityId, inviter: EntityId) -> Option<&Sealed> {
        let mut own = self.invitations.iter().filter(|invitation| invitation.inviter == inviter);
        own.find(|invitation| invitation.person == person).map(|invitation| &invitation.number)
    }

    /// Refuses everybody but members.
    pub fn only_members(&self, person: EntityId) -> Result<(), Rejection> {
        if self.is_member(person) {
            Ok(())
        } else {
            Err(Rejection::forbidden("only-crew-members", "only members of the crew may"))
        }
    }

    /// Refuses input that names somebody who is not a member.
    pub fn only_names_members(&self, people: &[EntityId], field: &'static str) -> Result<(), Rejection> {
        if people.iter().all(|person| self.is_member(*person)) {
            Ok(())
        } else {
            Err(Rejection::invalid("names-non-member-of-crew", field, "names somebody who is not a member of the crew"))
        }
    }
}

pub(super) fn evolve(state: CrewState, event: &CrewEvent) -> CrewState {
    match state {
        CrewState::Unknown => created(event),
        CrewState::Active(mut crew) => {
            if let CrewEvent::CrewDeleted { at } = event {
                return CrewState::Deleted { deleted_at: *at, last_members: crew.members };
            }
            apply(&mut crew, event);
            CrewState::Active(crew)
        }
        CrewState::Deleted { deleted_at, mut last_members } => {
            if let CrewEvent::CrewMemberReplaced { from, to } = event {
                replace(&mut last_members, *from, *to);
            }
            CrewState::Deleted { deleted_at, last_members }
        }
    }
}

fn created(event: &CrewEvent) -> CrewState {
    let CrewEvent::CrewCreated { name, description, has_image, creator, admins, members } = event else {
        return CrewState::Unknown;
    };
    CrewState::Active(Crew {
        name: name.clone(),
        description: description.clone(),
        has_image: *has_image,
        creator: *creator,
        admins: admins.clone(),
        members: members.clone(),
        took_part: BTreeSet::new(),
        invitations: vec![],
    })
}

fn apply(crew: &mut Crew, event: &CrewEvent) {
    match event {
        CrewEvent::CrewChanged { name, description, has_image, admins } => {
            if let Some(name) = name {
                crew.name.clone_from(name);
            }
            if description.is_some() {
                crew.description.clone_from(description);
            }
            crew.has_image = has_image.unwrap_or(crew.has_image);
            if let Some(admins) = admins {
                crew.admins.clone_from(admins);
            }
        }
        CrewEvent::CrewMemberAdded { person } => add(crew, *person),
        CrewEvent::CrewMemberInvited { person, inviter, number } => {
            add(crew, *person);
            if let Some(number) = number {
                crew.invitations.push(Invitation { person: *person, inviter: *inviter, number: number.clone() });
            }
        }
        CrewEvent::CrewMemberTookPart { person } => {
            crew.took_part.insert(*person);
        }
        CrewEvent::CrewMemberRemoved { person } => {
            crew.members.retain(|member| member != person);
            crew.admins.retain(|admin| admin != person);
            // Who is added again has not taken part again.
            crew.took_part.remove(person);
            crew.invitations.retain(|invitation| invitation.person != *person && invitation.inviter != *person);
        }
        CrewEvent::CrewMemberReplaced { from, to } => {
            replace(&mut crew.members, *from, *to);
            replace(&mut crew.admins, *from, *to);
            if crew.creator == *from {
                crew.creator = *to;
            }
            if crew.took_part.remove(from) {
                crew.took_part.insert(*to);
            }
            for invitation in &mut crew.invitations {
                for person in [&mut invitation.person, &mut invitation.inviter] {
                    *person = if *person == *from { *to } else { *person };
                }
            }
        }
        CrewEvent::CrewCreated { .. } | CrewEvent::CrewDeleted { .. } => {}
    }
}

fn add(crew: &mut Crew, person: EntityId) {
    if !crew.is_member(person) {
        crew.members.push(person);
    }
}
