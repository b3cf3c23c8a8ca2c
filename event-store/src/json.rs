//! JSON as the log holds it.

use serde::ser::Error as _;
use serde::{Deserialize, Serialize};

/// The text of a JSON value, as it was written; read only by whoever looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(String);

impl Json {
    /// Fails where the value cannot be JSON, and where a text in it has a NUL character: Postgres could store it, but
    /// not work with it.
    pub fn of(value: &impl Serialize) -> Result<Json, serde_json::Error> {
        let text = serde_json::to_string(value)?;
        if has_nul(&text) {
            return Err(serde_json::Error::custom("a text with a NUL character"));
        }
        Ok(Json(text))
    }

    /// What was stored.
    pub fn stored(text: String) -> Json {
        Json(text)
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// The value; fails where the text does not have the shape of `T`.
    pub fn read<'t, T: Deserialize<'t>>(&'t self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

/// Whether a string of the JSON holds the escape of NUL: behind an even number of backslashes, since two of them stand
/// for one.
fn has_nul(json: &str) -> bool {
    json.match_indices("\\u0000")
        .any(|(at, _)| json[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_value_comes_back_as_it_went_in() {
        let value = json!({"b": [1.5, null, "Zoë\n"], "a": {"c": u64::MAX}});
        assert_eq!(Json::of(&value).unwrap().read::<Value>().unwrap(), value);
    }

    #[test]
    fn a_nul_is_refused_wherever_it_is_and_what_only_resembles_it_is_not() {
        for refused in [json!("\0"), json!({"a": ["x\0"]}), json!({"\0": 1}), json!("\\\0"), json!("\\u0000\0")] {
            assert!(Json::of(&refused).is_err(), "{refused}");
        }
        for stored in [json!("\\u0000"), json!("\\\\u0000"), json!("u0000"), json!("\u{1}")] {
            assert_eq!(Json::of(&stored).unwrap().read::<Value>().unwrap(), stored);
        }
    }
}
