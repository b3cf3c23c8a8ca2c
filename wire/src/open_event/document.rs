//! How a JSON:API document becomes the fields of a record, and where a field stands in one.

use caravan_domain::kind::DELETED_AT;
use serde_json::{Map, Value, json};

use super::DIALECT;
use super::exposures::OBJECTS;
use super::resource::{id, type_of};
use crate::exposure::{By, Changes, Exposed, Exposure, Ids, Present, Relation, Verb};
use crate::face::{kebab_case, snake_of_kebab};
use crate::money::minor;
use crate::schema::{Member, MemberType};
use crate::{Failure, FailureKind, Fault, Operation, Request};

/// The fields that a document names: attributes, and relationships to one. A change to nothing but `deleted-at: null`
/// brings a deleted record back; among others, it is what was read before somebody deleted it.
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
    let attributes = parts("attributes")?;
    for (name, value) in &attributes {
        reading.attribute(name, value);
    }
    let restores = attributes.len() == 1
        && attributes.iter().all(|(name, value)| snake_of_kebab(name) == DELETED_AT && value.is_null());
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
    Ok(Changes { fields, restores })
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
        let field = snake_of_kebab(&member.name);
        // What the server decides may be sent back as it was read.
        if member.read_only || self.exposed.exposure.owned.contains(&field.as_str()) {
            return;
        }
        match coerced(member, value) {
            Ok(value) => drop(self.fields.insert(field, value)),
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
            id(&identifier["id"], target.kind, ids).map(|id| json!(id)).ok_or_else(|| "has no id".to_owned())
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
