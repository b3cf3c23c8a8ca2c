//! Countries and their divisions, by the names and codes that addresses give them.

use std::collections::HashMap;
use std::sync::LazyLock;

use caravan_domain::catalogue::names;

/// A country, `CA`, or a division of one, `CA-08`: ISO 3166-1 and GeoNames, as in the codes of regions.
pub type Area = &'static str;

/// What countries are called in their own languages, and in those of many neighbours.
const ENDONYMS: [(Area, &str); 56] = [
    ("AR", "Argentinien"),
    ("AT", "Österreich"),
    ("AT", "Autriche"),
    ("BE", "België"),
    ("BE", "Belgique"),
    ("BE", "Belgien"),
    ("BG", "България"),
    ("BR", "Brasil"),
    ("CH", "Schweiz"),
    ("CH", "Suisse"),
    ("CH", "Svizzera"),
    ("CN", "中国"),
    ("CZ", "Česko"),
    ("CZ", "Česká republika"),
    ("DE", "Deutschland"),
    ("DE", "Allemagne"),
    ("DK", "Danmark"),
    ("EE", "Eesti"),
    ("ES", "España"),
    ("ES", "Spanien"),
    ("FI", "Suomi"),
    ("FR", "Frankreich"),
    ("FR", "Francia"),
    ("GB", "Angleterre"),
    ("GR", "Ελλάδα"),
    ("GR", "Hellas"),
    ("HR", "Hrvatska"),
    ("HU", "Magyarország"),
    ("IE", "Éire"),
    ("IS", "Ísland"),
    ("IT", "Italia"),
    ("IT", "Italien"),
    ("JP", "日本"),
    ("KR", "대한민국"),
    ("KR", "한국"),
    ("LT", "Lietuva"),
    ("LV", "Latvija"),
    ("MX", "México"),
    ("NL", "Nederland"),
    ("NL", "Niederlande"),
    ("NO", "Norge"),
    ("NO", "Noreg"),
    ("PL", "Polska"),
    ("RO", "România"),
    ("RS", "Srbija"),
    ("RS", "Србија"),
    ("RU", "Россия"),
    ("SE", "Sverige"),
    ("SI", "Slovenija"),
    ("SK", "Slovensko"),
    ("TW", "台灣"),
    ("UA", "Україна"),
    ("US", "Estados Unidos"),
    ("US", "États-Unis"),
    ("US", "Vereinigte Staaten"),
    ("HK", "香港"),
];

/// Names of countries that ISO 3166 has otherwise.
const COUNTRIES: [(Area, &str); 37] = [
    ("BA", "Bosnia and Herzegovina"),
    ("BN", "Brunei Darussalam"),
    ("CD", "Democratic Republic of the Congo"),
    ("CD", "DR Congo"),
    ("CG", "Congo"),
    ("CG", "Republic of the Congo"),
    ("CI", "Ivory Coast"),
    ("CN", "People's Republic of China"),
    ("CV", "Cabo Verde"),
    ("CZ", "Czech Republic"),
    ("FM", "Federated States of Micronesia"),
    ("GB", "England"),
    ("GB", "Great Britain"),
    ("GB", "Northern Ireland"),
    ("GB", "Scotland"),
    ("GB", "United Kingdom"),
    ("GB", "Wales"),
    ("IE", "Republic of Ireland"),
    ("KR", "Korea"),
    ("KR", "Republic of Korea"),
    ("LA", "Lao People's Democratic Republic"),
    ("MD", "Republic of Moldova"),
    ("MK", "Macedonia"),
    ("MM", "Burma"),
    ("MO", "Macao"),
    ("NL", "Holland"),
    ("PS", "State of Palestine"),
    ("RU", "Russian Federation"),
    ("SK", "Slovak Republic"),
    ("SY", "Syrian Arab Republic"),
    ("SZ", "Swaziland"),
    ("TL", "East Timor"),
    ("TR", "Türkiye"),
    ("US", "United States"),
    ("US", "United States of America"),
    ("VN", "Viet Nam"),
    ("XK", "Kosovo"),
];

/// Divisions whose abbreviations addresses hold: where these are not known, they are taken for countries.
const DIVISIONS: [(Area, &str, &str); 73] = [
    ("AU-01", "ACT", "Australian Capital Territory"),
    ("AU-02", "NSW", "New South Wales"),
    ("AU-03", "NT", "Northern Territory"),
    ("AU-04", "QLD", "Queensland"),
    ("AU-05", "SA", "South Australia"),
    ("AU-06", "TAS", "Tasmania"),
    ("AU-07", "VIC", "Victoria"),
    ("AU-08", "WA", "Western Australia"),
    ("CA-01", "AB", "Alberta"),
    ("CA-02", "BC", "British Columbia"),
    ("CA-03", "MB", "Manitoba"),
    ("CA-04", "NB", "New Brunswick"),
    ("CA-05", "NF", "Newfoundland"),
    ("CA-05", "NL", "Newfoundland and Labrador"),
    ("CA-07", "NS", "Nova Scotia"),
    ("CA-08", "ON", "Ontario"),
    ("CA-09", "PE", "Prince Edward Island"),
    ("CA-10", "QC", "Québec"),
    ("CA-11", "SK", "Saskatchewan"),
    ("CA-12", "YT", "Yukon"),
    ("CA-13", "NT", "Northwest Territories"),
    ("CA-14", "NU", "Nunavut"),
    ("US-AK", "AK", "Alaska"),
    ("US-AL", "AL", "Alabama"),
    ("US-AR", "AR", "Arkansas"),
    ("US-AZ", "AZ", "Arizona"),
    ("US-CA", "CA", "California"),
    ("US-CO", "CO", "Colorado"),
    ("US-CT", "CT", "Connecticut"),
    ("US-DC", "DC", "District of Columbia"),
    ("US-DE", "DE", "Delaware"),
    ("US-FL", "FL", "Florida"),
    ("US-GA", "GA", "Georgia"),
    ("US-HI", "HI", "Hawaii"),
    ("US-IA", "IA", "Iowa"),
    ("US-ID", "ID", "Idaho"),
    ("US-IL", "IL", "Illinois"),
    ("US-IN", "IN", "Indiana"),
    ("US-KS", "KS", "Kansas"),
    ("US-KY", "KY", "Kentucky"),
    ("US-LA", "LA", "Louisiana"),
    ("US-MA", "MA", "Massachusetts"),
    ("US-MD", "MD", "Maryland"),
    ("US-ME", "ME", "Maine"),
    ("US-MI", "MI", "Michigan"),
    ("US-MN", "MN", "Minnesota"),
    ("US-MO", "MO", "Missouri"),
    ("US-MS", "MS", "Mississippi"),
    ("US-MT", "MT", "Montana"),
    ("US-NC", "NC", "North Carolina"),
    ("US-ND", "ND", "North Dakota"),
    ("US-NE", "NE", "Nebraska"),
    ("US-NH", "NH", "New Hampshire"),
    ("US-NJ", "NJ", "New Jersey"),
    ("US-NM", "NM", "New Mexico"),
    ("US-NV", "NV", "Nevada"),
    ("US-NY", "NY", "New York"),
    ("US-OH", "OH", "Ohio"),
    ("US-OK", "OK", "Oklahoma"),
    ("US-OR", "OR", "Oregon"),
    ("US-PA", "PA", "Pennsylvania"),
    ("US-RI", "RI", "Rhode Island"),
    ("US-SC", "SC", "South Carolina"),
    ("US-SD", "SD", "South Dakota"),
    ("US-TN", "TN", "Tennessee"),
    ("US-TX", "TX", "Texas"),
    ("US-UT", "UT", "Utah"),
    ("US-VA", "VA", "Virginia"),
    ("US-VT", "VT", "Vermont"),
    ("US-WA", "WA", "Washington"),
    ("US-WI", "WI", "Wisconsin"),
    ("US-WV", "WV", "West Virginia"),
    ("US-WY", "WY", "Wyoming"),
];

/// Counties of England, by the names that addresses end with and towns elsewhere have too.
const ENGLISH_COUNTIES: [&str; 45] = [
    "Bedfordshire",
    "Berkshire",
    "Buckinghamshire",
    "Cambridgeshire",
    "Cheshire",
    "Cornwall",
    "County Durham",
    "Cumbria",
    "Derbyshire",
    "Devon",
    "Dorset",
    "East Sussex",
    "Essex",
    "Gloucestershire",
    "Greater Manchester",
    "Hampshire",
    "Herefordshire",
    "Hertfordshire",
    "Isle of Wight",
    "Kent",
    "Lancashire",
    "Leicestershire",
    "Lincolnshire",
    "Merseyside",
    "Middlesex",
    "Norfolk",
    "North Yorkshire",
    "Northamptonshire",
    "Northumberland",
    "Nottinghamshire",
    "Oxfordshire",
    "Rutland",
    "Shropshire",
    "Somerset",
    "South Yorkshire",
    "Staffordshire",
    "Suffolk",
    "Surrey",
    "Sussex",
    "Tyne and Wear",
    "Warwickshire",
    "West Sussex",
    "West Yorkshire",
    "Wiltshire",
    "Worcestershire",
];

static BY_NAME: LazyLock<HashMap<String, Vec<Area>>> = LazyLock::new(|| {
    let mut by_name: HashMap<String, Vec<Area>> = HashMap::new();
    let iso = iso3166::LIST
        .iter()
        .flat_map(|country| [country.alpha2, country.alpha3, country.name].map(|name| (country.data().alpha2, name)));
    let divisions = DIVISIONS.iter().flat_map(|(area, abbreviation, name)| [(*area, *abbreviation), (*area, *name)]);
    for (area, name) in iso.chain(COUNTRIES).chain(ENDONYMS).chain(divisions) {
        let areas = by_name.entry(key(name)).or_default();
        if !areas.contains(&area) {
            areas.push(area);
        }
    }
    by_name
});

fn key(name: &str) -> String {
    names::key(&name.replace('.', ""))
}

/// Everything that a part of an address may mean: `CA` is Canada and California. Empty when it is not known.
pub fn areas(part: &str) -> &'static [Area] {
    BY_NAME.get(&key(part)).map_or(&[], Vec::as_slice)
}

/// What a county's name means where a town stands before it.
pub fn counties(part: &str) -> &'static [Area] {
    let key = key(part);
    if ENGLISH_COUNTIES.iter().any(|county| names::key(county) == key) { &["GB-ENG"] } else { &[] }
}

/// A part of an address without its postal code: "ON M5B 1T7", "1071 LN Amsterdam", "75010 Paris Cedex 10".
pub fn without_codes(part: &str) -> String {
    let words: Vec<&str> = part.split_whitespace().collect();
    let has_digit = |word: &str| word.chars().any(char::is_numeric);
    let is_kept = |at: usize| {
        let word = words[at];
        // The letters of a Dutch code stand by themselves.
        let after_digits =
            at > 0 && words[at - 1].len() == 4 && words[at - 1].bytes().all(|byte| byte.is_ascii_digit());
        let are_letters = word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        let marks_code = ["cedex", "c.p.", "cp"].iter().any(|mark| word.eq_ignore_ascii_case(mark));
        !(marks_code || is_plain_code(word, has_digit) || after_digits && are_letters)
    };
    let kept: Vec<&str> = (0..words.len()).filter(|at| is_kept(*at)).map(|at| words[at]).collect();
    kept.join(" ")
}

/// Whether a word is a number or code. What is written without spaces between its words is not, whatever is in it.
fn is_plain_code(word: &str, has_digit: impl Fn(&str) -> bool) -> bool {
    has_digit(word) && !word.chars().any(|char| matches!(char, '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'))
}

/// The country of a name or code.
pub fn country(name: &str) -> Option<Area> {
    areas(name).iter().copied().find(|area| !area.contains('-'))
}

/// Whether a region lies in an area, or is it.
pub fn lies_in(region: &str, area: Area) -> bool {
    region.strip_prefix(area).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// What both `within`, or the whole world where that is empty, and one of `areas` hold; `None` when that is nothing.
pub fn narrowed(within: &[Area], areas: &[Area]) -> Option<Vec<Area>> {
    let common: Vec<Area> = match within {
        [] => areas.to_vec(),
        _ => within
            .iter()
            .flat_map(|outer| areas.iter().map(move |inner| (*outer, *inner)))
            .filter_map(|(outer, inner)| match () {
                () if lies_in(inner, outer) => Some(inner),
                () if lies_in(outer, inner) => Some(outer),
                () => None,
            })
            .collect(),
    };
    (!common.is_empty()).then_some(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_known_by_code_and_name() {
        for name in ["CA", "can", "Canada", " CANADA "] {
            assert_eq!(country(name), Some("CA"), "{name}");
        }
        for name in ["US", "USA", "U.S.A.", "The United States", "United States of America"] {
            assert_eq!(country(name), Some("US"), "{name}");
        }
        assert_eq!(country("UK"), Some("GB"));
        assert_eq!(country("Côte d'Ivoire"), Some("CI"));
        assert_eq!(country("Georgia"), Some("GE"));
        assert_eq!(country("Deutschland"), Some("DE"));
        for unknown in ["", "QQ", "Ontario", "Atlantis"] {
            assert_eq!(country(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_a_name_may_mean_is_narrowed_by_what_surrounds_it() {
        assert_eq!(areas("CA"), ["CA", "US-CA"]);
        assert_eq!(areas("Quebec"), ["CA-10"]);
        assert_eq!(areas("D.C."), ["US-DC"]);
        assert_eq!(narrowed(&[], areas("CA")), Some(vec!["CA", "US-CA"]));
        assert_eq!(narrowed(&["US"], areas("CA")), Some(vec!["US-CA"]));
        assert_eq!(narrowed(areas("CA"), areas("Ontario")), Some(vec!["CA-08"]));
        assert_eq!(narrowed(&["US-CA"], areas("US")), Some(vec!["US-CA"]));
        assert_eq!(narrowed(&["GB"], areas("ON")), None);
        assert_eq!(narrowed(&["GB"], areas("Somewhere")), None);
    }

    #[test]
    fn regions_lie_in_their_country_and_in_themselves() {
        assert!(lies_in("CA-08", "CA") && lies_in("CA-08", "CA-08") && lies_in("SG", "SG"));
        assert!(!lies_in("CA-08", "CA-0") && !lies_in("CA", "CA-08"));
    }
}
