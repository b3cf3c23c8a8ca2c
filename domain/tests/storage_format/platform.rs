use caravan_domain::platform::letter::{LetterEvent, Letters};
use serde_json::json;

use crate::{Pinned, pinned};

pub fn all() -> Vec<Pinned> {
    let letter = json!({"subject": "00000000-0000-8000-8000-000000000001", "cipher": "Y2lwaGVy", "hash": "aGFzaA"});
    vec![pinned::<Letters>([json!({"type": "LetterWritten", "data": {"letter": letter}})])]
}

/// A new event fails to compile here: pin it above, then name it.
#[allow(dead_code)]
fn every_event_is_named(letter: LetterEvent) {
    match letter {
        LetterEvent::LetterWritten { .. } => {}
    }
}
