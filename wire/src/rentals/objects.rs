//! Rentals' objects: what their operations are called in the contract, how a body becomes fields and a row an object.

use std::collections::HashMap;

use caravan_domain::identity::{AccountState, Attribute};
use caravan_domain::kind::as_sealed;
use caravan_domain::{EntityId, Kind};
use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderValue, Method};
use serde_json::{Map, Value, json};

use super::sessions::full_name;
use crate::exposure::{About, Changes, Exposed, Ids, Page, Present, Row, Verb};
use crate::face::snake_of_camel;
use crate::money::{major, minor};
use crate::schema::{Member, MemberType, Schemas, name};
use crate::{Failure, FailureKind, Fault, Operation, Request, shape};

/// An operation whose answer is an envelope around one object or several.
pub(super) fn about(operation: &'static Operation, schemas: &Schemas) -> Option<About> {
    let (member, shape) = enveloped(operation)?;
    let shown = shape.get("items").unwrap_or(shape);
    let verb = match (&operation.method, shape.get("items").is_some()) {
        (&Method::GET, true) => Verb::List,
        (&Method::GET, false) => Verb::Get,
        (&Method::POST, false) => Verb::Create,
        (&Method::PATCH, false) => Verb::Patch,
        (&Method::DELETE, false) => Verb::Delete,
        _ => return None,
    };
    // With what it is joined to, an object is that object and more.
    let object = name(&schemas.resolve(shown)["allOf"][0]).or(name(shown))?;
    let shows = schemas.members(shown);
    Some(About { object: object.to_owned(), verb, shows, member: member.to_owned(), above: None })
}

/// The member of an operation's envelope that holds the result, and the schema of that.
pub(super) fn enveloped(operation: &'static Operation) -> Option<(&'static str, &'static Value)> {
    let [envelope, result] = operation.answers["allOf"].as_array()?.as_slice() else { return None };
    if !matches!(name(envelope), Some("Envelope" | "ListEnvelope")) {
        return None;
    }
    let member = result["required"][0].as_str()?;
    Some((member, result["properties"].get(member)?))
}

/// The fields that a body names. `isActive: true` brings a deleted record back.
pub(super) fn changes(request: &Request, exposed: &Exposed, present: Present, _: Ids) -> Result<Changes, Failure> {
    let Value::Object(body) = &request.body else { return Err(Failure::mistyped("body", "must be an object")) };
    let mut changes = Changes { fields: Map::new(), restores: false };
    let mut faults = vec![];
    for (name, value) in body {
        if name == ACTIVE && exposed.verb() == Verb::Patch {
            match value {
                Value::Bool(true) => changes.restores = true,
                _ => faults.push(Fault::of(name, "can only be set to true")),
            }
            continue;
        }
        let Some(member) = exposed.takes.iter().find(|member| member.name == *name) else {
            faults.push(Fault::of(name, "is not a known field"));
            continue;
        };
        match stored(member, value) {
            Ok(value) => drop(changes.fields.insert(snake_of_camel(name), value)),
            Err(message) => faults.push(Fault::of(name, message)),
        }
    }
    let missing = exposed.takes.iter().filter(|member| member.required && !body.contains_key(&member.name));
    // Who acts was checked and taken out before.
    let missing = missing.filter(|member| request.operation.actor != Some(&member.name));
    faults.extend(missing.map(|member| Fault::of(&member.name, "is required")));
    if let Some(failure) = Failure::of(FailureKind::Mistyped, faults) {
        return Err(failure.whose_field_is_written());
    }
    minor(exposed.exposure.amounts, &mut changes.fields, present)?;
    Ok(changes)
}

const ACTIVE: &str = "isActive";

/// A value as records store it; null clears.
fn stored(member: &Member, value: &Value) -> Result<Value, String> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    if let Some(fault) = member.of.fault(value) {
        return Err(fault);
    }
    match (&member.of, value.as_str()) {
        (MemberType::Id, Some(id)) if id.parse::<EntityId>().is_err() => Err("is not an id".to_owned()),
        // Only the date counts.
        (MemberType::Day, Some(text)) => {
            match text.get(..10).filter(|_| text.len() == 10 || text[10..].starts_with('T')) {
                Some(day) => Ok(json!(day)),
                None => Err("must be a day (YYYY-MM-DD)".to_owned()),
            }
        }
        _ => Ok(value.clone()),
    }
}

/// `cacheTTL` seconds, unless `caching` is off.
pub(super) fn kept(request: &Request) -> Option<HeaderValue> {
    let asked = |name: &str| request.parameters.get(name);
    let seconds = asked("cacheTTL").and_then(Value::as_i64).filter(|seconds| *seconds > 0)?;
    let off = asked("caching").and_then(Value::as_bool) == Some(false);
    if off { None } else { HeaderValue::from_str(&format!("private, max-age={seconds}")).ok() }
}

/// A record, or another entity, as an object.
pub(super) fn object(exposed: &Exposed, row: &Row) -> Value {
    let exposure = exposed.exposure;
    let is_person = |member: &Member| exposure.people.iter().any(|(name, _)| member.name == *name);
    let is_omitted = |member: &Member| exposure.omitted.contains(&member.name.as_str());
    let own = exposed.about.shows.iter().filter(|member| !is_person(member) && !is_omitted(member));
    let mut made: HashMap<&str, Value> = (exposure.made)(row).into_iter().collect();
    let mut shown = |member: &Member| made.remove(member.name.as_str()).unwrap_or_else(|| shown(exposed, member, row));
    let mut object: Map<String, Value> = own.map(|member| (member.name.clone(), shown(member))).collect();
    if let Some(people) = &row.people {
        object.extend(exposed.people().map(|(name, field)| ((*name).to_owned(), person(row, people, field))));
    }
    Value::Object(object)
}

fn shown(exposed: &Exposed, member: &Member, row: &Row) -> Value {
    match member.name.as_str() {
        "id" => json!(row.id),
        ACTIVE => json!(!row.deleted),
        "recordVersion" => json!(row.revision + 1),
        "createdAt" => instant(row.stamps.created_at),
        "updatedAt" => instant(row.stamps.updated_at),
        "_owner" => json!(row.stamps.created_by),
        name if exposed.exposure.touched.contains(&name) => instant(row.stamps.updated_at),
        name => {
            let field = snake_of_camel(name);
            let Some(value) = row.fields.get(&field) else { return Value::Null };
            if exposed.exposure.amounts.contains(&field.as_str()) {
                return major(value, &row.fields);
            }
            match as_sealed(value) {
                Some(text) if exposed.exposure.is_personal(&field) => match member.of {
                    MemberType::Text => shape::sealed(&text),
                    _ => shape::sealed_json(&text),
                },
                _ => written(member, value),
            }
        }
    }
}

fn written(member: &Member, value: &Value) -> Value {
    match (&member.of, value) {
        (MemberType::Instant, Value::String(text)) => text.parse().map_or(Value::Null, instant),
        (MemberType::Day, Value::String(day)) => json!(format!("{day}T00:00:00.000Z")),
        _ => value.clone(),
    }
}

pub(super) fn id(id: &Value, _: &'static Kind, _: Ids) -> Option<EntityId> {
    id.as_str()?.parse().ok()
}

/// Unless joins are switched off.
pub(super) fn joins(request: &Request) -> bool {
    request.parameters.get("getJoins").and_then(Value::as_bool) != Some(false)
}

/// A person in a list of one, with the address for those whom it is not hidden from.
fn person(row: &Row, people: &HashMap<EntityId, AccountState>, field: &str) -> Value {
    let id = row.fields.get(field).and_then(Value::as_str).and_then(|id| id.parse().ok());
    let account = id.and_then(|id| people.get(&id)).and_then(AccountState::registered);
    let Some(account) = account else { return json!([]) };
    let email = account.proven_email().filter(|_| row.privately).map(shape::sealed);
    let avatar = account.attribute(Attribute::Picture).map(shape::sealed);
    json!([{"email": email, "fullname": full_name(account), "avatar": avatar}])
}

pub(super) fn instant(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

pub(super) fn one(_: &Request, exposed: &Exposed, row: &Row) -> Value {
    json!({&exposed.about.member: object(exposed, row)})
}

pub(super) fn page(_: &Request, exposed: &Exposed, page: &Page) -> Value {
    let rows: Vec<Value> = page.rows.iter().map(|row| object(exposed, row)).collect();
    json!({&exposed.about.member: rows, "paging": paging(page), "filters": [], "uiPermissions": []})
}

/// `Paging`
pub(super) fn paging(page: &Page) -> Value {
    let all = page.number == 0;
    let size = if all { page.rows.len() } else { page.size };
    json!({
        "pageNumber": page.number,
        "pageRowCount": size,
        "totalRowCount": page.total,
        "pageCount": if all { 1 } else { page.total.div_ceil(size as u64) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::camel_case;

    #[test]
    fn names_are_written_one_way_and_read_the_other() {
        for (field, written) in [("icon_url", "iconUrl"), ("name", "name"), ("is_currency_active", "isCurrencyActive")]
        {
            assert_eq!(camel_case(field), written);
            assert_eq!(snake_of_camel(written), field);
        }
    }

    #[test]
    fn of_a_day_only_the_date_counts() {
        let day = Member {
            name: "effectiveFrom".into(),
            of: MemberType::Day,
            required: false,
            nullable: true,
            read_only: false,
        };
        for text in ["2031-05-01", "2031-05-01T10:00:00Z"] {
            assert_eq!(stored(&day, &json!(text)), Ok(json!("2031-05-01")));
        }
        for text in ["2031-5-1", "2031-05-01 10:00", "2031-05-0é"] {
            assert!(stored(&day, &json!(text)).is_err(), "{text}");
        }
    }
}
