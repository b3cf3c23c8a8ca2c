//! When two names mean the same place or performer.

use crate::text::folded;

/// What is left of a name for comparing: lower case without accents, punctuation or a leading "the", words separated
/// by one space. Empty when the name has no letter or digit.
pub fn key(name: &str) -> String {
    let key = folded(&name.replace('&', " and ")).replace(|sign: char| !sign.is_alphanumeric(), " ");
    let words: Vec<&str> = key.split_whitespace().collect();
    match words.as_slice() {
        ["the", rest @ ..] if !rest.is_empty() => rest.join(" "),
        words => words.join(" "),
    }
}

/// [`key`] of a city: without "City" at its end ("New York" is New York City), initials in one piece ("D.C."), and
/// what is often shortened in short ("Saint", "Fort", "Mount").
pub fn city_key(name: &str) -> String {
    let mut city = String::with_capacity(name.len());
    let mut is_initial = false;
    for word in key(name).split(' ') {
        let was_initial = std::mem::replace(&mut is_initial, word.len() == 1 && word.is_ascii());
        if !(city.is_empty() || was_initial && is_initial) {
            city.push(' ');
        }
        city.push_str(match word {
            "saint" => "st",
            "sainte" => "ste",
            "fort" => "ft",
            "mount" => "mt",
            word => word,
        });
    }
    match city.strip_suffix(" city") {
        Some(rest) => rest.to_owned(),
        None => city,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_punctuation_do_not_matter() {
        assert_eq!(key("The  Danforth Music-Hall "), "danforth music hall");
        assert_eq!(key("MONTRÉAL"), key("Montreal"));
        assert_eq!(key("St. John's"), key("St John’s"));
        assert_eq!(key("Arts & Crafts"), key("arts and crafts"));
        assert_eq!(key("Łódź Straße"), "lodz strasse");
        assert_eq!(key("東京ドーム"), key("東京ドーム"));
        assert_eq!(key(" – "), "");
        assert_eq!(key("The"), "the");
    }

    #[test]
    fn a_city_is_itself_with_and_without_city() {
        assert_eq!(city_key("New York City"), city_key("New York"));
        assert_eq!(city_key("City"), "city");
    }

    #[test]
    fn a_city_is_itself_in_short() {
        assert_eq!(city_key("Washington, D.C."), city_key("Washington DC"));
        assert_eq!(city_key("St. Louis"), city_key("Saint Louis"));
        assert_eq!(city_key("Ft Worth"), city_key("Fort Worth"));
        assert_ne!(city_key("Saint-Denis"), city_key("Denis"));
    }
}
