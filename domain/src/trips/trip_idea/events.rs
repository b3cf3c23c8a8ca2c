//! The storage format of trip ideas: names and shapes here are what the log holds, so change them with care.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use crate::EntityId;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "type", content = "data")]
#[strum_discriminants(name(TripIdeaEventKind), derive(EnumIter, IntoStaticStr))]
pub enum TripIdeaEvent {
    TripIdeaSuggested(TripIdea),
    TripIdeaLiked {
        person: EntityId,
    },
    TripIdeaUnliked {
        person: EntityId,
    },
    /// `to` takes every place of `from`.
    TripIdeaPersonReplaced {
        from: EntityId,
        to: EntityId,
    },
    TripIdeaDeleted {
        at: DateTime<Utc>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TripIdea {
    pub crew: EntityId,
    pub city: EntityId,
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
    pub events: Vec<EntityId>,
    pub suggestor: EntityId,
    /// Who likes it, in the order of liking.
    pub liked: Vec<EntityId>,
}
