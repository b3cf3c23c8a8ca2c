//! What the shapes of all dialects are made with.

use caravan_domain::Sealed;
use serde::Serialize;
use serde_json::{Value, json};

/// Adds a member that is known.
pub fn set(shape: &mut Value, name: &str, value: Option<impl Serialize>) {
    if let Some(value) = value {
        shape[name] = json!(value);
    }
}

/// Under which a sealed value stands in a shape. No client can send such a key: NUL characters are refused.
const SEALED: &str = "\0";
const SEALED_JSON: &str = "\0json";

/// A text about a person as it is kept. It is opened when the answer goes out, together with all others in it.
pub fn sealed(value: &Sealed) -> Value {
    json!({SEALED: [value]})
}

/// What is kept as its JSON, likewise; null where it cannot be opened.
pub fn sealed_json(value: &Sealed) -> Value {
    json!({SEALED_JSON: [value]})
}

/// Texts, sealed or not, with a blank between them; nothing of none.
pub fn words(texts: &[&Value]) -> Option<Value> {
    let parts = texts.iter().flat_map(|text| match text.get(SEALED).and_then(Value::as_array) {
        Some(parts) => parts.clone(),
        None => vec![(*text).clone()],
    });
    let parts: Vec<Value> = parts.collect();
    (!parts.is_empty()).then(|| json!({SEALED: parts}))
}

/// Every text of a shape that has something sealed in it.
pub(crate) struct Closed<'v>(Vec<Text<'v>>);

struct Text<'v> {
    place: &'v mut Value,
    parts: Vec<Part>,
    /// Whether it is the JSON of what stands there.
    is_json: bool,
}

enum Part {
    Plain(String),
    Sealed(Sealed),
}

impl<'v> Closed<'v> {
    pub(crate) fn find(shape: &'v mut Value) -> Self {
        let mut found = vec![];
        collect(shape, &mut found);
        let texts = found.into_iter().map(|place| {
            let is_json = place.get(SEALED_JSON).is_some();
            let parts = match place[if is_json { SEALED_JSON } else { SEALED }].take() {
                Value::Array(parts) => parts,
                other => vec![other],
            };
            let parts = parts.into_iter().filter_map(|part| match part {
                Value::String(plain) => Some(Part::Plain(plain)),
                sealed => serde_json::from_value(sealed).ok().map(Part::Sealed),
            });
            Text { place, parts: parts.collect(), is_json }
        });
        Closed(texts.collect())
    }

    /// What has to be opened, in the order in which [`Closed::open`] takes it.
    pub(crate) fn sealed(&self) -> Vec<&Sealed> {
        let parts = self.0.iter().flat_map(|text| &text.parts);
        let sealed = parts.filter_map(|part| match part {
            Part::Sealed(sealed) => Some(sealed),
            Part::Plain(_) => None,
        });
        sealed.collect()
    }

    /// Puts the texts into their places.
    pub(crate) fn open(self, opened: Vec<String>) {
        let mut opened = opened.into_iter();
        for Text { place, parts, is_json } in self.0 {
            let parts = parts.into_iter().filter_map(|part| match part {
                Part::Plain(plain) => Some(plain),
                Part::Sealed(_) => opened.next(),
            });
            let text = parts.collect::<Vec<_>>().join(" ");
            *place = if is_json { serde_json::from_str(&text).unwrap_or_default() } else { Value::from(text) };
        }
    }
}

fn collect<'v>(value: &'v mut Value, found: &mut Vec<&'v mut Value>) {
    if value.get(SEALED).is_some() || value.get(SEALED_JSON).is_some() {
        found.push(value);
        return;
    }
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| collect(value, found)),
        Value::Object(fields) => fields.values_mut().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use caravan_domain::EntityId;

    use super::*;

    fn closed(text: &str) -> Sealed {
        Sealed { subject: EntityId(uuid::Uuid::nil()), cipher: text.to_owned(), hash: text.to_owned() }
    }

    fn opened(mut shape: Value) -> Value {
        let closed = Closed::find(&mut shape);
        let texts = closed.sealed().iter().map(|sealed| sealed.cipher.to_uppercase()).collect();
        closed.open(texts);
        shape
    }

    #[test]
    fn every_sealed_text_is_opened_in_its_place() {
        let (dana, reyes) = (sealed(&closed("dana")), sealed(&closed("reyes")));
        let shape = json!([{"name": words(&[&dana, &json!("of"), &reyes]), "first": dana, "id": 7}, {"last": [reyes]}]);
        let expected = json!([{"name": "DANA of REYES", "first": "DANA", "id": 7}, {"last": ["REYES"]}]);
        assert_eq!(opened(shape), expected);
        assert_eq!(opened(json!({"plain": [1, "a", {}]})), json!({"plain": [1, "a", {}]}));
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        let mut shape = json!({"a": 1});
        set(&mut shape, "b", None::<u8>);
        set(&mut shape, "c", Some(2));
        assert_eq!((shape, words(&[])), (json!({"a": 1, "c": 2}), None));
        assert_eq!(opened(json!(words(&[&json!("Dana")]))), json!("Dana"));
    }
}
