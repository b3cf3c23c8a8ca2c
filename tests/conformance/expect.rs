//! Compares an answer with what a step expects of it.

use serde_json::Value;

use crate::scenario::Call;
use crate::variables::Variables;

/// The first expectation that the answer does not meet.
pub fn answer(call: &Call, variables: &Variables, body: &Value) -> Result<(), String> {
    for (pointer, expected) in &call.check {
        let (expected, found) = (variables.fill(expected)?, at(body, pointer)?);
        if !same(&expected, found) {
            return Err(format!("{pointer}: expected {expected}, found {found}"));
        }
    }
    for (pointer, expected) in &call.contains {
        let (expected, found) = (variables.fill(expected)?, at(body, pointer)?);
        if !contains(found, &expected) {
            return Err(format!("{pointer}: expected to contain {expected}, found {found}"));
        }
    }
    for (pointer, unwanted) in &call.lacks {
        let (unwanted, found) = (variables.fill(unwanted)?, at(body, pointer)?);
        if contains(found, &unwanted) {
            return Err(format!("{pointer}: contains {unwanted}: {found}"));
        }
    }
    for (pointer, length) in &call.length {
        let found = at(body, pointer)?;
        if found.as_array().map(Vec::len) != Some(*length) {
            return Err(format!("{pointer}: expected {length} entries, found {found}"));
        }
    }
    for pointer in &call.absent {
        if let Some(found) = body.pointer(pointer).filter(|found| !found.is_null()) {
            return Err(format!("{pointer}: expected nothing, found {found}"));
        }
    }
    for wanted in call.field.iter().chain(&call.message) {
        let wanted = variables.text(wanted)?;
        if !texts(body).iter().any(|text| text.contains(&wanted)) {
            return Err(format!("no text names {wanted:?}: {body}"));
        }
    }
    Ok(())
}

pub fn at<'v>(body: &'v Value, pointer: &str) -> Result<&'v Value, String> {
    body.pointer(pointer).ok_or_else(|| format!("nothing at {pointer:?} in {body}"))
}

/// Equal, whether a number is written as an integer or not.
fn same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

fn contains(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Array(entries), expected) => entries.iter().any(|entry| covers(expected, entry)),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Object(_), Value::Object(_)) => covers(expected, found),
        _ => false,
    }
}

/// Whether `found` has at least what `expected` has.
fn covers(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => a.iter().all(|(name, a)| b.get(name).is_some_and(|b| covers(a, b))),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| covers(a, b)),
        (a, b) => same(a, b),
    }
}

/// Every text in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(expectations: Value, body: Value) -> Result<(), String> {
        let mut step = json!({"op": "any"});
        step.as_object_mut().unwrap().extend(expectations.as_object().unwrap().clone());
        let mut variables = Variables::default();
        variables.set("id", "crew-1");
        answer(&serde_json::from_value(step).unwrap(), &variables, &body)
    }

    #[test]
    fn what_is_as_expected_passes_and_what_is_not_fails() {
        let body =
            || json!({"id": "crew-1", "count": 2.0, "list": [{"id": 1, "name": "a"}], "message": "name: is bad"});
        for met in [
            json!({"check": {"/id": "$id", "/count": 2}}),
            json!({"check": {"/id": "${id}"}}),
            json!({"contains": {"/list": {"id": 1}, "/message": "bad"}}),
            json!({"lacks": {"/list": {"id": 2}}, "length": {"/list": 1}, "absent": ["/nothing"], "field": "name"}),
        ] {
            assert_eq!(outcome(met.clone(), body()), Ok(()), "{met}");
        }
        for missed in [
            json!({"check": {"/id": "crew-2"}}),
            json!({"check": {"/id": "${id}x"}}),
            json!({"check": {"/nothing": null}}),
            json!({"check": {"/list": []}}),
            json!({"contains": {"/list": {"id": 1, "name": "b"}}}),
            json!({"contains": {"/id": "crew-9"}}),
            json!({"lacks": {"/list": {"id": 1}}}),
            json!({"length": {"/list": 2}}),
            json!({"length": {"/id": 0}}),
            json!({"absent": ["/id"]}),
            json!({"field": "city"}),
            json!({"message": "is good"}),
            json!({"check": {"/id": "$unknown"}}),
        ] {
            assert!(outcome(missed.clone(), body()).is_err(), "{missed}");
        }
    }
}
