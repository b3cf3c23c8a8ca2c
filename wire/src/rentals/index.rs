//! The indexes of rentals' reader for front ends: every exposed object is one, under the name that answers have for it.

use caravan_domain::Condition;
use serde_json::{Map, Value, json};

use super::filters::{LARGEST, LAST, USUAL, bounded, condition};
use super::{DIALECT, objects};
use crate::exposure::{self, Exposed, Found, Page, Row, Verb};
use crate::face::snake_of_camel;
use crate::schema::{Member, MemberType};
use crate::{Failure, Request, shape};

/// The index that a path names, as an operation on one of its objects.
pub fn named(request: &Request) -> Result<&'static Exposed, Failure> {
    let name = request.parameters.get("indexName").and_then(Value::as_str).unwrap_or_default();
    let mut of_one = exposure::exposed(&DIALECT).filter(|exposed| exposed.verb() != Verb::List);
    let named = of_one.find(|exposed| exposed.about.member == name);
    named.ok_or_else(|| Failure::not_found("there is no index of this name").on("indexName"))
}

/// Page and rows a page.
pub fn paged(request: &Request) -> Result<(usize, usize), Failure> {
    Ok((bounded(request, "page", 1, 1..=LAST)?, bounded(request, "limit", USUAL, 1..=LARGEST)?))
}

/// The field that a list is sorted by, and whether downwards; `born` is that of the order in which records were made.
pub fn sorted(request: &Request, exposed: &Exposed, born: &'static str) -> Result<(&'static str, bool), Failure> {
    let asked = |name: &str| request.parameters.get(name).and_then(Value::as_str);
    let descending = match asked("sortOrder").map(str::to_ascii_lowercase).as_deref() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(Failure::invalid("sortOrder", "must be one of: asc, desc")),
    };
    let field = match asked("sortBy") {
        None | Some("createdAt") => Some(born),
        Some(by) => sortable(exposed, by),
    };
    field.map(|field| (field, descending)).ok_or_else(|| Failure::invalid("sortBy", "cannot be sorted by"))
}

/// The field that a member is sorted by.
fn sortable(exposed: &Exposed, member: &str) -> Option<&'static str> {
    let field = match exposed.exposure.found_by(member) {
        Some(Found::By(field)) => field,
        Some(Found::Among(_)) => return None,
        None => return exposed.kind().field(&snake_of_camel(member)).map(|field| field.name),
    };
    exposed.kind().comparable(field).map(|field| field.name)
}

/// What filters ask for: names of members, each with a value or a list of such.
pub fn conditions(
    request: &Request,
    exposed: &Exposed,
    filters: &Map<String, Value>,
) -> Result<Vec<Condition>, Failure> {
    let each = filters.iter().map(|(name, asked)| {
        let member = exposed.about.shows.iter().find(|member| member.name == *name);
        let unknown = || Failure::invalid(name.clone(), "cannot be filtered by").whose_field_is_written();
        condition(request, exposed, name, member.and_then(rule).ok_or_else(unknown)?, asked)
    });
    each.collect()
}

/// By which rules a member is filtered.
fn rule(member: &Member) -> Option<&'static str> {
    match member.of {
        MemberType::Text | MemberType::OneOf(_) => Some("text"),
        MemberType::Id => Some("id"),
        MemberType::Boolean => Some("boolean"),
        MemberType::Day | MemberType::Instant => Some("date"),
        MemberType::Integer | MemberType::Number | MemberType::List | MemberType::Object | MemberType::Any => None,
    }
}

/// The filters of a body, in either of its forms, and the name that they are given.
pub fn filters(request: &Request) -> Result<(Option<String>, Map<String, Value>), Failure> {
    let Value::Object(body) = &request.body else { return Err(Failure::mistyped("body", "must be an object")) };
    let mistyped = |name: &str, message: &str| Failure::mistyped(name.to_owned(), message).whose_field_is_written();
    if let Some(unknown) = body.keys().find(|name| !["filters", "conditions", "filterName"].contains(&name.as_str())) {
        return Err(mistyped(unknown, "is not a known field"));
    }
    let named = match body.get("filterName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) if !name.is_empty() => Some(name.clone()),
        Some(_) => return Err(mistyped("filterName", "must be a text that is not empty")),
    };
    let (place, filters) = match (body.get("filters"), body.get("conditions")) {
        (Some(filters), None) => ("filters", filters),
        (None, Some(conditions)) => ("conditions", conditions),
        (Some(_), Some(_)) => return Err(mistyped("conditions", "is another word for filters: give one of them")),
        (None, None) => return Err(mistyped("filters", "is required")),
    };
    match filters {
        Value::Object(filters) => Ok((named, filters.clone())),
        _ => Err(mistyped(place, "must be an object")),
    }
}

/// `{status, data, paging}`
pub fn page(exposed: &Exposed, page: &Page) -> Value {
    let rows: Vec<Value> = page.rows.iter().map(|row| objects::object(exposed, row)).collect();
    json!({"status": "OK", "data": rows, "paging": objects::paging(page)})
}

/// `{status, data}`
pub fn one(exposed: &Exposed, row: &Row) -> Value {
    json!({"status": "OK", "data": objects::object(exposed, row)})
}

/// `{status, count}`
pub fn count(total: u64) -> Value {
    json!({"status": "OK", "count": total})
}

/// `{status, schema}`: the members of an index, what each holds and what may be done by it.
pub fn schema(exposed: &Exposed) -> Value {
    let shown = exposed.about.shows.iter().filter(|member| !exposed.exposure.omitted.contains(&member.name.as_str()));
    let members = shown.map(|member| {
        let has_field = exposed.kind().comparable(&snake_of_camel(&member.name)).is_some();
        let is_found = exposed.exposure.found_by(&member.name).is_some() || has_field;
        let filterable = rule(member).is_some() && is_found;
        let sortable = member.name == "createdAt" || sortable(exposed, &member.name).is_some();
        let entry = json!({"type": member.of.name(), "filterable": filterable, "sortable": sortable});
        (member.name.clone(), entry)
    });
    json!({"status": "OK", "schema": Value::Object(members.collect())})
}

/// A stored filter, `{id, filterName, indexName, conditions, createdAt, isActive}`.
fn stored(row: &Row) -> Value {
    let field = |name: &str| row.fields.get(name).cloned().unwrap_or_default();
    let sealed = |name: &str| serde_json::from_value(field(name)).ok();
    json!({
        "id": row.id,
        "filterName": sealed("filter_name").as_ref().map(shape::sealed),
        "indexName": field("index_name"),
        "conditions": sealed("conditions").as_ref().map(shape::sealed_json),
        "createdAt": objects::instant(row.stamps.created_at),
        "isActive": !row.deleted,
    })
}

/// `{status, data}` of a stored filter.
pub fn stored_one(row: &Row) -> Value {
    json!({"status": "OK", "data": stored(row)})
}

/// `{status, data, paging}` of stored filters.
pub fn stored_page(page: &Page) -> Value {
    let rows: Vec<Value> = page.rows.iter().map(stored).collect();
    json!({"status": "OK", "data": rows, "paging": objects::paging(page)})
}
