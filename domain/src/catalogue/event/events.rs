//! What happens to an event. This is the storage format: names and shapes here are what the log holds.

use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use super::{Category, Details, Location, Offers, Organizer, Origin, Schedule};
use crate::EntityId;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "type", content = "data")]
#[strum_discriminants(name(EventChangeKind), derive(EnumIter, IntoStaticStr))]
pub enum EventChange {
    Listed {
        #[serde(flatten)]
        origin: Origin,
        #[serde(flatten)]
        details: Box<Details>,
    },
    Renamed {
        name: String,
    },
    Rescheduled {
        #[serde(flatten)]
        schedule: Schedule,
    },
    Moved {
        #[serde(flatten)]
        location: Location,
    },
    LineUpChanged {
        performers: Vec<EntityId>,
    },
    Recategorised {
        #[serde(flatten)]
        category: Category,
    },
    OffersChanged {
        #[serde(flatten)]
        offers: Offers,
    },
    OrganizerChanged {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organizer: Option<Organizer>,
    },
    Cancelled {},
    Reinstated {},
}
