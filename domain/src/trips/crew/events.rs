//! The storage format of crews: names and shapes here are what the log holds, so change them with care.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use crate::{EntityId, Sealed};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "type", content = "data")]
#[strum_discriminants(name(CrewEventKind), derive(EnumIter, IntoStaticStr))]
pub enum CrewEvent {
    CrewCreated {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<Description>,
        has_image: bool,
        creator: EntityId,
        admins: Vec<EntityId>,
        members: Vec<EntityId>,
    },
    /// Only what changed.
    CrewChanged {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<Description>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        has_image: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        admins: Option<Vec<EntityId>>,
    },
    CrewMemberAdded {
        person: EntityId,
    },
    /// Added, and to be told so.
    CrewMemberInvited {
        person: EntityId,
        inviter: EntityId,
        /// The number by which the inviter named the person, who owns it; none where an id was named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<Sealed>,
    },
    /// The member has themselves sent a first command here: from now on the others see how to reach them.
    CrewMemberTookPart {
        person: EntityId,
    },
    CrewMemberRemoved {
        person: EntityId,
    },
    /// `to` takes every place of `from`.
    CrewMemberReplaced {
        from: EntityId,
        to: EntityId,
    },
    CrewDeleted {
        at: DateTime<Utc>,
    },
}

/// What a crew says about itself: text, or the boolean that krugo documents (krugo, Oddities).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected text or a boolean")]
pub enum Description {
    Text(String),
    Flag(bool),
}
