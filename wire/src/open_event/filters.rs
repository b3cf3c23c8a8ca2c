//! Open-event's language of filters: a JSON list of conditions, all of which hold.

use std::cmp::Ordering;

use caravan_domain::condition::{Pattern, literal};
use caravan_domain::kind::{self, DELETED_AT, Field, FieldType, Link};
use caravan_domain::{Condition, EntityId};
use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::asking::wrong;
use super::exposures::OBJECTS;
use super::resource;
use crate::Failure;
use crate::exposure::{By, Exposure, Ids, Relation};
use crate::face::snake_of_kebab;

/// Conditions that a filter may have, and levels of groups and relationships around one.
const LEAVES: usize = 60;
const LEVELS: usize = 4;

/// Wildcards of a pattern, runs of `%` counting as one.
const WILDCARDS: usize = 100;

/// The conditions of a filter, and whether one asks about deletion, so that what is deleted is meant too.
pub(super) fn conditions(
    filter: &str,
    exposure: &'static Exposure,
    ids: Ids,
) -> Result<(Vec<Condition>, bool), Failure> {
    let filter: Value = serde_json::from_str(filter).map_err(|_| refused("is not JSON"))?;
    let Value::Array(list) = filter else { return Err(refused("must be a list of conditions")) };
    let mut reading = Reading { ids, leaves: 0, deleted: false };
    let conditions = list.iter().map(|condition| reading.condition(condition, exposure, 0));
    Ok((conditions.collect::<Result<_, _>>()?, reading.deleted))
}

fn refused(message: impl Into<String>) -> Failure {
    wrong("filter", message)
}

struct Reading<'a> {
    ids: Ids<'a>,
    leaves: usize,
    deleted: bool,
}

impl Reading<'_> {
    fn condition(&mut self, given: &Value, exposure: &'static Exposure, level: usize) -> Result<Condition, Failure> {
        if level > LEVELS {
            return Err(refused(format!("has more than {LEVELS} levels")));
        }
        let Value::Object(given) = given else { return Err(refused("has something that is no condition")) };
        let group = |name: &str| (given.len() == 1).then(|| given.get(name)).flatten();
        if let Some(all) = group("and") {
            return Ok(Condition::All(self.several(all, exposure, level)?));
        }
        if let Some(any) = group("or") {
            return Ok(Condition::Any(self.several(any, exposure, level)?));
        }
        if let Some(not) = group("not") {
            return Ok(Condition::Not(Box::new(self.condition(not, exposure, level + 1)?)));
        }
        self.leaf(given, exposure, level)
    }

    fn several(&mut self, given: &Value, exposure: &'static Exposure, level: usize) -> Result<Vec<Condition>, Failure> {
        let Value::Array(list) = given else { return Err(refused("has a group that is no list")) };
        list.iter().map(|condition| self.condition(condition, exposure, level + 1)).collect()
    }

    fn leaf(
        &mut self,
        given: &Map<String, Value>,
        exposure: &'static Exposure,
        level: usize,
    ) -> Result<Condition, Failure> {
        self.leaves += 1;
        if self.leaves > LEAVES {
            return Err(refused(format!("has more than {LEAVES} conditions")));
        }
        if let Some(unknown) = given.keys().find(|key| !["name", "op", "val", "field"].contains(&key.as_str())) {
            return Err(refused(format!("{unknown} is nothing that a condition has")));
        }
        let text = |key: &str| {
            given.get(key).and_then(Value::as_str).ok_or_else(|| refused(format!("a condition needs a {key}")))
        };
        let (name, op) = (text("name")?, text("op")?);
        if let Some((relation, rest)) = name.split_once("__") {
            let mut inner = given.clone();
            inner.insert("name".to_owned(), json!(rest));
            return self.across(relation, &Value::Object(inner), exposure, level);
        }
        match (given.get("field"), given.get("val")) {
            (Some(_), Some(_)) => Err(refused("a condition has either a val or a field")),
            (Some(Value::String(other)), None) => self.compare(name, op, other, exposure),
            (Some(_), None) => Err(refused("a field is named by a text")),
            (None, value) => {
                let value = value.unwrap_or(&Value::Null);
                if let "has" | "any" = op {
                    return self.across(name, value, exposure, level);
                }
                self.attribute(name, op, value, exposure)
            }
        }
    }

    /// One attribute beside another.
    fn compare(
        &mut self,
        name: &str,
        op: &str,
        other: &str,
        exposure: &'static Exposure,
    ) -> Result<Condition, Failure> {
        let (one, other) = (self.field(name, exposure)?, self.field(other, exposure)?);
        let orderings: &[Ordering] = match op {
            "eq" => &[Ordering::Equal],
            "ne" => &[Ordering::Less, Ordering::Greater],
            "lt" => &[Ordering::Less],
            "le" => &[Ordering::Less, Ordering::Equal],
            "gt" => &[Ordering::Greater],
            "ge" => &[Ordering::Greater, Ordering::Equal],
            _ => return Err(refused(format!("{op} does not compare two attributes"))),
        };
        if !one.of.compares_with(other.of) || (!matches!(op, "eq" | "ne") && !has_order(&one)) {
            return Err(refused(format!("{} and {} do not compare so", written(&one), written(&other))));
        }
        Ok(Condition::Compare(one.name, orderings, other.name))
    }

    /// An attribute that may be filtered by.
    fn field(&mut self, name: &str, exposure: &'static Exposure) -> Result<Field, Failure> {
        let field = snake_of_kebab(name);
        if field == DELETED_AT {
            self.deleted = true;
            return Ok(kind::instant(DELETED_AT));
        }
        let field = exposure.kind.field(&field).copied();
        field.ok_or_else(|| refused(format!("{name} cannot be filtered by")))
    }

    /// That something which a relation leads to meets a condition, or a group of such.
    fn across(
        &mut self,
        name: &str,
        inner: &Value,
        exposure: &'static Exposure,
        level: usize,
    ) -> Result<Condition, Failure> {
        let name = name.replace('_', "-");
        let unknown = || refused(format!("{name} is no relationship of {}", resource::type_of(exposure)));
        let Relation { object, by, .. } = exposure.relation(&name).ok_or_else(unknown)?;
        let target = OBJECTS.exposure(object).ok_or_else(unknown)?;
        // On the other side only what is live is looked at.
        let deleted = self.deleted;
        let inner = Box::new(self.condition(inner, target, level + 1)?);
        self.deleted = deleted;
        let kind = target.kind.name;
        Ok(match *by {
            By::Own(field) | By::OwnList(field) => Condition::Linked(Link { field, kind }, inner),
            By::Other(field) | By::OtherList(field) => Condition::Back(Link { field, kind }, inner),
        })
    }

    fn attribute(
        &mut self,
        name: &str,
        op: &str,
        value: &Value,
        exposure: &'static Exposure,
    ) -> Result<Condition, Failure> {
        if name == "id" {
            return self.id(op, value, exposure);
        }
        let field = &self.field(name, exposure)?;
        let name = field.name;
        let is = |values: Vec<Value>| Condition::Is(name, values);
        let present = || Condition::Not(Box::new(is(vec![Value::Null])));
        let not = |condition: Condition| Condition::All(vec![present(), Condition::Not(Box::new(condition))]);
        let list = || match value {
            Value::Array(values) => values.iter().map(|value| coerced(field, value)).collect(),
            _ => Err(refused(format!("{op} needs a list"))),
        };
        let one = || coerced(field, value);
        let like = |exact: bool, text: String| -> Result<Condition, Failure> {
            Ok(Condition::Like(text_of(field)?, Pattern { text: bounded(text)?, exact }))
        };
        let pattern = || value.as_str().map(str::to_owned).ok_or_else(|| refused(format!("{op} needs a text")));
        Ok(match op {
            "eq" | "is_" | "is" => is(vec![one()?]),
            "ne" | "isnot" if value.is_null() => present(),
            "ne" | "isnot" => not(is(vec![one()?])),
            "in_" | "in" => is(list()?),
            "notin_" | "notin" => not(is(list()?)),
            "ge" => Condition::Between(name, Some(ordered(field, one()?)?), None),
            "lt" => Condition::Between(name, None, Some(ordered(field, one()?)?)),
            "gt" => Condition::All(vec![
                Condition::Between(name, Some(ordered(field, one()?)?), None),
                Condition::Not(Box::new(is(vec![one()?]))),
            ]),
            "le" => {
                Condition::Any(vec![Condition::Between(name, None, Some(ordered(field, one()?)?)), is(vec![one()?])])
            }
            "between" => match list()?.as_slice() {
                [from, to] => Condition::Any(vec![
                    Condition::Between(name, Some(ordered(field, from.clone())?), Some(ordered(field, to.clone())?)),
                    is(vec![to.clone()]),
                ]),
                _ => return Err(refused("between needs a list of two")),
            },
            "like" => like(true, pattern()?)?,
            "ilike" => like(false, pattern()?)?,
            "notlike" => not(like(true, pattern()?)?),
            "notilike" => not(like(false, pattern()?)?),
            "startswith" => like(true, format!("{}%", literal(&pattern()?)))?,
            "endswith" => like(true, format!("%{}", literal(&pattern()?)))?,
            _ => return Err(refused(format!("{op} is no comparison"))),
        })
    }

    fn id(&self, op: &str, value: &Value, exposure: &'static Exposure) -> Result<Condition, Failure> {
        let one =
            |value: &Value| resource::id(value, exposure.kind, self.ids).ok_or_else(|| refused("id needs a number"));
        let several = |value: &Value| match value {
            Value::Array(values) => values.iter().map(one).collect::<Result<Vec<EntityId>, _>>(),
            _ => Err(refused(format!("{op} needs a list"))),
        };
        let not = |ids: Vec<EntityId>| Condition::Not(Box::new(Condition::IdIn(ids)));
        Ok(match op {
            "eq" => Condition::IdIn(vec![one(value)?]),
            "ne" => not(vec![one(value)?]),
            "in_" | "in" => Condition::IdIn(several(value)?),
            "notin_" | "notin" => not(several(value)?),
            _ => return Err(refused(format!("id cannot be compared by {op}"))),
        })
    }
}

/// A value as the field's type has it: texts stand for numbers and booleans too.
fn coerced(field: &Field, value: &Value) -> Result<Value, Failure> {
    let text = value.as_str().map(str::trim);
    let coerced = match (field.of, text) {
        _ if value.is_null() => Some(Value::Null),
        (FieldType::Keyword | FieldType::Text | FieldType::Day, Some(_)) => Some(value.clone()),
        (FieldType::Keyword | FieldType::Text, None) if value.is_number() => Some(json!(value.to_string())),
        (FieldType::Integer, Some(text)) => text.parse::<i64>().ok().map(Value::from),
        (FieldType::Integer, None) => value.as_i64().map(Value::from),
        (FieldType::Decimal, Some(text)) => serde_json::from_str(text).ok().filter(Value::is_number),
        (FieldType::Decimal, None) => value.is_number().then(|| value.clone()),
        (FieldType::Boolean, Some("true" | "1")) => Some(json!(true)),
        (FieldType::Boolean, Some("false" | "0")) => Some(json!(false)),
        (FieldType::Boolean, None) => value.is_boolean().then(|| value.clone()),
        // As some clients send them.
        (FieldType::Instant, Some(text)) => {
            let text = text.trim_matches('%');
            DateTime::parse_from_rfc3339(text).ok().map(|_| json!(text))
        }
        _ => None,
    };
    coerced.ok_or_else(|| refused(format!("{value} does not fit {}", written(field))))
}

/// A bound of what has an order.
fn ordered(field: &Field, value: Value) -> Result<Value, Failure> {
    if has_order(field) && !value.is_null() {
        Ok(value)
    } else {
        Err(refused(format!("{} has no order there", written(field))))
    }
}

fn has_order(field: &Field) -> bool {
    !matches!(field.of, FieldType::Boolean | FieldType::Id)
}

fn written(field: &Field) -> String {
    field.name.replace('_', "-")
}

fn text_of(field: &Field) -> Result<&'static str, Failure> {
    match field.of {
        FieldType::Keyword | FieldType::Text => Ok(field.name),
        _ => Err(refused(format!("{} is no text", written(field)))),
    }
}

/// A pattern that is not too costly to look for.
fn bounded(pattern: String) -> Result<String, Failure> {
    let mut short = String::with_capacity(pattern.len());
    let mut escaped = false;
    let mut wildcards = 0;
    for character in pattern.chars() {
        let is_run = character == '%' && !escaped && short.ends_with('%') && wildcards > 0;
        if character == '%' && !escaped && !is_run {
            wildcards += 1;
        }
        if !is_run {
            short.push(character);
        }
        escaped = character == '\\' && !escaped;
    }
    if escaped {
        return Err(refused("a pattern ends with a backslash"));
    }
    if wildcards > WILDCARDS {
        Err(refused(format!("a pattern has more than {WILDCARDS} wildcards")))
    } else {
        Ok(short)
    }
}

#[cfg(test)]
mod tests {
    use caravan_domain::EntityId;
    use uuid::Uuid;

    use super::*;

    fn read(filter: &Value) -> Result<Vec<Condition>, String> {
        let topics = OBJECTS.exposure("EventTopic").unwrap();
        let ids = |_: &str, number: u64| EntityId(Uuid::from_u128(u128::from(number)));
        conditions(&filter.to_string(), topics, &ids).map(|(all, _)| all).map_err(|failure| failure.text())
    }

    #[test]
    fn comparisons_are_conditions() {
        let name =
            |op: &str, val: Value| read(&json!([{"name": "name", "op": op, "val": val}])).map(|mut all| all.remove(0));
        assert_eq!(name("eq", json!("a")), Ok(Condition::Is("name", vec![json!("a")])));
        assert_eq!(name("in_", json!(["a", "b"])), Ok(Condition::Is("name", vec![json!("a"), json!("b")])));
        let like = |text: &str, exact| Ok(Condition::Like("name", Pattern { text: text.to_owned(), exact }));
        assert_eq!(name("ilike", json!("%a_b%")), like("%a_b%", false));
        assert_eq!(name("startswith", json!("100%")), like("100\\%%", true));
        assert_eq!(name("like", json!("%".repeat(10_000))), like("%", true));
        assert!(name("like", json!("a%".repeat(101))).unwrap_err().contains("wildcards"));
        for wrong in [
            ("near", json!("a")),
            ("in_", json!("a")),
            ("between", json!(["a"])),
            ("like", json!(7)),
            ("gt", json!(null)),
        ] {
            assert!(name(wrong.0, wrong.1.clone()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn groups_and_relationships_nest() {
        let leaf = json!({"name": "slug", "op": "eq", "val": "a"});
        let is = Condition::Is("slug", vec![json!("a")]);
        let groups = json!([{"or": [leaf, {"not": leaf}]}, {"and": []}]);
        let expected = [Condition::Any(vec![is.clone(), Condition::Not(Box::new(is.clone()))]), Condition::All(vec![])];
        assert_eq!(read(&groups).unwrap(), expected);
        let link = Link { field: "event_topic", kind: "event_sub_topic" };
        let any = Condition::Back(link, Box::new(is.clone()));
        assert_eq!(read(&json!([{"name": "event-sub-topics", "op": "any", "val": leaf}])).unwrap(), vec![any.clone()]);
        assert_eq!(read(&json!([{"name": "event_sub_topics__slug", "op": "eq", "val": "a"}])).unwrap(), vec![any]);
    }

    #[test]
    fn attributes_compare_with_each_other() {
        let compare = |name: &str, op: &str, field: &str| {
            read(&json!([{"name": name, "op": op, "field": field}])).map(|mut all| all.remove(0))
        };
        assert_eq!(compare("name", "le", "slug"), {
            Ok(Condition::Compare("name", &[Ordering::Less, Ordering::Equal], "slug"))
        });
        let across = json!([{"name": "event_sub_topics__name", "op": "eq", "field": "slug"}]);
        let inner = Condition::Compare("name", &[Ordering::Equal], "slug");
        let link = Link { field: "event_topic", kind: "event_sub_topic" };
        assert_eq!(read(&across), Ok(vec![Condition::Back(link, Box::new(inner))]));
        for wrong in [("name", "eq", "colour"), ("name", "ilike", "slug"), ("name", "eq", "deleted-at")] {
            assert!(compare(wrong.0, wrong.1, wrong.2).is_err(), "{wrong:?}");
        }
        assert!(read(&json!([{"name": "name", "op": "eq", "field": "slug", "val": 1}])).is_err());
    }

    #[test]
    fn relations_over_lists_are_looked_across() {
        let leaf = json!({"name": "panel-name", "op": "eq", "val": "a"});
        let filter = json!([{"name": "panel-permissions", "op": "any", "val": leaf}]).to_string();
        let ids = |_: &str, number: u64| EntityId(Uuid::from_u128(u128::from(number)));
        let read = conditions(&filter, OBJECTS.exposure("CustomSystemRole").unwrap(), &ids);
        let link = Link { field: "panel_permissions", kind: "panel" };
        let inner = Box::new(Condition::Is("panel_name", vec![json!("a")]));
        assert_eq!(read.map_err(|failure| failure.text()), Ok((vec![Condition::Linked(link, inner)], false)));
    }

    #[test]
    fn who_asks_about_deletion_means_what_is_deleted_too() {
        let ids = |_: &str, number: u64| EntityId(Uuid::from_u128(u128::from(number)));
        let deleted = |filter: Value| {
            conditions(&filter.to_string(), OBJECTS.exposure("EventTopic").unwrap(), &ids).map(|(_, deleted)| deleted)
        };
        let leaf = json!({"name": "deleted-at", "op": "ne", "val": null});
        assert!(matches!(deleted(json!([{"not": leaf}])), Ok(true)));
        assert!(matches!(deleted(json!([{"name": "event-sub-topics", "op": "any", "val": leaf}])), Ok(false)));
    }

    #[test]
    fn what_is_too_deep_too_long_or_unknown_is_refused() {
        let leaf = json!({"name": "name", "op": "eq", "val": "a"});
        let deep = |levels: usize| (0..levels).fold(leaf.clone(), |inner, _| json!({"not": inner}));
        assert!(read(&json!([deep(4)])).is_ok());
        assert!(read(&json!([deep(5)])).unwrap_err().contains("levels"));
        assert!(read(&Value::from(vec![leaf.clone(); 60])).is_ok());
        assert!(read(&Value::from(vec![leaf; 61])).unwrap_err().contains("60"));
        for wrong in [
            json!({}),
            json!([7]),
            json!([{"name": "colour", "op": "eq", "val": 1}]),
            json!([{"op": "eq"}]),
            json!([{"name": "events", "op": "any", "val": {}}]),
            json!([{"or": {}}]),
            json!([{"name": "id", "op": "eq", "val": "x"}]),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
