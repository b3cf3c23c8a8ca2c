//! Groups that admins put accounts into, and who is in them.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::{id, link, text};
use crate::record::maker;
use crate::{EntityId, Record, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct UserGroup {
    #[garde(length(chars, min = 1, max = 200))]
    pub group_name: String,
    #[garde(length(chars, max = 2_000))]
    pub avatar: Option<String>,
}

/// Several may have one name.
pub const USER_GROUP: Record = Record::of::<UserGroup>("user_group")
    .known(Who::Anyone)
    .written(STAFF)
    .fields(&[text("group_name"), text("avatar")])
    .text(&["group_name"]);

/// That an account is in a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct GroupMember {
    #[garde(skip)]
    pub group_id: EntityId,
    #[garde(skip)]
    pub user_id: EntityId,
    /// Who put it there.
    #[garde(skip)]
    pub owner_id: Option<EntityId>,
}

pub const GROUP_MEMBER: Record = Record::of::<GroupMember>("user_group_member")
    .within("group_id", "user_group")
    .links(&[link("user_id", "account")])
    .known(Who::Anyone)
    .written(STAFF)
    .fixed(&["user_id"])
    .unique(&[&["group_id", "user_id"]])
    .filled(&[maker("owner_id")])
    .fields(&[id("user_id"), id("owner_id")]);
