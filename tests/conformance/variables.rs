//! What steps have saved, and its place in later steps.

use std::collections::HashMap;

use serde_json::Value;

#[derive(Default)]
pub struct Variables(HashMap<String, Value>);

impl Variables {
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    pub fn get(&self, name: &str) -> Result<&Value, String> {
        self.0.get(name).ok_or_else(|| format!("nothing was saved as ${name}"))
    }

    /// `value` with every variable in it replaced.
    pub fn fill(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::String(text) => match whole(text) {
                Some(name) => self.get(name).cloned(),
                None => self.text(text).map(Value::String),
            },
            Value::Array(values) => values.iter().map(|value| self.fill(value)).collect(),
            Value::Object(fields) => {
                let filled = fields.iter().map(|(name, value)| Ok((name.clone(), self.fill(value)?)));
                filled.collect::<Result<_, String>>().map(Value::Object)
            }
            other => Ok(other.clone()),
        }
    }

    /// A text with its variables replaced: one as a whole, or any number as `${name}`.
    pub fn text(&self, text: &str) -> Result<String, String> {
        if let Some(name) = whole(text) {
            return self.get(name).map(plain);
        }
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or_else(|| format!("${{ without }} in {text:?}"))?;
            filled.push_str(before);
            filled.push_str(&plain(self.get(name)?));
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

/// The variable that a text is as a whole.
fn whole(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    named.then_some(name)
}

/// A value as it stands in a text or a query.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
