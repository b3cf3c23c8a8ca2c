//! Exposures: which object of a contract shows which record, and what follows from it: the operations that this takes,
//! the members that they ask for and show. How these are written on the wire is the face's.

use std::collections::HashMap;
use std::sync::LazyLock;

use caravan_domain::identity::AccountState;
use caravan_domain::{Condition, EntityId, Kind, Record, Stamps};
use http::{HeaderValue, header};
use serde_json::{Map, Value};

use crate::contract::contracts;
use crate::schema::{Member, Schemas};
use crate::{Answer, DIALECTS, Dialect, Failure, Operation, Request};

/// An object of a contract and the record that it shows.
#[derive(Debug)]
pub struct Exposure {
    /// The name of its schema.
    pub object: &'static str,
    pub record: &'static Record,
    /// Fields that the record has in minor units of the currency in its field `currency`, or as an object of such.
    pub amounts: &'static [&'static str],
    /// Members that show when it was last changed.
    pub touched: &'static [&'static str],
    /// Members that show the person whose id a field holds.
    pub people: &'static [(&'static str, &'static str)],
}

impl Exposure {
    pub const fn of(object: &'static str, record: &'static Record) -> Exposure {
        Exposure { object, record, amounts: &[], touched: &[], people: &[] }
    }

    /// See the field.
    pub const fn amounts(self, amounts: &'static [&'static str]) -> Exposure {
        Exposure { amounts, ..self }
    }

    /// See the field.
    pub const fn touched(self, touched: &'static [&'static str]) -> Exposure {
        Exposure { touched, ..self }
    }

    /// See the field.
    pub const fn people(self, people: &'static [(&'static str, &'static str)]) -> Exposure {
        Exposure { people, ..self }
    }
}

/// How a dialect's objects are asked for and shown.
pub struct Objects {
    pub exposures: &'static [Exposure],
    /// Which object an operation is about, and what it does with it; none of one that is no plain operation.
    pub about: fn(&'static Operation, &Schemas) -> Option<About>,
    /// What a request asks a record to become.
    pub changes: fn(&Request, &Exposed) -> Result<Changes, Failure>,
    /// Whether a request asks for the persons that its answer can show.
    pub joins: fn(&Request) -> bool,
    /// What a request asks a list for.
    pub question: fn(&Request, &Exposed) -> Result<Question, Failure>,
    /// How long the client may keep an answer, as its header says; nothing where it may not.
    pub kept: fn(&Request) -> Option<HeaderValue>,
    /// An answer that shows one.
    pub one: fn(&Exposed, &Row) -> Value,
    /// An answer that shows a page.
    pub page: fn(&Exposed, &Page) -> Value,
}

/// What an operation is about.
pub struct About {
    /// The name of the object's schema.
    pub object: String,
    pub verb: Verb,
    /// What the answer has of the object.
    pub shows: Vec<Member>,
    /// The member of the answer that holds it.
    pub member: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Create,
    Patch,
    Delete,
    Get,
    List,
}

/// An operation that follows from an exposure.
pub struct Exposed {
    pub operation: &'static Operation,
    pub exposure: &'static Exposure,
    pub about: About,
    /// The members that the body may have.
    pub takes: Vec<Member>,
    pub objects: &'static Objects,
}

/// What a record is to become.
pub struct Changes {
    pub fields: Map<String, Value>,
    /// Whether it is to be brought back where it is deleted.
    pub restores: bool,
}

/// What a list is asked for.
pub struct Question {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// From 1; 0 for all that there are.
    pub number: usize,
    /// Rows a page, at least 1.
    pub size: usize,
}

/// A record as it is shown.
pub struct Row {
    pub id: EntityId,
    pub revision: i64,
    pub stamps: Stamps,
    pub deleted: bool,
    pub fields: Map<String, Value>,
    /// The accounts of the persons it shows, where they are asked for.
    pub people: Option<HashMap<EntityId, AccountState>>,
    /// Whether who looks may see what is private to a person.
    pub privately: bool,
}

/// A page of records.
pub struct Page {
    pub rows: Vec<Row>,
    /// As asked for.
    pub number: usize,
    pub size: usize,
    /// Of all pages.
    pub total: u64,
}

impl Exposed {
    /// An answer that the client keeps for as long as it asked to.
    pub fn kept<O>(&self, request: &Request, answer: Answer<O>) -> Answer<O> {
        match (self.objects.kept)(request) {
            Some(kept) => answer.header(header::CACHE_CONTROL, kept),
            None => answer,
        }
    }

    pub fn kind(&self) -> &'static Kind {
        &self.exposure.record.kind
    }

    /// The members that show persons, of those that the answer has, each with its field.
    pub fn people(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let shows = |member: &str| self.about.shows.iter().any(|shown| shown.name == member);
        self.exposure.people.iter().filter(move |(member, _)| shows(member))
    }

    pub fn verb(&self) -> Verb {
        self.about.verb
    }

    /// The id that the path ends with.
    pub fn id(&self, request: &Request) -> Result<EntityId, Failure> {
        self.id_in(
            request,
            self.path_id().ok_or_else(|| Failure::broken("the path of this operation names no record"))?,
        )
    }

    /// The id that a parameter holds.
    pub fn id_in(&self, request: &Request, name: &'static str) -> Result<EntityId, Failure> {
        let id = request.parameters.get(name).and_then(Value::as_str).and_then(|id| id.parse().ok());
        id.ok_or_else(|| Failure::not_found("no such id").on(name).whose_field_is_written())
    }

    /// The parameter that the path ends with.
    fn path_id(&self) -> Option<&'static str> {
        self.operation.path.rsplit_once('/')?.1.strip_prefix('{')?.strip_suffix('}')
    }
}

/// The operations of a dialect that follow from its exposures.
pub fn exposed(dialect: &'static Dialect) -> impl Iterator<Item = &'static Exposed> {
    static EXPOSED: LazyLock<Vec<Exposed>> = LazyLock::new(|| {
        let faces = DIALECTS.iter().zip(contracts());
        let faces = faces.filter_map(|(dialect, contract)| Some((dialect.face.objects?, contract)));
        let operations = faces.flat_map(|(objects, contract)| {
            contract.operations.iter().filter_map(|operation| of(objects, operation, &contract.schemas))
        });
        operations.collect()
    });
    EXPOSED.iter().filter(|exposed| exposed.operation.dialect.name == dialect.name)
}

fn of(objects: &'static Objects, operation: &'static Operation, schemas: &Schemas) -> Option<Exposed> {
    let about = (objects.about)(operation, schemas)?;
    let exposure = objects.exposures.iter().find(|exposure| exposure.object == about.object)?;
    Some(Exposed { operation, exposure, about, takes: schemas.members(&operation.asks), objects })
}
