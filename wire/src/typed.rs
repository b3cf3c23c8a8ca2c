//! JSON into typed requests, with failures that name the field as the client spells it.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Failure;

/// `value` as a `T`. `whole` names the value itself in a failure that concerns no single field.
pub(crate) fn read<T: DeserializeOwned>(value: &Value, whole: &str) -> Result<T, Failure> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        };
        failure(&path, &error.inner().to_string(), whole)
    })
}

fn failure(path: &str, message: &str, whole: &str) -> Failure {
    if let Some(name) = quoted(message, "missing field `") {
        return Failure::invalid(join(path, name), "is required");
    }
    if let Some(name) = quoted(message, "unknown field `") {
        // The path may already end in the unknown key.
        let parent = path.strip_suffix(name).map_or(path, |parent| parent.trim_end_matches('.'));
        return Failure::invalid(join(parent, name), "is not a known field");
    }
    let field = if path.is_empty() { whole } else { path };
    Failure::invalid(field, message)
}

fn quoted<'m>(message: &'m str, prefix: &str) -> Option<&'m str> {
    message.strip_prefix(prefix)?.split('`').next()
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Invite {
        #[allow(dead_code)]
        users: Vec<User>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct User {
        #[allow(dead_code)]
        phone_number: String,
    }

    fn refused(body: Value) -> String {
        read::<Invite>(&body, "body").unwrap_err().text()
    }

    #[test]
    fn a_failure_names_the_field_in_wire_spelling() {
        assert_eq!(refused(json!({})), "users: is required");
        assert_eq!(refused(json!({"users": [{}]})), "users[0].phoneNumber: is required");
        assert_eq!(refused(json!({"users": [], "x": 1})), "x: is not a known field");
        assert_eq!(refused(json!({"users": [{"phoneNumber": "1", "x": 1}]})), "users[0].x: is not a known field");
        assert!(refused(json!({"users": [{"phoneNumber": 1}]})).starts_with("users[0].phoneNumber: invalid type"));
        assert!(refused(json!("text")).starts_with("body: invalid type"));
        assert!(refused(json!(null)).starts_with("body: invalid type"));
    }
}
