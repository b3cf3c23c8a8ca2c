//! Mails that staff write, to whomever they like.

mod draft;
mod events;

use serde::{Deserialize, Serialize};

pub use draft::{Draft, Letter, MOST_RECIPIENTS, StoredFile};
pub use events::{LetterEvent, LetterEventKind};

use crate::access::STAFF;
use crate::{Context, Decider, Kind, Rejection, Sealed};

pub enum Letters {}

/// Whether it was written: what it says is nobody's to read here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LetterState {
    pub written: bool,
}

/// Has a letter sent that was checked before.
#[derive(Debug, Clone)]
pub struct WriteLetter {
    pub letter: Sealed,
}

pub const KIND: Kind = Kind::of::<Letters>();

impl Decider for Letters {
    const CATEGORY: &'static str = "letter";
    type State = LetterState;
    type Command = WriteLetter;
    type Event = LetterEvent;

    fn decide(state: &LetterState, command: WriteLetter, context: &Context) -> Result<Vec<LetterEvent>, Rejection> {
        only_staff(context)?;
        Ok(if state.written { vec![] } else { vec![LetterEvent::LetterWritten { letter: command.letter }] })
    }

    fn evolve(_: LetterState, event: &LetterEvent) -> LetterState {
        match event {
            LetterEvent::LetterWritten { .. } => LetterState { written: true },
        }
    }
}

/// Refuses whoever may not write letters.
pub fn only_staff(context: &Context) -> Result<(), Rejection> {
    if STAFF.is_always(context) {
        return Ok(());
    }
    Err(Rejection::forbidden("only-staff-write-letters", "only admins may send mails"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EntityId;
    use crate::decider::testing::given;
    use crate::identity::Role;

    fn sealed() -> Sealed {
        Sealed { subject: person(), cipher: String::new(), hash: "letter".to_owned() }
    }

    fn person() -> EntityId {
        EntityId::from_parts(1, [0; 10])
    }

    #[test]
    fn staff_write_letters_once_and_nobody_else_does() {
        let write = || WriteLetter { letter: sealed() };
        let written = || LetterEvent::LetterWritten { letter: sealed() };
        for role in [Role::Admin, Role::SuperAdmin] {
            given::<Letters>([]).by(person()).being(role).when(write()).then([written()]);
            given::<Letters>([written()]).by(person()).being(role).when(write()).then_nothing();
        }
        for role in [Role::User, Role::SalesAdmin, Role::Marketer, Role::Analyst, Role::Operator] {
            given::<Letters>([]).by(person()).being(role).when(write()).then_err("only-staff-write-letters");
        }
        given::<Letters>([]).anonymous().when(write()).then_err("only-staff-write-letters");
    }
}
