//! What sorts events: types, topics, and topics within topics, with the picture that an event of one has until it has
//! its own.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::{id, keyword, link};
use crate::{EntityId, Record, Who};

/// A conference, a concert, a camp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct EventType {
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
    #[garde(skip)]
    pub slug: Option<String>,
}

pub const EVENT_TYPE: Record = Record::of::<EventType>("event_type")
    .known(Who::Anyone)
    .written(STAFF)
    .slug("name", "slug")
    .unique(&[&["slug"]])
    .fields(&[keyword("name"), keyword("slug")]);

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct EventTopic {
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
    #[garde(skip)]
    pub slug: Option<String>,
    #[garde(inner(url, length(chars, max = 2_000)))]
    pub system_image_url: Option<String>,
}

pub const EVENT_TOPIC: Record = Record::of::<EventTopic>("event_topic")
    .known(Who::Anyone)
    .written(STAFF)
    .slug("name", "slug")
    .unique(&[&["slug"]])
    .fields(&[keyword("name"), keyword("slug"), keyword("system_image_url")]);

/// What an event is about within a topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct EventSubTopic {
    #[garde(skip)]
    pub event_topic: EntityId,
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
    #[garde(skip)]
    pub slug: Option<String>,
}

pub const EVENT_SUB_TOPIC: Record = Record::of::<EventSubTopic>("event_sub_topic")
    .within("event_topic", "event_topic")
    .known(Who::Anyone)
    .written(STAFF)
    .slug("name", "slug")
    .unique(&[&["event_topic", "slug"]])
    .fields(&[keyword("name"), keyword("slug")]);

/// The picture of events that have none, with what has to be said about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct CustomPlaceholder {
    #[garde(skip)]
    pub event_sub_topic: Option<EntityId>,
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
    #[garde(url, length(chars, max = 2_000))]
    pub original_image_url: String,
    #[garde(length(chars, max = 1_000))]
    pub copyright: Option<String>,
    #[garde(length(chars, max = 1_000))]
    pub origin: Option<String>,
}

pub const CUSTOM_PLACEHOLDER: Record = Record::of::<CustomPlaceholder>("custom_placeholder")
    .links(&[link("event_sub_topic", "event_sub_topic")])
    .known(Who::Anyone)
    .written(STAFF)
    .fields(&[
        id("event_sub_topic"),
        keyword("name"),
        keyword("original_image_url"),
        keyword("copyright"),
        keyword("origin"),
    ]);
