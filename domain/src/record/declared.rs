//! What is declared about a plain resource.

use garde::Validate;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Records, names};
use crate::condition::caseless;
use crate::kind::{Field, Link};
use crate::{Actor, Context, Kind, Rejection, Who};

/// What is declared about one plain resource.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    pub kind: Kind,
    /// Who may make, change and delete one.
    pub created: Who,
    pub changed: Who,
    pub deleted: Who,
    /// Fields that never change once it is made.
    pub fixed: &'static [&'static str],
    /// Fields whose values, together and without regard to case, only one that is not deleted may have.
    pub unique: &'static [&'static [&'static str]],
    /// Fields that say who did what when, whatever is sent.
    pub filled: &'static [Filled],
    /// Fields that are sealed, being about a person.
    pub personal: &'static [Personal],
    /// A field that is made of another, fit for a URL: `a-b`, then `a-b-2` where that is taken.
    pub slug: Option<Slug>,
    /// Checks a complete set of fields and puts it in stored form; unknown fields are refused, null ones dropped.
    pub normalise: fn(Value) -> Result<Map<String, Value>, Rejection>,
    /// The fields that it has.
    pub names: fn() -> &'static [&'static str],
}

/// A field that is filled by the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    pub field: &'static str,
    with: Fill,
    /// Whether each change fills it anew; else only creation does.
    pub(super) each_change: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fill {
    Actor,
    Now,
}

/// A field about the person whose id another one holds. Text is sealed as it is, anything else as its JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Personal {
    pub field: &'static str,
    /// The field with the person; `"id"`: the record itself is whose it is.
    pub of: &'static str,
}

pub const fn personal(field: &'static str, of: &'static str) -> Personal {
    Personal { field, of }
}

/// A field that is made of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slug {
    pub of: &'static str,
    pub field: &'static str,
}

/// A field that holds the person who made the record.
pub const fn maker(field: &'static str) -> Filled {
    Filled { field, with: Fill::Actor, each_change: false }
}

/// A field that holds the person who made or last changed the record.
pub const fn editor(field: &'static str) -> Filled {
    Filled { field, with: Fill::Actor, each_change: true }
}

/// A field that holds the time at which the record was made.
pub const fn made_at(field: &'static str) -> Filled {
    Filled { field, with: Fill::Now, each_change: false }
}

impl Filled {
    /// The value, where there is one: the system is no person, and what it sends stays.
    pub(super) fn value(&self, context: &Context) -> Option<Value> {
        match (self.with, context.actor) {
            (Fill::Actor, Actor::Person(person)) => Some(Value::from(person.to_string())),
            (Fill::Now, Actor::Person(_) | Actor::Anonymous) => serde_json::to_value(context.now).ok(),
            (Fill::Actor, Actor::Anonymous) | (_, Actor::System) => None,
        }
    }
}

impl Record {
    /// The record of a struct `T`, named `name`; until declared otherwise the system writes it and staff see it. `T`
    /// says `#[serde(deny_unknown_fields)]` and carries its rules as garde attributes.
    pub const fn of<T>(name: &'static str) -> Record
    where
        T: Serialize + DeserializeOwned + Validate<Context = ()>,
    {
        Record {
            kind: Kind::of::<Records>().named(name),
            created: Who::System,
            changed: Who::System,
            deleted: Who::System,
            fixed: &[],
            unique: &[],
            filled: &[],
            personal: &[],
            slug: None,
            normalise: normalise::<T>,
            names: names::names::<T>,
        }
    }

    /// See [`Kind::within`].
    pub const fn within(self, field: &'static str, kind: &'static str) -> Record {
        Record { kind: self.kind.within(field, kind), ..self }
    }

    /// See [`Kind::links`].
    pub const fn links(self, links: &'static [Link]) -> Record {
        Record { kind: self.kind.links(links), ..self }
    }

    /// See [`Kind::fields`].
    pub const fn fields(self, fields: &'static [Field]) -> Record {
        Record { kind: self.kind.fields(fields), ..self }
    }

    /// See [`Kind::text`].
    pub const fn text(self, text: &'static [&'static str]) -> Record {
        Record { kind: self.kind.text(text), ..self }
    }

    /// See [`Kind::searchable`].
    pub const fn searchable(self) -> Record {
        Record { kind: self.kind.searchable(), ..self }
    }

    /// See [`Kind::copied`].
    pub const fn copied(self) -> Record {
        Record { kind: self.kind.copied(), ..self }
    }

    /// See [`Kind::known`].
    pub const fn known(self, who: Who) -> Record {
        Record { kind: self.kind.known(who), ..self }
    }

    /// See [`Kind::read`].
    pub const fn read(self, who: Who) -> Record {
        Record { kind: self.kind.read(who), ..self }
    }

    /// See [`Kind::private`].
    pub const fn private(self, private: &'static [(&'static str, Who)]) -> Record {
        Record { kind: self.kind.private(private), ..self }
    }

    /// Which these make, change and delete.
    pub const fn written(self, who: Who) -> Record {
        Record { created: who, changed: who, deleted: who, ..self }
    }

    /// Which these make, and nobody but the system changes.
    pub const fn appended(self, who: Who) -> Record {
        Record { created: who, ..self }
    }

    /// Which these change.
    pub const fn changed(self, who: Who) -> Record {
        Record { changed: who, ..self }
    }

    /// Which these delete.
    pub const fn deleted(self, who: Who) -> Record {
        Record { deleted: who, ..self }
    }

    /// Whose values of these fields stay as they were made.
    pub const fn fixed(self, fixed: &'static [&'static str]) -> Record {
        Record { fixed, ..self }
    }

    /// Of which only one may have the same values in the fields of each list.
    pub const fn unique(self, unique: &'static [&'static [&'static str]]) -> Record {
        Record { unique, ..self }
    }

    /// Which says in these fields who did what when.
    pub const fn filled(self, filled: &'static [Filled]) -> Record {
        Record { filled, ..self }
    }

    /// Of which these fields are about a person.
    pub const fn personal(self, personal: &'static [Personal]) -> Record {
        Record { personal, ..self }
    }

    /// Whose field `field`, which is among its unique ones, is made of `of`.
    pub const fn slug(self, of: &'static str, field: &'static str) -> Record {
        Record { slug: Some(Slug { of, field }), ..self }
    }

    /// Whether a field is about a person.
    pub fn is_personal(&self, field: &str) -> bool {
        self.personal.iter().any(|personal| personal.field == field)
    }

    /// The fields that are declared of the record and that its struct does not have: none, if all is well.
    pub fn undeclared(&self) -> Vec<&'static str> {
        let kind = &self.kind;
        let links = kind.parent.iter().chain(kind.links).map(|link| link.field);
        let of_kind = kind.fields.iter().map(|field| field.name).chain(kind.text.iter().copied()).chain(links);
        let private = kind.private.iter().map(|(field, _)| *field);
        let personal = self.personal.iter().flat_map(|personal| [personal.field, personal.of]);
        let slug = self.slug.iter().flat_map(|slug| [slug.of, slug.field]);
        let filled = self.filled.iter().map(|filled| filled.field);
        let unique = self.unique.iter().flat_map(|fields| fields.iter().copied());
        let declared = of_kind.chain(private).chain(personal).chain(slug).chain(filled).chain(unique);
        let declared = declared.chain(self.fixed.iter().copied()).filter(|field| *field != "id");
        let names = (self.names)();
        declared.filter(|field| !names.contains(field)).collect()
    }

    /// Whether a field is filled, whatever is sent.
    pub fn fills(&self, field: &str) -> bool {
        self.filled.iter().any(|filled| filled.field == field)
    }

    /// What a set of fields holds that only one record may hold: each with its fields. Nothing where one is missing.
    pub fn unique_values(&self, fields: &Map<String, Value>) -> Vec<UniqueValue> {
        let value = |of: &&'static [&'static str]| {
            let parts = of.iter().map(|field| {
                let value = fields.get(*field).filter(|value| !value.is_null())?;
                Some(caseless(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            });
            let parts: Vec<String> = parts.collect::<Option<_>>()?;
            Some(UniqueValue { of, value: serde_json::to_string(&parts).ok()? })
        };
        self.unique.iter().filter_map(value).collect()
    }
}

/// What only one record of a kind may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueValue {
    /// The fields that it is made of.
    pub of: &'static [&'static str],
    /// One text for all of them.
    pub value: String,
}

fn normalise<T>(fields: Value) -> Result<Map<String, Value>, Rejection>
where
    T: Serialize + DeserializeOwned + Validate<Context = ()>,
{
    let typed: T = serde_path_to_error::deserialize(fields)
        .map_err(|error| misshapen(error.path().to_string(), &error.inner().to_string()))?;
    typed.validate().map_err(|report| {
        let fault = |(path, error): &(garde::Path, garde::Error)| (path.to_string(), error.to_string());
        Rejection::all_invalid("record-fields", report.iter().map(fault))
    })?;
    match serde_json::to_value(&typed) {
        Ok(Value::Object(mut map)) => {
            map.retain(|_, value| !value.is_null());
            Ok(map)
        }
        _ => Err(misshapen("body".to_owned(), "is not an object")),
    }
}

fn misshapen(field: String, message: &str) -> Rejection {
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let (field, message) = missing.map_or((field, message), |name| (name.to_owned(), "is required"));
    Rejection::invalid("record-shape", field, message)
}
