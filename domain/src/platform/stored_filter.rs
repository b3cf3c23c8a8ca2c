//! What somebody often filters by, kept under a name for one kind of object.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::kind::{id, keyword};
use crate::record::{maker, personal};
use crate::{EntityId, Record, Sealed, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct StoredFilter {
    #[garde(skip)]
    pub user_id: Option<EntityId>,
    /// What it filters, by the name that the dialect has for it.
    #[garde(length(chars, min = 1, max = 100))]
    pub index_name: String,
    #[garde(skip)]
    pub filter_name: Option<Sealed>,
    /// An object, as JSON.
    #[garde(skip)]
    pub conditions: Sealed,
}

pub const STORED_FILTER: Record = Record::of::<StoredFilter>("stored_filter")
    .known(Who::Person("user_id"))
    .appended(Who::SignedIn)
    .deleted(Who::Person("user_id"))
    .filled(&[maker("user_id")])
    .personal(&[personal("filter_name", "user_id"), personal("conditions", "user_id")])
    .fields(&[keyword("index_name"), id("user_id")]);
