//! JSON into typed requests, with failures that name the field as the client spells it.

use caravan_domain::NotAnId;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Failure;
use crate::face::Names;
use crate::json::{Json, UNKNOWN};

/// `value` as a `T`, whose fields are written as `names` says. `whole` names the value itself in a failure that concerns
/// no single field.
pub(crate) fn read<T: DeserializeOwned>(value: &Value, names: Names, whole: &str) -> Result<T, Failure> {
    serde_path_to_error::deserialize(Json { value, names }).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => String::new(),
            path => names.path(&path),
        };
        failure(&path, &error.inner().to_string(), names, whole).whose_field_is_written()
    })
}

fn failure(path: &str, message: &str, names: Names, whole: &str) -> Failure {
    if let Some(name) = quoted(message, "missing field `") {
        return Failure::mistyped(join(path, &names.written(name)), "is required");
    }
    if let Some(name) = message.strip_prefix(UNKNOWN) {
        return Failure::mistyped(join(path, name), "is not a known field");
    }
    let field = if path.is_empty() { whole } else { path };
    if message == NotAnId.to_string() {
        return Failure::not_found(message).on(field);
    }
    if let Some((_, known)) = message.strip_prefix("unknown variant ").and_then(|rest| rest.rsplit_once(", expected "))
    {
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        return Failure::invalid(field, format!("must be one of: {}", known.join(", ")));
    }
    let mistyped = message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if mistyped => Failure::mistyped(field, format!("must be {}", in_json(expected))),
        // What a type of ours refuses is a value that it does not allow.
        _ => Failure::invalid(field, message),
    }
}

/// What a deserializer expected, in the words of JSON instead of Rust's.
fn in_json(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative and not too large",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

fn quoted<'m>(message: &'m str, prefix: &str) -> Option<&'m str> {
    message.strip_prefix(prefix)?.split('`').next()
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

#[cfg(test)]
mod tests {
    use caravan_domain::EntityId;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::FailureKind;
    use crate::face::camel_case;

    const NAMES: Names = Names { spell: camel_case, other: &[("person", "userId")] };

    #[derive(Debug, Deserialize)]
    struct Invite {
        #[allow(dead_code)]
        users: Vec<User>,
    }

    #[derive(Debug, Deserialize)]
    struct User {
        #[allow(dead_code)]
        phone_number: String,
        #[allow(dead_code)]
        age: Option<u32>,
        #[allow(dead_code)]
        share: Option<f64>,
        #[allow(dead_code)]
        person: Option<EntityId>,
    }

    fn refused(body: Value) -> String {
        read::<Invite>(&body, NAMES, "body").unwrap_err().text()
    }

    #[test]
    fn a_failure_names_the_field_in_wire_spelling() {
        assert_eq!(refused(json!({})), "users: is required");
        assert_eq!(refused(json!({"users": [{}]})), "users[0].phoneNumber: is required");
        assert_eq!(refused(json!({"users": [], "x": 1})), "x: is not a known field");
        assert_eq!(refused(json!({"users": [{"phoneNumber": "1", "x": 1}]})), "users[0].x: is not a known field");
        assert_eq!(refused(json!({"users": [{"phoneNumber": 1}]})), "users[0].phoneNumber: must be a string");
        assert_eq!(refused(json!({"users": {}})), "users: must be a list");
        assert_eq!(refused(json!({"users": [1]})), "users[0]: must be an object");
        for age in [json!(-1), json!(1.5), json!("1"), json!(4_294_967_296u64)] {
            let refused = refused(json!({"users": [{"phoneNumber": "1", "age": age}]}));
            assert_eq!(refused, "users[0].age: must be a whole number, not negative and not too large", "{age}");
        }
        let share = json!({"users": [{"phoneNumber": "1", "share": "half"}]});
        assert_eq!(refused(share), "users[0].share: must be a number");
        assert_eq!(refused(json!("text")), "body: must be an object");
        assert_eq!(refused(json!(null)), "body: must be an object");
        let unspelled = json!({"users": [{"phone_number": "1"}]});
        assert_eq!(refused(unspelled), "users[0].phone_number: is not a known field");
        assert_eq!(refused(json!({"users": [], "a`b, expected `c`": 1})), "a`b, expected `c`: is not a known field");
    }

    #[test]
    fn an_id_of_nothing_is_not_found_where_it_stands() {
        let user = |id: Value| json!({"users": [{"phoneNumber": "1", "userId": id}]});
        let failure = read::<Invite>(&user(json!("x")), NAMES, "body").unwrap_err();
        assert_eq!((failure.kind, failure.text()), (FailureKind::NotFound, "users[0].userId: no such id".to_owned()));
        assert_eq!(refused(user(json!(7))), "users[0].userId: must be a string");
    }

    #[test]
    fn a_wrong_shape_is_told_from_a_value_that_is_not_allowed() {
        #[derive(Debug, Deserialize)]
        struct Stay {
            #[allow(dead_code)]
            day: chrono::NaiveDate,
        }
        let kind = |body: Value| read::<Stay>(&body, NAMES, "body").unwrap_err().kind;
        for mistyped in [json!({}), json!({"day": 1}), json!({"day": "2031-01-01", "x": 1}), json!([])] {
            assert_eq!(kind(mistyped.clone()), FailureKind::Mistyped, "{mistyped}");
        }
        assert_eq!(kind(json!({"day": "2031-02-30"})), FailureKind::Invalid);
    }

    #[test]
    fn a_list_is_no_object() {
        assert_eq!(refused(json!([[]])), "body: must be an object");
        assert_eq!(refused(json!([])), "body: must be an object");
        assert_eq!(refused(json!({"users": [["+1416", 3, 0.5]]})), "users[0]: must be an object");
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let user = |age| json!({"users": [{"phoneNumber": "1", "age": age}]});
        let read: Invite = read(&user(json!(3.0)), NAMES, "body").unwrap();
        assert_eq!(read.users[0].age, Some(3));
        assert!(refused(user(json!(1e300))).starts_with("users[0].age: must be a whole number"));
    }

    #[test]
    fn an_enum_is_one_of_its_names() {
        #[derive(Debug, Deserialize, PartialEq)]
        #[serde(rename_all = "lowercase")]
        enum Availability {
            Going,
            NotGoing,
        }
        let read = |value: Value| read::<Availability>(&value, NAMES, "availability");
        assert_eq!(read(json!("going")).unwrap(), Availability::Going);
        assert_eq!(read(json!("notgoing")).unwrap(), Availability::NotGoing);
        assert_eq!(read(json!("maybe")).unwrap_err().text(), "availability: must be one of: going, notgoing");
        let told = "availability: must be one of: going, notgoing";
        assert_eq!(read(json!("x`, expected `secret`")).unwrap_err().text(), told);
        assert_eq!(read(json!({"going": null})).unwrap_err().text(), "availability: must be a string");
    }
}
