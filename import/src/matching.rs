//! Announcements matched with the gazetteer: where and when they take place, and what names them.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use caravan_domain::catalogue::event::{Category, Origin, Schedule};
use caravan_domain::catalogue::gazetteer::{Entry, Gazetteer};
use caravan_domain::catalogue::{instant, names};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::address::{lies_within, locate};
use crate::announcement::{AnnouncedLocation, Announcement, Spot};
use crate::fault::{Fault, shortened};
use crate::ids::{self, Ids, Name, Passed, Sighting};

/// Of an event's category, in characters.
const LONGEST_CATEGORY: usize = 200;

/// Performers of an event.
const MOST_PERFORMERS: usize = 100;

/// What records are matched with, and what holds for those that do not say.
pub struct Matching<'m> {
    pub gazetteer: &'m dyn Gazetteer,
    pub source: Source<'m>,
    /// Sources of the demo, whose events are not for these records to change.
    pub guarded: &'m [&'m str],
    /// Where events take place that do not say.
    pub city: Option<&'m Entry>,
    /// Of times that say none.
    pub time_zone: Option<Tz>,
    /// The moment after which past events are moved, by whole multiples of 52 weeks; `None` leaves them where they are.
    pub ahead_of: Option<DateTime<Utc>>,
}

/// Who publishes the records.
#[derive(Debug, Clone, Copy)]
pub enum Source<'s> {
    /// This one, whatever they say.
    Stated(&'s str),
    /// Whom they name, else this one.
    Presumed(&'s str),
}

/// An announcement that keeps the rules, and what it was matched with.
pub struct Sound<'g> {
    pub spot: Spot,
    /// The how-manieth of the file it is.
    pub ordinal: u32,
    pub announcement: Announcement,
    pub origin: Origin,
    /// Its name where its id has several dates.
    pub dated: Origin,
    pub schedule: Schedule,
    pub city: Option<&'g Entry>,
    /// Venues of one key are one.
    pub venue_key: Option<String>,
}

impl<'m> Matching<'m> {
    /// Matches a record with the gazetteer and sees whether it may be an event.
    pub fn check(&self, spot: Spot, ordinal: u32, mut announcement: Announcement) -> Result<Sound<'m>, Fault> {
        let located = locate(self.gazetteer, &announcement.location, announcement.clock());
        let presumed = || self.city.filter(|city| lies_within(city, &located.within));
        let city = located.city.or_else(presumed);
        let country = || match located.within.as_slice() {
            [area] => self.gazetteer.sole_time_zone(area.split('-').next()?),
            _ => None,
        };
        // An event is on the clocks of the place where it is; a feed's are for times that say none.
        let floating = self.time_zone.or(announcement.floating);
        let zone = city.map(|city| city.time_zone).or(announcement.zone).or_else(country).or(floating);
        let nowhere = || Fault::new("says neither a city that is known nor a time zone").of(&announcement.name);
        let zone = zone.ok_or_else(nowhere)?;
        let scheduled = announcement.schedule(zone, floating.unwrap_or(zone));
        let (schedule, fault) =
            scheduled.map_err(|rejection| Fault::new(rejection.to_string()).of(&announcement.name))?;
        announcement.notes.extend(fault);
        let bounds = [without_long_category(&mut announcement), with_first_performers(&mut announcement)];
        announcement.notes.extend(bounds.into_iter().flatten());
        let starts_at = schedule.starts_at;
        let schedule = match self.ahead_of {
            Some(moment) => moved_ahead(schedule, moment),
            None => schedule,
        };
        let source = match self.source {
            Source::Stated(source) => source.to_owned(),
            Source::Presumed(source) => announcement.source.clone().unwrap_or_else(|| source.to_owned()),
        };
        if self.guarded.contains(&source.as_str()) {
            let rest = "a source of the demo, whose events this would change: name yours with --source";
            let fault = Fault::told(format!("is under {rest}"), format!("{source} is {rest}"));
            return Err(fault.of(&announcement.name));
        }
        let origin = Origin { source, external_id: announcement.external_id() };
        let external_id = format!("{}/{}", origin.external_id, instant::text(starts_at));
        let dated = Origin { external_id, ..origin.clone() };
        let venue_key = self.venue_key(&announcement.location, city);
        Ok(Sound { spot, ordinal, announcement, origin, dated, schedule, city, venue_key })
    }

    /// Venues of one name in one city are one, whatever their coordinates; without a city, of one name in one country.
    fn venue_key(&self, location: &AnnouncedLocation, city: Option<&Entry>) -> Option<String> {
        let venue = location.venue.as_ref()?;
        let name = names::key(venue);
        let is_city = |city: &Entry| self.gazetteer.named(venue).iter().any(|(_, other)| *other == city);
        let is_nowhere =
            ["", "online", "online event", "on line event", "virtual", "virtual event"].contains(&name.as_str());
        if is_nowhere || city.is_some_and(is_city) {
            return None;
        }
        Some(match city {
            Some(city) => format!("{}/{name}", city.geoname_id),
            None => format!("{}/{name}", location.country.unwrap_or_default()),
        })
    }
}

impl Sound<'_> {
    pub fn sighting(&self) -> Sighting {
        let (Spot::Line(spot) | Spot::Record(spot)) = self.spot;
        Sighting {
            id: hash(&self.origin),
            version: Reverse(self.announcement.version),
            start: self.schedule.starts_at.timestamp() as u32,
            ordinal: self.ordinal,
            spot: spot.try_into().unwrap_or(u32::MAX),
        }
    }

    /// The record, unless another one of the file counts.
    pub fn counts(self, ids: &Ids) -> Result<Self, Fault> {
        let spot = |number: u32| match self.spot {
            Spot::Line(_) => Spot::Line(number.into()),
            Spot::Record(_) => Spot::Record(number.into()),
        };
        let fault = match ids.passed(self.ordinal) {
            None => return Ok(self),
            Some(Passed::Repeats(other)) => Fault::told("repeats another record", format!("repeats {}", spot(other))),
            Some(Passed::IsOlderThan(other)) => {
                Fault::told("is older than another record", format!("is older than {}", spot(other)))
            }
        };
        Err(fault.of(&self.announcement.name))
    }

    /// The record under the name that its event has, or gets.
    pub fn named(mut self, ids: &Ids, known: ids::Known) -> Self {
        let name = ids.name(hash(&self.origin), self.ordinal, self.schedule.starts_at, known);
        if name == Name::IdAndDate {
            self.origin = self.dated.clone();
        }
        self
    }
}

fn hash(origin: &Origin) -> ids::Hash {
    let mut hasher = DefaultHasher::new();
    (&origin.source, &origin.external_id).hash(&mut hasher);
    let hash = hasher.finish();
    [(hash >> 32) as u32, hash as u32]
}

/// Leaves out a category that is no category, but a text.
fn without_long_category(announcement: &mut Announcement) -> Option<Fault> {
    let is_long = announcement.category.category.chars().count() > LONGEST_CATEGORY;
    is_long.then(|| {
        announcement.category = Category::from_words([]);
        Fault::new("category: is longer than 200 characters").of(&announcement.name)
    })
}

/// Leaves each performer once, and no more than an event may have; says where those were more.
fn with_first_performers(announcement: &mut Announcement) -> Option<Fault> {
    let mut seen = HashSet::new();
    announcement.performers.retain(|name| {
        let key = names::key(name);
        !key.is_empty() && seen.insert(key)
    });
    let count = announcement.performers.len();
    announcement.performers.truncate(MOST_PERFORMERS);
    (count > MOST_PERFORMERS).then(|| {
        let reason = "performers: only the first 100 are kept";
        Fault::told(reason, format!("{reason} of {count} ({})", shortened(&announcement.name)))
    })
}

/// The first time from now on that lies whole multiples of 52 weeks later: the same day of the week, about the same
/// season, the same time of day.
fn moved_ahead(schedule: Schedule, now: DateTime<Utc>) -> Schedule {
    const WEEKS: i64 = 52;
    if schedule.starts_at > now {
        return schedule;
    }
    let times = (now - schedule.starts_at).num_weeks() / WEEKS;
    // A shift of clocks may make one more necessary.
    (times..)
        .map(|times| schedule.later_by_weeks(times * WEEKS))
        .find(|moved| moved.starts_at > now)
        .unwrap_or(schedule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, TimeZone};
    use chrono_tz::America::Toronto;

    use crate::when::When;

    fn at(zone: Tz, year: i32, month: u32, day: u32) -> Schedule {
        let start = zone.with_ymd_and_hms(year, month, day, 20, 0, 0).unwrap().to_utc();
        Schedule::timed(start, Some(start + chrono::Duration::hours(3)), zone).unwrap()
    }

    #[test]
    fn records_of_a_guarded_source_are_not_sound() {
        let gazetteer: Vec<Entry> = vec![];
        let check = |source: Source<'_>, named: Option<&str>| {
            let matching = Matching {
                gazetteer: &gazetteer,
                source,
                guarded: &["football"],
                city: None,
                time_zone: Some(Toronto),
                ahead_of: None,
            };
            let starts = When::parse("2031-05-01").unwrap();
            let announcement =
                Announcement { source: named.map(str::to_owned), ..Announcement::new("A".into(), starts) };
            matching
                .check(Spot::Line(2), 0, announcement)
                .map(|sound| sound.origin.source)
                .map_err(|fault| fault.to_string())
        };
        let refused = "football is a source of the demo, whose events this would change: name yours with --source (A)";
        assert_eq!(check(Source::Presumed("football"), None), Err(refused.into()));
        assert_eq!(check(Source::Presumed("club"), Some("football")), Err(refused.into()));
        assert_eq!(check(Source::Presumed("football"), Some("club")), Ok("club".into()));
    }

    #[test]
    fn past_events_move_to_the_next_time_to_come() {
        let now = Utc.with_ymd_and_hms(2026, 5, 1, 0, 0, 0).unwrap();
        for (year, month, day) in [(2004, 10, 9), (2025, 3, 14), (2026, 4, 30), (2025, 5, 2), (2025, 5, 1)] {
            let before = at(Toronto, year, month, day);
            let after = moved_ahead(before.clone(), now);
            assert!(after.starts_at > now && after.starts_at <= now + chrono::Duration::weeks(52));
            assert_eq!(after.day().weekday(), before.day().weekday());
            assert_eq!(after.local_start().time(), before.local_start().time());
            assert_eq!((after.day() - before.day()).num_weeks() % 52, 0);
        }
        let future = at(Toronto, 2026, 5, 2);
        assert_eq!(moved_ahead(future.clone(), now), future);
    }
}
