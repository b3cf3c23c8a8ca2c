//! How somebody likes to travel: the record under their account's id.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::{Record, Who};

/// Trip preferences; each is absent until its owner sets it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    #[garde(skip)]
    #[serde(default)]
    pub sports_enabled: Option<bool>,
    #[garde(skip)]
    #[serde(default)]
    pub concerts_enabled: Option<bool>,
    #[garde(skip)]
    #[serde(default)]
    pub theater_enabled: Option<bool>,
    /// Days.
    #[garde(range(min = 1, max = 365))]
    #[serde(default)]
    pub trip_length: Option<u32>,
    /// Weekday on which trips begin: 1 is Monday, 0 and 7 are Sunday.
    #[garde(range(max = 7))]
    #[serde(default)]
    pub trip_start_day: Option<u32>,
    /// Weekday on which trips end, counted likewise.
    #[garde(range(max = 7))]
    #[serde(default)]
    pub trip_end_day: Option<u32>,
    /// How far ahead trips are shown, days.
    #[garde(range(max = 3650))]
    #[serde(default)]
    pub trip_view_range: Option<u32>,
    #[garde(length(max = 1000), inner(inner(length(chars, min = 1, max = 100))))]
    #[serde(default)]
    pub favorite_category_ids: Option<Vec<String>>,
    #[garde(length(max = 1000), inner(inner(length(chars, min = 1, max = 100))))]
    #[serde(default)]
    pub favorite_city_ids: Option<Vec<String>>,
    #[garde(length(max = 1000), inner(inner(length(chars, min = 1, max = 100))))]
    #[serde(default)]
    pub favorite_performer_ids: Option<Vec<String>>,
}

pub const PREFERENCES: Record =
    Record::of::<Preferences>("preferences").known(Who::Person("id")).written(Who::Person("id"));

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn normalise(fields: Value) -> Result<Value, String> {
        (PREFERENCES.normalise)(fields).map(Value::Object).map_err(|rejection| rejection.field().unwrap().to_owned())
    }

    #[test]
    fn preferences_keep_what_was_given() {
        let given = json!({"trip_length": 3, "sports_enabled": false, "favorite_city_ids": ["c1"]});
        assert_eq!(normalise(given.clone()).unwrap(), given);
        assert_eq!(normalise(json!({})).unwrap(), json!({}));
    }

    #[test]
    fn preferences_outside_their_range_are_refused_by_name() {
        for (field, value) in [
            ("trip_length", json!(0)),
            ("trip_length", json!("three")),
            ("trip_start_day", json!(8)),
            ("trip_end_day", json!(-1)),
            ("trip_view_range", json!(100_000)),
            ("favorite_performer_ids[1]", json!(["p1", ""])),
        ] {
            let name = field.split('[').next().unwrap();
            assert_eq!(normalise(json!({name: value})).unwrap_err(), field);
        }
    }
    #[test]
    fn all_that_is_wrong_with_preferences_is_told_at_once() {
        let given = json!({"trip_length": 0, "trip_start_day": 8, "favorite_city_ids": ["c1", ""]});
        let rejection = (PREFERENCES.normalise)(given).unwrap_err();
        let fields: Vec<_> = rejection.faults.iter().filter_map(|fault| fault.field.as_deref()).collect();
        assert_eq!(fields, ["favorite_city_ids[1]", "trip_length", "trip_start_day"]);
        assert_eq!(rejection.rule, "record-fields");
    }
}
