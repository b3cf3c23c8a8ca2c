//! The cities of the world, as a list of them tells: a port, since commands and both APIs ask it for the city that a
//! place belongs to and its time zone, wherever the list comes from.

use std::borrow::Cow;

use chrono_tz::Tz;

use super::{Place, names};

/// A place belongs to a city this near.
const NEAR_KM: f64 = 60.0;

/// Gazetteers list districts beside their cities; a larger city this much farther away than the nearest is meant.
const DISTRICT_KM: f64 = 20.0;

/// A city of a gazetteer.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its id at GeoNames.
    pub geoname_id: u32,
    pub name: Cow<'static, str>,
    /// Country and first-level division, `CA-08`; the country alone where it has no divisions.
    pub region: Cow<'static, str>,
    pub place: Place,
    pub population: u32,
    pub time_zone: Tz,
}

/// How a city comes by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Called {
    /// In another language, in short, formerly.
    Otherwise,
    ByItsOwnName,
}

pub trait Gazetteer: Send + Sync {
    /// The cities that are called so, whatever the spelling's case and accents.
    fn named(&self, name: &str) -> Vec<(Called, &Entry)>;

    /// The cities within so many kilometres, each with its distance.
    fn around(&self, place: Place, km: f64) -> Vec<(f64, &Entry)>;

    /// The largest city of a region, or of a country: regions take their name and time zone from it.
    fn largest(&self, region: &str) -> Option<&Entry>;

    /// The time zone of a country that has only one.
    fn sole_time_zone(&self, country: &str) -> Option<Tz>;

    /// The city that a place belongs to, of those that are `eligible`.
    fn nearest(&self, place: Place, eligible: &dyn Fn(&Entry) -> bool) -> Option<&Entry> {
        let mut around = self.around(place, NEAR_KM);
        around.retain(|(_, city)| eligible(city));
        let nearest = around.iter().map(|(distance, _)| *distance).min_by(f64::total_cmp)?;
        let meant = around.into_iter().filter(|(distance, _)| *distance <= nearest + DISTRICT_KM);
        meant.max_by_key(|(_, city)| city.population).map(|(_, city)| city)
    }
}

impl Entry {
    /// ISO 3166-1, two letters.
    pub fn country(&self) -> &str {
        self.region.split('-').next().unwrap_or_default()
    }
}

/// A list short enough to be gone through.
impl Gazetteer for Vec<Entry> {
    fn named(&self, name: &str) -> Vec<(Called, &Entry)> {
        let key = names::city_key(name);
        let cities = self.iter().filter(|city| names::city_key(&city.name) == key);
        cities.map(|city| (Called::ByItsOwnName, city)).collect()
    }

    fn around(&self, place: Place, km: f64) -> Vec<(f64, &Entry)> {
        let cities = self.iter().map(|city| (city.place.distance(&place), city));
        cities.filter(|(distance, _)| *distance <= km).collect()
    }

    fn largest(&self, region: &str) -> Option<&Entry> {
        let cities = self.iter().filter(|city| city.region == region || city.country() == region);
        cities.max_by_key(|city| city.population)
    }

    fn sole_time_zone(&self, country: &str) -> Option<Tz> {
        let mut zones = self.iter().filter(|city| city.country() == country).map(|city| city.time_zone);
        let first = zones.next()?;
        zones.all(|zone| zone == first).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::America;

    fn city(name: &'static str, region: &'static str, lat: f64, lon: f64, population: u32, zone: Tz) -> Entry {
        let place = Place::new(lat, lon).unwrap();
        Entry { geoname_id: population, name: name.into(), region: region.into(), place, population, time_zone: zone }
    }

    fn ontario() -> Vec<Entry> {
        vec![
            city("Etobicoke", "CA-08", 43.65, -79.56, 365_000, America::Toronto),
            city("Toronto", "CA-08", 43.71, -79.40, 2_731_571, America::Toronto),
            city("Niagara Falls", "US-NY", 43.09, -79.06, 48_000, America::New_York),
        ]
    }

    #[test]
    fn a_place_belongs_to_the_larger_of_cities_that_are_about_as_near() {
        let cities = ontario();
        let nearest = |lat, lon, country: &str| {
            let place = Place::new(lat, lon).unwrap();
            cities.nearest(place, &|city| city.country() == country).map(|city| city.name.as_ref())
        };
        assert_eq!(nearest(43.64, -79.55, "CA"), Some("Toronto"));
        assert_eq!(nearest(43.10, -79.07, "CA"), None);
        assert_eq!(nearest(43.10, -79.07, "US"), Some("Niagara Falls"));
    }

    #[test]
    fn a_country_has_a_time_zone_where_all_its_cities_share_it() {
        let cities = ontario();
        assert_eq!(cities.sole_time_zone("CA"), Some(America::Toronto));
        let mut with_vancouver = cities;
        with_vancouver.push(city("Vancouver", "CA-02", 49.25, -123.12, 600_000, America::Vancouver));
        assert_eq!(with_vancouver.sole_time_zone("CA"), None);
        assert_eq!(with_vancouver.sole_time_zone("FR"), None);
        assert_eq!(with_vancouver.largest("CA-02").map(|city| city.name.as_ref()), Some("Vancouver"));
    }
}
