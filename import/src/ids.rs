//! Which event a record is about, where its source has one id for several dates, as double-headers have it.
//!
//! As long as a file has one date for an id, the id is the event's name, so that its date may change. Each of several
//! dates is an event: one has the id alone, the one that had it before or came first; the others have id and date.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

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
    /// A date that the catalogue does not have: whether the event was moved or is one of several shows at the end of
    /// the file.
    Open,
}

/// Ids that the file had so far.
#[derive(Default)]
pub struct Ids(HashMap<Uuid, Dates>);

#[derive(Default)]
struct Dates {
    count: u32,
    alone: Option<DateTime<Utc>>,
}

impl Ids {
    /// What names the event of an id that starts at `start`; every start comes once.
    pub fn name(&mut self, id: Uuid, start: DateTime<Utc>, known: Known) -> Name {
        let dates = self.0.entry(id).or_default();
        dates.count += 1;
        match known.alone.or(dates.alone) {
            Some(alone) if alone == start => Name::Id,
            _ if known.dated => Name::IdAndDate,
            None => {
                dates.alone = Some(start);
                Name::Id
            }
            Some(_) if dates.count > 1 => Name::IdAndDate,
            Some(_) => Name::Open,
        }
    }

    /// What names an event that was open, once the file is read.
    pub fn settled(&self, id: Uuid) -> Name {
        if self.0.get(&id).is_some_and(|dates| dates.count > 1) { Name::IdAndDate } else { Name::Id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Events as an import of these dates of one id leaves them: start by name.
    fn import(mut events: BTreeMap<String, u32>, dates: &[u32]) -> BTreeMap<String, u32> {
        let at = |day: u32| DateTime::from_timestamp(i64::from(day), 0).unwrap();
        let mut ids = Ids::default();
        let mut open = vec![];
        let catalogue = events.clone();
        let named = |name: Name, day: u32| if name == Name::IdAndDate { format!("id/{day}") } else { "id".to_owned() };
        for day in dates {
            let alone = catalogue.get("id").map(|day| at(*day));
            let known = Known { alone, dated: catalogue.contains_key(&format!("id/{day}")) };
            match ids.name(Uuid::nil(), at(*day), known) {
                Name::Open => open.push(*day),
                name => drop(events.insert(named(name, *day), *day)),
            }
        }
        for day in open {
            events.insert(named(ids.settled(Uuid::nil()), day), day);
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
}
