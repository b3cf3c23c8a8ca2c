//! Which city of a gazetteer an address means.

use caravan_domain::catalogue::Place;
use caravan_domain::catalogue::gazetteer::{Entry, Gazetteer};
use chrono_tz::Tz;

use crate::announcement::AnnouncedLocation;
use crate::areas::{Area, areas, lies_in, narrowed, without_numbers};

/// A named city may lie this far from the coordinates that come with it: those are often a rough guess.
const NAMED_WITHIN_KM: f64 = 250.0;

/// The city that an address means: by its name, else the one near its coordinates, in any case in the country and
/// region that it gives. `zone` is the event's own, if it has one.
pub fn city<'g>(gazetteer: &'g dyn Gazetteer, address: &AnnouncedLocation, zone: Option<Tz>) -> Option<&'g Entry> {
    let mut within: Vec<Area> = address.country.into_iter().collect();
    if let Some(region) = &address.region {
        within = narrowed(&within, areas(region)).unwrap_or(within);
    }
    let named = |name: &str, within: &[Area]| named(gazetteer, name, within, address.place, zone);
    let text = address.city.as_deref().unwrap_or_default();
    if let Some(city) = named(text, &within) {
        return Some(city);
    }
    // The last part is the broadest. One that may be a country or region narrows where those before it are looked for,
    // and is the city itself only when they are none: "Albany, New York", but "Madison Square Garden, New York".
    let mut broad = vec![];
    for part in text.rsplit(',').map(without_numbers) {
        match narrowed(&within, areas(&part)) {
            Some(narrower) => {
                within = narrower;
                broad.push(part);
            }
            None => {
                if let Some(city) = named(&part, &within) {
                    return Some(city);
                }
            }
        }
    }
    let near = || gazetteer.nearest(address.place?, &|city| lies_within(city, &within));
    broad.iter().find_map(|part| named(part, &within)).or_else(near)
}

fn named<'g>(
    gazetteer: &'g dyn Gazetteer,
    name: &str,
    within: &[Area],
    place: Option<Place>,
    zone: Option<Tz>,
) -> Option<&'g Entry> {
    let namesakes = gazetteer.named(name).into_iter().map(|(_, city)| city);
    let namesakes = namesakes.filter(|city| lies_within(city, within));
    match place {
        Some(place) => namesakes
            .filter(|city| city.place.distance(&place) <= NAMED_WITHIN_KM)
            .min_by(|one, other| one.place.distance(&place).total_cmp(&other.place.distance(&place))),
        // Where nothing else does, the clock says in which part of the world to look.
        None => namesakes
            .filter(|city| !within.is_empty() || zone.is_none_or(|zone| city.time_zone == zone))
            .max_by_key(|city| city.population),
    }
}

/// Whether a city lies in one of these areas; none stand for the whole world.
fn lies_within(city: &Entry, areas: &[Area]) -> bool {
    areas.is_empty() || areas.iter().any(|area| lies_in(&city.region, area))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    use crate::areas::country;
    use crate::geonames::GeoNames;
    use chrono_tz::{America, Europe};

    static GEONAMES: LazyLock<GeoNames> = LazyLock::new(|| GeoNames::embedded().unwrap());

    fn find(city: &str, region: &str, land: &str, place: Option<(f64, f64)>, zone: Option<Tz>) -> Option<String> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let address = AnnouncedLocation {
            city: some(city),
            region: some(region),
            country: country(land),
            place: place.map(|(lat, lon)| Place::new(lat, lon).unwrap()),
            ..AnnouncedLocation::default()
        };
        super::city(&*GEONAMES, &address, zone).map(|city| format!("{} {}", city.name, city.region))
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
    fn a_region_or_country_that_is_understood_is_a_condition() {
        for (city, region, country, expected) in [
            ("London", "ON", "Canada", Some("London CA-08")),
            ("London", "Ontario", "CAN", Some("London CA-08")),
            ("Portland", "Maine", "US", Some("Portland US-ME")),
            ("Springfield", "Illinois", "US", Some("Springfield US-IL")),
            ("Portland", "Ontario", "CA", None),
            ("Portland", "Vermont", "US", None),
            ("Toronto", "", "UK", None),
            // What is not understood is passed over.
            ("Portland", "Cumberland", "US", Some("Portland US-OR")),
            ("London", "ON", "GB", Some("London GB-ENG")),
            ("Recife", "PE", "BR", Some("Recife BR-30")),
            ("London", "", "Angleterre", Some("London GB-ENG")),
        ] {
            assert_eq!(find(city, region, country, None, None).as_deref(), expected, "{city}, {region}, {country}");
        }
        // Neither do coordinates lead out of them.
        assert_eq!(find("Niagara", "NY", "US", Some((43.09, -79.06)), None).unwrap(), "Buffalo US-NY");
        assert_eq!(find("Windsor", "", "US", Some((42.31, -83.03)), None).unwrap(), "Detroit US-MI");
    }

    #[test]
    fn parts_of_an_address_say_where_the_city_is() {
        for (address, expected) in [
            ("Toronto, ON", Some("Toronto CA-08")),
            ("178 Victoria St, Toronto, Ontario, Canada", Some("Toronto CA-08")),
            ("178 Victoria St, Toronto, ON M5B 1T7, Canada", Some("Toronto CA-08")),
            ("Portland, OR", Some("Portland US-OR")),
            ("Portland, ME 04101, USA", Some("Portland US-ME")),
            ("San Francisco, CA", Some("San Francisco US-CA")),
            ("London, CA", Some("London CA-08")),
            ("London, UK", Some("London GB-ENG")),
            ("Tbilisi, Georgia", Some("Tbilisi GE-51")),
            ("Athens, Georgia", Some("Athens US-GA")),
            ("Washington, DC", Some("Washington US-DC")),
            ("Albany, New York", Some("Albany US-NY")),
            ("Madison Square Garden, New York", Some("New York City US-NY")),
            ("Place des Arts, Québec, QC", Some("Québec CA-10")),
            ("Marina Bay, Singapore", Some("Singapore SG")),
            ("Lothringerstraße 20, 1030 Vienna, Austria", Some("Vienna AT-09")),
            ("Orillia, Ontario, CA", None),
            ("Panama City, Florida", None),
        ] {
            assert_eq!(find(address, "", "", None, None).as_deref(), expected, "{address}");
        }
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
