//! Conditions on an entity's state: what lists ask for, and what a right comes down to.
//!
//! Lists are found by SQL or by search; [`Condition::holds`] says the same of one entity. A missing value meets no
//! condition but the one that asks for it, so that a negation always decides.

use std::cmp::Ordering;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::kind::{DELETED_AT, FieldType, Link};
use crate::{EntityId, Kind};

/// A condition on fields that the kind declares, on its parent under the parent field's name, or on when it was
/// deleted, under [`DELETED_AT`].
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Each of these; of none: always.
    All(Vec<Condition>),
    /// At least one of these; of none: never.
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// Equal to any of these; `null` stands for a missing value. Keywords are compared by their first 512 characters.
    Is(&'static str, Vec<Value>),
    /// The list contains any of these.
    Contains(&'static str, Vec<String>),
    /// The text is like this pattern.
    Like(&'static str, Pattern),
    /// At least the first (inclusive), less than the second (exclusive). Never holds for a missing value.
    Between(&'static str, Option<Value>, Option<Value>),
    /// The first field stands to the second in one of these ways. Never holds where either is missing.
    Compare(&'static str, &'static [Ordering], &'static str),
    IdIn(Vec<EntityId>),
    /// The parent, where there is one, is not deleted.
    ParentLives,
    /// What this field leads to, or one of those that it lists, is not deleted, and meets the condition.
    Linked(Link, Box<Condition>),
    /// Something that leads here by this field, or lists this there, of the kind named there, is not deleted, and meets
    /// the condition.
    Back(Link, Box<Condition>),
}

/// A pattern as SQL has it: `%` stands for any characters, `_` for one, and a backslash takes both their meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub text: String,
    /// Whether case matters; in a field of type `Text` it never does.
    pub exact: bool,
}

impl Pattern {
    /// That of texts which have a part, whatever its case.
    pub fn part(part: &str) -> Pattern {
        Pattern { text: format!("%{}%", literal(part)), exact: false }
    }

    fn meets(&self, text: &str, exact: bool) -> bool {
        if exact { like(text, &self.text) } else { like(&caseless(text), &caseless(&self.text)) }
    }
}

/// Text as a part of a pattern that means nothing but itself.
pub fn literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '%' | '_') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// As SQL decides it: by going on from the last `%` where it goes wrong.
fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut steps = vec![];
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        steps.push(match character {
            '%' => Step::Any,
            '_' => Step::One,
            // At the end it takes nothing's meaning, and nothing is like that.
            '\\' => match characters.next() {
                Some(literal) => Step::Exactly(literal),
                None => return false,
            },
            literal => Step::Exactly(literal),
        });
    }
    let (mut at, mut step) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    while at < text.len() {
        match steps.get(step) {
            Some(Step::Any) => {
                again = Some((at, step + 1));
                step += 1;
            }
            Some(Step::One) => (at, step) = (at + 1, step + 1),
            Some(Step::Exactly(literal)) if *literal == text[at] => (at, step) = (at + 1, step + 1),
            _ => match again {
                Some((from, after)) => {
                    again = Some((from + 1, after));
                    (at, step) = (from + 1, after);
                }
                None => return false,
            },
        }
    }
    steps[step..].iter().all(|step| matches!(step, Step::Any))
}

enum Step {
    Any,
    One,
    Exactly(char),
}

/// Characters of a keyword that comparisons see: an index entry has room for no more.
pub const KEYWORD_CHARACTERS: usize = 512;

impl Condition {
    pub const ALWAYS: Condition = Condition::All(vec![]);
    pub const NEVER: Condition = Condition::Any(vec![]);

    pub fn of(holds: bool) -> Condition {
        if holds { Condition::ALWAYS } else { Condition::NEVER }
    }

    /// Each of these, without what is decided already.
    pub fn all(conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let mut open = vec![];
        for condition in conditions {
            match condition {
                Condition::All(several) => open.extend(several),
                Condition::Any(none) if none.is_empty() => return Condition::NEVER,
                other => open.push(other),
            }
        }
        if open.len() == 1 { open.remove(0) } else { Condition::All(open) }
    }

    /// One of these, without what is decided already.
    pub fn any(conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let mut open = vec![];
        for condition in conditions {
            match condition {
                Condition::Any(several) => open.extend(several),
                Condition::All(none) if none.is_empty() => return Condition::ALWAYS,
                other => open.push(other),
            }
        }
        if open.len() == 1 { open.remove(0) } else { Condition::Any(open) }
    }

    /// Whether it holds for an entity: the same as SQL finds. Values that are not of their field's type are missing,
    /// and so are sealed ones, which nobody can open here: rights do not ask for them.
    pub fn holds(&self, entity: &Entity) -> bool {
        match self {
            Condition::All(conditions) => conditions.iter().all(|condition| condition.holds(entity)),
            Condition::Any(conditions) => conditions.iter().any(|condition| condition.holds(entity)),
            Condition::Not(condition) => !condition.holds(entity),
            Condition::Is(field, values) => {
                let present = entity.value(field);
                values.iter().any(|value| match (&present, value) {
                    (None, Value::Null) => true,
                    (Some(present), value) => entity.order(field, present, value) == Some(Ordering::Equal),
                    (None, _) => false,
                })
            }
            Condition::Contains(field, values) => {
                let entries = entity.state.get(*field).and_then(Value::as_array);
                entries.is_some_and(|entries| {
                    let mut texts = entries.iter().filter_map(Value::as_str);
                    texts.any(|entry| values.iter().any(|value| value == entry))
                })
            }
            Condition::Like(field, pattern) => {
                let text = entity.value(field);
                let exact = pattern.exact && entity.kind.field(field).is_none_or(|field| field.of != FieldType::Text);
                text.is_some_and(|text| text.as_str().is_some_and(|text| pattern.meets(text, exact)))
            }
            Condition::Between(field, from, to) => {
                let Some(present) = entity.value(field) else { return false };
                let not_before = from.as_ref().is_none_or(|from| {
                    matches!(entity.order(field, &present, from), Some(Ordering::Greater | Ordering::Equal))
                });
                let before = to.as_ref().is_none_or(|to| entity.order(field, &present, to) == Some(Ordering::Less));
                not_before && before
            }
            Condition::Compare(one, orderings, other) => {
                let both = entity.value(one).zip(entity.value(other));
                both.and_then(|(one, other)| order(&one, &other)).is_some_and(|order| orderings.contains(&order))
            }
            Condition::IdIn(ids) => ids.contains(&entity.id),
            Condition::ParentLives => entity.parent_lives,
            // What lies elsewhere is not known of one entity by itself: rights do not ask for it.
            Condition::Linked(..) | Condition::Back(..) => false,
        }
    }
}

/// An entity as conditions see it.
#[derive(Debug, Clone, Copy)]
pub struct Entity<'a> {
    pub kind: &'static Kind,
    pub id: EntityId,
    /// The folded state, as its document has it.
    pub state: &'a Map<String, Value>,
    /// Whether the entity that it is part of exists and is not deleted; true of one that is part of nothing.
    pub parent_lives: bool,
}

impl Entity<'_> {
    /// A field's value as comparisons see it.
    fn value(&self, name: &str) -> Option<Value> {
        let value = self.state.get(name)?;
        match self.of(name) {
            Some(of) => of.compared(value),
            // The parent.
            None => value.as_str().map(Value::from),
        }
    }

    fn order(&self, name: &str, present: &Value, asked: &Value) -> Option<Ordering> {
        match self.of(name) {
            Some(of) => order(present, &of.compared(asked)?),
            None => order(present, asked),
        }
    }

    fn of(&self, name: &str) -> Option<FieldType> {
        let declared = self.kind.field(name).map(|field| field.of);
        declared.or((name == DELETED_AT).then_some(FieldType::Instant))
    }
}

/// How one value in the form that is compared stands to another.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::String(one), Value::String(other)) => Some(one.as_bytes().cmp(other.as_bytes())),
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        (Value::Number(one), Value::Number(other)) => match (one.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
        },
        _ => None,
    }
}

impl FieldType {
    /// A value in the form that is compared, as the field's column in SQL has it; `None` where it is missing or not of
    /// this type.
    fn compared(self, value: &Value) -> Option<Value> {
        let text = |characters: usize| match value {
            Value::Null => None,
            Value::String(text) => Some(Value::from(text.chars().take(characters).collect::<String>())),
            other => Some(Value::from(other.to_string().chars().take(characters).collect::<String>())),
        };
        match self {
            FieldType::Keyword => text(KEYWORD_CHARACTERS),
            FieldType::Text => {
                let beginning = value.as_str()?.chars().take(KEYWORD_CHARACTERS).collect::<String>();
                Some(Value::from(caseless(&beginning)))
            }
            FieldType::Id => value.as_str()?.parse::<EntityId>().ok().map(|id| Value::from(id.to_string())),
            FieldType::Instant => value.as_str().and_then(instant).map(Value::from).or_else(|| text(24)),
            FieldType::Day => text(10),
            FieldType::Integer | FieldType::Decimal => value.is_number().then(|| value.clone()),
            FieldType::Boolean => value.is_boolean().then(|| value.clone()),
            FieldType::Keywords | FieldType::Place => None,
        }
    }
}

/// An RFC 3339 time as fixed-width UTC text, so that text order is time order.
pub fn instant(text: &str) -> Option<String> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Text as it is compared where case does not matter.
pub fn caseless(text: &str) -> String {
    text.to_lowercase()
}
