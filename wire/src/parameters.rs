//! Query and path parameters: known, complete, and of the types that the contract gives them.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value};

use crate::body::fault;
use crate::contract::{In, Parameter, ParameterType};
use crate::{Failure, FailureKind, Fault, Operation, Place};

/// A query string of parameters by name.
pub(crate) fn query(parameters: &Map<String, Value>) -> Result<String, Failure> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        let values = value.as_array().map_or_else(|| vec![value], |values| values.iter().collect());
        for value in values {
            match value {
                Value::String(text) => query.append_pair(name, text),
                Value::Number(_) | Value::Bool(_) => query.append_pair(name, &value.to_string()),
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    let message = "must be a text, a number, true or false, or a list of such";
                    return Err(Failure::mistyped(format!("query.{name}"), message));
                }
            };
        }
    }
    Ok(query.finish())
}

/// The typed parameters of a request, from the texts in its path and its query string; else everything that is wrong
/// with them.
pub(crate) fn read(
    operation: &Operation,
    path: Map<String, Value>,
    query: &str,
) -> Result<Map<String, Value>, Failure> {
    let mut faults = vec![];
    let mut parameters = Map::new();
    let mut given: Vec<(&Parameter, Vec<String>)> = vec![];
    let further = |name: &str| (operation.dialect.face.further)(operation, name);
    let known = |place: In, name: &str| operation.parameters.iter().find(|p| p.place == place && p.name == name);
    for (name, value) in path {
        match (known(In::Path, &name), value) {
            (Some(parameter), Value::String(text)) => given.push((parameter, vec![text])),
            (_, value) => drop(parameters.insert(name, value)),
        }
    }
    for pair in pairs(query) {
        let (name, value) = match pair {
            Ok(pair) => pair,
            Err(name) => {
                faults.push(Fault::of(name, "is not UTF-8"));
                continue;
            }
        };
        if let Some(message) = fault(&value, operation.bounds) {
            faults.push(Fault::of(name, message));
            continue;
        }
        if operation.dialect.face.tokens.iter().any(|place| matches!(place, Place::Query(token) if *token == name)) {
            continue;
        }
        match (known(In::Query, &name), given.iter_mut().find(|(known, _)| known.name == name)) {
            (None, _) if further(&name) && !parameters.contains_key(&name) => {
                parameters.insert(name, Value::from(value));
            }
            (None, _) => faults.push(Fault::of(name, "is not a known parameter")),
            (Some(_), Some((_, values))) => values.push(value),
            (Some(parameter), None) => given.push((parameter, vec![value])),
        }
    }
    for parameter in operation.parameters.iter().filter(|p| p.required && matches!(p.place, In::Query | In::Path)) {
        let is_given = given.iter().any(|(known, _)| known.name == parameter.name);
        let is_at_fault = faults.iter().any(|fault| fault.field.as_ref() == Some(&parameter.name));
        if !is_given && !is_at_fault {
            faults.push(Fault::of(&parameter.name, "is required"));
        }
    }
    for (parameter, values) in given {
        match typed(parameter, values) {
            Ok(value) => drop(parameters.insert(parameter.name.clone(), value)),
            Err(message) => faults.push(Fault::of(&parameter.name, message)),
        }
    }
    match Failure::of(FailureKind::Unreadable, faults) {
        Some(failure) => Err(failure.whose_field_is_written()),
        None => Ok(parameters),
    }
}

/// The names and values of a query string, or of a form; the name of one that is not UTF-8.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = Result<(String, String), String>> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = decode(name).ok_or_else(|| "query".to_owned())?;
        match decode(value) {
            Some(value) => Ok((name, value)),
            None => Err(name),
        }
    })
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(String::from)
}

/// A parameter's value as the contract types it, or what is wrong with it.
fn typed(parameter: &Parameter, values: Vec<String>) -> Result<Value, String> {
    if let ParameterType::Texts { repeated } = parameter.of {
        let split = |text: String| match repeated {
            true => vec![text],
            false => text.split(',').map(str::to_owned).collect(),
        };
        let texts = values.into_iter().flat_map(split).filter(|text| !text.is_empty());
        return Ok(texts.map(Value::from).collect());
    }
    let [text]: [String; 1] = values.try_into().map_err(|_| "is given more than once")?;
    if text.is_empty() && parameter.required {
        return Err("is required".to_owned());
    }
    if !parameter.allowed.is_empty() && !parameter.allowed.contains(&text) {
        return Err(format!("is not one of {}", parameter.allowed.join(", ")));
    }
    let wrong = |expected: &str| format!("is not {expected}");
    match parameter.of {
        ParameterType::Text | ParameterType::Texts { .. } => Ok(Value::from(text)),
        ParameterType::Integer => text.parse::<i64>().map(Value::from).map_err(|_| wrong("an integer")),
        ParameterType::Boolean => text.parse::<bool>().map(Value::from).map_err(|_| wrong("true or false")),
        ParameterType::Number => {
            let integer = text.parse::<i64>().ok().map(Number::from);
            let number = integer.or_else(|| Number::from_f64(text.parse().ok()?));
            number.map(Value::Number).ok_or_else(|| wrong("a number"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::{contracts, operation};

    fn ask(id: &str, query: &str) -> Result<Value, String> {
        let operation = operation(&crate::krugo::DIALECT, id).unwrap();
        let texts = |failure: Failure| failure.faults.iter().map(Fault::text).collect::<Vec<_>>().join("; ");
        read(operation, Map::new(), query).map(Value::Object).map_err(texts)
    }

    #[test]
    fn parameters_are_known_complete_and_typed() {
        assert_eq!(ask("payment-balances", "id=a%20b+c"), Ok(json!({"id": "a b c"})));
        assert_eq!(ask("payment-balances", ""), Err("id: is required".into()));
        assert_eq!(ask("payment-balances", "id="), Err("id: is required".into()));
        assert_eq!(ask("payment-balances", "id=1&id=2"), Err("id: is given more than once".into()));
        assert_eq!(ask("payment-balances", "id=1&sort=x"), Err("sort: is not a known parameter".into()));
        assert_eq!(ask("payment-balances", "id=%00"), Err("id: contains a NUL character".into()));
        assert_eq!(ask("payment-balances", "id=1&sort=%ff"), Err("sort: is not UTF-8".into()));
        let long = format!("id=1&sort={}", "x".repeat(10_001));
        assert_eq!(ask("payment-balances", &long), Err("sort: is longer than 10000 characters".into()));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let told = "a: is not a known parameter; b: is not a known parameter; id: is required";
        assert_eq!(ask("payment-balances", "a=1&b=2"), Err(told.into()));
    }

    #[test]
    fn numbers_booleans_and_lists_have_their_types() {
        let parameter =
            |of| Parameter { name: "p".into(), place: In::Query, required: false, of, allowed: vec![], filter: None };
        let typed = |of, text: &str| typed(&parameter(of), vec![text.to_owned()]);
        assert_eq!(typed(ParameterType::Integer, "12"), Ok(json!(12)));
        assert_eq!(typed(ParameterType::Integer, "1.5"), Err("is not an integer".into()));
        assert_eq!(typed(ParameterType::Number, "1.5"), Ok(json!(1.5)));
        assert_eq!(typed(ParameterType::Number, "NaN"), Err("is not a number".into()));
        assert_eq!(typed(ParameterType::Boolean, "true"), Ok(json!(true)));
        assert_eq!(typed(ParameterType::Boolean, "1"), Err("is not true or false".into()));
        assert_eq!(typed(ParameterType::Texts { repeated: false }, "a,b"), Ok(json!(["a", "b"])));
    }

    #[test]
    fn a_documented_enumeration_is_kept() {
        let all = contracts().iter().flat_map(|contract| &contract.operations);
        let parameter = all.flat_map(|operation| &operation.parameters).find(|p| !p.allowed.is_empty()).unwrap();
        assert!(typed(parameter, vec!["surely-not-this".into()]).is_err());
    }
}
