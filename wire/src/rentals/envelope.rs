//! The envelope around every result of rentals' business operations.

use serde_json::{Value, json};
use uuid::Uuid;

use super::objects::enveloped;
use crate::{Exchange, Operation};

/// A result in its envelope, where the operation has one.
pub(super) fn envelop(exchange: &Exchange, operation: &'static Operation, result: &Value) -> Option<Value> {
    let (member, shape) = enveloped(operation)?;
    let is_list = shape.get("items").is_some();
    let mut envelope = json!({
        "status": "OK",
        "statusCode": exchange.status().as_str(),
        "elapsedMs": exchange.elapsed.as_millis() as u64,
        "ssoTime": null,
        "source": "db",
        "cacheKey": null,
        "userId": exchange.caller.map(|person| person.account),
        "sessionId": exchange.caller.map(|person| person.login),
        "requestId": request_id(&exchange.request_id),
        "dataName": member,
        "method": operation.method.as_str(),
        "action": action(operation, is_list),
        "appVersion": operation.version,
        "rowCount": result[member].as_array().map_or(1, Vec::len),
    });
    for (name, value) in result.as_object().into_iter().flatten() {
        envelope[name] = value.clone();
    }
    Some(envelope)
}

/// What rentals calls a verb.
fn action(operation: &Operation, is_list: bool) -> &'static str {
    match (operation.method.as_str(), is_list) {
        ("GET", true) => "list",
        ("GET", false) => "get",
        ("DELETE", _) => "delete",
        ("POST", _) if operation.success == http::StatusCode::CREATED => "create",
        _ => "update",
    }
}

/// 32 hexadecimal digits where the client gave no name of its own.
fn request_id(id: &str) -> String {
    Uuid::parse_str(id).map_or_else(|_| id.to_owned(), |id| id.simple().to_string())
}
