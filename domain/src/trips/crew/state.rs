//! What is known of a crew.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::events::{CrewEvent, Description};
use crate::trips::replace;
use crate::{EntityId, Rejection};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum CrewState {
    #[default]
    Unknown,
    Active(Crew),
    Deleted {
        deleted_at: DateTime<Utc>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crew {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    pub has_image: bool,
    /// Never empty; all are members.
    pub admins: Vec<EntityId>,
    /// In the order of joining.
    pub members: Vec<EntityId>,
}

impl CrewState {
    /// The crew, unless it was never made or was deleted.
    pub fn crew(&self) -> Result<&Crew, Rejection> {
        match self {
            CrewState::Active(crew) => Ok(crew),
            CrewState::Unknown | CrewState::Deleted { .. } => Err(Rejection::not_found("no such crew")),
        }
    }
}

impl Crew {
    pub fn is_member(&self, person: EntityId) -> bool {
        self.members.contains(&person)
    }

    pub fn is_admin(&self, person: EntityId) -> bool {
        self.admins.contains(&person)
    }

    /// Refuses everybody but members.
    pub fn only_members(&self, person: EntityId) -> Result<(), Rejection> {
        if self.is_member(person) { Ok(()) } else { Err(Rejection::forbidden("only members of the crew may")) }
    }
}

pub(super) fn evolve(state: CrewState, event: &CrewEvent) -> CrewState {
    let mut crew = match (state, event) {
        (CrewState::Unknown, CrewEvent::CrewCreated { name, description, has_image, admins, members }) => {
            return CrewState::Active(Crew {
                name: name.clone(),
                description: description.clone(),
                has_image: *has_image,
                admins: admins.clone(),
                members: members.clone(),
            });
        }
        (CrewState::Active(_), CrewEvent::CrewDeleted { at }) => return CrewState::Deleted { deleted_at: *at },
        (CrewState::Active(crew), _) => crew,
        (state, _) => return state,
    };
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
        CrewEvent::CrewMemberAdded { person } | CrewEvent::CrewMemberInvited { person } => {
            if !crew.is_member(*person) {
                crew.members.push(*person);
            }
        }
        CrewEvent::CrewMemberRemoved { person } => {
            crew.members.retain(|member| member != person);
            crew.admins.retain(|admin| admin != person);
        }
        CrewEvent::CrewMemberReplaced { from, to } => {
            replace(&mut crew.members, *from, *to);
            replace(&mut crew.admins, *from, *to);
        }
        CrewEvent::CrewCreated { .. } | CrewEvent::CrewDeleted { .. } => {}
    }
    CrewState::Active(crew)
}
