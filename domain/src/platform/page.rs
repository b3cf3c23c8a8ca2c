//! A page that the platform shows: imprint, how it works.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::{integer, keyword};
use crate::{Record, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Page {
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
    /// Where clients show it.
    #[garde(length(chars, min = 1, max = 2_000))]
    pub url: String,
    #[garde(length(chars, max = 100_000))]
    pub description: String,
    #[garde(length(chars, max = 200))]
    pub title: Option<String>,
    #[garde(length(chars, max = 100))]
    pub language: Option<String>,
    /// Pages are shown in this order.
    #[garde(skip)]
    #[serde(default)]
    pub index: i64,
    #[garde(skip)]
    pub place: Option<PagePlace>,
}

/// Where a page is linked from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagePlace {
    Footer,
    Event,
}

pub const PAGE: Record = Record::of::<Page>("page").known(Who::Anyone).written(STAFF).fields(&[
    keyword("name"),
    keyword("url"),
    keyword("title"),
    keyword("language"),
    integer("index"),
    keyword("place"),
]);
