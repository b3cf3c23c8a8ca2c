//! Which event a record is about, where its source has one id for several dates, as double-headers have it, or for
//! several versions.
//!
//! As long as a file has one date for an id, the id is the event's name, so that its date may change. Each of several
//! dates is an event: one has the id alone, the one that had it before or came first; the others have id and date. So a
//! file is gone through once before anything of it is put.

use std::cmp::Reverse;
use std::collections::HashMap;

use chrono::{DateTime, Utc};

/// What the catalogue has about a record's id.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    /// When the event starts that is named by the id alone.
    pub alone: Option<DateTime<Utc>>,
    /// Whether there is one that is named by the id and the record's date.
    pub dated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    Id,
    IdAndDate,
}

/// A hash of what names an event, in halves that pack closely.
pub type Hash = [u32; 2];

/// A record that was seen: some bytes, since a file may have millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    pub id: Hash,
    /// The highest counts.
    pub version: Reverse<u32>,
    /// In seconds since 1970, of which the lower half tells dates apart.
    pub start: u32,
    /// The how-manieth of the file it is.
    pub ordinal: u32,
    /// The number of its spot.
    pub spot: u32,
}

/// All records that were seen, in pieces: a list that grows as one is there twice whenever it moves.
#[derive(Default)]
pub struct Sightings(Vec<Vec<Sighting>>);

impl Sightings {
    const PIECE: usize = 64 * 1024;

    pub fn push(&mut self, sighting: Sighting) {
        match self.0.last_mut() {
            Some(piece) if piece.len() < Self::PIECE => piece.push(sighting),
            _ => self.0.push(vec![sighting]),
        }
    }

    fn sorted(self) -> Vec<Sighting> {
        let mut all = Vec::with_capacity(self.0.iter().map(Vec::len).sum());
        self.0.into_iter().for_each(|piece| all.extend(piece));
        all.sort_unstable();
        all
    }
}

/// Why a record is passed over: what stands at another spot counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    Repeats(u32),
    IsOlderThan(u32),
}

/// What is out of the ordinary about the ids of a file.
#[derive(Default)]
pub struct Ids {
    passed: HashMap<u32, Passed>,
    /// Ids with several dates, and the record that came first.
    several: HashMap<Hash, u32>,
}

impl Ids {
    pub fn of(sightings: Sightings) -> Ids {
        let mut ids = Ids::default();
        for of_id in sightings.sorted().chunk_by(|one, other| one.id == other.id) {
            let Some(newest) = of_id.first() else { continue };
            let current = of_id.partition_point(|sighting| sighting.version == newest.version);
            let (current, older) = of_id.split_at(current);
            ids.passed.extend(older.iter().map(|one| (one.ordinal, Passed::IsOlderThan(newest.spot))));
            let mut dates = current.chunk_by(|one, other| one.start == other.start);
            for of_date in dates.clone() {
                let [first, others @ ..] = of_date else { continue };
                ids.passed.extend(others.iter().map(|other| (other.ordinal, Passed::Repeats(first.spot))));
            }
            if dates.nth(1).is_some() {
                let first = current.iter().map(|one| one.ordinal).min();
                ids.several.extend(first.map(|first| (newest.id, first)));
            }
        }
        ids
    }

    pub fn passed(&self, ordinal: u32) -> Option<Passed> {
        self.passed.get(&ordinal).copied()
    }

    /// What names the event of an id that starts at `start`.
    pub fn name(&self, id: Hash, ordinal: u32, start: DateTime<Utc>, known: Known) -> Name {
        let first = self.several.get(&id);
        match known.alone {
            Some(alone) if alone == start => Name::Id,
            _ if known.dated => Name::IdAndDate,
            None if first.is_none_or(|first| *first == ordinal) => Name::Id,
            Some(_) if first.is_none() => Name::Id,
            _ => Name::IdAndDate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const ID: Hash = [7, 7];

    fn sightings(dates: &[(u32, u32)]) -> Sightings {
        let mut sightings = Sightings::default();
        let sighting = |(ordinal, (day, version)): (u32, &(u32, u32))| Sighting {
            id: ID,
            version: Reverse(*version),
            start: *day,
            ordinal,
            spot: ordinal + 1,
        };
        (0..).zip(dates).map(sighting).for_each(|one| sightings.push(one));
        sightings
    }

    /// Events as an import of these dates of one id leaves them: start by name.
    fn import(mut events: BTreeMap<String, u32>, dates: &[u32]) -> BTreeMap<String, u32> {
        let at = |day: u32| DateTime::from_timestamp(i64::from(day), 0).unwrap();
        let ids = Ids::of(sightings(&dates.iter().map(|day| (*day, 0)).collect::<Vec<_>>()));
        for (ordinal, day) in (0..).zip(dates) {
            let alone = events.get("id").map(|day| at(*day));
            let known = Known { alone, dated: events.contains_key(&format!("id/{day}")) };
            let name = match ids.name(ID, ordinal, at(*day), known) {
                Name::Id => "id".to_owned(),
                Name::IdAndDate => format!("id/{day}"),
            };
            events.insert(name, *day);
        }
        events
    }

    fn events(names: &[(&str, u32)]) -> BTreeMap<String, u32> {
        names.iter().map(|(name, day)| ((*name).to_owned(), *day)).collect()
    }

    #[test]
    fn an_event_of_one_date_may_be_moved() {
        let first = import(events(&[]), &[1]);
        assert_eq!(first, events(&[("id", 1)]));
        assert_eq!(import(first, &[2]), events(&[("id", 2)]));
    }

    #[test]
    fn the_dates_of_a_series_may_come_in_any_order_and_be_dropped() {
        let series = import(events(&[]), &[1, 2, 3]);
        assert_eq!(series, events(&[("id", 1), ("id/2", 2), ("id/3", 3)]));
        for dates in [&[1, 2, 3][..], &[3, 1, 2], &[2, 3], &[3, 2], &[2], &[1]] {
            assert_eq!(import(series.clone(), dates), series, "{dates:?}");
        }
    }

    #[test]
    fn a_date_may_be_added_before_the_others() {
        let single = import(events(&[]), &[2]);
        assert_eq!(import(single, &[1, 2]), events(&[("id", 2), ("id/1", 1)]));
        let series = import(events(&[]), &[2, 3]);
        let longer = events(&[("id", 2), ("id/1", 1), ("id/3", 3)]);
        assert_eq!(import(series, &[1, 2, 3]), longer);
        assert_eq!(import(longer.clone(), &[1, 2, 3]), longer);
    }

    #[test]
    fn of_versions_the_highest_counts_wherever_it_stands() {
        let passed = |dates: &[(u32, u32)]| {
            let ids = Ids::of(sightings(dates));
            (0..dates.len() as u32).map(|ordinal| ids.passed(ordinal)).collect::<Vec<_>>()
        };
        assert_eq!(passed(&[(1, 0), (1, 1)]), [Some(Passed::IsOlderThan(2)), None]);
        assert_eq!(passed(&[(2, 3), (1, 1)]), [None, Some(Passed::IsOlderThan(1))]);
        assert_eq!(passed(&[(1, 0), (2, 0), (1, 0)]), [None, None, Some(Passed::Repeats(1))]);
        // A newer version with another date is the same event, moved.
        let ids = Ids::of(sightings(&[(1, 0), (2, 1)]));
        assert_eq!(ids.name(ID, 1, DateTime::UNIX_EPOCH, Known::default()), Name::Id);
    }
}
