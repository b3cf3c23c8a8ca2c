//! Krugo's groups as its clients know them: services with endpoints.

use serde_json::{Value, json};

use super::DIALECT;
use crate::contracts;

/// Every group and its operations, in the contract's order; undocumented in shape.
pub fn services() -> Value {
    let operations = contracts().iter().filter(|contract| contract.dialect.name == DIALECT.name);
    let mut services: Vec<(&str, Vec<Value>)> = vec![];
    for operation in operations.flat_map(|contract| &contract.operations) {
        let endpoint =
            json!({"operationId": operation.id, "method": operation.method.as_str(), "path": operation.path});
        match services.iter_mut().find(|(group, _)| *group == operation.group) {
            Some((_, endpoints)) => endpoints.push(endpoint),
            None => services.push((&operation.group, vec![endpoint])),
        }
    }
    services.into_iter().map(|(group, endpoints)| json!({"service": group, "endpoints": endpoints})).collect()
}
