//! What can be done at an event, and which role may do it there.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::{boolean, id, keyword, link};
use crate::{EntityId, Record, Who};

/// A part of an event that roles are let write: tracks, sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct EventService {
    #[garde(length(chars, min = 1, max = 100))]
    pub name: String,
}

pub const EVENT_SERVICE: Record = Record::of::<EventService>("event_service")
    .known(Who::SignedIn)
    .changed(STAFF)
    .unique(&[&["name"]])
    .fields(&[keyword("name")]);

/// What a role may do with a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct RolePermission {
    #[garde(skip)]
    pub role: EntityId,
    #[garde(skip)]
    pub service: EntityId,
    #[garde(skip)]
    pub can_create: bool,
    #[garde(skip)]
    pub can_read: bool,
    #[garde(skip)]
    pub can_update: bool,
    #[garde(skip)]
    pub can_delete: bool,
}

pub const ROLE_PERMISSION: Record = Record::of::<RolePermission>("role_permission")
    .links(&[link("role", "event_role"), link("service", "event_service")])
    .known(Who::SignedIn)
    .changed(STAFF)
    .fixed(&["role", "service"])
    .unique(&[&["role", "service"]])
    .fields(&[
        id("role"),
        id("service"),
        boolean("can_create"),
        boolean("can_read"),
        boolean("can_update"),
        boolean("can_delete"),
    ]);
