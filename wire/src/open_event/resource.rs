//! Open-event's resources, JSON:API: what their operations are called in the contract, how a document becomes fields
//! and a row a resource.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use caravan_domain::kind::as_sealed;
use caravan_domain::{EntityId, Kind};
use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;
use serde_json::{Map, Value, json};

use super::exposures::OBJECTS;
use super::{DIALECT, asking};
use crate::exposure::{self, About, By, Exposed, Exposure, Ids, Page, Relation, Row, Verb};
use crate::face::snake_of_kebab;
use crate::money::major;
use crate::schema::{Member, MemberType, Schemas, name};
use crate::{Operation, Request, shape};

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
        (_, Some(value)) if exposure.is_personal(&field) => as_sealed(value).map(|text| shape::sealed(&text)),
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
fn included(request: &Request, exposed: &Exposed, rows: &[Row]) -> Vec<Value> {
    let own: HashSet<_> = rows.iter().map(|row| (exposed.exposure.object, row.id)).collect();
    let mut included = BTreeMap::new();
    let mut open: Vec<&Row> = rows.iter().collect();
    let mut seen: HashSet<*const Row> = HashSet::new();
    while let Some(row) = open.pop() {
        for related in row.related.iter().filter(|related| related.shown) {
            let Some(target) = OBJECTS.exposure(related.relation.object) else { continue };
            for other in related.rows.iter().filter(|other| seen.insert(Arc::as_ptr(other))) {
                if !own.contains(&(target.object, other.id)) {
                    let entry = included.entry((type_of(target), other.id.number()));
                    entry.or_insert_with(|| resource(request, target, other));
                }
                open.push(other);
            }
        }
    }
    included.into_values().collect()
}

const VERSION: &str = "1.0";

pub(super) fn one(request: &Request, exposed: &Exposed, row: &Row) -> Value {
    let mut document = json!({
        "data": resource(request, exposed.exposure, row),
        "jsonapi": {"version": VERSION},
        "links": {"self": path(exposed.exposure, row)},
    });
    add_included(request, exposed, std::slice::from_ref(row), &mut document);
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
    add_included(request, exposed, &page.rows, &mut document);
    document
}

fn add_included(request: &Request, exposed: &Exposed, rows: &[Row], document: &mut Value) {
    if rows.iter().any(|row| row.related.iter().any(|related| related.shown)) {
        document["included"] = Value::from(included(request, exposed, rows));
    }
}

pub(super) fn deleted() -> Value {
    json!({"meta": {"message": "Object successfully deleted"}, "jsonapi": {"version": VERSION}})
}
