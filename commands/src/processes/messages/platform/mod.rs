//! Messages of those who run the platform.

pub(super) mod letter;

use caravan_domain::platform::letter::{LetterEvent, LetterEventKind, Letters};

use super::Template;
use crate::processes::reactions::{Handler, Reactions, by};

pub(super) const MESSAGES: &[Template] = &[letter::LETTER];

pub(super) fn register(reactions: Reactions) -> Reactions {
    reactions.on::<Letters>(to_letter)
}

fn to_letter(kind: LetterEventKind) -> Option<Handler<LetterEvent>> {
    match kind {
        LetterEventKind::LetterWritten => by(letter::demand),
    }
}
