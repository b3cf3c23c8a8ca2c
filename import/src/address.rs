//! Which city of a gazetteer an address means.
//!
//! An address is read from its end, where it is broadest: what may be a country or region narrows where the parts
//! before it are looked for. Where that is also a city's name, a town before it goes first: "Woodstock, New York" is
//! not New York City, even where the town is not known. Of a part, its postal codes are passed over, and where it is no
//! city as a whole, what its signs separate.

use std::cell::Cell;

use caravan_domain::catalogue::gazetteer::{Called, Entry, Gazetteer};
use caravan_domain::catalogue::{Place, names};
use chrono::{DateTime, FixedOffset, Utc};

use crate::announcement::AnnouncedLocation;
use crate::areas::{Area, areas, counties, lies_in, narrowed, without_codes};
use crate::when::offset;

/// A named city may lie this far from the coordinates that come with it: those are often a rough guess.
const NAMED_WITHIN_KM: f64 = 250.0;

/// What clocks show there at an instant.
pub type Clock = (DateTime<Utc>, FixedOffset);

/// Where an address is.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<'g> {
    pub city: Option<&'g Entry>,
    /// The countries and regions that it may lie in; none stand for the whole world.
    pub within: Vec<Area>,
}

/// The city that an address means: by its name, else the one near its coordinates, in any case in the country and
/// region that it gives. Of namesakes the larger, unless `clock` rules it out.
pub fn locate<'g>(gazetteer: &'g dyn Gazetteer, address: &AnnouncedLocation, clock: Option<Clock>) -> Located<'g> {
    let mut within: Vec<Area> = address.country.into_iter().collect();
    if let Some(region) = &address.region {
        within = narrowed(&within, areas(region)).unwrap_or(within);
    }
    let text = address.city.as_deref().unwrap_or_default();
    let mut search = Search { gazetteer, within, place: address.place, clock, codes: Cell::default() };
    let city = search.whole(text).or_else(|| search.parts(text)).or_else(|| search.codes.get());
    let near = || gazetteer.nearest(address.place?, &|city| lies_within(city, &search.within));
    Located { city: city.or_else(near), within: search.within }
}

/// The city that somebody names: "Toronto", or "Portland, ME, USA".
pub fn named_city<'g>(gazetteer: &'g dyn Gazetteer, name: &str) -> Option<&'g Entry> {
    let address = AnnouncedLocation { city: Some(name.to_owned()), ..AnnouncedLocation::default() };
    locate(gazetteer, &address, None).city
}

struct Search<'g> {
    gazetteer: &'g dyn Gazetteer,
    within: Vec<Area>,
    place: Option<Place>,
    clock: Option<Clock>,
    /// The first city of a name so short that it counts only in a country or where nothing else does, such as an
    /// airport's code.
    codes: Cell<Option<&'g Entry>>,
}

impl<'g> Search<'g> {
    /// All of a text as one name.
    fn whole(&self, text: &str) -> Option<&'g Entry> {
        self.named(text, &self.within)
    }

    /// The city among the parts of an address; narrows `within` on the way.
    fn parts(&mut self, text: &str) -> Option<&'g Entry> {
        let parts: Vec<(&str, String)> = text.split(SEPARATORS).map(|part| (part, without_codes(part))).collect();
        let parts: Vec<(&str, String)> = parts.into_iter().filter(|(_, part)| !part.is_empty()).collect();
        // A part that may be an area is the city itself only when no other is: "Albany, New York", but "Madison Square
        // Garden, New York".
        let mut broad = vec![];
        let mut stated: Option<Vec<Area>> = None;
        for (at, (_, part)) in parts.iter().enumerate().rev() {
            let before = at.checked_sub(1).map(|at| &parts[at]);
            let may_be_in = before.is_some_and(|(raw, part)| self.may_be_town(raw, part));
            if let Some(narrower) = narrowed(&self.within, areas(part)) {
                // "Québec, QC" says its area twice, and the city once.
                let repeats = stated.as_ref() == Some(&narrower) && narrower.iter().all(|area| area.contains('-'));
                if !may_be_in || repeats || narrower.iter().all(|area| CITY_STATES.contains(area)) {
                    broad.push((part, before.is_some()));
                }
                self.within = narrower.clone();
                stated = Some(narrower);
                continue;
            }
            if may_be_in && let Some(narrower) = narrowed(&self.within, counties(part)) {
                self.within = narrower;
                continue;
            }
            if let Some(city) = self.named(part, &self.within) {
                let town = before.and_then(|(_, part)| self.town_around(part, city));
                return Some(town.unwrap_or(city));
            }
            if let Some(city) = self.inside(part) {
                return Some(city);
            }
        }
        broad.iter().rev().find_map(|(part, has_before)| {
            self.named(part, &self.within).filter(|city| self.names_city(part, city) && !(*has_before && is_code(part)))
        })
    }

    /// Whether a part before an area may be a town in it, known or not, rather than a venue or street.
    fn may_be_town(&self, raw: &str, part: &str) -> bool {
        const MOST_WORDS: usize = 3;
        if !areas(part).is_empty() || !self.gazetteer.named(part).is_empty() {
            return true;
        }
        let key = names::key(part);
        let mut words = key.split(' ');
        let is_short = words.clone().count() <= MOST_WORDS && !raw.contains(char::is_numeric);
        is_short && !words.any(|word| VENUE_WORDS.contains(&word))
    }

    /// The town that a part means where the city after it is rather the region that is called like it: "Winterthur,
    /// Zürich". What lies close by is a part of the city: "Salamanca, Madrid".
    fn town_around(&self, part: &str, city: &Entry) -> Option<&'g Entry> {
        let around = REGIONS_AROUND.iter().find(|(inner, _)| *inner == city.region).map(|(_, outer)| *outer);
        let mut found = self.gazetteer.named(part);
        found.retain(|(called, town)| {
            let is_there = town.region == city.region || Some(town.region.as_ref()) == around;
            *called == Called::ByItsOwnName && is_there && town.place.distance(&city.place) > DISTRICT_KM
        });
        found.retain(|(_, town)| self.place.is_none_or(|place| town.place.distance(&place) <= NAMED_WITHIN_KM));
        found.into_iter().map(|(_, town)| town).filter(|_| !is_code(part)).max_by_key(|town| town.population)
    }

    /// Whether what may be an area's name means a city in it: "New York", "México", but not "Texas" for Texas City.
    fn names_city(&self, part: &str, city: &Entry) -> bool {
        let is_largest =
            || [city.region.as_ref(), city.country()].iter().any(|area| self.gazetteer.largest(area) == Some(city));
        names::key(&city.name) == names::key(part) || is_largest()
    }

    /// The city inside of a part that is none as a whole.
    fn inside(&mut self, part: &str) -> Option<&'g Entry> {
        self.before_area(part).or_else(|| self.among_signs(part)).or_else(|| self.ideographic(part))
    }

    /// "Sydney NSW", "Toronto ON Canada", "Milano MI"; "City of Toronto".
    fn before_area(&mut self, part: &str) -> Option<&'g Entry> {
        let words: Vec<&str> = part.split_whitespace().collect();
        if let Some((city, within)) = self.before_areas(&words, &self.within) {
            self.within = within;
            return Some(city);
        }
        let (last, rest) = words.split_last()?;
        let is_province = last.len() == 2 && last.bytes().all(|byte| byte.is_ascii_uppercase());
        // "Milano MI" is not in Michigan, but neither is "Berlin NH" in Germany.
        let is_area = narrowed(&self.within, areas(last)).is_some();
        if is_province
            && let Some(found) = self.named(&rest.join(" "), &self.within)
            && (!is_area || WITH_PROVINCES.contains(&found.country()))
        {
            return Some(found);
        }
        let prefixes = ["City of ", "Ville de ", "Stadt ", "Comune di ", "Greater ", "Downtown ", "Central "];
        let rest = prefixes.iter().find_map(|prefix| strip_prefix(part, prefix))?;
        self.named(rest, &self.within)
    }

    /// The city that stands before countries and regions without a sign between, maybe after a street.
    fn before_areas(&self, words: &[&str], within: &[Area]) -> Option<(&'g Entry, Vec<Area>)> {
        const MOST_WORDS: usize = 4;
        for at in (1..words.len()).rev().take(MOST_WORDS) {
            let (before, area) = words.split_at(at);
            let Some(narrower) = narrowed(within, areas(&area.join(" "))) else { continue };
            if let Some(found) = self.before_areas(before, &narrower) {
                return Some(found);
            }
            let starts = before.len().saturating_sub(MOST_WORDS)..before.len();
            let city =
                std::iter::once(0).chain(starts).find_map(|start| self.named(&before[start..].join(" "), &narrower));
            if let Some(city) = city {
                return Some((city, narrower));
            }
        }
        None
    }

    /// "Massey Hall - Toronto", "Berlin/Germany", "Halle (Saale)".
    fn among_signs(&mut self, part: &str) -> Option<&'g Entry> {
        let spaced = [" - ", " – ", " — ", " | ", " · ", " • ", " @ ", " in "]
            .iter()
            .fold(part.to_owned(), |part, sign| part.replace(sign, "|"));
        let pieces: Vec<&str> = spaced
            .split(['|', '/', '(', ')', '[', ']', ':'])
            .map(str::trim)
            .filter(|piece| !piece.is_empty())
            .collect();
        if pieces.len() < 2 {
            return None;
        }
        let within = self.within.clone();
        let city = self.parts(&pieces.join(","));
        // "New York/New Jersey" is one or the other, not one within the other.
        if city.is_none() {
            self.within = within;
        }
        city
    }

    /// "東京都渋谷区神南": the longest beginning that is a city.
    fn ideographic(&self, part: &str) -> Option<&'g Entry> {
        let is_ideographic = |char: char| matches!(char, '\u{3400}'..='\u{9fff}' | '\u{3040}'..='\u{30ff}');
        if !part.chars().next().is_some_and(is_ideographic) {
            return None;
        }
        let ends: Vec<usize> = part.char_indices().map(|(at, _)| at).skip(2).take(6).collect();
        ends.into_iter().rev().find_map(|end| self.named(&part[..end], &self.within))
    }

    /// Of the cities that are called so, and that nothing rules out: own names before others, the larger first.
    fn named(&self, name: &str, within: &[Area]) -> Option<&'g Entry> {
        let mut found = self.gazetteer.named(name);
        found.retain(|(_, city)| lies_within(city, within));
        if let Some((instant, shown)) = self.clock {
            let agrees = |city: &Entry| offset(city.time_zone, instant) == shown;
            // Where no namesake agrees, the clock is somebody else's, such as the publisher's.
            if found.iter().any(|(_, city)| agrees(city)) {
                found.retain(|(_, city)| agrees(city));
            }
        }
        let city = match self.place {
            Some(place) => {
                found.retain(|(_, city)| city.place.distance(&place) <= NAMED_WITHIN_KM);
                let nearest = found
                    .iter()
                    .min_by(|(_, one), (_, other)| one.place.distance(&place).total_cmp(&other.place.distance(&place)));
                nearest.copied()
            }
            None => found.into_iter().max_by_key(|(called, city)| (*called, city.population)),
        };
        let (_, city) = city?;
        if within.is_empty() && is_code(name) {
            self.codes.set(self.codes.get().or(Some(city)));
            return None;
        }
        Some(city)
    }
}

/// Countries whose addresses end with provinces in two letters, which other countries' states have too.
const WITH_PROVINCES: [&str; 2] = ["BR", "IT"];

/// Countries that are a city, whatever stands before them.
const CITY_STATES: [Area; 5] = ["GI", "HK", "MC", "MO", "SG"];

/// Regions of capitals, and those around them that are called like them.
const REGIONS_AROUND: [(&str, &str); 3] = [("AR-07", "AR-01"), ("RU-48", "RU-47"), ("UA-12", "UA-13")];

/// What is named beside a city and lies this near is a part of it.
const DISTRICT_KM: f64 = 10.0;

/// What towns are hardly called, but venues and streets are.
const VENUE_WORDS: [&str; 61] = [
    "amphitheater",
    "amphitheatre",
    "arena",
    "auditorio",
    "auditorium",
    "ave",
    "avenue",
    "ballroom",
    "bar",
    "blvd",
    "boulevard",
    "cafe",
    "cathedral",
    "center",
    "centre",
    "centro",
    "church",
    "club",
    "coliseum",
    "college",
    "dome",
    "estadio",
    "forum",
    "foro",
    "gallery",
    "garden",
    "gardens",
    "hall",
    "hotel",
    "house",
    "library",
    "lounge",
    "musee",
    "museo",
    "museum",
    "opera",
    "palace",
    "palacio",
    "palais",
    "park",
    "pavilion",
    "philharmonie",
    "place",
    "plaza",
    "pub",
    "rd",
    "restaurant",
    "road",
    "room",
    "salle",
    "school",
    "square",
    "stadium",
    "street",
    "studio",
    "studios",
    "teatro",
    "theater",
    "theatre",
    "university",
    "zoo",
];

const SEPARATORS: [char; 6] = [',', ';', '\n', '、', '，', '|'];

/// Up to three Latin letters.
fn is_code(name: &str) -> bool {
    let key = names::city_key(name);
    key.len() <= 3 && key.is_ascii()
}

fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Whether a city lies in one of these areas; none stand for the whole world.
pub fn lies_within(city: &Entry, areas: &[Area]) -> bool {
    areas.is_empty() || areas.iter().any(|area| lies_in(&city.region, area))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    use crate::areas::country;
    use crate::geonames::GeoNames;

    static GEONAMES: LazyLock<GeoNames> = LazyLock::new(|| GeoNames::embedded().unwrap());

    fn find(city: &str, region: &str, land: &str, place: Option<(f64, f64)>, clock: Option<&str>) -> Option<String> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let address = AnnouncedLocation {
            city: some(city),
            region: some(region),
            country: country(land),
            place: place.map(|(lat, lon)| Place::new(lat, lon).unwrap()),
            ..AnnouncedLocation::default()
        };
        let clock = clock.map(|text| {
            let time = DateTime::parse_from_rfc3339(text).unwrap();
            (time.to_utc(), *time.offset())
        });
        locate(&*GEONAMES, &address, clock).city.map(|city| format!("{} {}", city.name, city.region))
    }

    fn text(address: &str) -> Option<String> {
        let address = AnnouncedLocation::from_text(address);
        locate(&*GEONAMES, &address, None).city.map(|city| format!("{}/{}", city.name, city.country()))
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
        assert_eq!(find("London", "", "", None, Some("2027-06-10T19:00:00-04:00")).unwrap(), "London CA-08");
        assert_eq!(find("London", "", "", None, Some("2027-06-10T19:00:00+01:00")).unwrap(), "London GB-ENG");
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
        assert_eq!(find("Niagara", "NY", "US", Some((43.09, -79.06)), None).unwrap(), "Niagara Falls US-NY");
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
            ("Orillia, Ontario, CA", Some("Orillia CA-08")),
            ("Panama City, Florida", Some("Panama City US-FL")),
        ] {
            assert_eq!(find(address, "", "", None, None).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn rough_coordinates_do_not_undo_a_name_but_wrong_ones_do() {
        assert_eq!(find("Suzuka", "", "JP", Some((34.3689, 138.9256)), None).unwrap(), "Suzuka JP-23");
        // Burlington in Vermont is not the one in Ontario.
        assert_eq!(find("Burlington", "", "CA", Some((44.475882, -73.212072)), None), None);
    }

    #[test]
    fn an_unknown_name_is_the_city_around_it() {
        assert_eq!(find("Scarborough", "ON", "CA", Some((43.7731, -79.2578)), None).unwrap(), "Toronto CA-08");
        assert_eq!(find("Silverstone", "", "GB", Some((52.0786, -1.0169)), None).unwrap(), "Milton Keynes GB-ENG");
        assert_eq!(find("Monte Carlo", "", "FR", Some((43.7347, 7.4206)), None).unwrap(), "Nice FR-93");
        assert_eq!(find("", "", "", Some((43.65, -79.38)), None).unwrap(), "Toronto CA-08");
        assert_eq!(find("Nowhere", "", "", Some((0.5, -30.0)), None), None);
    }

    #[test]
    fn of_namesakes_the_larger_is_meant_unless_something_rules_it_out() {
        let at = |name: &str, clock: &str| find(name, "", "", None, Some(clock)).unwrap();
        assert_eq!(at("London", "2027-06-10T19:00:00-04:00"), "London CA-08");
        assert_eq!(at("Pekin", "2027-06-10T19:00:00-05:00"), "Pekin US-IL");
        assert_eq!(at("Pekin", "2027-06-10T19:00:00+08:00"), "Beijing CN-22");
        // A clock that no namesake has is the publisher's.
        assert_eq!(at("Toronto", "2027-06-10T19:00:00+02:00"), "Toronto CA-08");
        assert_eq!(find("Dublin", "", "IE", None, Some("2027-06-10T19:00:00-04:00")).unwrap(), "Dublin IE-L");
    }

    #[test]
    fn own_names_go_before_others() {
        for (name, expected) in [
            ("Canton", "Canton US-MI"),
            ("Pekin", "Pekin US-IL"),
            ("San Paolo", "San Paolo IT-13"),
            ("Vienne", "Vienne FR-84"),
        ] {
            assert_eq!(find(name, "", "", None, None).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(find("Canton", "", "China", None, None).unwrap(), "Guangzhou CN-30");
    }

    #[test]
    fn cities_are_known_in_their_languages_and_in_short() {
        for (name, land, expected) in [
            ("Wien", "AT", "Vienna AT-09"),
            ("Roma", "IT", "Rome IT-07"),
            ("München", "DE", "Munich DE-02"),
            ("東京", "JP", "Tokyo JP-40"),
            ("Москва", "RU", "Moscow RU-48"),
            ("Αθήνα", "GR", "Athens GR-ESYE31"),
            ("Den Haag", "NL", "The Hague NL-11"),
            ("Ciudad de México", "MX", "Mexico City MX-09"),
            ("Quebec City", "CA", "Québec CA-10"),
            ("Washington, D.C.", "US", "Washington US-DC"),
            ("Washington DC", "US", "Washington US-DC"),
            ("NYC", "US", "New York City US-NY"),
            ("NYC", "", "New York City US-NY"),
            ("L.A.", "US", "Los Angeles US-CA"),
            ("LA", "US", "Los Angeles US-CA"),
            ("San Fran", "US", "San Francisco US-CA"),
            ("Philly", "US", "Philadelphia US-PA"),
            ("Newcastle", "GB", "Newcastle upon Tyne GB-ENG"),
            ("Brighton & Hove", "GB", "Brighton GB-ENG"),
            ("Halle (Saale)", "DE", "Halle (Saale) DE-14"),
            ("Freiburg", "DE", "Freiburg DE-01"),
            ("Saigon", "VN", "Ho Chi Minh City VN-79"),
            ("Biel/Bienne", "CH", "Biel/Bienne CH-BE"),
            ("Ft. Lauderdale", "US", "Fort Lauderdale US-FL"),
        ] {
            assert_eq!(find(name, "", land, None, None).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_short_name_counts_in_a_country_or_where_nothing_else_matches() {
        assert_eq!(text("Terminal 5, LHR, Toronto").as_deref(), Some("Toronto/CA"));
        assert_eq!(text("Toronto, The Bar, BER").as_deref(), Some("Berlin/DE"));
        assert_eq!(text("Münsterplatz, Ulm").as_deref(), Some("Ulm/DE"));
        assert_eq!(text("Room of Mirrors, of"), Some("Of/TR".into()));
    }

    #[test]
    fn postal_forms_are_understood() {
        for (address, expected) in [
            ("Massey Hall, 178 Victoria St, Toronto, ON M5B 1T7, Canada", "Toronto/CA"),
            ("Sydney Opera House, Bennelong Point, Sydney NSW 2000, Australia", "Sydney/AU"),
            ("Roundhouse, Chalk Farm Rd, London NW1 8EH, UK", "London/GB"),
            (
                "Allianz Parque, Av. Francisco Matarazzo, 1705 - Água Branca, São Paulo - SP, 05001-200, Brazil",
                "São Paulo/BR",
            ),
            ("WiZink Center, Av. Felipe II, s/n, Salamanca, 28009 Madrid, Spain", "Madrid/ES"),
            ("Columbiahalle, Columbiadamm 13-21, 10965 Berlin, Deutschland", "Berlin/DE"),
            ("Stadthalle, Roland-Rainer-Platz 1, 1150 Wien, Austria", "Vienna/AT"),
            ("O2 arena, Českomoravská 2345, 190 00 Praha 9, Czechia", "Prague/CZ"),
            ("Avicii Arena, Arentorget 1, 121 77 Johanneshov, Sweden", "Stockholm/SE"),
            ("Phoenix Marketcity, Whitefield Main Rd, Bengaluru, Karnataka 560048, India", "Bengaluru/IN"),
            ("3Arena, N Wall Quay, North Dock, Dublin, D01 EW90, Ireland", "Dublin/IE"),
            ("Singapore Indoor Stadium, 2 Stadium Walk, Singapore 397691", "Singapore/SG"),
            ("DHL Stadium, Fritz Sonnenberg Rd, Green Point, Cape Town, 8051, South Africa", "Cape Town/ZA"),
            ("Chase Center\n1 Warriors Way\nSan Francisco, CA 94158, United States", "San Francisco/US"),
            ("O2 Arena\nPeninsula Square\nLondon\nSE10 0DX\nEngland", "London/GB"),
            ("Ziggo Dome, De Passage 100, 1101 AX Amsterdam, Netherlands", "Amsterdam/NL"),
            ("Ziggo Dome, De Passage 100, 1101 AX, Amsterdam", "Amsterdam/NL"),
            ("Zénith, 211 Av. Jean Jaurès, 75019 Paris Cedex 19, France", "Paris/FR"),
            ("Forum, Via G. di Vittorio 6, 20090 Milano MI, Italia", "Milan/IT"),
            ("Toronto, Ontario", "Toronto/CA"),
            ("Massey Hall, Toronto ON Canada", "Toronto/CA"),
            ("Massey Hall, 178 Victoria St Toronto ON M5B 1T7 Canada", "Toronto/CA"),
            ("Massey Hall - Toronto, ON", "Toronto/CA"),
            ("Massey Hall | Toronto | ON", "Toronto/CA"),
            ("Massey Hall (Toronto)", "Toronto/CA"),
            ("Massey Hall [Toronto, ON]", "Toronto/CA"),
            ("Berlin/Germany", "Berlin/DE"),
            ("Capital One Arena, Washington DC, USA", "Washington/US"),
            ("Enterprise Center, St. Louis, MO", "St. Louis/US"),
            ("Xcel Energy Center, St Paul, MN", "Saint Paul/US"),
            ("Sphere, Las Vegas, Nevada", "Las Vegas/US"),
            ("Smith; Co Hall\nSuite 5\nToronto ON M5B 1T7\nCanada", "Toronto/CA"),
            ("東京ドーム, 東京都文京区後楽1-3-61, 日本", "Tokyo/JP"),
        ] {
            assert_eq!(text(address).as_deref(), Some(expected), "{address}");
        }
    }

    #[test]
    fn a_region_called_like_a_city_is_not_meant_where_a_town_stands_before_it() {
        for (address, expected) in [
            ("Bethel Woods, 200 Hurd Rd, Bethel, NY 12720, USA", None),
            ("Woodstock, New York", None),
            ("Cooperstown, New York, USA", None),
            ("Hamburg, NY", None),
            ("Mont-Tremblant, QC, Canada", None),
            ("Mont-Tremblant, Québec, Canada", None),
            ("Marfa, Texas", None),
            ("Decorah, Iowa", None),
            ("Sayulita, Mexico", None),
            ("Berlin, NH", None),
            ("Berlin NH", None),
            ("Hamburg NY, USA", None),
            ("Woodstock New York", None),
            ("Milano MI", Some("Milan/IT")),
            ("Colchester, Essex", Some("Colchester/GB")),
            ("Colchester, Essex, UK", Some("Colchester/GB")),
            ("Glastonbury, Somerset", None),
            ("Cartagena, Murcia, Spain", Some("Cartagena/ES")),
            ("Winterthur, Zürich, Switzerland", Some("Winterthur/CH")),
            ("Campinas, São Paulo, Brasil", Some("Campinas/BR")),
            ("Mar del Plata, Buenos Aires, Argentina", Some("Mar del Plata/AR")),
            ("Amersfoort, Utrecht, Netherlands", Some("Amersfoort/NL")),
            ("Marbella, Málaga, Spain", Some("Marbella/ES")),
            // The city itself is still meant where nothing else can be.
            ("Massey Hall, Toronto", Some("Toronto/CA")),
            ("Theatro, Campinas", Some("Campinas/BR")),
            ("Salamanca, Madrid", Some("Madrid/ES")),
            ("Chrysler Hall, Norfolk", Some("Norfolk/US")),
            ("New York, New York", Some("New York City/US")),
            ("New York, NY, USA", Some("New York City/US")),
            ("Carnegie Hall, New York, USA", Some("New York City/US")),
            ("Birdland, New York, NY", Some("New York City/US")),
            ("Washington, DC", Some("Washington/US")),
            ("Luxembourg, Luxembourg", Some("Luxembourg/LU")),
            ("Singapore", Some("Singapore/SG")),
            ("Marina Bay, Singapore", Some("Singapore/SG")),
            ("México, Ciudad de México", Some("Mexico City/MX")),
        ] {
            assert_eq!(text(address).as_deref(), expected, "{address}");
            let locality = find(address, "", "", None, None);
            let expected = expected.and_then(|expected| expected.split('/').next());
            assert_eq!(
                locality.as_deref().and_then(|city| city.rsplit_once(' ')).map(|(city, _)| city),
                expected,
                "{address}"
            );
        }
        assert_eq!(named_city(&*GEONAMES, "Bethel, NY"), None);
    }

    #[test]
    fn areas_beside_each_other_are_alternatives() {
        let stadium = Some((40.81353, -74.07436));
        assert_eq!(find("New York/New Jersey", "", "US", stadium, None).unwrap(), "New York City US-NY");
    }

    #[test]
    fn a_list_of_a_few_cities_is_a_gazetteer_too() {
        let place = Place::new(43.71, -79.40).unwrap();
        let time_zone = chrono_tz::America::Toronto;
        let toronto =
            Entry { geoname_id: 1, name: "Toronto".into(), region: "CA-08".into(), place, population: 1, time_zone };
        let cities = vec![toronto];
        let located = locate(&cities, &AnnouncedLocation::from_text("Massey Hall, Toronto, Ontario, Canada"), None);
        assert_eq!(located, Located { city: cities.first(), within: vec!["CA-08"] });
    }
}
