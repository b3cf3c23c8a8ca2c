//! Who did something that has to be accounted for. An entry is made once and never changed.

use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::{id, instant, text};
use crate::record::{made_at, maker, personal};
use crate::{EntityId, Record, Sealed, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct AuditLog {
    #[garde(skip)]
    pub performed_by: Option<EntityId>,
    /// What it was done to.
    #[garde(skip)]
    pub object_id: Option<EntityId>,
    /// The kind of that.
    #[garde(length(chars, min = 1, max = 200))]
    pub action_object: String,
    #[garde(length(chars, min = 1, max = 200))]
    pub action_type: String,
    /// An object of whatever there is to say, as JSON.
    #[garde(skip)]
    pub details: Option<Sealed>,
    #[garde(skip)]
    pub ip_address: Option<Sealed>,
    #[garde(skip)]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub const AUDIT_LOG: Record = Record::of::<AuditLog>("audit_log")
    .known(Who::SignedIn)
    .read(STAFF)
    .appended(STAFF)
    .filled(&[maker("performed_by"), made_at("occurred_at")])
    .personal(&[personal("details", "performed_by"), personal("ip_address", "performed_by")])
    .fields(&[id("performed_by"), id("object_id"), text("action_object"), text("action_type"), instant("occurred_at")])
    .text(&["action_object", "action_type"]);
