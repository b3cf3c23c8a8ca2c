//! The cities of the world over 50,000 people (GeoNames), and which of them an address means.

use std::collections::HashMap;

use anyhow::Result;
use caravan_domain::catalogue::{Place, names};
use chrono_tz::Tz;
use serde::Deserialize;

use super::announcement::AnnouncedLocation;

const CITIES: &[u8] = include_bytes!("../../demo/cities.csv");

/// A named city may lie this far from the coordinates that come with it: those are often a rough guess.
const NAMED_WITHIN_KM: f64 = 250.0;

/// A place belongs to a city this near.
const NEAR_KM: f64 = 60.0;

/// The gazetteer lists districts beside their cities; a larger city this much farther away than the nearest is meant.
const DISTRICT_KM: f64 = 20.0;

pub struct Gazetteer {
    cities: Vec<Entry>,
    by_name: HashMap<String, Vec<usize>>,
    /// The largest city of each region.
    regions: HashMap<String, usize>,
}

#[derive(Debug, PartialEq)]
pub struct Entry {
    pub geoname_id: u32,
    pub name: String,
    pub country: String,
    /// Country and division, `CA-08`; the country alone where GeoNames knows no division.
    pub region: String,
    division: String,
    pub place: Place,
    pub population: u32,
    pub time_zone: Tz,
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

impl Gazetteer {
    /// The one in the program.
    pub fn embedded() -> Result<Gazetteer> {
        let mut cities = vec![];
        for row in csv::Reader::from_reader(CITIES).deserialize() {
            let Row { geoname_id, name, country, region_code: division, latitude, longitude, population, time_zone } =
                row?;
            let region = if division.is_empty() { country.clone() } else { format!("{country}-{division}") };
            let place = Place::new(latitude, longitude)?;
            cities.push(Entry { geoname_id, name, country, region, division, place, population, time_zone });
        }
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut regions: HashMap<String, usize> = HashMap::new();
        for (at, city) in cities.iter().enumerate() {
            by_name.entry(names::city_key(&city.name)).or_default().push(at);
            let largest = regions.entry(city.region.clone()).or_insert(at);
            if cities[*largest].population < city.population {
                *largest = at;
            }
        }
        Ok(Gazetteer { cities, by_name, regions })
    }

    /// The largest city of a city's region: the region takes its name and time zone from it.
    pub fn largest_of_region(&self, city: &Entry) -> &Entry {
        self.regions.get(&city.region).map_or(&self.cities[0], |at| &self.cities[*at])
    }

    /// The city that an address means: by its name, its country and its coordinates; else the one nearby. `zone` is
    /// the event's own, if it has one.
    pub fn city(&self, address: &AnnouncedLocation, zone: Option<Tz>) -> Option<&Entry> {
        self.named(address, zone).or_else(|| self.near(address.place?, address.country.as_deref()))
    }

    fn named(&self, address: &AnnouncedLocation, zone: Option<Tz>) -> Option<&Entry> {
        let city = address.city.as_deref()?;
        // The whole first; then its parts, the last of which is the broadest.
        let spellings = std::iter::once(city).chain(city.rsplit(','));
        spellings.filter_map(|spelling| self.by_name.get(&names::city_key(spelling))).find_map(|namesakes| {
            let namesakes = namesakes.iter().map(|at| &self.cities[*at]).filter(|city| match &address.country {
                Some(country) => city.country == *country,
                // Without a country the clock says in which part of the world to look.
                None => address.place.is_some() || zone.is_none_or(|zone| city.time_zone == zone),
            });
            match (address.place, &address.region) {
                (Some(place), _) => namesakes
                    .filter(|city| city.place.distance(&place) <= NAMED_WITHIN_KM)
                    .min_by(|one, other| one.place.distance(&place).total_cmp(&other.place.distance(&place))),
                (None, region) => namesakes.max_by_key(|city| {
                    let in_region = region.as_ref().is_some_and(|region| region.eq_ignore_ascii_case(&city.division));
                    (in_region, city.population)
                }),
            }
        })
    }

    fn near(&self, place: Place, country: Option<&str>) -> Option<&Entry> {
        // A degree of latitude is 111 km everywhere.
        let degrees = NEAR_KM / 111.0;
        let around: Vec<(f64, &Entry)> = self
            .cities
            .iter()
            .filter(|city| (city.place.lat - place.lat).abs() <= degrees)
            .map(|city| (city.place.distance(&place), city))
            .filter(|(distance, _)| *distance <= NEAR_KM)
            .collect();
        let same_country = |city: &Entry| country.is_none_or(|country| city.country == country);
        let any = !around.iter().any(|(_, city)| same_country(city));
        let candidates = || around.iter().filter(|(_, city)| any || same_country(city));
        let nearest = candidates().map(|(distance, _)| *distance).min_by(f64::total_cmp)?;
        let meant = candidates().filter(|(distance, _)| *distance <= nearest + DISTRICT_KM);
        meant.max_by_key(|(_, city)| city.population).map(|(_, city)| *city)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America, Europe};

    fn find(city: &str, region: &str, country: &str, place: Option<(f64, f64)>, zone: Option<Tz>) -> Option<String> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let address = AnnouncedLocation {
            city: some(city),
            region: some(region),
            country: some(country),
            place: place.map(|(lat, lon)| Place::new(lat, lon).unwrap()),
            ..AnnouncedLocation::default()
        };
        let gazetteer = Gazetteer::embedded().unwrap();
        gazetteer.city(&address, zone).map(|city| format!("{} {}", city.name, city.region))
    }

    #[test]
    fn regions_are_named_after_their_largest_city() {
        let gazetteer = Gazetteer::embedded().unwrap();
        let etobicoke = gazetteer.cities.iter().find(|city| city.name == "Etobicoke").unwrap();
        let toronto = gazetteer.largest_of_region(etobicoke);
        assert_eq!((toronto.name.as_str(), toronto.region.as_str()), ("Toronto", "CA-08"));
        let singapore = gazetteer.cities.iter().find(|city| city.country == "SG").unwrap();
        assert_eq!(gazetteer.largest_of_region(singapore).region, "SG");
    }

    #[test]
    fn a_city_is_found_by_name_and_country() {
        assert_eq!(find("Montreal", "", "CA", None, None).unwrap(), "Montréal CA-10");
        assert_eq!(find("New York", "NY", "US", None, None).unwrap(), "New York City US-NY");
        assert_eq!(find("Brighton and Hove, Brighton", "", "GB", None, None).unwrap(), "Brighton GB-ENG");
        assert_eq!(find("Somewhere", "", "US", None, None), None);
        assert_eq!(find("Montreal", "", "FR", None, None), None);
    }

    #[test]
    fn namesakes_are_told_apart() {
        assert_eq!(find("Portland", "ME", "US", None, None).unwrap(), "Portland US-ME");
        assert_eq!(find("Portland", "", "US", None, None).unwrap(), "Portland US-OR");
        assert_eq!(find("Portland", "", "US", Some((43.66, -70.26)), None).unwrap(), "Portland US-ME");
        assert_eq!(find("London", "", "", None, Some(America::Toronto)).unwrap(), "London CA-08");
        assert_eq!(find("London", "", "", None, Some(Europe::London)).unwrap(), "London GB-ENG");
    }

    #[test]
    fn rough_coordinates_do_not_undo_a_name_but_wrong_ones_do() {
        assert_eq!(find("Suzuka", "", "JP", Some((34.3689, 138.9256)), None).unwrap(), "Suzuka JP-23");
        // Burlington in Vermont is no city of 50,000, and not the one in Ontario.
        assert_eq!(find("Burlington", "", "CA", Some((44.475882, -73.212072)), None), None);
    }

    #[test]
    fn an_unknown_name_is_the_city_around_it() {
        assert_eq!(find("Scarborough", "ON", "CA", Some((43.7731, -79.2578)), None).unwrap(), "Toronto CA-08");
        assert_eq!(find("Silverstone", "", "GB", Some((52.0786, -1.0169)), None).unwrap(), "Milton Keynes GB-ENG");
        assert_eq!(find("Monte Carlo", "", "FR", Some((43.7347, 7.4206)), None).unwrap(), "Nice FR-93");
        assert_eq!(find("", "", "", Some((43.65, -79.38)), None).unwrap(), "Toronto CA-08");
        assert_eq!(find("Buriram", "", "TH", Some((14.9567, 103.0847)), None), None);
    }
}
