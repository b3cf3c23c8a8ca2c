//! A service's operations as a collection for Postman, in its format 2.1.

use caravan_wire::{Answer, Call, Failure, In, Operation};
use http::{HeaderValue, header};
use serde_json::{Value, json};

use crate::Read;

const FORMAT: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

/// Address and token are variables of the collection.
pub(super) async fn collection(call: Call<Read>) -> Result<Answer, Failure> {
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
        request["body"] = json!({"mode": "raw", "raw": "{}", "options": {"raw": {"language": "json"}}});
    }
    json!({"name": operation.id, "request": request})
}

#[cfg(test)]
mod tests {
    use caravan_wire::operation;
    use caravan_wire::rentals::DIALECT;

    use super::*;

    #[test]
    fn an_operation_is_a_request_with_what_it_takes() {
        let update = item(operation(&DIALECT, "update-user").unwrap());
        let request = &update["request"];
        assert_eq!((&update["name"], &request["method"]), (&json!("update-user"), &json!("PATCH")));
        assert_eq!(request["url"]["raw"], "{{baseUrl}}/auth-api/v1/users/:userId");
        assert_eq!(request["url"]["variable"], json!([{"key": "userId", "value": ""}]));
        assert_eq!(request["body"]["mode"], "raw");
        let list = item(operation(&DIALECT, "list-users").unwrap());
        let asked = list["request"]["url"]["query"].as_array().unwrap();
        assert!(asked.contains(&json!({"key": "pageNumber", "value": "", "disabled": true})), "{asked:?}");
        assert_eq!(list["request"].get("body"), None);
    }
}
