//! Plans: what to find, in what order, which page. Two targets carry them out, SQL and Elasticsearch.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caravan_domain::condition::{KEYWORD_CHARACTERS, caseless, instant};
use caravan_domain::kind::{DELETED_AT, Field, FieldType, SealedField};
use caravan_domain::{Condition, EntityId, Kind, kinds};
use caravan_event_store::{Json, Position};
use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::{Document, ReadError};

/// A question to the documents of one kind.
#[derive(Clone)]
pub struct Plan {
    pub kind: &'static Kind,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Words that must all occur in the kind's text: whole, as the beginning of a word, or with a slip of the pen.
    /// Case and accents do not matter.
    pub text: Option<String>,
    pub near: Option<Near>,
    /// Missing values come last, ties in creation order. When empty: by distance if `near`, else by relevance if
    /// `text`, else in creation order.
    pub sort: Vec<Sort>,
    /// Documents per page, at least 1.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Documents to pass over first.
    pub skip: usize,
    /// Whether all that there are are to be counted.
    pub total: bool,
    /// Whether deleted documents are found too, and those whose parent is.
    pub deleted: bool,
}

impl Plan {
    /// All documents of a kind in creation order.
    pub fn all(kind: &'static Kind, limit: usize) -> Plan {
        Plan {
            kind,
            conditions: vec![],
            text: None,
            near: None,
            sort: vec![],
            limit,
            after: None,
            skip: 0,
            total: false,
            deleted: false,
        }
    }

    pub fn and(mut self, condition: Condition) -> Plan {
        self.conditions.push(condition);
        self
    }
}

/// Within a distance of a point; field of type `Place`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    pub field: &'static str,
    /// Degrees.
    pub lat: f64,
    /// Degrees.
    pub lon: f64,
    pub within_metres: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    pub field: &'static str,
    pub descending: bool,
}

impl Sort {
    pub fn asc(field: &'static str) -> Sort {
        Sort { field, descending: false }
    }

    pub fn desc(field: &'static str) -> Sort {
        Sort { field, descending: true }
    }
}

/// Where a page ended: the last document's sort keys and id. As text it is opaque and fit for a URL; one target's
/// cursor means nothing to the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor(pub(crate) Vec<Value>);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(Value::from(self.0.clone()).to_string()))
    }
}

impl FromStr for Cursor {
    type Err = ReadError;

    fn from_str(text: &str) -> Result<Self, ReadError> {
        let keys = URL_SAFE_NO_PAD.decode(text).ok().and_then(|json| serde_json::from_slice::<Vec<Value>>(&json).ok());
        match keys {
            Some(keys) if keys.iter().all(|key| !key.is_array() && !key.is_object()) => Ok(Cursor(keys)),
            _ => Err(invalid_cursor()),
        }
    }
}

pub(crate) fn invalid_cursor() -> ReadError {
    ReadError::invalid("after", "is not where a page of this list ended")
}

/// One page of documents; their states are text until somebody reads them.
#[derive(Debug, Clone)]
pub struct Found<S = Json> {
    pub documents: Vec<Document<S>>,
    /// Absent on the last page.
    pub next: Option<Cursor>,
    /// Of all pages, where the plan asks for it.
    pub total: Option<u64>,
    /// The answer covers the log at least up to here.
    pub as_of: Position,
}

impl Found {
    /// The same with states as `S`.
    pub fn read<S: DeserializeOwned>(self) -> Result<Found<S>, ReadError> {
        let documents = self.states()?;
        Ok(Found { documents, next: self.next, total: self.total, as_of: self.as_of })
    }

    /// The documents with their states as `S`.
    pub fn states<S: DeserializeOwned>(&self) -> Result<Vec<Document<S>>, ReadError> {
        self.documents.iter().map(Document::read).collect()
    }
}

/// What the documents are ordered by, before the id.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    Field(&'static Field, bool),
    /// By the opened text, which no cursor carries.
    Sealed(&'static SealedField, bool),
    Parent(bool),
    Born(bool),
    Distance(Near),
    Relevance,
}

/// A field that a condition names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Named {
    Parent,
    /// When it was made, before or after others.
    Born,
    DeletedAt,
    Field(&'static Field),
    Sealed(&'static SealedField),
}

impl Named {
    pub(crate) fn of(self) -> FieldType {
        match self {
            Named::Parent => FieldType::Id,
            Named::Born => FieldType::Integer,
            Named::DeletedAt => FieldType::Instant,
            Named::Field(field) => field.of,
            Named::Sealed(_) => FieldType::Text,
        }
    }
}

impl Plan {
    pub(crate) fn order(&self) -> Result<Vec<Order>, ReadError> {
        if self.sort.is_empty() {
            return Ok(match (self.near, self.words().is_empty()) {
                (Some(near), _) => vec![Order::Distance(near)],
                (None, false) => vec![Order::Relevance],
                (None, true) => vec![],
            });
        }
        let order = |sort: &Sort| match named(self.kind, sort.field)? {
            Named::Parent => Ok(Order::Parent(sort.descending)),
            Named::Born => Ok(Order::Born(sort.descending)),
            Named::DeletedAt => Err(ReadError::invalid(DELETED_AT, "cannot be sorted by")),
            Named::Field(field) if matches!(field.of, FieldType::Keywords | FieldType::Place) => {
                Err(ReadError::invalid(field.name, "cannot be sorted by"))
            }
            Named::Field(field) => Ok(Order::Field(field, sort.descending)),
            Named::Sealed(field) => Ok(Order::Sealed(field, sort.descending)),
        };
        self.sort.iter().map(order).collect()
    }

    /// The folded words of `text`.
    pub(crate) fn words(&self) -> Vec<String> {
        self.text.as_deref().map(crate::text::words).unwrap_or_default()
    }

    /// Refuses what the kind does not declare, before any target sees it.
    pub(crate) fn check(&self) -> Result<(), ReadError> {
        if self.limit == 0 {
            return Err(ReadError::invalid("limit", "must be at least 1"));
        }
        if self.text.is_some() && self.kind.text.is_empty() && self.kind.sealed.is_empty() {
            return Err(ReadError::invalid("text", format!("a {} has no text to search", self.kind.name)));
        }
        if let Some(near) = &self.near {
            match named(self.kind, near.field)? {
                Named::Field(field) if field.of == FieldType::Place => {}
                _ => return Err(ReadError::invalid(near.field, "is not a place")),
            }
            let numbers = near.lat.abs() <= 90.0 && near.lon.abs() <= 180.0 && near.within_metres >= 0.0;
            if !numbers || !near.within_metres.is_finite() {
                return Err(ReadError::invalid(near.field, "is not a point on earth and a distance"));
            }
        }
        self.conditions.iter().try_for_each(|condition| check(self.kind, condition))
    }

    /// Whether Postgres answers it by texts that a follower has opened.
    pub(crate) fn looks_at_opened(&self) -> bool {
        (self.text.is_some() && !self.kind.sealed.is_empty()) || self.names_sealed()
    }

    /// Whether it filters or sorts by a sealed field.
    pub(crate) fn names_sealed(&self) -> bool {
        self.sort.iter().any(|sort| self.kind.sealed_field(sort.field).is_some())
            || self.conditions.iter().any(|condition| names_sealed(self.kind, condition))
    }
}

fn names_sealed(kind: &'static Kind, condition: &Condition) -> bool {
    match condition {
        Condition::All(several) | Condition::Any(several) => {
            several.iter().any(|condition| names_sealed(kind, condition))
        }
        Condition::Not(inner) => names_sealed(kind, inner),
        Condition::Is(field, _) | Condition::Like(field, _) | Condition::Between(field, ..) => {
            kind.sealed_field(field).is_some()
        }
        Condition::Linked(link, inner) | Condition::Back(link, inner) => {
            kinds::find(link.kind).is_some_and(|kind| names_sealed(kind, inner))
        }
        Condition::Contains(..) | Condition::Compare(..) | Condition::IdIn(_) | Condition::ParentLives => false,
    }
}

/// The name under which a plan sorts by the order in which documents were made.
pub const BORN: &str = "born";

pub(crate) fn named(kind: &'static Kind, name: &str) -> Result<Named, ReadError> {
    if let Some(field) = kind.field(name) {
        return Ok(Named::Field(field));
    }
    if kind.parent.is_some_and(|parent| parent.field == name) {
        return Ok(Named::Parent);
    }
    if let Some(sealed) = kind.sealed_field(name) {
        return Ok(Named::Sealed(sealed));
    }
    if name == BORN {
        return Ok(Named::Born);
    }
    if name == DELETED_AT {
        return Ok(Named::DeletedAt);
    }
    Err(ReadError::invalid(name, format!("is not a field of {}", kind.name)))
}

/// The kind that a link leads to.
pub(crate) fn linked(kind: &str) -> Result<&'static Kind, ReadError> {
    kinds::find(kind).ok_or_else(|| ReadError::broken(format!("there is no kind {kind}")))
}

fn check(kind: &'static Kind, condition: &Condition) -> Result<(), ReadError> {
    match condition {
        Condition::IdIn(_) => Ok(()),
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter().try_for_each(|condition| check(kind, condition))
        }
        Condition::Not(inner) => check(kind, inner),
        Condition::ParentLives => match kind.parent {
            Some(_) => Ok(()),
            None => Err(ReadError::invalid("parent", format!("a {} is part of nothing", kind.name))),
        },
        Condition::Like(name, pattern) => match named(kind, name)?.of() {
            FieldType::Text | FieldType::Keyword if !pattern.text.contains('\0') => Ok(()),
            FieldType::Text | FieldType::Keyword => Err(ReadError::invalid(*name, "must be text without NUL")),
            _ => Err(ReadError::invalid(*name, "is no text")),
        },
        Condition::Compare(one, _, other) => match (named(kind, one)?, named(kind, other)?) {
            (Named::Sealed(_), _) | (_, Named::Sealed(_)) => {
                Err(ReadError::invalid(*one, format!("does not compare with {other}")))
            }
            (one, other) if one.of().compares_with(other.of()) => Ok(()),
            _ => Err(ReadError::invalid(*one, format!("does not compare with {other}"))),
        },
        Condition::Linked(link, inner) => {
            named(kind, link.field)?;
            check(linked(link.kind)?, inner)
        }
        Condition::Back(link, inner) => {
            named(linked(link.kind)?, link.field)?;
            check(linked(link.kind)?, inner)
        }
        Condition::Contains(name, values) => match named(kind, name)?.of() {
            FieldType::Keywords if values.iter().any(|value| value.contains('\0')) => {
                Err(ReadError::invalid(*name, "must be text without NUL"))
            }
            FieldType::Keywords => Ok(()),
            _ => Err(ReadError::invalid(*name, "is not a list")),
        },
        Condition::Is(name, values) => {
            let field = named(kind, name)?;
            values
                .iter()
                .filter(|value| !value.is_null())
                .try_for_each(|value| comparable(field, name, value).map(drop))
        }
        Condition::Between(name, from, to) => {
            let field = named(kind, name)?;
            if matches!(field, Named::Field(Field { of: FieldType::Boolean, .. })) {
                return Err(ReadError::invalid(*name, "has no order"));
            }
            [from, to].into_iter().flatten().try_for_each(|value| comparable(field, name, value).map(drop))
        }
    }
}

/// A condition's value in the form that both targets compare.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Comparable {
    Text(String),
    Integer(i64),
    /// As JSON writes it.
    Decimal(String),
    Boolean(bool),
    Id(Uuid),
}

pub(crate) fn comparable(field: Named, name: &str, value: &Value) -> Result<Comparable, ReadError> {
    let wrong = |expected: &str| ReadError::invalid(name, format!("must be {expected}"));
    let of = field.of();
    match of {
        FieldType::Id => match value.as_str().map(str::parse::<EntityId>) {
            Some(Ok(id)) => Ok(Comparable::Id(id.0)),
            _ => Err(wrong("an id")),
        },
        FieldType::Keyword | FieldType::Text => {
            let text = value.as_str().ok_or_else(|| wrong("text"))?;
            if text.contains('\0') {
                return Err(wrong("text without NUL"));
            }
            let text: String = text.chars().take(KEYWORD_CHARACTERS).collect();
            Ok(Comparable::Text(if of == FieldType::Text { caseless(&text) } else { text }))
        }
        FieldType::Integer => value.as_i64().map(Comparable::Integer).ok_or_else(|| wrong("an integer")),
        FieldType::Decimal if value.is_number() => Ok(Comparable::Decimal(value.to_string())),
        FieldType::Decimal => Err(wrong("a number")),
        FieldType::Boolean => value.as_bool().map(Comparable::Boolean).ok_or_else(|| wrong("true or false")),
        FieldType::Instant => match value.as_str().and_then(instant) {
            Some(text) => Ok(Comparable::Text(text)),
            None => Err(wrong("an instant (RFC 3339)")),
        },
        FieldType::Day => match value.as_str().map(NaiveDate::from_str) {
            Some(Ok(day)) => Ok(Comparable::Text(day.to_string())),
            _ => Err(wrong("a day (YYYY-MM-DD)")),
        },
        FieldType::Keywords | FieldType::Place => Err(ReadError::invalid(name, "cannot be compared")),
    }
}
