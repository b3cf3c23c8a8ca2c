//! The operations as tools that AI agents are given: a name, what it does, a JSON schema of what it takes.

use caravan_domain::platform::tool::Tool;
use serde_json::{Map, Value, json};

use super::DIALECT;
use crate::{In, Operation, Parameter, ParameterType};

/// The section of a group's documentation that holds what it is there for.
const BUSINESS: &str = "business";

/// The tool that an operation makes, where it makes one.
pub fn tool(of: &Operation) -> Option<Tool> {
    if of.dialect.name != DIALECT.name || of.section != BUSINESS {
        return None;
    }
    let places = of.parameters.iter().filter(|parameter| matches!(parameter.place, In::Path | In::Query));
    let mut properties: Map<String, Value> =
        places.clone().map(|parameter| (parameter.name.clone(), schema(parameter))).collect();
    let mut required: Vec<Value> =
        places.filter(|parameter| parameter.required).map(|parameter| json!(parameter.name)).collect();
    let body = DIALECT.schemas().resolve(&of.asks);
    for (name, schema) in body["properties"].as_object().into_iter().flatten() {
        properties.insert(name.clone(), schema.clone());
    }
    required.extend(body["required"].as_array().into_iter().flatten().cloned());
    let schema = json!({"type": "object", "properties": properties, "required": required});
    Some(Tool {
        tool_name: format!("{}:{}", of.group, of.source_name),
        service_name: of.group.clone(),
        description: Some(of.summary.clone()),
        parameters: schema.as_object().cloned(),
    })
}

fn schema(parameter: &Parameter) -> Value {
    let mut schema = match parameter.of {
        ParameterType::Text => json!({"type": "string"}),
        ParameterType::Number => json!({"type": "number"}),
        ParameterType::Integer => json!({"type": "integer"}),
        ParameterType::Boolean => json!({"type": "boolean"}),
        ParameterType::Texts { .. } => json!({"type": "array", "items": {"type": "string"}}),
    };
    if !parameter.allowed.is_empty() {
        schema["enum"] = json!(parameter.allowed);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation;

    #[test]
    fn a_business_operation_is_a_tool_and_a_page_is_none() {
        let known = |id: &str| operation(&DIALECT, id).unwrap();
        let update = tool(known("update-listing-amenity")).unwrap();
        assert_eq!(
            (update.tool_name.as_str(), update.service_name.as_str()),
            ("propertycatalog:updateListingAmenity", "propertycatalog")
        );
        let parameters = update.parameters.unwrap();
        assert_eq!(parameters["required"], json!(["listingAmenityId"]));
        assert_eq!(parameters["properties"]["iconUrl"]["type"], "string");
        assert_eq!(tool(known("auth-health")), None);
        assert_eq!(tool(operation(&crate::krugo::DIALECT, "crews").unwrap()), None);
    }
}
