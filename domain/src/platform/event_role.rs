//! What somebody may be at an event, as clients show it. What a role may do is the domain's: one that is added here
//! grants nothing.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::keyword;
use crate::{Record, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct EventRole {
    #[garde(length(chars, min = 1, max = 100))]
    pub name: String,
    #[garde(length(chars, max = 200))]
    pub title_name: Option<String>,
}

pub const EVENT_ROLE: Record = Record::of::<EventRole>("event_role")
    .known(Who::SignedIn)
    .written(STAFF)
    .unique(&[&["name"]])
    .fields(&[keyword("name"), keyword("title_name")]);
