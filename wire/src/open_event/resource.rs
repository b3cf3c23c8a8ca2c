//! Open-event's resources, JSON:API: what their operations are called in the contract, how a document becomes fields
//! and a row a resource.

use caravan_domain::{EntityId, Kind, Sealed};
use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::exposures::OBJECTS;
use super::{DIALECT, asking};
use crate::exposure::{self, About, By, Changes, Exposed, Exposure, Ids, Page, Present, Relation, Row, Verb};
use crate::face::{kebab_case, snake_of_kebab};
use crate::money::{major, minor};
use crate::schema::{Member, MemberType, Schemas, name};
use crate::{Failure, FailureKind, Fault, Operation, Request, shape};

/// A documented operation on `/v1/<path>`, `/v1/<path>/{id}` or `/v1/<path>/{id}/<relation>`; of what there is only one
/// of, on `/v1/<path>`.
pub(super) fn about(operation: &'static Operation, schemas: &Schemas) -> Option<About> {
    let mut parts = operation.path.strip_prefix("/v1/")?.split('/');
    let (path, id, relation) = (parts.next()?, parts.next(), parts.next());
    let (object, is_list) = answered(operation)?;
    let verb = match (&operation.method, id, is_list) {
        (&Method::GET, _, true) => Verb::List,
        (&Method::GET, _, false) => Verb::Get,
        (&Method::POST, None, false) => Verb::Create,
        (&Method::PATCH, _, false) => Verb::Patch,
        (&Method::DELETE, Some(_), false) => Verb::Delete,
        _ => return None,
    };
    let shows = schemas.members(&json!({"$ref": format!("#/components/schemas/{object}Attributes")}));
    let above = relation.map(|relation| (path, relation));
    Some(About { object: object.to_owned(), verb, shows, member: "data".to_owned(), above })
}

/// The object that an operation answers, and whether a list of it; of a deletion, what is shown at its path.
fn answered(operation: &'static Operation) -> Option<(&'static str, bool)> {
    if operation.method == Method::DELETE {
        let shown = operation.siblings().find(|other| other.method == Method::GET && other.path == operation.path)?;
        return answered(shown);
    }
    let schema = name(&operation.answers)?;
    let list = schema.strip_suffix("Collection").map(|object| (object, true));
    list.or(schema.strip_suffix("Document").map(|object| (object, false)))
}

/// Ids are numbers, as such or as text.
pub(super) fn id(id: &Value, kind: &'static Kind, ids: Ids) -> Option<EntityId> {
    let number = id.as_u64().or_else(|| id.as_str()?.parse().ok()).filter(|number| (1..=MOST).contains(number))?;
    Some(ids(kind.name, number))
}

/// The highest number that an id can have.
const MOST: u64 = (1 << 48) - 1;

/// The name of a resource's type.
pub(super) fn type_of(exposure: &Exposure) -> &'static str {
    let resource = DIALECT.schemas().named(&format!("{}Resource", exposure.object));
    resource["properties"]["type"]["const"].as_str().unwrap_or_default()
}

/// The fields that a document names: attributes, and relationships to one.
pub(super) fn changes(request: &Request, exposed: &Exposed, present: Present, ids: Ids) -> Result<Changes, Failure> {
    let data = match request.body.get("data") {
        Some(Value::Object(data)) => data,
        Some(_) => return Err(Failure::mistyped("data", "must be an object").whose_field_is_written()),
        None => return Err(Failure::mistyped("data", "is required").whose_field_is_written()),
    };
    names_the_record(request, exposed, data)?;
    let mut reading = Reading { exposed, ids, fields: Map::new(), faults: vec![] };
    for member in
        data.keys().filter(|name| !["type", "id", "attributes", "relationships", "links"].contains(&name.as_str()))
    {
        reading.fault(format!("data.{member}"), "is not a known member");
    }
    let parts = |name: &str| match data.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(parts)) => Ok(parts.clone()),
        Some(_) => Err(Failure::mistyped(format!("data.{name}"), "must be an object").whose_field_is_written()),
    };
    for (name, value) in parts("attributes")? {
        reading.attribute(&name, &value);
    }
    for (name, value) in parts("relationships")? {
        reading.relationship(&name, &value);
    }
    let Reading { mut fields, mut faults, .. } = reading;
    if exposed.verb() == Verb::Create {
        for (place, field) in demanded(exposed.operation) {
            if !fields.contains_key(&field) && !faults.iter().any(|fault| fault.field.as_ref() == Some(&place)) {
                faults.push(Fault::of(place, "is required"));
            }
        }
    }
    if let Some(failure) = Failure::of(FailureKind::Invalid, faults) {
        return Err(failure.whose_field_is_written());
    }
    minor(exposed.exposure.amounts, &mut fields, present).map_err(|refusal| exposed.placed(refusal.into()))?;
    Ok(Changes { fields, restores: false })
}

/// That type and id are those of the path.
fn names_the_record(request: &Request, exposed: &Exposed, data: &Map<String, Value>) -> Result<(), Failure> {
    let conflict =
        |field: &str, message: String| Failure::new(FailureKind::Conflict, message).on(field).whose_field_is_written();
    let expected = type_of(exposed.exposure);
    match data.get("type").and_then(Value::as_str) {
        Some(named) if named == expected => {}
        Some(_) => return Err(conflict("data.type", format!("must be {expected} here"))),
        None => return Err(Failure::mistyped("data.type", "is required").whose_field_is_written()),
    }
    if exposed.verb() != Verb::Patch {
        return Ok(());
    }
    let number = |id: &Value| id.as_u64().or_else(|| id.as_str()?.parse().ok());
    let path = match exposed.path_parameter() {
        Some(name) => request.parameters.get(name).and_then(number),
        None => Some(1),
    };
    match data.get("id") {
        Some(id) if number(id) == path => Ok(()),
        Some(_) => Err(conflict("data.id", "is not that of the path".to_owned())),
        None => Err(Failure::mistyped("data.id", "is required").whose_field_is_written()),
    }
}

/// What a new resource has to have, each with its place in the document: as the contract lists it.
fn demanded(operation: &'static Operation) -> impl Iterator<Item = (String, String)> {
    let schemas = DIALECT.schemas();
    let data = &schemas.resolve(&operation.asks)["properties"]["data"]["properties"];
    let of = |part: &'static str, tail: &'static str| {
        let required = data[part]["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        required.map(move |name| (format!("data.{part}.{}{tail}", name.replace('_', "-")), snake_of_kebab(name)))
    };
    of("attributes", "").chain(of("relationships", ".data")).collect::<Vec<_>>().into_iter()
}

/// A document being read.
struct Reading<'a> {
    exposed: &'a Exposed,
    ids: Ids<'a>,
    fields: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    fn fault(&mut self, place: String, message: impl Into<String>) {
        self.faults.push(Fault::of(place, message));
    }

    fn attribute(&mut self, name: &str, value: &Value) {
        let written = name.replace('_', "-");
        let place = format!("data.attributes.{written}");
        let shows = &self.exposed.about.shows;
        let Some(member) = shows.iter().find(|member| member.name.replace('_', "-") == written) else {
            return self.fault(place, "is not a known attribute");
        };
        // What the server decides may be sent back as it was read.
        if member.read_only {
            return;
        }
        match coerced(member, value) {
            Ok(value) => drop(self.fields.insert(snake_of_kebab(&member.name), value)),
            Err(message) => self.fault(place, message),
        }
    }

    fn relationship(&mut self, name: &str, value: &Value) {
        let written = name.replace('_', "-");
        let place = format!("data.relationships.{written}.data");
        let relation = self.exposed.exposure.relation(&written);
        let Some(Relation { by: By::Own(field) | By::OwnList(field), object, many, .. }) = relation else {
            // A relation that the other side makes is changed there.
            if relation.is_none() && !documented(self.exposed.exposure, &written) {
                self.fault(format!("data.relationships.{written}"), "is not a known relationship");
            }
            return;
        };
        let Some(target) = OBJECTS.exposure(object) else { return };
        let ids = self.ids;
        let one = |identifier: &Value| {
            if identifier["type"] != type_of(target) {
                return Err(format!("must name a {}", type_of(target)));
            }
            id(&identifier["id"], &target.record.kind, ids).map(|id| json!(id)).ok_or_else(|| "has no id".to_owned())
        };
        let read = match (value.get("data"), many) {
            (Some(Value::Null), false) => Ok(Value::Null),
            (Some(identifier), false) => one(identifier),
            (Some(Value::Array(identifiers)), true) => identifiers.iter().map(one).collect(),
            (Some(_), true) => Err("must be a list".to_owned()),
            (None, _) => Err("is required".to_owned()),
        };
        match read {
            Ok(value) => drop(self.fields.insert((*field).to_owned(), value)),
            Err(message) => self.fault(place, message),
        }
    }
}

/// Whether the contract knows a relationship of an object, whatever we have of it.
fn documented(exposure: &Exposure, relationship: &str) -> bool {
    let schema = json!({"$ref": format!("#/components/schemas/{}Relationships", exposure.object)});
    DIALECT.schemas().resolve(&schema)["properties"].get(relationship).is_some()
}

/// A value as records store it: texts stand for numbers and booleans too; null and an empty text clear.
fn coerced(member: &Member, value: &Value) -> Result<Value, String> {
    let text = value.as_str().map(str::trim);
    if value.is_null() || (text == Some("") && member.of != MemberType::Text) {
        return Ok(Value::Null);
    }
    let coerced = match (&member.of, text) {
        (MemberType::Boolean, Some(text)) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => json!(true),
            "false" | "0" => json!(false),
            _ => value.clone(),
        },
        (MemberType::Integer, Some(text)) => text.parse::<i64>().map_or_else(|_| value.clone(), Value::from),
        (MemberType::Number, Some(text)) => {
            let number = serde_json::from_str::<Value>(text).ok().filter(Value::is_number);
            number.unwrap_or_else(|| value.clone())
        }
        _ => value.clone(),
    };
    match member.of.fault(&coerced) {
        Some(fault) => Err(fault),
        // An empty text is as good as none where there may be none.
        None if coerced == "" && !member.required => Ok(Value::Null),
        None => Ok(coerced),
    }
}

/// Where a field stands in a document.
pub(super) fn place(exposed: &Exposed, field: &str) -> String {
    let own = |by: By| matches!(by, By::Own(own) | By::OwnList(own) if own == field);
    let relation = exposed.exposure.relations.iter().find(|relation| own(relation.by));
    match (relation, field) {
        (Some(relation), _) => format!("data.relationships.{}.data", relation.name),
        (None, "If-Match" | "Idempotency-Key") => field.to_owned(),
        (None, field) => format!("data.attributes.{}", kebab_case(field)),
    }
}

/// A resource.
fn resource(request: &Request, exposure: &'static Exposure, row: &Row) -> Value {
    let type_of_row = type_of(exposure);
    let wanted = asking::fields(request, type_of_row);
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|field| field == name));
    let schema = json!({"$ref": format!("#/components/schemas/{}Attributes", exposure.object)});
    let members = DIALECT.schemas().members(&schema);
    let attributes = members.iter().filter(|member| is_wanted(&member.name));
    let attributes: Map<String, Value> =
        attributes.map(|member| (member.name.clone(), shown(exposure, member, row))).collect();
    let relations = exposure.relations.iter().filter(|relation| is_wanted(relation.name));
    let relationships: Map<String, Value> =
        relations.map(|relation| (relation.name.to_owned(), relationship(exposure, relation, row))).collect();
    let mut resource = json!({
        "type": type_of_row,
        "id": row.id.number().to_string(),
        "attributes": attributes,
        "links": {"self": path(exposure, row)},
    });
    if !relationships.is_empty() {
        resource["relationships"] = Value::Object(relationships);
    }
    resource
}

fn path(exposure: &Exposure, row: &Row) -> String {
    format!("/v1/{}/{}", exposure.path, row.id.number())
}

fn shown(exposure: &Exposure, member: &Member, row: &Row) -> Value {
    let field = snake_of_kebab(&member.name);
    let value = match (field.as_str(), row.fields.get(&field)) {
        ("created_at", _) => Some(instant(row.stamps.created_at)),
        ("deleted_at", at) => at.and_then(Value::as_str).and_then(|at| at.parse().ok()).map(instant),
        (_, Some(amount)) if exposure.amounts.contains(&field.as_str()) => Some(major(amount, &row.fields)),
        (_, Some(value)) if exposure.record.is_personal(&field) => {
            Sealed::deserialize(value).ok().map(|text| shape::sealed(&text))
        }
        (_, value) => value.cloned(),
    };
    value.unwrap_or_else(|| blank(member))
}

/// What is shown where nothing was ever set.
fn blank(member: &Member) -> Value {
    match member.of {
        _ if member.nullable => Value::Null,
        MemberType::Text | MemberType::Id => json!(""),
        MemberType::Boolean => json!(false),
        MemberType::Integer | MemberType::Number => json!(0),
        MemberType::List => json!([]),
        MemberType::Object => json!({}),
        MemberType::Day | MemberType::Instant | MemberType::OneOf(_) | MemberType::Any => Value::Null,
    }
}

fn instant(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn relationship(exposure: &Exposure, relation: &Relation, row: &Row) -> Value {
    let mut relationship = json!({});
    if is_served(exposure, relation) {
        relationship["links"] = json!({"related": format!("{}/{}", path(exposure, row), relation.name)});
    }
    let Some(target) = OBJECTS.exposure(relation.object) else { return relationship };
    let identifier = |id: &EntityId| json!({"type": type_of(target), "id": id.number().to_string()});
    let related = row.related.iter().find(|related| related.relation.name == relation.name);
    match (related, relation.by) {
        (Some(related), _) if relation.many => {
            relationship["data"] = related.rows.iter().map(|row| identifier(&row.id)).collect();
        }
        (Some(related), _) => {
            relationship["data"] = related.rows.first().map_or(Value::Null, |row| identifier(&row.id));
        }
        (None, By::Own(field)) => {
            let id = row.fields.get(field).and_then(Value::as_str).and_then(|id| id.parse().ok());
            relationship["data"] = id.as_ref().map_or(Value::Null, identifier);
        }
        (None, By::OwnList(_) | By::Other(_) | By::OtherList(_)) => {}
    }
    relationship
}

/// Whether an operation follows a relation.
fn is_served(exposure: &Exposure, relation: &Relation) -> bool {
    exposure::exposed(&DIALECT).any(|exposed| exposed.about.above == Some((exposure.path, relation.name)))
}

/// What is shown beside a document's own resources, each once.
fn included(request: &Request, rows: &[Row]) -> Vec<Value> {
    let mut included: Vec<Value> = vec![];
    let mut open: Vec<&Row> = rows.iter().collect();
    while let Some(row) = open.pop() {
        for related in row.related.iter().filter(|related| related.shown) {
            let Some(target) = OBJECTS.exposure(related.relation.object) else { continue };
            for other in &related.rows {
                let shown = resource(request, target, other);
                let is_same = |known: &Value| known["type"] == shown["type"] && known["id"] == shown["id"];
                if !included.iter().any(is_same) {
                    included.push(shown);
                }
                open.push(other);
            }
        }
    }
    included.sort_by_key(|one| (one["type"].to_string(), one["id"].as_str().and_then(|id| id.parse::<u64>().ok())));
    included
}

const VERSION: &str = "1.0";

pub(super) fn one(request: &Request, exposed: &Exposed, row: &Row) -> Value {
    let mut document = json!({
        "data": resource(request, exposed.exposure, row),
        "jsonapi": {"version": VERSION},
        "links": {"self": path(exposed.exposure, row)},
    });
    add_included(request, std::slice::from_ref(row), &mut document);
    document
}

pub(super) fn page(request: &Request, exposed: &Exposed, page: &Page) -> Value {
    let data: Vec<Value> = page.rows.iter().map(|row| resource(request, exposed.exposure, row)).collect();
    let mut document = json!({
        "data": data,
        "meta": {"count": page.total},
        "jsonapi": {"version": VERSION},
        "links": asking::links(request, page),
    });
    add_included(request, &page.rows, &mut document);
    document
}

fn add_included(request: &Request, rows: &[Row], document: &mut Value) {
    if rows.iter().any(|row| row.related.iter().any(|related| related.shown)) {
        document["included"] = Value::from(included(request, rows));
    }
}

pub(super) fn deleted() -> Value {
    json!({"meta": {"message": "Object successfully deleted"}, "jsonapi": {"version": VERSION}})
}
