//! The reading half of an entity: what its document holds and how it may be found. Aggregates and records both have
//! one.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::access::STAFF;
use crate::{Decider, Sealed, Who};

/// What is declared about reading one kind of entity. Its name is the category of its streams and, as
/// `doc_<name>`, its table of folded states.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    /// The entity that each is part of, and hidden with when that is deleted.
    pub parent: Option<Link>,
    /// To what else each leads.
    pub links: &'static [Link],
    /// Who may know that one exists; to others it is not found.
    pub known: Who,
    /// Who may see one; others who know of it are refused.
    pub read: Who,
    /// Fields that only some of those who see one are shown; to the others they are missing, whatever they do by them.
    pub private: &'static [(&'static str, Who)],
    /// Fields of the state that a plan may filter or sort by.
    pub fields: &'static [Field],
    /// Fields of the state, unsealed text, that full-text search covers.
    pub text: &'static [&'static str],
    /// Sealed texts that a plan may filter and sort by as if they were open: a follower opens them. Those that are not
    /// private, full-text search covers too.
    pub sealed: &'static [SealedField],
    /// Whether the `search` follower keeps a search document of it.
    pub searchable: bool,
    /// Whether clients keep a copy of all there are, and bring it up to date by what has changed.
    pub copied: bool,
    pub fold: Fold,
}

/// From a field of the state to the entity whose id it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub field: &'static str,
    /// The kind of what it leads to.
    pub kind: &'static str,
}

/// One field of the folded state that queries may use: a top-level key of the state's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub of: FieldType,
}

/// A text made of sealed values of the state, compared without regard to case, of which a part may be asked for.
#[derive(Debug, Clone, Copy)]
pub struct SealedField {
    pub name: &'static str,
    /// The values that it is made of, with a space in between; found in the state by its name. Where they come to be
    /// others, the field has another name or the fold another version, so that what was opened is opened anew.
    pub parts: fn(&Map<String, Value>, &str) -> Vec<Sealed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Exact text, compared bytewise.
    Keyword,
    /// A list of exact texts; a filter asks whether it contains one of some values.
    Keywords,
    /// Text, compared without regard to case, of which a part may be asked for.
    Text,
    /// The id of an entity.
    Id,
    Integer,
    /// A number that need not be whole.
    Decimal,
    Boolean,
    /// An instant, stored as fixed-width UTC text (`2026-01-31T18:00:00.000Z`), so that text order is time order.
    Instant,
    /// A calendar day, `YYYY-MM-DD`.
    Day,
    /// `{"lat": …, "lon": …}` in degrees.
    Place,
}

impl FieldType {
    /// Whether values of one type compare with those of another.
    pub fn compares_with(self, other: FieldType) -> bool {
        let is_number = |of| matches!(of, FieldType::Integer | FieldType::Decimal);
        let compares = !matches!(self, FieldType::Keywords | FieldType::Place);
        compares && (self == other || (is_number(self) && is_number(other)))
    }
}

impl Kind {
    /// The kind of an aggregate, with nothing declared but its fold.
    pub const fn of<D: Decider>() -> Kind {
        Kind {
            name: D::CATEGORY,
            parent: None,
            links: &[],
            known: STAFF,
            read: STAFF,
            private: &[],
            fields: &[],
            text: &[],
            sealed: &[],
            searchable: false,
            copied: false,
            fold: Fold { version: D::FOLD_VERSION, empty: empty::<D>, resume: resume::<D> },
        }
    }

    /// The same kind under another name: records share one fold.
    pub const fn named(self, name: &'static str) -> Kind {
        Kind { name, ..self }
    }

    /// Each of which is part of one of another kind, whose id is in the state field `field`.
    pub const fn within(self, field: &'static str, kind: &'static str) -> Kind {
        Kind { parent: Some(link(field, kind)), ..self }
    }

    /// Each of which leads to these, too.
    pub const fn links(self, links: &'static [Link]) -> Kind {
        Kind { links, ..self }
    }

    /// Which these may know of, and see.
    pub const fn known(self, who: Who) -> Kind {
        Kind { known: who, read: who, ..self }
    }

    /// Which of those who know of one these may see.
    pub const fn read(self, who: Who) -> Kind {
        Kind { read: who, ..self }
    }

    /// Of which these fields are shown only to some.
    pub const fn private(self, private: &'static [(&'static str, Who)]) -> Kind {
        Kind { private, ..self }
    }

    /// That plans filter and sort by these fields.
    pub const fn fields(self, fields: &'static [Field]) -> Kind {
        Kind { fields, ..self }
    }

    /// Whose unsealed text in these fields search covers.
    pub const fn text(self, text: &'static [&'static str]) -> Kind {
        Kind { text, ..self }
    }

    /// Of which these sealed texts are opened, to be found by.
    pub const fn sealed(self, sealed: &'static [SealedField]) -> Kind {
        Kind { sealed, ..self }
    }

    /// That the `search` follower keeps search documents of.
    pub const fn searchable(self) -> Kind {
        Kind { searchable: true, ..self }
    }

    /// Of which clients keep copies.
    pub const fn copied(self) -> Kind {
        Kind { copied: true, ..self }
    }

    /// A field that conditions may name: a declared one, the parent's, or a sealed one, which compares as text.
    pub fn comparable(&self, name: &str) -> Option<Field> {
        let parent = self.parent.filter(|parent| parent.field == name).map(|parent| id(parent.field));
        self.field(name).copied().or(parent).or(self.sealed_field(name).map(|sealed| text(sealed.name)))
    }

    pub fn sealed_field(&self, name: &str) -> Option<&'static SealedField> {
        self.sealed.iter().find(|sealed| sealed.name == name)
    }

    /// Whether full-text search covers a sealed text.
    pub fn searches(&self, sealed: &SealedField) -> bool {
        self.private.iter().all(|(private, _)| *private != sealed.name)
    }

    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// From a field to an entity of another kind.
pub const fn link(field: &'static str, kind: &'static str) -> Link {
    Link { field, kind }
}

/// Where the state of what is deleted says since when: an instant, which conditions may name.
pub const DELETED_AT: &str = "deleted_at";

/// Whether an entity's state, as documents have it, is that of a deleted one.
pub fn is_deleted(state: &Map<String, Value>) -> bool {
    state.get(DELETED_AT).is_some_and(|at| !at.is_null())
}

pub const fn keyword(name: &'static str) -> Field {
    Field { name, of: FieldType::Keyword }
}

pub const fn keywords(name: &'static str) -> Field {
    Field { name, of: FieldType::Keywords }
}

pub const fn text(name: &'static str) -> Field {
    Field { name, of: FieldType::Text }
}

pub const fn id(name: &'static str) -> Field {
    Field { name, of: FieldType::Id }
}

pub const fn decimal(name: &'static str) -> Field {
    Field { name, of: FieldType::Decimal }
}

pub const fn integer(name: &'static str) -> Field {
    Field { name, of: FieldType::Integer }
}

pub const fn boolean(name: &'static str) -> Field {
    Field { name, of: FieldType::Boolean }
}

pub const fn instant(name: &'static str) -> Field {
    Field { name, of: FieldType::Instant }
}

pub const fn day(name: &'static str) -> Field {
    Field { name, of: FieldType::Day }
}

pub const fn place(name: &'static str) -> Field {
    Field { name, of: FieldType::Place }
}

/// The sealed text in a field of the state.
pub const fn sealed(name: &'static str) -> SealedField {
    SealedField { name, parts: |state, name| state.get(name).and_then(as_sealed).into_iter().collect() }
}

/// A value of the state as the sealed one that it is.
pub fn as_sealed(value: &Value) -> Option<Sealed> {
    Sealed::deserialize(value).ok()
}

/// How events of one kind become a state, with the type erased.
#[derive(Debug, Clone, Copy)]
pub struct Fold {
    pub version: i32,
    pub empty: fn() -> Box<dyn Folding>,
    pub resume: fn(Value) -> Result<Box<dyn Folding>, serde_json::Error>,
}

/// A state being folded, whatever its type.
pub trait Folding: Send {
    /// Takes one stored event, already upcast, its data as JSON text; fails only when that does not have the shape of
    /// its type.
    fn apply(&mut self, event_type: &str, data: &str) -> Result<(), serde_json::Error>;
    /// The state as its document stores it. A non-null top-level `deleted_at` marks a deleted entity.
    fn state(&self) -> Value;
}

struct Folded<D: Decider>(D::State);

impl<D: Decider> Folding for Folded<D> {
    fn apply(&mut self, event_type: &str, data: &str) -> Result<(), serde_json::Error> {
        let event: D::Event = event_from_parts::<D>(event_type, data)?;
        self.0 = D::evolve(std::mem::take(&mut self.0), &event);
        Ok(())
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.0).unwrap_or(Value::Null)
    }
}

fn empty<D: Decider>() -> Box<dyn Folding> {
    Box::new(Folded::<D>(D::State::default()))
}

fn resume<D: Decider>(state: Value) -> Result<Box<dyn Folding>, serde_json::Error> {
    Ok(Box::new(Folded::<D>(serde_json::from_value(state)?)))
}

/// Type and data of an event, as the store keeps them apart.
pub fn event_to_parts<D: Decider>(event: &D::Event) -> Result<(String, Value), serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Parts {
        r#type: String,
        #[serde(default)]
        data: Value,
    }
    let Parts { r#type, data } = serde_json::from_value(serde_json::to_value(event)?)?;
    Ok((r#type, if data.is_null() { Value::Object(Default::default()) } else { data }))
}

/// The event that a stored type and data, as JSON text, stand for.
pub fn event_from_parts<D: Decider>(event_type: &str, data: &str) -> Result<D::Event, serde_json::Error> {
    // Written together and read once: cheaper than a value in between.
    let event_type = serde_json::to_string(event_type)?;
    serde_json::from_str(&format!(r#"{{"type":{event_type},"data":{data}}}"#))
}
