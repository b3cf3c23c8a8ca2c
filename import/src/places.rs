//! What events refer to: regions, cities, venues and performers, put before them and each once.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use anyhow::Result;
use caravan_commands::catalogue::{Known, put_record};
use caravan_commands::{Caller, CommandError, Commands};
use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::catalogue::event::Location;
use caravan_domain::catalogue::gazetteer::{Entry, Gazetteer};
use caravan_domain::catalogue::names;
use caravan_domain::catalogue::performer::{PERFORMER, Performer};
use caravan_domain::catalogue::region::{REGION, Region};
use caravan_domain::catalogue::venue::{VENUE, Venue};
use caravan_domain::{EntityId, Record};
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::matching::Sound;

/// Commands on their way at once.
pub const TOGETHER: usize = 64;

/// Venues and performers whose ids are remembered from portion to portion.
const MOST_REMEMBERED: usize = 10_000;

pub struct Places<'p> {
    commands: &'p Commands,
    gazetteer: &'p dyn Gazetteer,
    now: DateTime<Utc>,
    regions: HashMap<String, EntityId>,
    cities: HashMap<u32, EntityId>,
    venues: HashMap<String, EntityId>,
    performers: HashMap<String, EntityId>,
}

impl<'p> Places<'p> {
    pub fn new(commands: &'p Commands, gazetteer: &'p dyn Gazetteer, now: DateTime<Utc>) -> Self {
        let (regions, cities) = (HashMap::new(), HashMap::new());
        let (venues, performers) = (HashMap::new(), HashMap::new());
        Places { commands, gazetteer, now, regions, cities, venues, performers }
    }

    /// Where a record's event takes place, once that is put.
    pub fn location(&self, record: &Sound<'_>) -> Location {
        let region = |city: &Entry| self.regions.get(city.region.as_ref()).copied();
        Location {
            venue: record.venue_key.as_ref().and_then(|key| self.venues.get(key).copied()),
            city: record.city.and_then(|city| self.cities.get(&city.geoname_id).copied()),
            region: record.city.and_then(region),
            place: record.announcement.location.place,
        }
    }

    /// Who performs, once they are put.
    pub fn performers(&self, names: &[String]) -> Vec<EntityId> {
        names.iter().filter_map(|name| self.performers.get(&names::key(name)).copied()).collect()
    }

    /// Puts what records refer to, as far as it is not known yet.
    pub async fn put(&mut self, sound: &[Sound<'_>]) -> Result<()> {
        for remembered in [&mut self.venues, &mut self.performers] {
            if remembered.len() > MOST_REMEMBERED {
                remembered.clear();
            }
        }
        let cities: Vec<&Entry> =
            new(sound.iter().filter_map(|record| record.city), |city| city.geoname_id, &self.cities);
        let regions = new(cities.iter().copied(), |city| city.region.to_string(), &self.regions);
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
        self.regions.extend(regions);
        let region_of = |city: &Entry| self.regions.get(city.region.as_ref()).copied();
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
        self.cities.extend(cities);
        let venues = sound.iter().filter(|record| record.venue_key.is_some());
        let venues = new(venues, |record| record.venue_key.clone().unwrap_or_default(), &self.venues);
        let venues = venues.into_iter().filter_map(|record| {
            let location = &record.announcement.location;
            let key = record.venue_key.clone()?;
            let venue = Venue {
                name: location.venue.clone()?,
                street: location.street.clone(),
                postal_code: location.postal_code.clone(),
                city: record.city.and_then(|city| self.cities.get(&city.geoname_id).copied()),
                place: location.place,
            };
            Some((key.clone(), key, fields(&venue)))
        });
        let venues = self.put_all(&VENUE, Known::Complete, venues).await?;
        self.venues.extend(venues);
        let performers = sound.iter().flat_map(|record| &record.announcement.performers);
        let performers = new(performers, |name| names::key(name), &self.performers);
        let performers = performers.into_iter().map(|name| {
            let key = names::key(name);
            (key.clone(), key, fields(&Performer { name: name.clone() }))
        });
        let performers = self.put_all(&PERFORMER, Known::Complete, performers).await?;
        self.performers.extend(performers);
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
        let put = async |(key, external, fields): (K, String, Map<String, Value>)| {
            let asking = self.commands.asked_by(Caller::system(self.now, Uuid::new_v4()));
            match put_record(&asking, record, &external, fields, known).await {
                Ok(put) => Ok(Some((key, put.id))),
                Err(CommandError::Rejected(rejection)) => {
                    tracing::warn!("{} {external}: {rejection}", record.kind.name);
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        };
        let put = futures::stream::iter(all.collect::<Vec<_>>()).map(put).buffer_unordered(TOGETHER);
        Ok(put.try_filter_map(async |put| Ok(put)).try_collect().await?)
    }
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

fn fields(record: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}
