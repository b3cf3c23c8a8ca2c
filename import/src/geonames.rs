//! The gazetteer in the program: GeoNames' cities and what else they are called.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Result;
use caravan_domain::catalogue::gazetteer::{Called, Entry, Gazetteer};
use caravan_domain::catalogue::{Place, names};
use chrono_tz::Tz;
use serde::Deserialize;

const CITIES: &[u8] = include_bytes!("../../demo/cities.csv");
const NAMES: &[u8] = include_bytes!("../../demo/city-names.csv");

/// What people say that GeoNames does not list: by country and own name.
const SAID: [(&str, &str, &str); 6] = [
    ("GB", "Brighton", "Brighton and Hove"),
    ("SE", "Stockholm", "Johanneshov"),
    ("US", "New York City", "N.Y.C."),
    ("US", "San Francisco", "San Fran"),
    ("VN", "Ho Chi Minh City", "Saigon"),
    ("ZA", "Johannesburg", "Jozi"),
];

/// Kilometres of a degree of latitude, everywhere.
const DEGREE_KM: f64 = 111.0;

/// Some megabytes, so it is made where it is needed and not kept in a static.
pub struct GeoNames {
    cities: Vec<Entry>,
    /// Hashes of names, in order, and whose they are: a hundred thousand names as text would take four times as much.
    names: Vec<(u64, Called, u32)>,
    /// The largest city of each region and country.
    largest: HashMap<String, u32>,
    /// Of each country whose cities share one.
    sole_time_zones: HashMap<String, Option<Tz>>,
}

#[derive(Deserialize)]
struct Row {
    geoname_id: u32,
    name: String,
    country: String,
    region_code: String,
    latitude: f64,
    longitude: f64,
    population: u32,
    time_zone: Tz,
}

#[derive(Deserialize)]
struct NamesRow {
    geoname_id: u32,
    names: String,
}

impl GeoNames {
    /// The one in the program.
    pub fn embedded() -> Result<GeoNames> {
        let mut cities = vec![];
        for row in csv::Reader::from_reader(CITIES).deserialize() {
            let Row { geoname_id, name, country, region_code: division, latitude, longitude, population, time_zone } =
                row?;
            let region = if division.is_empty() { country } else { format!("{country}-{division}") };
            let place = Place::new(latitude, longitude)?;
            cities.push(Entry { geoname_id, name: name.into(), region: region.into(), place, population, time_zone });
        }
        let mut names = vec![];
        let mut largest: HashMap<String, u32> = HashMap::new();
        let mut sole_time_zones: HashMap<String, Option<Tz>> = HashMap::new();
        for (at, city) in (0..).zip(&cities) {
            names.push((hash(&city.name), Called::ByItsOwnName, at));
            for area in [&city.region, city.country()] {
                match largest.get_mut(area) {
                    Some(other) if cities[*other as usize].population >= city.population => {}
                    Some(other) => *other = at,
                    None => drop(largest.insert(area.to_owned(), at)),
                }
            }
            let zone = sole_time_zones.entry(city.country().to_owned()).or_insert(Some(city.time_zone));
            *zone = zone.filter(|zone| *zone == city.time_zone);
        }
        let ids: HashMap<u32, u32> = (0..).zip(&cities).map(|(at, city)| (city.geoname_id, at)).collect();
        for row in csv::Reader::from_reader(NAMES).deserialize() {
            let NamesRow { geoname_id, names: others } = row?;
            let at = ids.get(&geoname_id).copied();
            names.extend(at.iter().flat_map(|at| others.split('|').map(|name| (hash(name), Called::Otherwise, *at))));
        }
        for (country, own, said) in SAID {
            let city = (0..).zip(&cities).find(|(_, city)| city.name == own && city.country() == country);
            names.extend(city.map(|(at, _)| (hash(said), Called::Otherwise, at)));
        }
        names.retain(|(name, ..)| *name != hash(""));
        names.sort_unstable();
        names.dedup();
        names.shrink_to_fit();
        Ok(GeoNames { cities, names, largest, sole_time_zones })
    }

    fn at(&self, at: u32) -> Option<&Entry> {
        self.cities.get(at as usize)
    }
}

impl Gazetteer for GeoNames {
    fn named(&self, name: &str) -> Vec<(Called, &Entry)> {
        let hash = hash(name);
        let from = self.names.partition_point(|(other, ..)| *other < hash);
        let found = self.names[from..].iter().take_while(|(other, ..)| *other == hash);
        found.filter_map(|(_, called, at)| Some((*called, self.at(*at)?))).collect()
    }

    fn around(&self, place: Place, km: f64) -> Vec<(f64, &Entry)> {
        let degrees = km / DEGREE_KM;
        let cities = self.cities.iter().filter(|city| (city.place.lat - place.lat).abs() <= degrees);
        cities.map(|city| (city.place.distance(&place), city)).filter(|(distance, _)| *distance <= km).collect()
    }

    fn largest(&self, region: &str) -> Option<&Entry> {
        self.at(*self.largest.get(region)?)
    }

    fn sole_time_zone(&self, country: &str) -> Option<Tz> {
        *self.sole_time_zones.get(country)?
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    names::city_key(name).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_named_after_their_largest_city() {
        let gazetteer = GeoNames::embedded().unwrap();
        let (_, etobicoke) = gazetteer.named("Etobicoke")[0];
        let toronto = gazetteer.largest(&etobicoke.region).unwrap();
        assert_eq!((toronto.name.as_ref(), toronto.region.as_ref()), ("Toronto", "CA-08"));
        assert_eq!(gazetteer.largest("SG").unwrap().region, "SG");
    }

    #[test]
    fn what_has_no_letter_names_no_city() {
        let gazetteer = GeoNames::embedded().unwrap();
        assert!(gazetteer.named("").is_empty() && gazetteer.named(" - ").is_empty());
    }
}
