//! What is true of an operation: who may call it, which headers it takes and gives, how it fails.

use std::collections::BTreeMap;

use chrono::DateTime;
use http::StatusCode;
use serde_json::{Value, json};

use crate::routes::Registration;
use crate::{Dialect, Failure, FailureKind};

/// The name under which the bearer token stands among the security schemes.
const BEARER: &str = "bearer";

/// An operation that is not served: what the contract documents, and that nobody gets it yet.
pub(super) fn not_served(operation: &mut Value) {
    operation["x-served"] = json!(false);
    let about = operation["description"].as_str().unwrap_or_default();
    operation["description"] = json!(format!("**Not served yet: answers 501.** {about}").trim_end());
    operation["responses"]["501"] = response(StatusCode::NOT_IMPLEMENTED);
}

/// An operation that is served: what the contract documents for its success, and everything else as it is done here.
pub(super) fn served(operation: &mut Value, registration: &Registration) {
    operation["x-served"] = json!(true);
    drop_examples(operation);
    operation["security"] = if registration.public { json!([]) } else { json!([{BEARER: []}]) };
    let headers = request_headers(registration).map(|name| json!({"$ref": format!("#/components/parameters/{name}")}));
    match &mut operation["parameters"] {
        Value::Array(parameters) => parameters.extend(headers),
        parameters => *parameters = headers.collect(),
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    responses.retain(|status, _| status.starts_with('2'));
    let given: serde_json::Map<_, _> = answer_headers(registration)
        .map(|name| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")})))
        .collect();
    for response in responses.values_mut() {
        response["headers"] = json!(given);
    }
    for status in failures(registration).map(|kind| status(registration.operation.dialect, kind)) {
        if !status.is_success() {
            responses.entry(status.as_str()).or_insert_with(|| response(status));
        }
    }
}

/// The contracts' examples were made up: their ids are none that a server gives. What shows the document makes its own
/// of the shapes.
fn drop_examples(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(drop_examples),
        Value::Object(fields) => {
            fields.remove("example");
            fields.remove("examples");
            fields.values_mut().for_each(drop_examples);
        }
        _ => {}
    }
}

/// The headers with a meaning that an operation looks at, by their names among the parameters.
fn request_headers(registration: &Registration) -> impl Iterator<Item = &'static str> {
    let command = registration.operation.command;
    let headers = [
        ("IdempotencyKey", registration.takes_key()),
        ("IfMatch", registration.takes_if_match()),
        ("Prefer", command),
        ("CaravanAfter", !command),
    ];
    headers.into_iter().filter(|(_, taken)| *taken).map(|(name, _)| name)
}

/// The headers of an operation's success.
fn answer_headers(registration: &Registration) -> impl Iterator<Item = &'static str> {
    let headers = [
        ("ETag", registration.tells.etag),
        ("Caravan-Position", registration.tells.position),
        ("Preference-Applied", registration.operation.command),
        ("X-Request-Id", true),
    ];
    headers.into_iter().filter(|(_, given)| *given).map(|(name, _)| name)
}

/// How an operation can fail. What depends on rules and limits is said of all commands, or all queries: a client has to
/// be ready for it anyway.
fn failures(registration: &Registration) -> impl Iterator<Item = FailureKind> {
    use FailureKind::*;
    let operation = registration.operation;
    let (command, body) = (operation.command, operation.body.is_some());
    let kinds = [
        (Unreadable, true),
        (Mistyped, true),
        (Invalid, true),
        (Unauthorised, true),
        (Forbidden, true),
        (NotFound, true),
        (Conflict, command),
        (Gone, true),
        (PreconditionFailed, registration.takes_if_match()),
        (TooLarge, body),
        (TimedOut, body),
        (MediaType, body),
        (KeyReused, registration.takes_key()),
        (TooMany, true),
        (Overloaded, command),
        (Unavailable, true),
        (Late, !command),
        (Broken, true),
    ];
    kinds.into_iter().filter(|(_, possible)| *possible).map(|(kind, _)| kind)
}

/// The status that a dialect gives a failure.
fn status(dialect: &Dialect, kind: FailureKind) -> StatusCode {
    (dialect.face.failure)(&Failure::new(kind, ""), DateTime::UNIX_EPOCH).0
}

fn response(status: StatusCode) -> Value {
    json!({"$ref": format!("#/components/responses/{}", name(status))})
}

fn name(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("Failure");
    reason.split(|c: char| !c.is_ascii_alphanumeric()).collect()
}

/// Adds what operations refer to. `failure` is the schema of the dialect's failures.
pub(super) fn components(components: &mut Value, dialect: &Dialect, failure: &str, any_served: bool) {
    let kinds = FailureKind::ALL.into_iter().filter(|kind| any_served || *kind == FailureKind::NotServed);
    let mut responses: BTreeMap<StatusCode, Vec<FailureKind>> = BTreeMap::new();
    for kind in kinds.filter(|kind| *kind != FailureKind::MethodNotAllowed) {
        responses.entry(status(dialect, kind)).or_default().push(kind);
    }
    for (status, kinds) in responses.into_iter().filter(|(status, _)| !status.is_success()) {
        let mut headers = json!({"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}});
        if kinds.iter().any(|kind| kind.passes()) {
            headers["Retry-After"] = json!({"$ref": "#/components/headers/Retry-After"});
        }
        if kinds.contains(&FailureKind::Unauthorised) {
            headers["WWW-Authenticate"] = json!({"$ref": "#/components/headers/WWW-Authenticate"});
        }
        let mut meanings: Vec<&str> = kinds.iter().map(|kind| kind.meaning()).collect();
        meanings.dedup();
        let content = json!({dialect.face.media_type: {"schema": {"$ref": format!("#/components/schemas/{failure}")}}});
        components["responses"][name(status)] =
            json!({"description": meanings.join(" "), "headers": headers, "content": content});
    }
    let request_id = json!({"schema": {"type": "string"},
        "description": "Names this request in the log: the `X-Request-Id` that was sent, or one made for it."});
    components["headers"]["X-Request-Id"] = request_id;
    if !any_served {
        return;
    }
    components["headers"]["Retry-After"] = json!({"schema": {"type": "integer", "minimum": 1},
        "description": "Seconds after which trying again makes sense."});
    components["headers"]["WWW-Authenticate"] =
        json!({"schema": {"type": "string", "const": "Bearer"}, "description": "How to show who one is."});
    components["headers"]["ETag"] = json!({"schema": {"type": "string", "examples": ["\"7\""]},
        "description": "Revision of what was changed or is shown, for `If-Match`."});
    components["headers"]["Caravan-Position"] = json!({"schema": {"type": "integer", "format": "int64", "minimum": 0},
        "description": "Place in the log of the last event that the answer comes from, for `Caravan-After`."});
    components["headers"]["Preference-Applied"] = json!({"schema": {"type": "string", "const": "respond-async"},
        "description": "Given when `Prefer: respond-async` was asked for."});
    let parameters = [
        (
            "IdempotencyKey",
            "Idempotency-Key",
            json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}),
            "The request's own name: a repeat under it within 24 hours is carried out once and answered alike.",
        ),
        (
            "IfMatch",
            "If-Match",
            // Without an example: who tries the operation out on the page would send it.
            json!({"type": "string"}),
            "An `ETag`, such as `\"7\"`: the command is refused with 412 when something was changed since.",
        ),
        (
            "Prefer",
            "Prefer",
            json!({"type": "string", "enum": ["respond-async"]}),
            "`respond-async`: answer without waiting until queries show what was changed.",
        ),
        (
            "CaravanAfter",
            "Caravan-After",
            json!({"type": "integer", "format": "int64", "minimum": 0}),
            "A `Caravan-Position`: the answer shows at least what had happened up to there.",
        ),
    ];
    for (name, header, schema, description) in parameters {
        components["parameters"][name] =
            json!({"name": header, "in": "header", "schema": schema, "description": description});
    }
    components["securitySchemes"][BEARER] =
        json!({"type": "http", "scheme": "bearer", "description": "The access token that a login answers with."});
}
