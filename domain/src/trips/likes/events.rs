//! The storage format of likes: names and shapes here are what the log holds, so change them with care.

use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use crate::catalogue::discover::TripWindow;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "type", content = "data")]
#[strum_discriminants(name(TripLikesEventKind), derive(EnumIter, IntoStaticStr))]
pub enum TripLikesEvent {
    TripLiked(TripWindow),
    TripUnliked(TripWindow),
}
