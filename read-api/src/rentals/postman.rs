//! A service's operations as a collection for Postman, in its format 2.1.

use std::collections::HashMap;
use std::sync::LazyLock;

use caravan_wire::rentals::DIALECT;
use caravan_wire::{Answer, Call, In, Operation, Outcome};
use http::{HeaderValue, header};
use serde_json::{Value, json};

use crate::Read;

const FORMAT: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

/// Address and token are variables of the collection.
pub(super) async fn collection(call: Call<Read>) -> Outcome {
    let items: Vec<Value> = call.operation.siblings().map(item).collect();
    let collection = json!({
        "info": {"name": format!("Caravan: {}", call.operation.group), "schema": FORMAT},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{accessToken}}", "type": "string"}]},
        "variable": [
            {"key": "baseUrl", "value": &*call.state.public_url, "type": "string"},
            {"key": "accessToken", "value": "", "type": "string"},
        ],
        "item": items,
    });
    const DOWNLOAD: HeaderValue = HeaderValue::from_static("attachment; filename=\"postman_collection.json\"");
    Ok(Answer::json(collection).header(header::CONTENT_DISPOSITION, DOWNLOAD))
}

fn item(operation: &Operation) -> Value {
    // A path parameter is a segment that begins with a colon.
    let path: Vec<String> =
        operation.path.split('/').skip(1).map(|segment| segment.replace('{', ":").replace('}', "")).collect();
    let of = |place: In| operation.parameters.iter().filter(move |parameter| parameter.place == place);
    let query: Vec<Value> =
        of(In::Query).map(|p| json!({"key": p.name, "value": "", "disabled": !p.required})).collect();
    let variables: Vec<Value> = of(In::Path).map(|parameter| json!({"key": parameter.name, "value": ""})).collect();
    let mut request = json!({
        "method": operation.method.as_str(),
        "header": [],
        "url": {
            "raw": format!("{{{{baseUrl}}}}/{}", path.join("/")),
            "host": ["{{baseUrl}}"],
            "path": path,
            "query": query,
            "variable": variables,
        },
        "description": operation.summary,
    });
    if operation.body.is_some() {
        static BODIES: LazyLock<HashMap<String, String>> = LazyLock::new(|| bodies(DIALECT.contract));
        let raw = BODIES.get(&operation.id).map_or("{}", String::as_str);
        request["body"] = json!({"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}});
    }
    json!({"name": operation.id, "request": request})
}

/// For each operation with a body one to begin with: all members that it documents, with nothing in them.
fn bodies(contract: &str) -> HashMap<String, String> {
    let contract: Value = serde_json::from_str(contract).unwrap_or_default();
    let items = contract["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let entries = items.flat_map(|item| item.as_object().into_iter().flat_map(|item| item.values()));
    let bodies = entries.filter_map(|entry| {
        let schema = &entry["requestBody"]["content"].as_object()?.values().next()?["schema"];
        let body = serde_json::to_string_pretty(&blank(&contract, schema, 0)).ok()?;
        Some((entry["operationId"].as_str()?.to_owned(), body))
    });
    bodies.collect()
}

/// A value of a schema with as little in it as can be.
fn blank(contract: &Value, schema: &Value, depth: u8) -> Value {
    /// Beyond this, a schema names itself.
    const DEEP: u8 = 8;
    if let Some(named) = schema["$ref"].as_str().and_then(|reference| contract.pointer(reference.strip_prefix('#')?)) {
        return if depth < DEEP { blank(contract, named, depth + 1) } else { json!({}) };
    }
    if let Some(first) = schema["enum"].as_array().and_then(|allowed| allowed.first()) {
        return first.clone();
    }
    let of = schema["type"].as_array().and_then(|types| types.first()).unwrap_or(&schema["type"]);
    match of.as_str() {
        Some("string") => json!(""),
        Some("integer" | "number") => json!(0),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        _ => {
            let parts = schema["allOf"].as_array().into_iter().flatten().map(|part| blank(contract, part, depth + 1));
            let own = schema["properties"].as_object().into_iter().flatten();
            let own = own.map(|(name, property)| json!({name: blank(contract, property, depth + 1)}));
            let members = own.chain(parts).filter_map(|part| part.as_object().cloned()).flatten();
            Value::Object(members.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use caravan_wire::operation;

    use super::*;

    #[test]
    fn an_operation_is_a_request_with_what_it_takes() {
        let update = item(operation(&DIALECT, "update-user").unwrap());
        let request = &update["request"];
        assert_eq!((&update["name"], &request["method"]), (&json!("update-user"), &json!("PATCH")));
        assert_eq!(request["url"]["raw"], "{{baseUrl}}/auth-api/v1/users/:userId");
        assert_eq!(request["url"]["variable"], json!([{"key": "userId", "value": ""}]));
        let body: Value = serde_json::from_str(request["body"]["raw"].as_str().unwrap()).unwrap();
        assert_eq!((&request["body"]["mode"], &body["fullname"]), (&json!("raw"), &json!("")));
        let list = item(operation(&DIALECT, "list-users").unwrap());
        let asked = list["request"]["url"]["query"].as_array().unwrap();
        assert!(asked.contains(&json!({"key": "pageNumber", "value": "", "disabled": true})), "{asked:?}");
        assert_eq!(list["request"].get("body"), None);
    }

    #[test]
    fn every_body_begins_with_the_members_that_it_documents() {
        let bodies = bodies(DIALECT.contract);
        let taking = operation(&DIALECT, "login").unwrap().siblings().filter(|operation| operation.body.is_some());
        for operation in taking {
            let body: Value = serde_json::from_str(&bodies[&operation.id]).unwrap();
            assert!(body.as_object().is_some_and(|members| !members.is_empty()), "{}: {body}", operation.id);
        }
    }
}
