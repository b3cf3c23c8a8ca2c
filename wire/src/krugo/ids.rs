//! Ids on krugo's wire: opaque texts. An entity's is its UUID; a child of a booking has the booking's UUID, a letter for
//! what it is and its number, since several commands name only the child.

use caravan_domain::EntityId;

use crate::Failure;

/// What a booking contains under numbers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    Accommodation,
    Room,
    Guest,
    Bundle,
    Ticket,
    Purchase,
}

impl Child {
    fn letter(self) -> char {
        match self {
            Child::Accommodation => 'a',
            Child::Room => 'r',
            Child::Guest => 'g',
            Child::Bundle => 'b',
            Child::Ticket => 't',
            Child::Purchase => 'p',
        }
    }

    /// The id of the child with this number.
    pub fn id(self, booking: EntityId, number: u32) -> String {
        format!("{booking}-{}{number}", self.letter())
    }

    /// Booking and number of a child's id. Anything else is the id of nothing: not found, naming `field`.
    pub fn parse(self, id: &str, field: &str) -> Result<(EntityId, u32), Failure> {
        self.split(id).ok_or_else(|| unknown(field))
    }

    fn split(self, id: &str) -> Option<(EntityId, u32)> {
        let (booking, child) = id.split_at_checked(36)?;
        let number = child.strip_prefix('-')?.strip_prefix(self.letter())?;
        let parsed = number.parse::<u32>().ok()?;
        // One id has one spelling: no sign, no leading zero.
        (parsed.to_string() == number).then_some((booking.parse().ok()?, parsed))
    }
}

/// An entity's id. Anything else is the id of nothing: not found, naming `field`.
pub fn parse(id: &str, field: &str) -> Result<EntityId, Failure> {
    id.parse().map_err(|_| unknown(field))
}

/// Several entities' ids.
pub fn parse_all(ids: &[String], field: &str) -> Result<Vec<EntityId>, Failure> {
    ids.iter().enumerate().map(|(index, id)| parse(id, &format!("{field}[{index}]"))).collect()
}

fn unknown(field: &str) -> Failure {
    Failure::not_found("no such id").on(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_childs_id_gives_back_booking_and_number() {
        let booking = EntityId::from_parts(7, [1; 10]);
        let id = Child::Room.id(booking, 12);
        assert_eq!(Child::Room.parse(&id, "id").unwrap(), (booking, 12));
    }

    #[test]
    fn an_id_has_one_spelling_and_one_kind() {
        let booking = EntityId::from_parts(7, [1; 10]);
        for id in ["", "x", "äöü", &booking.to_string(), &format!("{booking}-r012"), &format!("{booking}-r+1")] {
            let failure = Child::Room.parse(id, "accommodationRoomId").unwrap_err();
            assert_eq!(failure.text(), "accommodationRoomId: no such id");
        }
        assert!(Child::Room.parse(&Child::Guest.id(booking, 1), "id").is_err());
    }
}
