//! Query and path parameters: known, complete, and of the types that the contract gives them.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value};

use crate::body::check_text;
use crate::contract::{In, Parameter, ParameterType};
use crate::{Failure, Operation};

/// The typed parameters of a request, from the texts in its path and its query string.
pub(crate) fn read(
    operation: &Operation,
    path: Map<String, Value>,
    query: &str,
) -> Result<Map<String, Value>, Failure> {
    let mut given: Vec<(&Parameter, Vec<String>)> = vec![];
    for (name, value) in pairs(query)? {
        let known = |parameter: &&Parameter| parameter.place == In::Query && parameter.name == name;
        let Some(parameter) = operation.parameters.iter().find(known) else {
            return Err(Failure::invalid(name, "is not a known parameter"));
        };
        match given.iter_mut().find(|(known, _)| known.name == name) {
            Some((_, values)) => values.push(value),
            None => given.push((parameter, vec![value])),
        }
    }
    let mut parameters = Map::new();
    for (parameter, values) in given {
        parameters.insert(parameter.name.clone(), typed(parameter, values)?);
    }
    for (name, value) in path {
        let known = |parameter: &&Parameter| parameter.place == In::Path && parameter.name == name;
        let value = match (operation.parameters.iter().find(known), value) {
            (Some(parameter), Value::String(text)) => typed(parameter, vec![text])?,
            (_, value) => value,
        };
        parameters.insert(name, value);
    }
    let required = operation.parameters.iter().filter(|p| p.required && matches!(p.place, In::Query | In::Path));
    for parameter in required {
        if !parameters.contains_key(&parameter.name) {
            return Err(Failure::invalid(&parameter.name, "is required"));
        }
    }
    Ok(parameters)
}

fn pairs(query: &str) -> Result<Vec<(String, String)>, Failure> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name).ok_or_else(|| Failure::invalid("query", "is not UTF-8"))?;
            let value = decode(value).ok_or_else(|| Failure::invalid(&name, "is not UTF-8"))?;
            check_text(&name, &value)?;
            Ok((name, value))
        })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(String::from)
}

fn typed(parameter: &Parameter, values: Vec<String>) -> Result<Value, Failure> {
    if let ParameterType::Texts { repeated } = parameter.of {
        let split = |text: String| match repeated {
            true => vec![text],
            false => text.split(',').map(str::to_owned).collect(),
        };
        let texts = values.into_iter().flat_map(split).filter(|text| !text.is_empty());
        return Ok(texts.map(Value::from).collect());
    }
    let [text]: [String; 1] =
        values.try_into().map_err(|_| Failure::invalid(&parameter.name, "is given more than once"))?;
    if text.is_empty() && parameter.required {
        return Err(Failure::invalid(&parameter.name, "is required"));
    }
    if !parameter.allowed.is_empty() && !parameter.allowed.contains(&text) {
        let message = format!("is not one of {}", parameter.allowed.join(", "));
        return Err(Failure::invalid(&parameter.name, message));
    }
    let wrong = |expected: &str| Failure::invalid(&parameter.name, format!("is not {expected}"));
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
        read(operation, Map::new(), query).map(Value::Object).map_err(|failure| failure.text())
    }

    #[test]
    fn parameters_are_known_complete_and_typed() {
        assert_eq!(ask("payment-balances", "id=a%20b+c"), Ok(json!({"id": "a b c"})));
        assert_eq!(ask("payment-balances", ""), Err("id: is required".into()));
        assert_eq!(ask("payment-balances", "id="), Err("id: is required".into()));
        assert_eq!(ask("payment-balances", "id=1&id=2"), Err("id: is given more than once".into()));
        assert_eq!(ask("payment-balances", "id=1&sort=x"), Err("sort: is not a known parameter".into()));
        assert_eq!(ask("payment-balances", "id=%00"), Err("id: contains a NUL character".into()));
        assert_eq!(ask("payment-balances", "id=%ff"), Err("id: is not UTF-8".into()));
        let long = format!("id={}", "x".repeat(10_001));
        assert_eq!(ask("payment-balances", &long), Err("id: is longer than 10000 characters".into()));
    }

    #[test]
    fn numbers_booleans_and_lists_have_their_types() {
        let parameter = |of| Parameter { name: "p".into(), place: In::Query, required: false, of, allowed: vec![] };
        let typed = |of, text: &str| typed(&parameter(of), vec![text.to_owned()]).map_err(|failure| failure.text());
        assert_eq!(typed(ParameterType::Integer, "12"), Ok(json!(12)));
        assert_eq!(typed(ParameterType::Integer, "1.5"), Err("p: is not an integer".into()));
        assert_eq!(typed(ParameterType::Number, "1.5"), Ok(json!(1.5)));
        assert_eq!(typed(ParameterType::Number, "NaN"), Err("p: is not a number".into()));
        assert_eq!(typed(ParameterType::Boolean, "true"), Ok(json!(true)));
        assert_eq!(typed(ParameterType::Boolean, "1"), Err("p: is not true or false".into()));
        assert_eq!(typed(ParameterType::Texts { repeated: false }, "a,b"), Ok(json!(["a", "b"])));
    }

    #[test]
    fn a_documented_enumeration_is_kept() {
        let all = contracts().iter().flat_map(|contract| &contract.operations);
        let parameter = all.flat_map(|operation| &operation.parameters).find(|p| !p.allowed.is_empty()).unwrap();
        assert!(typed(parameter, vec!["surely-not-this".into()]).is_err());
    }
}
