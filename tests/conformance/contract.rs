//! What a published document says about answers: statuses, headers and shapes, compiled when first needed.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use caravan_wire::{Operation, operation};
use jsonschema::Validator;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// Headers of HTTP itself, which no document names.
const OF_HTTP: [&str; 13] = [
    "allow",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "set-cookie",
    "transfer-encoding",
    "vary",
    "x-content-type-options",
];

pub struct Contract {
    pub dialect: &'static caravan_wire::Dialect,
    document: Value,
    /// Its components, with objects that have no more members than they document.
    components: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contract {
    /// What the server publishes for a dialect.
    pub fn new(dialect: &'static caravan_wire::Dialect, document: Value) -> Self {
        let mut components = document["components"].clone();
        let composed = composed(&document);
        for (name, schema) in components["schemas"].as_object_mut().into_iter().flatten() {
            close(schema, composed.contains(name.as_str()));
        }
        Contract { dialect, components, document, validators: Mutex::default() }
    }

    pub fn operation(&self, id: &str) -> Result<&'static Operation, String> {
        operation(self.dialect, id).ok_or_else(|| format!("{} has no operation {id}", self.dialect.name))
    }

    /// The operations that the server marks as served.
    pub fn served(&self) -> Vec<&str> {
        let entries = self.entries().filter(|entry| entry["x-served"] == true);
        entries.filter_map(|entry| entry["operationId"].as_str()).collect()
    }

    /// Whether an operation is documented to need no token.
    pub fn is_public(&self, id: &str) -> bool {
        let entry = self.entries().find(|entry| entry["operationId"] == id);
        let security = entry.and_then(|entry| entry["security"].as_array());
        security.is_some_and(|ways| ways.is_empty() || ways.contains(&json!({})))
    }

    /// Whether an answer is as documented: its status, its headers and every member of its body.
    pub fn validate(
        &self,
        operation: &Operation,
        status: u16,
        headers: &HeaderMap,
        body: &Value,
    ) -> Result<(), String> {
        let entry = self.entries().find(|entry| entry["operationId"] == operation.id.as_str());
        let responses = &entry.ok_or("the operation is not in the document")?["responses"];
        let response = responses.get(status.to_string()).ok_or_else(|| format!("status {status} is not documented"))?;
        let response = self.resolved(response);
        let documented = response["headers"].as_object().into_iter().flatten();
        let documented: BTreeSet<String> = documented.map(|(name, _)| name.to_ascii_lowercase()).collect();
        let of_http = |name: &&str| OF_HTTP.contains(name) || name.starts_with("access-control-");
        let mut told = headers.keys().map(|name| name.as_str()).filter(|name| !of_http(name));
        if let Some(unknown) = told.find(|name| !documented.contains(*name)) {
            return Err(format!("header {unknown} of status {status} is not documented"));
        }
        let media_type = media_type(headers);
        if media_type.is_empty() && response.get("content").is_none() && body == "" {
            return Ok(());
        }
        let Some(content) = response["content"].get(media_type) else {
            return Err(format!("{media_type} of status {status} is not documented"));
        };
        let validator = self.validator(&content["schema"])?;
        let faults: Vec<String> =
            validator.iter_errors(body).map(|fault| format!("{}: {fault}", fault.instance_path())).take(5).collect();
        if faults.is_empty() { Ok(()) } else { Err(format!("not as documented: {}: {body}", faults.join("; "))) }
    }

    fn entries(&self) -> impl Iterator<Item = &Value> {
        let items = self.document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
        items.flat_map(|item| item.as_object().into_iter().flat_map(|item| item.values()))
    }

    fn resolved<'v>(&'v self, value: &'v Value) -> &'v Value {
        let reference = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        reference.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(value)
    }

    fn validator(&self, schema: &Value) -> Result<Arc<Validator>, String> {
        let key = schema.to_string();
        let mut validators = self.validators.lock().expect("no validation panics");
        if let Some(validator) = validators.get(&key) {
            return Ok(validator.clone());
        }
        let mut schema = schema.clone();
        close(&mut schema, false);
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": self.components,
            "allOf": [schema],
        });
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&whole).map_err(|error| format!("the document's schema: {error}"))?;
        let validator = Arc::new(validator);
        validators.insert(key, validator.clone());
        Ok(validator)
    }
}

/// The media type of an answer, without its parameters.
pub fn media_type(headers: &HeaderMap) -> &str {
    let media_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().unwrap_or_default().trim_end()
}

/// The body of an answer: JSON where it says so, else a text.
pub fn read_body(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, String> {
    if media_type(headers).ends_with("json") {
        return serde_json::from_slice(bytes)
            .map_err(|error| format!("no JSON: {error}: {}", String::from_utf8_lossy(bytes)));
    }
    Ok(Value::from(String::from_utf8_lossy(bytes)))
}

/// The names of schemas that others are made of.
fn composed(value: &Value) -> BTreeSet<&str> {
    let parts = value["allOf"].as_array().into_iter().flatten();
    let named = parts.filter_map(|part| part["$ref"].as_str()?.rsplit('/').next());
    let below = value.as_object().into_iter().flat_map(|fields| fields.values());
    let below = below.chain(value.as_array().into_iter().flatten());
    named.chain(below.flat_map(composed)).collect()
}

/// Refuses members that a schema does not name: clients have to bear them, but what is rendered is to be documented.
/// A part of another schema leaves that to the whole.
fn close(schema: &mut Value, part: bool) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(|schema| close(schema, false)),
        Value::Object(keywords) => {
            let whole = keywords.contains_key("allOf");
            let open = keywords.contains_key("properties") && !keywords.contains_key("additionalProperties");
            for (keyword, value) in keywords.iter_mut() {
                match (keyword.as_str(), value) {
                    ("example" | "examples" | "enum" | "const" | "default", _) => {}
                    ("allOf", Value::Array(parts)) => parts.iter_mut().for_each(|schema| close(schema, true)),
                    ("properties", Value::Object(named)) => named.values_mut().for_each(|schema| close(schema, false)),
                    (_, value) => close(value, false),
                }
            }
            if !part && (whole || open) {
                keywords.insert("unevaluatedProperties".to_owned(), json!(false));
            }
        }
        _ => {}
    }
}

/// What this program publishes for krugo.
#[cfg(test)]
pub fn of_krugo() -> Contract {
    let documents = caravan_wire::Documents::new(caravan_write_api::registrations());
    let document = documents.of("krugo").expect("there is krugo");
    Contract::new(&caravan_wire::krugo::DIALECT, serde_json::from_str(document).expect("documents are JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000000-0000-4000-8000-000000000000";

    fn headers(named: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        for (name, value) in named {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn an_answer_that_is_not_as_documented_is_noticed() {
        let contract = of_krugo();
        let abandon = contract.operation("abandon-trip-booking").unwrap();
        let validate = |status, body| contract.validate(abandon, status, &headers(&[("etag", "\"1\"")]), &body);
        assert_eq!(validate(200, json!({"id": ID, "crewId": ID})), Ok(()));
        assert!(validate(200, json!({"id": 1, "crewId": ID})).is_err());
        assert!(validate(200, json!({"id": "a", "crewId": ID})).is_err(), "that is no UUID");
        assert!(validate(200, json!({"id": ID, "crewId": ID, "more": 1})).is_err(), "that is one member more");
        assert!(validate(200, json!([])).is_err());
        assert!(validate(201, json!({})).is_err());
        let failure = |status, body| contract.validate(abandon, status, &headers(&[]), &body);
        assert_eq!(failure(404, json!({"message": "no", "statusCode": 404})), Ok(()));
        assert!(failure(404, json!({"message": 7})).is_err());
        assert!(failure(418, json!({"message": "no", "statusCode": 418})).is_err());
        let told = |status, name| {
            let body = json!({"message": "no", "statusCode": status});
            contract.validate(abandon, status, &headers(&[(name, "1")]), &body)
        };
        assert_eq!(told(429, "retry-after"), Ok(()));
        assert!(told(404, "retry-after").is_err());
        assert!(told(404, "content-type").is_err(), "that is no JSON");
    }

    #[test]
    fn a_schema_made_of_others_is_closed_as_a_whole() {
        let mut schema = json!({"allOf": [{"properties": {"a": {"properties": {"b": true}}}}]});
        close(&mut schema, false);
        let closed = json!({"allOf": [{"properties": {"a": {"properties": {"b": true},
            "unevaluatedProperties": false}}}], "unevaluatedProperties": false});
        assert_eq!(schema, closed);
        let whole = json!({"schemas": {"Whole": {"allOf": [{"$ref": "#/components/schemas/Part"}]}}});
        assert_eq!(composed(&whole), BTreeSet::from(["Part"]));
    }
}
