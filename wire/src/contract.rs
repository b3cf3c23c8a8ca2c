//! The operation table: what the five embedded contracts document.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::face::Names;
use crate::schema::{self, Schemas, essential};
use crate::{Bounds, DIALECTS, Dialect};

/// Answers as events, each by itself.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

/// One documented operation.
#[derive(Debug)]
pub struct Operation {
    pub dialect: &'static Dialect,
    /// The contract's operation id.
    pub id: String,
    /// The contract's group: the operation's first tag.
    pub group: String,
    /// What it does, in a few words.
    pub summary: String,
    /// The part of the group's documentation it stands in, where the contract names one.
    pub section: String,
    /// What the group's own documentation calls it, where the contract says so.
    pub source_name: String,
    pub method: Method,
    /// The full path, base included, parameters in braces.
    pub path: String,
    /// Whether it is ours: served and documented beside what the contract documents, and counted nowhere.
    pub added: bool,
    /// Other full paths under which the contract lets it be reached.
    pub aliases: Vec<String>,
    /// Whether it changes state; else it only reads.
    pub command: bool,
    /// Whether the contract says that it needs no token.
    pub open: bool,
    pub parameters: Vec<Parameter>,
    /// The body that it documents, if any.
    pub body: Option<Body>,
    /// How much of a request is taken in.
    pub(crate) bounds: Bounds,
    /// The documented status of success.
    pub success: StatusCode,
    /// The media type of JSON that is answered with success, where it is not the dialect's own.
    pub(crate) json: Option<String>,
    /// Whether its success is also to be had as an event of a stream.
    pub(crate) streamed: bool,
    /// The schemas of the JSON that it asks for and that it answers with success; null where there is none, and of
    /// dialects that show no records.
    pub(crate) asks: Value,
    pub(crate) answers: Value,
    /// The version that its group's documentation has, where it says one.
    pub(crate) version: String,
    /// The documented statuses of failures.
    pub(crate) failures: Vec<StatusCode>,
    /// The schema of its failures, where it is not that of the dialect's.
    pub(crate) failure: Option<&'static str>,
    /// How its fields are written.
    pub(crate) names: Names,
    /// The field, as it is written, by which a request names who acts.
    pub(crate) actor: Option<&'static str>,
}

impl Operation {
    /// All operations of its group.
    pub fn siblings(&self) -> impl Iterator<Item = &'static Operation> {
        let of_dialect = contracts().iter().find(|contract| contract.dialect.name == self.dialect.name);
        let operations = of_dialect.into_iter().flat_map(|contract| &contract.operations);
        operations.filter(|operation| operation.group == self.group)
    }

    /// Whether its contract documents that it fails so.
    pub(crate) fn fails_with(&self, status: StatusCode) -> bool {
        self.failures.contains(&status)
    }

    /// By which it is told from all others: its dialect's name and its id.
    pub(crate) fn key(&self) -> (&'static str, &str) {
        (self.dialect.name, &self.id)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub required: bool,
    /// What it may be.
    pub takes: Vec<Media>,
}

/// A kind of media type that bodies come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// `multipart/form-data`, which handlers read themselves.
    Multipart,
}

impl Media {
    pub(crate) fn of(media_type: &str) -> Option<Media> {
        match media_type {
            "application/json" => Some(Media::Json),
            "application/x-www-form-urlencoded" => Some(Media::Form),
            "multipart/form-data" => Some(Media::Multipart),
            _ => (media_type.starts_with("application/") && media_type.ends_with("+json")).then_some(Media::Json),
        }
    }

    /// The media type that a client is told to send.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Media::Json => "application/json",
            Media::Form => "application/x-www-form-urlencoded",
            Media::Multipart => "multipart/form-data",
        }
    }
}

/// A documented parameter.
#[derive(Debug)]
pub struct Parameter {
    pub name: String,
    pub place: In,
    pub required: bool,
    pub of: ParameterType,
    /// The documented values, if only some are allowed.
    pub allowed: Vec<String>,
    /// By what rules it filters a list, where it does.
    pub filter: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum In {
    Path,
    Query,
    Header,
    Cookie,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterType {
    Text,
    Number,
    Integer,
    Boolean,
    /// Several texts: given repeatedly, or separated by commas.
    Texts {
        repeated: bool,
    },
}

/// All operations of one contract, in its order of paths, and then those of ours.
pub struct Contract {
    pub dialect: &'static Dialect,
    pub operations: Vec<Operation>,
    pub(crate) schemas: Schemas,
}

/// The five contracts, read on first use.
pub fn contracts() -> &'static [Contract] {
    static CONTRACTS: LazyLock<Vec<Contract>> =
        LazyLock::new(|| DIALECTS.iter().map(|dialect| read(dialect)).collect());
    &CONTRACTS
}

/// The operation of an id in a dialect's contract.
pub fn operation(dialect: &Dialect, id: &str) -> Option<&'static Operation> {
    static INDEX: LazyLock<HashMap<(&str, &str), &Operation>> = LazyLock::new(|| {
        let operations = contracts().iter().flat_map(|contract| &contract.operations);
        operations.map(|operation| (operation.key(), operation)).collect()
    });
    INDEX.get(&(dialect.name, id)).copied()
}

fn read(dialect: &'static Dialect) -> Contract {
    // The contracts are part of the program and tests read all of them, so this cannot fail in a built binary.
    let document: Document = serde_json::from_str(dialect.contract)
        .unwrap_or_else(|error| panic!("the contract of {} is not as expected: {error}", dialect.name));
    let base = document.servers.first().map_or("", |server| server.url.trim_end_matches('/'));
    let face = &dialect.face;
    let shows = face.objects.is_some();
    let additions: Additions = serde_json::from_str(dialect.overlay)
        .unwrap_or_else(|error| panic!("what is added to {} is not as expected: {error}", dialect.name));
    let mut operations = vec![];
    let documented = document.paths.iter().map(|(path, item)| (path, item, false));
    let added = additions.operations.iter().map(|(path, item)| (path, item, true));
    for (path, item, added) in documented.chain(added) {
        let base = item.servers.first().map_or(base, |server| server.url.trim_end_matches('/'));
        for (method, entry) in item.methods() {
            if entry.preflight {
                continue;
            }
            let parameters = item.parameters.iter().chain(&entry.parameters);
            operations.push(Operation {
                dialect,
                id: entry.operation_id.clone(),
                group: entry.tags.first().cloned().unwrap_or_default(),
                summary: entry.summary.clone(),
                section: entry.section.clone(),
                source_name: entry.source_name.clone(),
                method,
                path: format!("{base}{path}"),
                added,
                aliases: entry.aliases.iter().map(|alias| format!("{base}{alias}")).collect(),
                command: entry.kind == "command",
                open: entry.security.as_ref().is_some_and(Vec::is_empty),
                parameters: parameters.map(|parameter| document.parameter(parameter)).collect(),
                body: entry.request_body.as_ref().map(BodyEntry::body),
                bounds: (face.bounds)(&entry.operation_id),
                success: entry.success(),
                json: entry.json(),
                streamed: entry.answers_with(EVENT_STREAM),
                asks: if shows { entry.asks() } else { Value::Null },
                answers: if shows { entry.answers() } else { Value::Null },
                version: document.version(&entry.tags),
                failures: entry.statuses().filter(|status| !status.is_success()).collect(),
                failure: document.failure(entry, face.own_failures),
                names: Names { spell: face.spell, other: (face.other_names)(&entry.operation_id) },
                actor: (face.actor)(&entry.operation_id).filter(|field| document.asks_for(entry, field)),
            });
        }
    }
    let schemas = if shows { document.components.schemas } else { BTreeMap::new() };
    Contract { dialect, operations, schemas: Schemas::new(schemas) }
}

/// What a dialect's overlay adds to its contract.
#[derive(Deserialize)]
struct Additions {
    #[serde(default)]
    operations: BTreeMap<String, Item>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    servers: Vec<Server>,
    paths: BTreeMap<String, Item>,
    components: Components,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    #[serde(default, rename = "x-version")]
    version: String,
}

#[derive(Deserialize)]
struct Components {
    #[serde(default)]
    parameters: BTreeMap<String, ParameterEntry>,
    #[serde(default)]
    schemas: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Server {
    url: String,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    servers: Vec<Server>,
    #[serde(default)]
    parameters: Vec<ParameterEntry>,
    get: Option<Entry>,
    post: Option<Entry>,
    put: Option<Entry>,
    patch: Option<Entry>,
    delete: Option<Entry>,
}

impl Item {
    fn methods(&self) -> impl Iterator<Item = (Method, &Entry)> {
        let entries = [
            (Method::GET, &self.get),
            (Method::POST, &self.post),
            (Method::PUT, &self.put),
            (Method::PATCH, &self.patch),
            (Method::DELETE, &self.delete),
        ];
        entries.into_iter().filter_map(|(method, entry)| Some((method, entry.as_ref()?)))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    operation_id: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default, rename = "x-kind")]
    kind: String,
    security: Option<Vec<IgnoredAny>>,
    #[serde(default, rename = "x-section")]
    section: String,
    #[serde(default, rename = "x-source-name")]
    source_name: String,
    #[serde(default, rename = "x-preflight")]
    preflight: bool,
    #[serde(default, rename = "x-path-aliases")]
    aliases: Vec<String>,
    #[serde(default)]
    parameters: Vec<ParameterEntry>,
    request_body: Option<BodyEntry>,
    responses: BTreeMap<String, ResponseEntry>,
}

impl Entry {
    fn success(&self) -> StatusCode {
        self.statuses().find(StatusCode::is_success).unwrap_or(StatusCode::OK)
    }

    fn statuses(&self) -> impl Iterator<Item = StatusCode> {
        self.responses.keys().filter_map(|status| StatusCode::from_bytes(status.as_bytes()).ok())
    }

    fn asks(&self) -> Value {
        let json =
            |body: &BodyEntry| body.content.get("application/json").map(|content| essential(content.schema.clone()));
        self.request_body.as_ref().and_then(json).unwrap_or_default()
    }

    fn answers(&self) -> Value {
        let answered = self.responses.get(self.success().as_str());
        let json = answered.and_then(|answer| answer.content.iter().find(|(name, _)| name.ends_with("json")));
        json.map(|(_, content)| essential(content.schema.clone())).unwrap_or_default()
    }

    fn answers_with(&self, media_type: &str) -> bool {
        let answered = self.responses.get(self.success().as_str());
        answered.is_some_and(|answered| answered.content.contains_key(media_type))
    }

    fn json(&self) -> Option<String> {
        let answered = self.responses.get(self.success().as_str())?;
        answered.content.keys().find(|media_type| media_type.ends_with("json")).cloned()
    }
}

#[derive(Deserialize)]
struct ResponseEntry {
    #[serde(default)]
    content: BTreeMap<String, ContentEntry>,
}

#[derive(Deserialize)]
struct ContentEntry {
    #[serde(default)]
    schema: Value,
}

#[derive(Deserialize)]
struct BodyEntry {
    #[serde(default)]
    required: bool,
    content: BTreeMap<String, ContentEntry>,
}

impl BodyEntry {
    fn body(&self) -> Body {
        let mut takes: Vec<Media> = self.content.keys().filter_map(|name| Media::of(name)).collect();
        takes.dedup();
        Body { required: self.required, takes }
    }
}

#[derive(Deserialize)]
struct ParameterEntry {
    #[serde(rename = "$ref")]
    reference: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(rename = "in")]
    place: Option<In>,
    #[serde(default)]
    required: bool,
    explode: Option<bool>,
    #[serde(default)]
    schema: Value,
    #[serde(default, rename = "x-filter")]
    filter: Option<String>,
}

impl Document {
    /// Whether an operation documents a parameter or a field of its JSON under this name.
    fn asks_for(&self, entry: &Entry, name: &str) -> bool {
        let bodies = entry.request_body.iter().flat_map(|body| body.content.values());
        let has = |body: &ContentEntry| self.schema(&body.schema)["properties"].get(name).is_some();
        entry.parameters.iter().any(|parameter| self.parameter(parameter).name == name) || bodies.into_iter().any(has)
    }

    /// The schema that another names, which may name a further one.
    fn schema<'d>(&'d self, given: &'d Value) -> &'d Value {
        match schema::name(given).and_then(|name| self.components.schemas.get(name)) {
            Some(named) => self.schema(named),
            None => given,
        }
    }

    fn version(&self, tags: &[String]) -> String {
        let tag = self.tags.iter().find(|tag| tags.first() == Some(&tag.name));
        tag.map(|tag| tag.version.clone()).unwrap_or_default()
    }

    fn parameter(&self, entry: &ParameterEntry) -> Parameter {
        let named = entry.reference.as_deref().and_then(|reference| reference.strip_prefix("#/components/parameters/"));
        let entry = named.and_then(|name| self.components.parameters.get(name)).unwrap_or(entry);
        let schema = self.schema(&entry.schema);
        Parameter {
            name: entry.name.clone(),
            place: entry.place.unwrap_or(In::Query),
            required: entry.required,
            of: match schema["type"].as_str() {
                Some("integer") => ParameterType::Integer,
                Some("number") => ParameterType::Number,
                Some("boolean") => ParameterType::Boolean,
                Some("array") => ParameterType::Texts { repeated: entry.explode.unwrap_or(true) },
                _ => ParameterType::Text,
            },
            allowed: schema["enum"].as_array().into_iter().flatten().map(text).collect(),
            filter: entry.filter.clone(),
        }
    }
}

impl Document {
    /// Which of these schemas an operation's failures have.
    fn failure(&self, entry: &Entry, own: &'static [&'static str]) -> Option<&'static str> {
        let failures = entry.responses.iter().filter(|(status, _)| !status.starts_with('2'));
        let mut schemas = failures
            .flat_map(|(_, response)| response.content.values())
            .filter_map(|content| schema::name(&content.schema));
        schemas.find_map(|schema| own.iter().copied().find(|known| *known == schema))
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_document_895_operations() {
        let documented = |contract: &Contract| contract.operations.iter().filter(|operation| !operation.added).count();
        let counts: Vec<_> = contracts().iter().map(|c| (c.dialect.name, documented(c))).collect();
        let expected = [("krugo", 117), ("rentals", 250), ("open-event", 358), ("eventbookings", 122), ("keyper", 48)];
        assert_eq!(counts, expected);
        assert_eq!(contracts().iter().map(documented).sum::<usize>(), 895);
        let krugo = &contracts()[0].operations;
        assert_eq!(krugo.iter().filter(|operation| operation.command && !operation.added).count(), 72);
    }

    #[test]
    fn an_operation_is_read_whole() {
        let confirm = operation(&crate::krugo::DIALECT, "signupconfirm").unwrap();
        assert_eq!((confirm.method.as_str(), confirm.path.as_str()), ("POST", "/dev/signup/confirm"));
        assert_eq!((confirm.group.as_str(), confirm.command), ("users", true));
        assert_eq!(confirm.body, Some(Body { required: true, takes: vec![Media::Json] }));

        let balances = operation(&crate::krugo::DIALECT, "payment-balances").unwrap();
        assert!(!balances.command);
        let id = &balances.parameters[0];
        assert_eq!((id.name.as_str(), id.place, id.required, id.of), ("id", In::Query, true, ParameterType::Text));

        let token = contracts()[3].operations.iter().find(|operation| operation.path.contains("token")).unwrap();
        assert_eq!(token.path, "/connect/token");
        assert_eq!(token.body, Some(Body { required: true, takes: vec![Media::Form] }));
        let created = contracts()[2].operations.iter().find(|o| o.success == StatusCode::CREATED).unwrap();
        assert!(created.command);
    }

    #[test]
    fn every_operation_has_an_id_a_group_and_a_kind() {
        for operation in contracts().iter().flat_map(|contract| &contract.operations) {
            assert!(operation.body.as_ref().is_none_or(|body| !body.takes.is_empty()), "{operation:?}");
            assert!(!operation.id.is_empty() && !operation.group.is_empty(), "{operation:?}");
            assert!((operation.dialect.owns)(&operation.path), "{} is not under its dialect's base", operation.path);
        }
    }
}
