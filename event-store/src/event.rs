//! What the log holds.

use std::fmt;
use std::str::FromStr;

use caravan_domain::{EntityId, Stamps};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::CodecError;
use crate::json::Json;

/// Place of an event in its stream; the first is 0.
pub type Revision = i64;

/// Place of an event in the whole log; increasing, the first is at least 1. 0 is before everything.
pub type Position = i64;

/// `<category>-<uuid>`; a category has no dash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    pub category: String,
    pub id: EntityId,
}

impl StreamId {
    pub fn new(category: &str, id: EntityId) -> Self {
        StreamId { category: category.to_owned(), id }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.category, self.id)
    }
}

/// The text is not `<category>-<uuid>`.
#[derive(Debug, thiserror::Error)]
#[error("not a stream id: expected <category>-<uuid>")]
pub struct NotAStream;

impl FromStr for StreamId {
    type Err = NotAStream;

    fn from_str(text: &str) -> Result<Self, NotAStream> {
        let (category, id) = text.split_once('-').ok_or(NotAStream)?;
        Ok(StreamId { category: category.to_owned(), id: id.parse().map_err(|_| NotAStream)? })
    }
}

/// An event about to be appended.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// v5(command id, stream, index): a repeated append is recognised by it.
    pub id: Uuid,
    pub event_type: String,
    pub schema_version: i16,
    pub data: Json,
    pub metadata: Metadata,
}

/// Where an event comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    pub command_id: Uuid,
    pub correlation_id: Uuid,
    /// The event that led to the command, if a process manager sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// The account that acted; absent for the system and for anonymous calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<EntityId>,
    pub dialect: String,
}

/// A stored event. `data` is as stored; the codec reads it in the current schema version.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub id: Uuid,
    pub stream: StreamId,
    pub revision: Revision,
    pub position: Position,
    pub event_type: String,
    pub schema_version: i16,
    pub time: DateTime<Utc>,
    pub data: Json,
    pub(crate) metadata: Json,
}

impl Recorded {
    pub fn metadata(&self) -> Result<Metadata, CodecError> {
        self.metadata.read().map_err(|source| CodecError::decode(self, source))
    }

    /// The stamps of an entity that had `before`, or none as this is its first event.
    pub fn stamp(&self, before: Option<Stamps>) -> Stamps {
        match before {
            Some(before) => Stamps { updated_at: self.time, ..before },
            None => {
                let created_by = self.metadata().ok().and_then(|metadata| metadata.actor);
                Stamps { born: self.position, created_at: self.time, created_by, updated_at: self.time }
            }
        }
    }
}

/// The id of the `index`th event that a command appends to a stream.
pub fn event_id(command_id: Uuid, stream: &StreamId, index: usize) -> Uuid {
    Uuid::new_v5(&command_id, format!("{stream}/{index}").as_bytes())
}
