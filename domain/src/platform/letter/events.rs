//! The storage format of letters: names and shapes here are what the log holds, so change them with care.

use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use crate::Sealed;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "type", content = "data")]
#[strum_discriminants(name(LetterEventKind), derive(EnumIter, IntoStaticStr))]
pub enum LetterEvent {
    /// `letter` is a [`super::Letter`] as JSON, sealed for who wrote it.
    LetterWritten { letter: Sealed },
}
