//! Ids on krugo's wire: opaque texts. An entity's is its UUID; a child of a booking has the booking's UUID, a letter
//! for what it is and its number, since several commands name only the child. A found trip is stored nowhere: its id
//! says its region and days.

use std::borrow::Cow;
use std::fmt;

use caravan_domain::catalogue::discover::TripWindow;
use caravan_domain::{EntityId, NotAnId};
use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Failure;

/// The id of what a booking contains under a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child<const KIND: char> {
    pub booking: EntityId,
    pub number: u32,
}

pub type AccommodationId = Child<'a'>;
pub type RoomId = Child<'r'>;
pub type GuestId = Child<'g'>;
pub type BundleId = Child<'b'>;
pub type TicketId = Child<'t'>;
pub type PurchaseId = Child<'p'>;

impl<const KIND: char> Child<KIND> {
    pub fn new(booking: EntityId, number: u32) -> Self {
        Child { booking, number }
    }

    pub fn parse(id: &str) -> Option<Self> {
        let (booking, child) = id.split_at_checked(36)?;
        let number = child.strip_prefix('-')?.strip_prefix(KIND)?;
        let parsed = number.parse::<u32>().ok()?;
        // One id has one spelling: no sign, no leading zero.
        (parsed.to_string() == number).then_some(Child { booking: booking.parse().ok()?, number: parsed })
    }

    /// The number of what must be the booking's; not found, naming `field`, where it is of another.
    pub fn of(self, booking: EntityId, field: &str) -> Result<u32, Failure> {
        if self.booking == booking { Ok(self.number) } else { Err(Failure::not_found(NotAnId.to_string()).on(field)) }
    }
}

impl<const KIND: char> fmt::Display for Child<KIND> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{KIND}{}", self.booking, self.number)
    }
}

impl<const KIND: char> Serialize for Child<KIND> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const KIND: char> Deserialize<'de> for Child<KIND> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = Cow::<'de, str>::deserialize(deserializer)?;
        Child::parse(&id).ok_or_else(|| serde::de::Error::custom(NotAnId))
    }
}

/// The id of a found trip: `<region>-<first day>-<last day>`, days as `20300501`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TripId(pub TripWindow);

impl TripId {
    /// How a day is written.
    const DAY: &str = "%Y%m%d";

    pub fn parse(id: &str) -> Option<Self> {
        let (region, days) = id.split_at_checked(36)?;
        let (first, last) = days.strip_prefix('-')?.split_once('-')?;
        let day = |text: &str| NaiveDate::parse_from_str(text, TripId::DAY).ok();
        let window = TripWindow { region: region.parse().ok()?, first_day: day(first)?, last_day: day(last)? };
        // One id has one spelling.
        (TripId(window).to_string() == id).then_some(TripId(window))
    }
}

impl fmt::Display for TripId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TripWindow { region, first_day, last_day } = self.0;
        write!(f, "{region}-{}-{}", first_day.format(TripId::DAY), last_day.format(TripId::DAY))
    }
}

impl Serialize for TripId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TripId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = Cow::<'de, str>::deserialize(deserializer)?;
        TripId::parse(&id).ok_or_else(|| serde::de::Error::custom(NotAnId))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_childs_id_gives_back_booking_and_number() {
        let booking = EntityId::from_parts(7, [1; 10]);
        let room = RoomId::new(booking, 12);
        assert_eq!(serde_json::from_value::<RoomId>(json!(room)).unwrap(), room);
        assert_eq!(room.of(booking, "id").unwrap(), 12);
        let another = EntityId::from_parts(8, [1; 10]);
        assert_eq!(room.of(another, "room_id").unwrap_err().text(), "room_id: no such id");
    }

    #[test]
    fn an_id_has_one_spelling_and_one_kind() {
        let booking = EntityId::from_parts(7, [1; 10]);
        for id in ["", "x", "äöü", &booking.to_string(), &format!("{booking}-r012"), &format!("{booking}-r+1")] {
            assert_eq!(serde_json::from_value::<RoomId>(json!(id)).unwrap_err().to_string(), "no such id", "{id}");
        }
        assert_eq!(RoomId::parse(&GuestId::new(booking, 1).to_string()), None);
    }
    #[test]
    fn a_trips_id_gives_back_region_and_days() {
        let day = |text: &str| text.parse().unwrap();
        let region = EntityId::from_parts(7, [1; 10]);
        for (first, last) in [("2030-05-01", "2030-05-03"), ("0001-01-01", "9999-12-31")] {
            let trip = TripId(TripWindow { region, first_day: day(first), last_day: day(last) });
            assert_eq!(serde_json::from_value::<TripId>(json!(trip)).unwrap(), trip);
        }
        let days = TripWindow { region, first_day: day("2030-05-01"), last_day: day("2030-05-03") };
        assert_eq!(TripId(days).to_string(), format!("{region}-20300501-20300503"));
        for days in [
            "",
            "-",
            "-20300501",
            "-20300501-20300532",
            "-2030051-20300503",
            "-20300501-20300503-",
            "-+2030501-20300503",
        ] {
            let id = format!("{region}{days}");
            assert_eq!(serde_json::from_value::<TripId>(json!(id)).unwrap_err().to_string(), "no such id", "{id}");
        }
    }
}
