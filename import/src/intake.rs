//! From announcements to the catalogue: matched with cities, venues and performers, and put.
//!
//! Records are taken in portions. Of each portion first the places and performers that its events name are put, each
//! once, then the events; within a step many are on their way at once, since the store batches what comes together.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use caravan_commands::catalogue::{Known, Put};
use caravan_commands::{Caller, CommandError, Commands};
use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::catalogue::event::{
    Category, Details, Event, EventCommand, EventState, Location, Organizer, Origin, Schedule,
};
use caravan_domain::catalogue::gazetteer::{Entry, Gazetteer};
use caravan_domain::catalogue::performer::{PERFORMER, Performer};
use caravan_domain::catalogue::region::{REGION, Region};
use caravan_domain::catalogue::venue::{VENUE, Venue};
use caravan_domain::catalogue::{instant, names};
use caravan_domain::{Decider, EntityId, Record};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::address::{lies_within, locate};
use crate::announcement::{self, AnnouncedLocation, AnnouncedOrganizer, Announcement, Spot};
use crate::demo;
use crate::fault::{Fault, shortened};
use crate::ids::{self, Ids, Name, Passed, Sighting};
use crate::input::Input;
use crate::reading::Format;
use crate::report::Report;

/// Records per portion.
const PORTION: usize = 512;

/// Commands on their way at once.
const TOGETHER: usize = 64;

/// Of an event's category, in characters.
const LONGEST_CATEGORY: usize = 200;

/// Performers of an event.
const MOST_PERFORMERS: usize = 100;

/// Venues and performers whose ids are remembered from portion to portion.
const MOST_REMEMBERED: usize = 10_000;

pub struct Intake<'i> {
    pub commands: &'i Commands,
    pub gazetteer: &'i dyn Gazetteer,
    pub source: Source<'i>,
    /// Where events take place that do not say.
    pub city: Option<&'i Entry>,
    /// Of times that say none.
    pub time_zone: Option<Tz>,
    pub now: DateTime<Utc>,
    /// Whether past events are moved to come, by whole multiples of 52 weeks.
    pub ahead: bool,
    /// Whether nothing is written.
    pub is_rehearsal: bool,
}

/// Who publishes the records.
#[derive(Debug, Clone, Copy)]
pub enum Source<'s> {
    /// This one, whatever they say.
    Stated(&'s str),
    /// Whom they name, else this one.
    Presumed(&'s str),
    /// The same for a file of the demo, whose sources are its own.
    Demo(&'s str),
}

/// Ids of what earlier portions named.
#[derive(Default)]
struct Places {
    regions: HashMap<String, EntityId>,
    cities: HashMap<u32, EntityId>,
    venues: HashMap<String, EntityId>,
    performers: HashMap<String, EntityId>,
}

/// An announcement that keeps the rules, and what it was matched with.
struct Sound<'g> {
    spot: Spot,
    /// The how-manieth of the file it is.
    ordinal: u32,
    announcement: Announcement,
    origin: Origin,
    /// Its name where its id has several dates.
    dated: Origin,
    schedule: Schedule,
    city: Option<&'g Entry>,
    /// Venues of one key are one.
    venue_key: Option<String>,
}

/// What was put about an event: nothing where the catalogue's rules refused it.
type Taken = (Spot, Vec<Fault>, Result<Put, Fault>);

/// Records as they come from their reader.
struct Records {
    records: Receiver<(Spot, announcement::Record)>,
    reading: JoinHandle<Result<()>>,
    /// Bytes read.
    read: Arc<AtomicU64>,
}

impl<'i> Intake<'i> {
    /// Takes the records of a file, which is read twice: ids are gathered before anything is put. An error means that
    /// not all of it could be read or written; what went in stays.
    pub async fn take(&self, format: Format, input: &Input, report: &mut dyn Report) -> Result<()> {
        let ids = self.gather(format, input, report).await?;
        let mut records = Records::of(format, input)?;
        let taken = self.take_all(&mut records.records, &ids, &records.read, report).await;
        taken.context("the catalogue cannot be written; what went in stays, start again to go on")?;
        records.reading.await?.context("cannot be read to its end")
    }

    /// Goes through all records for their ids. Where the reader fails, it will fail again.
    async fn gather(&self, format: Format, input: &Input, report: &mut dyn Report) -> Result<Ids> {
        let has_demo = self.commands.import(demo::NAME).await?.is_some();
        let mut records = Records::of(format, input)?;
        let mut sightings = vec![];
        let mut portion = vec![];
        let mut ordinals = 0..;
        while next_portion(&mut records.records, &mut portion).await {
            for ((spot, record), ordinal) in portion.drain(..).zip(&mut ordinals) {
                let Ok(sound) = record.and_then(|announcement| self.check(spot, ordinal, announcement)) else {
                    continue;
                };
                if has_demo && self.is_demos(&sound.origin) {
                    let source = &sound.origin.source;
                    bail!("{source} is a source of the demo, whose events this would change: name yours with --source");
                }
                sightings.push(sound.sighting());
            }
            report.read(records.read.load(Ordering::Relaxed));
        }
        Ok(Ids::of(sightings))
    }

    async fn take_all(
        &self,
        records: &mut Receiver<(Spot, announcement::Record)>,
        ids: &Ids,
        read: &AtomicU64,
        report: &mut dyn Report,
    ) -> Result<()> {
        let mut places = Places::default();
        let mut portion = vec![];
        let mut ordinals = 0..;
        while next_portion(records, &mut portion).await {
            let mut sound = vec![];
            for ((spot, record), ordinal) in portion.drain(..).zip(&mut ordinals) {
                let record = record.and_then(|announcement| self.check(spot, ordinal, announcement));
                match record.and_then(|record| record.counts(ids)) {
                    Ok(record) => sound.push(record),
                    Err(fault) => report.skipped(spot, &fault),
                }
            }
            let known = self.known_ids(&sound).await?;
            if self.is_rehearsal {
                sound.iter().zip(known).for_each(|(record, known)| record.rehearse(known, &self.caller(), report));
            } else {
                let named = sound.into_iter().zip(known).map(|(record, known)| record.named(ids, known)).collect();
                self.put(named, &mut places, report).await?;
            }
            report.read(read.load(Ordering::Relaxed));
        }
        Ok(())
    }

    async fn put(&self, sound: Vec<Sound<'i>>, places: &mut Places, report: &mut dyn Report) -> Result<()> {
        self.put_places(&sound, places).await?;
        let puts = futures::stream::iter(sound).map(|record| self.put_event(record, places)).buffered(TOGETHER);
        let mut puts = std::pin::pin!(puts);
        // Told one by one, so that an interrupt finds the counts right.
        while let Some((spot, left_out, outcome)) = puts.try_next().await? {
            match outcome {
                Ok(put) => {
                    report.took(put.outcome);
                    left_out.iter().for_each(|fault| report.left_out(spot, fault));
                }
                Err(fault) => report.skipped(spot, &fault),
            }
        }
        Ok(())
    }

    /// Matches a record with the gazetteer and sees whether it may be an event.
    fn check(&self, spot: Spot, ordinal: u32, mut announcement: Announcement) -> Result<Sound<'i>, Fault> {
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
        let schedule = if self.ahead { moved_ahead(schedule, self.now) } else { schedule };
        let source = match self.source {
            Source::Stated(source) => source.to_owned(),
            Source::Presumed(source) | Source::Demo(source) => {
                announcement.source.clone().unwrap_or_else(|| source.to_owned())
            }
        };
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

    /// Whether somebody's records would change events of the demo unawares.
    fn is_demos(&self, origin: &Origin) -> bool {
        matches!(self.source, Source::Presumed(_)) && !self.is_rehearsal && demo::SOURCES.contains(&&*origin.source)
    }

    /// What the catalogue has about the ids of records.
    async fn known_ids(&self, sound: &[Sound<'i>]) -> Result<Vec<ids::Known>> {
        let known = sound.iter().map(|record| async move {
            // An id that was made for the record holds its date.
            if record.announcement.source_id.is_none() && !self.is_rehearsal {
                return Ok(ids::Known::default());
            }
            let alone = self.commands.event_start(&record.origin).await?;
            let dated =
                alone != Some(record.schedule.starts_at) && self.commands.event_start(&record.dated).await?.is_some();
            anyhow::Ok(ids::Known { alone, dated })
        });
        futures::stream::iter(known.collect::<Vec<_>>()).buffered(TOGETHER).try_collect().await
    }

    async fn put_places(&self, sound: &[Sound<'i>], places: &mut Places) -> Result<()> {
        for remembered in [&mut places.venues, &mut places.performers] {
            if remembered.len() > MOST_REMEMBERED {
                remembered.clear();
            }
        }
        let cities: Vec<&Entry> =
            new(sound.iter().filter_map(|record| record.city), |city| city.geoname_id, &places.cities);
        let regions = new(cities.iter().copied(), |city| city.region.to_string(), &places.regions);
        let regions = regions.into_iter().map(|city| {
            let largest = self.gazetteer.largest(&city.region).unwrap_or(city);
            let region = Region {
                code: city.region.to_string(),
                name: largest.name.to_string(),
                country: city.country().to_owned(),
                time_zone: largest.time_zone,
            };
            (region.code.clone(), format!("geonames:{}", region.code), fields(&region))
        });
        let regions = self.put_all(&REGION, Known::Replace, regions).await?;
        places.regions.extend(regions);
        let region_of = |city: &Entry| places.regions.get(city.region.as_ref()).copied();
        let cities = cities.into_iter().filter_map(|city| {
            let record = City {
                name: city.name.to_string(),
                country: city.country().to_owned(),
                region: region_of(city)?,
                place: city.place,
                time_zone: city.time_zone,
                population: city.population,
            };
            Some((city.geoname_id, format!("geonames:{}", city.geoname_id), fields(&record)))
        });
        let cities = self.put_all(&CITY, Known::Replace, cities).await?;
        places.cities.extend(cities);
        let venues = sound.iter().filter(|record| record.venue_key.is_some());
        let venues = new(venues, |record| record.venue_key.clone().unwrap_or_default(), &places.venues);
        let venues = venues.into_iter().filter_map(|record| {
            let location = &record.announcement.location;
            let key = record.venue_key.clone()?;
            let venue = Venue {
                name: location.venue.clone()?,
                street: location.street.clone(),
                postal_code: location.postal_code.clone(),
                city: record.city.and_then(|city| places.cities.get(&city.geoname_id).copied()),
                place: location.place,
            };
            Some((key.clone(), key, fields(&venue)))
        });
        let venues = self.put_all(&VENUE, Known::Complete, venues).await?;
        places.venues.extend(venues);
        let performers = sound.iter().flat_map(|record| &record.announcement.performers);
        let performers = new(performers, |name| names::key(name), &places.performers);
        let performers = performers.into_iter().map(|name| {
            let key = names::key(name);
            (key.clone(), key, fields(&Performer { name: name.clone() }))
        });
        let performers = self.put_all(&PERFORMER, Known::Complete, performers).await?;
        places.performers.extend(performers);
        Ok(())
    }

    /// Puts records under their external names; those that break a rule are left out, and with them what refers to
    /// them.
    async fn put_all<K>(
        &self,
        record: &'static Record,
        known: Known,
        all: impl Iterator<Item = (K, String, Map<String, Value>)>,
    ) -> Result<Vec<(K, EntityId)>> {
        let put = async |(key, external, fields): (K, String, Map<String, Value>)| match self
            .commands
            .put_record(record, &external, fields, known, &self.caller())
            .await
        {
            Ok(put) => Ok(Some((key, put.id))),
            Err(CommandError::Rejected(rejection)) => {
                tracing::warn!("{} {external}: {rejection}", record.kind.name);
                Ok(None)
            }
            Err(error) => Err(error),
        };
        let put = futures::stream::iter(all.collect::<Vec<_>>()).map(put).buffer_unordered(TOGETHER);
        Ok(put.try_filter_map(async |put| Ok(put)).try_collect().await?)
    }

    async fn put_event(&self, record: Sound<'i>, places: &Places) -> Result<Taken, CommandError> {
        let Sound { spot, announcement, origin, schedule, city, venue_key, .. } = record;
        let name = announcement.name.clone();
        let performers = announcement.performers.iter();
        let details = Details {
            schedule,
            location: Location {
                venue: venue_key.and_then(|key| places.venues.get(&key).copied()),
                city: city.and_then(|city| places.cities.get(&city.geoname_id).copied()),
                region: city.and_then(|city| places.regions.get(city.region.as_ref()).copied()),
                place: announcement.location.place,
            },
            performers: performers.filter_map(|name| places.performers.get(&names::key(name)).copied()).collect(),
            category: announcement.category,
            offers: announcement.offers,
            organizer: self.organizer(&origin.source, announcement.organizer).await?,
            name: announcement.name,
        };
        match self.commands.put_event(origin, details, announcement.cancelled, &self.caller()).await {
            Ok(put) => Ok((spot, announcement.notes, Ok(put))),
            Err(CommandError::Rejected(rejection)) => {
                Ok((spot, vec![], Err(Fault::new(rejection.to_string()).of(&name))))
            }
            Err(error) => Err(error),
        }
    }

    async fn organizer(
        &self,
        source: &str,
        organizer: Option<AnnouncedOrganizer>,
    ) -> Result<Option<Organizer>, CommandError> {
        match organizer {
            None => Ok(None),
            Some(AnnouncedOrganizer { name, is_person: false }) => Ok(Some(Organizer::Organisation(name))),
            Some(AnnouncedOrganizer { name, is_person: true }) => self.commands.organizing_person(source, &name).await,
        }
    }

    fn caller(&self) -> Caller {
        Caller::system(self.now, Uuid::new_v4())
    }
}

impl Records {
    /// Reads an input from its beginning, on a thread of its own.
    fn of(format: Format, input: &Input) -> Result<Records> {
        const READ_AHEAD: usize = 256;
        let (sender, records) = channel(READ_AHEAD);
        let read = Arc::new(AtomicU64::new(0));
        let input = input.read(read.clone())?;
        let reading = tokio::task::spawn_blocking(move || {
            format.read(input, &mut |spot, record| sender.blocking_send((spot, record)).is_ok())
        });
        Ok(Records { records, reading, read })
    }
}

impl Sound<'_> {
    fn sighting(&self) -> Sighting {
        let (Spot::Line(spot) | Spot::Record(spot)) = self.spot;
        Sighting {
            id: hash(&self.origin),
            version: Reverse(self.announcement.version),
            start: self.schedule.starts_at.timestamp_millis(),
            ordinal: self.ordinal,
            spot: spot.try_into().unwrap_or(u32::MAX),
        }
    }

    /// The record, unless another one of the file counts.
    fn counts(self, ids: &Ids) -> Result<Self, Fault> {
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

    fn named(mut self, ids: &Ids, known: ids::Known) -> Self {
        let name = ids.name(hash(&self.origin), self.ordinal, self.schedule.starts_at, known);
        if name == Name::IdAndDate {
            self.origin = self.dated.clone();
        }
        self
    }

    /// Tells what would become of the record.
    fn rehearse(&self, known: ids::Known, caller: &Caller, report: &mut dyn Report) {
        let details = Details {
            name: self.announcement.name.clone(),
            schedule: self.schedule.clone(),
            location: Location { place: self.announcement.location.place, ..Location::default() },
            performers: vec![],
            category: self.announcement.category.clone(),
            offers: self.announcement.offers.clone(),
            organizer: None,
        };
        let put = EventCommand::Put { origin: self.origin.clone(), details: Box::new(details) };
        match Event::decide(&EventState::Unknown, put, &caller.context()) {
            Ok(_) => {
                report.would_take(known.dated || known.alone.is_some());
                self.announcement.notes.iter().for_each(|fault| report.left_out(self.spot, fault));
            }
            Err(rejection) => {
                report.skipped(self.spot, &Fault::new(rejection.to_string()).of(&self.announcement.name));
            }
        }
    }
}

/// Always as many as there are, up to a portion, so that the same file is told of in the same order.
async fn next_portion<T>(records: &mut Receiver<T>, portion: &mut Vec<T>) -> bool {
    while portion.len() < PORTION && records.recv_many(portion, PORTION - portion.len()).await > 0 {}
    !portion.is_empty()
}

fn hash(origin: &Origin) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&origin.source, &origin.external_id).hash(&mut hasher);
    hasher.finish()
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

/// One item for each key that is not known yet, in order.
fn new<T: Copy, K: Hash + Eq>(
    items: impl Iterator<Item = T>,
    key: impl Fn(T) -> K,
    known: &HashMap<K, EntityId>,
) -> Vec<T> {
    let mut seen = HashSet::new();
    items.filter(|item| !known.contains_key(&key(*item)) && seen.insert(key(*item))).collect()
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

fn fields(record: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, TimeZone};
    use chrono_tz::America::Toronto;

    fn at(zone: Tz, year: i32, month: u32, day: u32) -> Schedule {
        let start = zone.with_ymd_and_hms(year, month, day, 20, 0, 0).unwrap().to_utc();
        Schedule::timed(start, Some(start + chrono::Duration::hours(3)), zone).unwrap()
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
