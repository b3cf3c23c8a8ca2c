//! What is true of an operation: who may call it, which headers it takes and gives, how it fails.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::routes::Registration;
use crate::{Dialect, FailureKind, Operation, Reached, Token};

/// The name under which the bearer token stands among the security schemes.
const BEARER: &str = "bearer";

/// The responses that operations fail with, by the names under which they are referred to.
#[derive(Default)]
pub(super) struct Failures(BTreeMap<String, Failed>);

struct Failed {
    schema: String,
    kinds: Vec<FailureKind>,
}

impl Failures {
    /// Takes note of how an operation fails, and refers to that in its responses. `usual` is the schema of the
    /// dialect's failures.
    fn refer(
        &mut self,
        responses: &mut Map<String, Value>,
        operation: &'static Operation,
        kinds: impl Iterator<Item = FailureKind>,
        usual: &str,
    ) {
        for kind in kinds {
            let reached: &[Reached] = match kind {
                FailureKind::NotServed => &[Reached::Operation(operation)],
                _ => &[Reached::Operation(operation), Reached::Handler(operation)],
            };
            for status in reached.iter().map(|reached| (operation.dialect.face.status)(kind, *reached)) {
                if status.is_success() {
                    continue;
                }
                let name = format!("{}{}", operation.failure.unwrap_or_default(), name(status));
                let response = || json!({"$ref": format!("#/components/responses/{name}")});
                responses.entry(status.as_str()).or_insert_with(response);
                let schema = operation.failure.unwrap_or(usual).to_owned();
                let failed = self.0.entry(name).or_insert_with(|| Failed { schema, kinds: vec![] });
                if !failed.kinds.contains(&kind) {
                    failed.kinds.push(kind);
                }
            }
        }
    }
}

/// An operation that is not served: what the contract documents, and that nobody gets it yet.
pub(super) fn not_served(entry: &mut Value, operation: &'static Operation, failures: &mut Failures, usual: &str) {
    entry["x-served"] = json!(false);
    let about = entry["description"].as_str().unwrap_or_default();
    entry["description"] = json!(format!("**Not served yet: answers 501.** {about}").trim_end());
    if let Some(responses) = entry["responses"].as_object_mut() {
        failures.refer(responses, operation, std::iter::once(FailureKind::NotServed), usual);
    }
}

/// What an operation that is served has of its own, though the contract has it once for several: a response that gets
/// headers; and the parameters that it takes though the contract does not say so of it.
pub(super) fn take_further(entry: &mut Value, operation: &Operation, further: &[String], shared: &Value) {
    for response in entry["responses"].as_object_mut().into_iter().flat_map(|responses| responses.values_mut()) {
        let named = response["$ref"].as_str().and_then(|named| named.strip_prefix("#/components/responses/"));
        if let Some(named) = named.and_then(|named| shared["responses"].get(named)) {
            *response = named.clone();
        }
    }
    let name_of = |named: &str| shared["parameters"][named]["name"].as_str().unwrap_or_default().to_owned();
    let takes = |named: &&String| (operation.dialect.face.further)(operation, &name_of(named));
    for named in further.iter().filter(takes) {
        let name = name_of(named);
        if operation.parameters.iter().all(|parameter| parameter.name != name) {
            let reference = json!({"$ref": format!("#/components/parameters/{named}")});
            match &mut entry["parameters"] {
                Value::Array(parameters) => parameters.push(reference),
                parameters => *parameters = json!([reference]),
            }
        }
    }
}

/// An operation that is served: what the contract documents for its success, and everything else as it is done here.
/// `documented` is where its dialect's contract says that tokens are looked for, if it does.
pub(super) fn served(
    entry: &mut Value,
    registration: &Registration,
    documented: &Value,
    all: &mut Failures,
    usual: &str,
) {
    entry["x-served"] = json!(true);
    drop_examples(entry);
    entry["security"] = security(entry, registration.token, documented);
    let headers = request_headers(registration).map(|name| json!({"$ref": format!("#/components/parameters/{name}")}));
    match &mut entry["parameters"] {
        Value::Array(parameters) => parameters.extend(headers),
        parameters => *parameters = headers.collect(),
    }
    let Some(responses) = entry["responses"].as_object_mut() else { return };
    responses.retain(|status, _| status.starts_with('2'));
    for response in responses.values_mut() {
        for name in answer_headers(registration) {
            response["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
        }
    }
    all.refer(responses, registration.operation, failures(registration), usual);
}

/// Where an operation takes tokens: as the contract says of it or of all, else `Bearer`. An empty alternative says that
/// none is needed.
fn security(entry: &Value, token: Token, documented: &Value) -> Value {
    let says = |places: &&Value| places.as_array().is_some_and(|places| !places.is_empty());
    let places = [&entry["security"], documented].into_iter().find(says).cloned();
    let mut places = places.unwrap_or_else(|| json!([{BEARER: []}]));
    match (token, &mut places) {
        (Token::Required, _) => {}
        (Token::Ignored, places) => *places = json!([]),
        (Token::Optional | Token::Welcome, Value::Array(places)) => {
            places.retain(|place| *place != json!({}));
            places.push(json!({}));
        }
        (Token::Optional | Token::Welcome, _) => {}
    }
    places
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

fn name(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("Failure");
    reason.split(|c: char| !c.is_ascii_alphanumeric()).collect()
}

/// Adds what operations refer to.
pub(super) fn components(components: &mut Value, dialect: &Dialect, failures: Failures, any_served: bool) {
    for (name, Failed { schema, kinds }) in failures.0 {
        let mut headers = json!({"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}});
        if kinds.iter().any(|kind| kind.passes()) {
            headers["Retry-After"] = json!({"$ref": "#/components/headers/Retry-After"});
        }
        if kinds.contains(&FailureKind::Unauthorised) {
            headers["WWW-Authenticate"] = json!({"$ref": "#/components/headers/WWW-Authenticate"});
        }
        let mut meanings: Vec<&str> = kinds.iter().map(|kind| kind.meaning()).collect();
        meanings.dedup();
        let content = json!({dialect.face.media_type: {"schema": {"$ref": format!("#/components/schemas/{schema}")}}});
        components["responses"][name] =
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
