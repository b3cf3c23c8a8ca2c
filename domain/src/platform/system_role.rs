//! Roles that open panels of the administration to accounts that are no staff.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::{boolean, keyword, keywords, link};
use crate::{EntityId, Record, Who};

/// A part of the administration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    #[garde(length(chars, min = 1, max = 100))]
    pub panel_name: String,
    #[garde(skip)]
    #[serde(default)]
    pub can_access: bool,
}

pub const PANEL: Record = Record::of::<Panel>("panel")
    .known(Who::SignedIn)
    .written(STAFF)
    .unique(&[&["panel_name"]])
    .fields(&[keyword("panel_name"), boolean("can_access")]);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct SystemRole {
    #[garde(length(chars, min = 1, max = 100))]
    pub name: String,
    /// The panels that it opens.
    #[garde(length(max = 1_000))]
    #[serde(default)]
    pub panel_permissions: Vec<EntityId>,
}

pub const SYSTEM_ROLE: Record = Record::of::<SystemRole>("system_role")
    .links(&[link("panel_permissions", "panel")])
    .known(Who::SignedIn)
    .written(STAFF)
    .unique(&[&["name"]])
    .fields(&[keyword("name"), keywords("panel_permissions")]);
