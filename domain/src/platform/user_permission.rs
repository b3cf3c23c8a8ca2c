//! What accounts without a proven address, and people without an account, are let do.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::{boolean, keyword};
use crate::{Record, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct UserPermission {
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
    #[garde(length(chars, max = 1_000))]
    pub description: Option<String>,
    #[garde(skip)]
    #[serde(default)]
    pub unverified_user: bool,
    #[garde(skip)]
    pub anonymous_user: bool,
}

pub const USER_PERMISSION: Record = Record::of::<UserPermission>("user_permission")
    .known(Who::SignedIn)
    .read(STAFF)
    .written(STAFF)
    .unique(&[&["name"]])
    .fields(&[keyword("name"), keyword("description"), boolean("unverified_user"), boolean("anonymous_user")]);
