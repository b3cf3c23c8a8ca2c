//! Calendar days on krugo's wire.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer};

/// A day, `YYYY-MM-DD` and nothing else, so that each has one spelling and their texts sort like they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub NaiveDate);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
        let day = day.filter(|day| (0..=9999).contains(&day.year()) && day.to_string() == text);
        day.map(Day).ok_or_else(|| serde::de::Error::custom("is no calendar day, expected YYYY-MM-DD"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_day_has_one_spelling() {
        let read = |text: &str| serde_json::from_value::<Day>(json!(text));
        assert_eq!(read("2030-05-01").unwrap(), Day(NaiveDate::from_ymd_opt(2030, 5, 1).unwrap()));
        for text in ["", "2030-5-1", "2030-02-30", "+12345-01-01", "-0001-01-01", "2030-05-01T00:00:00Z", " 2030-05-01"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(serde_json::from_value::<Day>(json!(20_300_501)).is_err());
    }
}
