//! From announcements to the catalogue: matched with cities, venues and performers, and put.
//!
//! Records are taken in portions. Of each portion first the places and performers that its events name are put, each
//! once, then the events; within a step many are on their way at once, since the store batches what comes together.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use anyhow::{Context, Result};
use caravan_commands::catalogue::{Known, Put};
use caravan_commands::{Caller, CommandError, Commands};
use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::catalogue::event::{Details, Location, Organizer, Origin, Schedule};
use caravan_domain::catalogue::gazetteer::{Entry, Gazetteer};
use caravan_domain::catalogue::performer::{PERFORMER, Performer};
use caravan_domain::catalogue::region::{REGION, Region};
use caravan_domain::catalogue::venue::{VENUE, Venue};
use caravan_domain::catalogue::{instant, names};
use caravan_domain::{EntityId, Record};
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

use crate::address;
use crate::announcement::{AnnouncedOrganizer, Announcement, Spot};
use crate::ids::{self, Ids, Name};
use crate::reading::Format;
use crate::report::Report;

/// A record as a reader hands it over.
pub type Read = (Spot, Result<Announcement, String>);

/// Records per portion.
const PORTION: usize = 512;

/// Commands on their way at once.
const TOGETHER: usize = 64;

pub struct Intake<'i> {
    pub commands: &'i Commands,
    pub gazetteer: &'i dyn Gazetteer,
    /// Who publishes records that do not say.
    pub source: &'i str,
    pub now: DateTime<Utc>,
    /// Whether past events are moved to come, by whole multiples of 52 weeks.
    pub ahead: bool,
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
type Taken = (Spot, Result<Put, String>);

impl<'i> Intake<'i> {
    /// Reads a file's records on a thread of its own and takes them as they come.
    pub async fn take(
        &self,
        format: Format,
        input: impl std::io::Read + Send + 'static,
        report: &mut dyn Report,
    ) -> Result<()> {
        const READ_AHEAD: usize = 1024;
        let (sender, records) = tokio::sync::mpsc::channel(READ_AHEAD);
        let reading = tokio::task::spawn_blocking(move || {
            format.read(input, &mut |spot, record| sender.blocking_send((spot, record)).is_ok())
        });
        let taken = self.take_records(records, report).await;
        taken.context("the catalogue cannot be written; what went in stays, start again to go on")?;
        reading.await?.context("cannot be read to its end")
    }

    /// Takes all records until the reader ends. An error means that the catalogue could not be written.
    async fn take_records(&self, mut records: Receiver<Read>, report: &mut dyn Report) -> Result<()> {
        let mut places = Places::default();
        let mut seen: HashMap<Uuid, Spot> = HashMap::new();
        let mut ids = Ids::default();
        let mut open = vec![];
        let mut portion = vec![];
        while records.recv_many(&mut portion, PORTION).await > 0 {
            let mut sound = vec![];
            for (spot, record) in portion.drain(..) {
                match record.and_then(|announcement| self.check(spot, announcement, &mut seen)) {
                    Ok(record) => sound.push(record),
                    Err(reason) => report.skipped(spot, &reason),
                }
            }
            let known = self.known_ids(&sound).await?;
            let mut named = vec![];
            for (record, known) in sound.into_iter().zip(known) {
                let start = record.schedule.starts_at;
                match known.map_or(Name::Id, |known| ids.name(identity(&record.origin), start, known)) {
                    Name::Open => open.push(record),
                    name => named.push(record.named(name)),
                }
            }
            self.put(named, &mut places, report).await?;
        }
        while !open.is_empty() {
            let portion = open.drain(..open.len().min(PORTION));
            let named = portion.map(|record| {
                let name = ids.settled(identity(&record.origin));
                record.named(name)
            });
            self.put(named.collect(), &mut places, report).await?;
        }
        Ok(())
    }

    async fn put(&self, sound: Vec<Sound<'i>>, places: &mut Places, report: &mut dyn Report) -> Result<()> {
        self.put_places(&sound, places).await?;
        for (spot, outcome) in self.put_events(sound, places).await? {
            match outcome {
                Ok(put) => report.took(put.outcome),
                Err(reason) => report.skipped(spot, &reason),
            }
        }
        Ok(())
    }

    fn check(
        &self,
        spot: Spot,
        announcement: Announcement,
        seen: &mut HashMap<Uuid, Spot>,
    ) -> Result<Sound<'i>, String> {
        let named = |reason: &str| format!("{reason} ({})", shortened(&announcement.name));
        let city = address::city(self.gazetteer, &announcement.location, announcement.zone);
        let zone = announcement.zone.or(city.map(|city| city.time_zone));
        let zone = zone.ok_or_else(|| named("says neither a city that is known nor a time zone"))?;
        let schedule = announcement.schedule(zone).map_err(|rejection| named(&rejection.to_string()))?;
        let starts_at = schedule.starts_at;
        let schedule = if self.ahead { moved_ahead(schedule, self.now) } else { schedule };
        let source = announcement.source.clone().unwrap_or_else(|| self.source.to_owned());
        let origin = Origin { source, external_id: announcement.external_id() };
        let external_id = format!("{}/{}", origin.external_id, instant::text(starts_at));
        let dated = Origin { external_id, ..origin.clone() };
        // An id that was made for the record holds its date already.
        let unique = identity(if announcement.source_id.is_some() { &dated } else { &origin });
        if let Some(before) = seen.get(&unique) {
            return Err(named(&format!("repeats {before}")));
        }
        seen.insert(unique, spot);
        let venue_key = venue_key(&announcement, city);
        Ok(Sound { spot, announcement, origin, dated, schedule, city, venue_key })
    }

    /// What the catalogue has about the ids of records; `None` for those without one of their own.
    async fn known_ids(&self, sound: &[Sound<'i>]) -> Result<Vec<Option<ids::Known>>> {
        let known = sound.iter().map(|record| async move {
            if record.announcement.source_id.is_none() {
                return Ok(None);
            }
            let alone = self.commands.event_start(&record.origin).await?;
            let dated =
                alone != Some(record.schedule.starts_at) && self.commands.event_start(&record.dated).await?.is_some();
            Ok(Some(ids::Known { alone, dated }))
        });
        futures::stream::iter(known.collect::<Vec<_>>()).buffered(TOGETHER).try_collect().await
    }

    async fn put_places(&self, sound: &[Sound<'i>], places: &mut Places) -> Result<()> {
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
        let performers = performers.filter(|name| !names::key(name).is_empty());
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

    async fn put_events(&self, sound: Vec<Sound<'i>>, places: &Places) -> Result<Vec<Taken>> {
        let put = async |record: Sound<'i>| {
            let Sound { spot, announcement, origin, schedule, city, venue_key, .. } = record;
            let name = announcement.name;
            let mut performers: Vec<EntityId> = vec![];
            for performer in announcement.performers.iter().filter_map(|name| places.performers.get(&names::key(name)))
            {
                if !performers.contains(performer) {
                    performers.push(*performer);
                }
            }
            let details = Details {
                name: name.clone(),
                schedule,
                location: Location {
                    venue: venue_key.and_then(|key| places.venues.get(&key).copied()),
                    city: city.and_then(|city| places.cities.get(&city.geoname_id).copied()),
                    region: city.and_then(|city| places.regions.get(city.region.as_ref()).copied()),
                    place: announcement.location.place,
                },
                performers,
                category: announcement.category,
                offers: announcement.offers,
                organizer: self.organizer(&origin.source, announcement.organizer).await?,
            };
            match self.commands.put_event(origin, details, announcement.cancelled, &self.caller()).await {
                Ok(put) => Ok((spot, Ok(put))),
                Err(CommandError::Rejected(rejection)) => {
                    Ok((spot, Err(format!("{rejection} ({})", shortened(&name)))))
                }
                Err(error) => Err(error),
            }
        };
        Ok(futures::stream::iter(sound).map(put).buffered(TOGETHER).try_collect().await?)
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

impl Sound<'_> {
    fn named(mut self, name: Name) -> Self {
        if name == Name::IdAndDate {
            self.origin = self.dated.clone();
        }
        self
    }
}

fn identity(origin: &Origin) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{origin:?}").as_bytes())
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

/// Venues of one name in one city are one, whatever their coordinates; without a city, of one name in one country.
fn venue_key(announcement: &Announcement, city: Option<&Entry>) -> Option<String> {
    let location = &announcement.location;
    let name = names::key(location.venue.as_ref()?);
    let is_city = city.is_some_and(|city| names::city_key(&city.name) == name);
    let is_nowhere =
        ["", "online", "online event", "on line event", "virtual", "virtual event"].contains(&name.as_str());
    if is_city || is_nowhere {
        return None;
    }
    Some(match city {
        Some(city) => format!("{}/{name}", city.geoname_id),
        None => format!("{}/{name}", location.country.unwrap_or_default()),
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

/// A name as reports show it.
fn shortened(name: &str) -> String {
    const MOST: usize = 60;
    if name.chars().count() <= MOST { name.to_owned() } else { name.chars().take(MOST - 1).chain(['…']).collect() }
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
    use chrono_tz::Tz;

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

    #[test]
    fn long_names_are_shortened_in_reports() {
        assert_eq!(shortened("Fair"), "Fair");
        assert_eq!(shortened(&"é".repeat(80)).chars().count(), 60);
    }
}
