//! What a contract says about answers: its response schemas, compiled when first needed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use caravan_wire::{Operation, operation};
use jsonschema::Validator;
use serde_json::{Value, json};

pub struct Contract {
    pub dialect: &'static caravan_wire::Dialect,
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contract {
    /// A dialect's contract with what the server says it serves.
    pub fn new(dialect: &'static caravan_wire::Dialect, document: Value) -> Self {
        Contract { dialect, document, validators: Mutex::default() }
    }

    pub fn operation(&self, id: &str) -> Result<&'static Operation, String> {
        operation(self.dialect, id).ok_or_else(|| format!("{} has no operation {id}", self.dialect.name))
    }

    /// The operations that the server marks as served.
    pub fn served(&self) -> Vec<&str> {
        let entries = self.entries().filter(|entry| entry["x-served"] == true);
        entries.filter_map(|entry| entry["operationId"].as_str()).collect()
    }

    /// Whether an answer has the documented shape. A failure has that of the documented failure, whatever its status.
    pub fn validate(&self, operation: &Operation, status: u16, body: &Value) -> Result<(), String> {
        let responses = self.entries().find(|entry| entry["operationId"] == operation.id.as_str());
        let responses = &responses.ok_or("the operation is not in the served contract")?["responses"];
        let wanted = if status < 400 { status.to_string() } else { "400".to_owned() };
        let Some(response) = responses.get(&wanted) else {
            return if status < 400 { Err(format!("status {status} is not documented")) } else { Ok(()) };
        };
        let response = self.resolved(response);
        let Some(content) = response["content"].as_object().and_then(|content| content.values().next()) else {
            return Ok(());
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
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": self.document["components"],
            "allOf": [schema],
        });
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&whole).map_err(|error| format!("the contract's schema: {error}"))?;
        let validator = Arc::new(validator);
        validators.insert(key, validator.clone());
        Ok(validator)
    }
}

#[cfg(test)]
mod tests {
    use caravan_wire::krugo::DIALECT;

    use super::*;

    #[test]
    fn an_answer_that_is_not_as_documented_is_noticed() {
        let contract = Contract::new(&DIALECT, serde_json::from_str(DIALECT.contract).unwrap());
        let abandon = contract.operation("abandon-trip-booking").unwrap();
        assert_eq!(contract.validate(abandon, 200, &json!({"id": "a", "crewId": "b"})), Ok(()));
        assert!(contract.validate(abandon, 200, &json!({"id": 1, "crewId": "b"})).is_err());
        assert!(contract.validate(abandon, 200, &json!([])).is_err());
        assert!(contract.validate(abandon, 201, &json!({})).is_err());
        assert_eq!(contract.validate(abandon, 404, &json!({"message": "no", "statusCode": 404})), Ok(()));
        assert!(contract.validate(abandon, 404, &json!({"message": 7})).is_err());
    }
}
