//! Trips that suggest themselves: events of one region that lie close together in time.

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::event::{EventType, PublishedEvent};
use super::instant;
use crate::{EntityId, Rejection};

/// How many days a trip takes when its traveller says nothing.
pub const TRIP_LENGTH: u32 = 3;

/// How many trips one answer holds.
pub const MOST_TRIPS: usize = 50;

/// How many days a trip takes at most.
pub const LONGEST_TRIP: u32 = 365;

/// How many days from today a trip lies at most, ahead or back.
pub const FURTHEST_TRIP: u32 = 3_650;

/// What a found trip is known by: its events may change, these stay. By how many days it may shift is no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TripWindow {
    pub region: EntityId,
    /// Calendar days of the region, both included.
    pub first_day: NaiveDate,
    pub last_day: NaiveDate,
}

impl TripWindow {
    /// The first and last day when the trip may shift by `days` at either end.
    pub fn flexible(&self, days: u32) -> (NaiveDate, NaiveDate) {
        (back(self.first_day, days), ahead(self.last_day, days))
    }

    /// Refuses days that no trip has, as of the day `today`; whether there is such a region is another question.
    pub fn check(&self, today: NaiveDate) -> Result<(), Rejection> {
        if self.last_day < self.first_day {
            return Err(Rejection::invalid("trip-days-in-order", "trip", "ends before it starts"));
        }
        if self.last_day > ahead(self.first_day, LONGEST_TRIP - 1) {
            return Err(Rejection::invalid("trip-too-long", "trip", format!("takes more than {LONGEST_TRIP} days")));
        }
        if self.first_day < back(today, FURTHEST_TRIP) || self.last_day > ahead(today, FURTHEST_TRIP) {
            return Err(Rejection::invalid("trip-too-far", "trip", format!("is over {FURTHEST_TRIP} days away")));
        }
        Ok(())
    }
}

/// An event that is part of a trip.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub id: EntityId,
    pub published: PublishedEvent,
}

/// What of an event's state decides about its trip: most events that are looked at become part of none, and the rest of
/// their state need not be read.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Occasion {
    pub region: Option<EntityId>,
    /// As in [`PublishedEvent`].
    pub day: NaiveDate,
    #[serde(with = "instant")]
    pub starts_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Trip {
    pub window: TripWindow,
    /// Soonest first.
    pub events: Vec<EntityId>,
}

/// Whether what starts then still lies ahead: it has not begun.
pub fn lies_ahead(starts_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    starts_at > now
}

/// A trip that somebody likes, as it is now.
#[derive(Debug, Clone)]
pub struct Liked {
    pub trip: TripWindow,
    pub likes: i64,
    pub last_like_at: Option<DateTime<Utc>>,
    /// Ahead; those shown are the first of them.
    pub event_count: i64,
    pub events: Vec<Candidate>,
}

impl Liked {
    /// The sort of its soonest event.
    pub fn primary_event_type(&self) -> Option<EventType> {
        Some(self.events.first()?.published.details.category.event_type)
    }
}

/// Groups events into trips. The first event of a region opens a trip of `length` days; events of the region within
/// these days belong to it, the next one after them opens another.
pub struct Trips {
    length: u32,
    /// The last day that any trip may take.
    until: Option<NaiveDate>,
    trips: Vec<Trip>,
    /// The trip that each region's next event may belong to.
    latest: HashMap<EntityId, usize>,
}

impl Trips {
    pub fn new(length: u32, until: Option<NaiveDate>) -> Trips {
        Trips { length: length.max(1), until, trips: vec![], latest: HashMap::new() }
    }

    /// Takes the next event; they come ordered by day, then start, then id. Says whether later ones may still matter.
    pub fn add(&mut self, event: EntityId, Occasion { region, day, .. }: Occasion) -> bool {
        if self.is_complete(day) {
            return false;
        }
        let Some(region) = region else { return true };
        match self.latest.get(&region) {
            Some(at) if day <= self.trips[*at].window.last_day => self.trips[*at].events.push(event),
            _ if self.trips.len() == MOST_TRIPS => {}
            _ => {
                let last_day = ahead(day, self.length - 1);
                let last_day = self.until.map_or(last_day, |until| until.max(day).min(last_day));
                self.latest.insert(region, self.trips.len());
                let window = TripWindow { region, first_day: day, last_day };
                self.trips.push(Trip { window, events: vec![event] });
            }
        }
        true
    }

    fn is_complete(&self, day: NaiveDate) -> bool {
        self.trips.len() == MOST_TRIPS && self.trips.iter().all(|trip| trip.window.last_day < day)
    }

    /// The trips found, soonest first.
    pub fn found(self) -> Vec<Trip> {
        self.trips
    }
}

fn ahead(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_add_days(Days::new(days.into())).unwrap_or(NaiveDate::MAX)
}

fn back(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::event::EventState;
    use crate::catalogue::event::tests::published;
    use proptest::prelude::*;

    fn region(number: u64) -> EntityId {
        EntityId::from_parts(number, [7; 10])
    }

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 6, 1).unwrap() + Days::new(day.into())
    }

    fn event(number: u64) -> EntityId {
        EntityId::from_parts(number, [1; 10])
    }

    fn occasion(region: Option<u64>, on: u32) -> Occasion {
        let starts_at = day(on).and_hms_opt(20, 0, 0).unwrap().and_utc();
        Occasion { region: region.map(self::region), day: day(on), starts_at }
    }

    fn trips(length: u32, until: Option<u32>, events: impl IntoIterator<Item = (u64, u32)>) -> Vec<Trip> {
        let mut trips = Trips::new(length, until.map(day));
        for (number, (region, on)) in events.into_iter().enumerate() {
            if !trips.add(event(number as u64), occasion(Some(region), on)) {
                break;
            }
        }
        trips.found()
    }

    fn shape(trips: &[Trip]) -> Vec<(u64, NaiveDate, NaiveDate, usize)> {
        let shape =
            |Trip { window, events }: &Trip| (window.region.number(), window.first_day, window.last_day, events.len());
        trips.iter().map(shape).collect()
    }

    #[test]
    fn an_event_tells_by_its_state_where_and_when_it_is() {
        let published = published(day(3));
        let (region, starts_at) = (published.details.location.region, published.details.schedule.starts_at);
        let state = serde_json::to_string(&EventState::Scheduled(published)).unwrap();
        let occasion: Occasion = serde_json::from_str(&state).unwrap();
        assert_eq!(occasion, Occasion { region, day: day(3), starts_at });
    }

    #[test]
    fn events_of_a_region_within_the_length_make_a_trip() {
        let found = trips(3, None, [(1, 0), (1, 2), (2, 2), (1, 3), (2, 4)]);
        assert_eq!(shape(&found), [(1, day(0), day(2), 2), (2, day(2), day(4), 2), (1, day(3), day(5), 1)]);
    }

    #[test]
    fn a_trip_ends_within_the_dates_asked_for() {
        assert_eq!(shape(&trips(3, Some(1), [(1, 0), (1, 1)])), [(1, day(0), day(1), 2)]);
    }

    #[test]
    fn at_most_fifty_trips_each_complete() {
        let events = (0..60).map(|region| (region, 0)).chain([(5, 1), (55, 1), (49, 2), (5, 9)]);
        let found = trips(3, None, events);
        assert_eq!(found.len(), MOST_TRIPS);
        assert_eq!((found[5].events.len(), found[49].events.len(), found[0].events.len()), (2, 2, 1));
    }

    #[test]
    fn an_event_without_a_region_makes_no_trip() {
        let mut trips = Trips::new(3, None);
        assert!(trips.add(event(1), occasion(None, 0)));
        assert_eq!(trips.found(), []);
    }

    #[test]
    fn flexible_dates_reach_out_on_both_sides() {
        let found = trips(3, None, [(1, 10)]);
        assert_eq!(found[0].window.flexible(2), (day(8), day(14)));
        assert_eq!(found[0].window.flexible(0), (day(10), day(12)));
    }

    #[test]
    fn a_window_has_days_that_a_trip_can_take() {
        let today = day(0);
        let rule = |first, last| {
            let window = TripWindow { region: region(1), first_day: first, last_day: last };
            window.check(today).err().map(|rejection| {
                assert_eq!(rejection.field(), Some("trip"));
                rejection.rule
            })
        };
        assert_eq!(rule(day(3), day(3)), None);
        assert_eq!(rule(day(3), day(3 + 364)), None);
        assert_eq!(rule(day(3), day(2)), Some("trip-days-in-order"));
        assert_eq!(rule(day(3), day(3 + 365)), Some("trip-too-long"));
        assert_eq!(rule(day(3_650), day(3_650)), None);
        assert_eq!(rule(day(3_650), day(3_651)), Some("trip-too-far"));
        assert_eq!(rule(back(today, 3_650), today), Some("trip-too-long"));
        assert_eq!(rule(back(today, 3_651), back(today, 3_650)), Some("trip-too-far"));
        assert_eq!(rule(NaiveDate::MAX, NaiveDate::MAX), Some("trip-too-far"));
    }

    proptest! {
        #[test]
        fn every_event_is_in_one_trip_of_its_region(
            events in prop::collection::vec((0u64..5, 0u32..10), 0..60),
            length in 1u32..8,
        ) {
            let mut events = events;
            events.sort_by_key(|(_, day)| *day);
            let found = trips(length, None, events.clone());
            prop_assert_eq!(found.iter().map(|trip| trip.events.len()).sum::<usize>(), events.len());
            for Trip { window, events: own } in &found {
                for event in own {
                    let (its_region, on) = events[event.number() as usize];
                    prop_assert_eq!(region(its_region), window.region);
                    prop_assert!((window.first_day..=window.last_day).contains(&day(on)));
                }
            }
            prop_assert!(found.is_sorted_by_key(|trip| trip.window.first_day));
        }
    }
}
