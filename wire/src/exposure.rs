//! Exposures: which object of a contract shows which kind of entity, and what follows from it: the operations that this
//! takes, the members that they ask for and show. How these are written on the wire is the face's.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use caravan_domain::identity::AccountState;
use caravan_domain::{Condition, EntityId, Kind, Record, Stamps};
use http::{HeaderValue, header};
use serde_json::{Map, Value};

use crate::contract::contracts;
use crate::schema::{Member, Schemas};
use crate::{Answer, DIALECTS, Dialect, Failure, In, Operation, Request};

/// An object of a contract and what it shows: a record, or an aggregate, whose commands have handlers.
#[derive(Debug)]
pub struct Exposure {
    /// The name of its schema.
    pub object: &'static str,
    pub kind: &'static Kind,
    pub record: Option<&'static Record>,
    /// Only those whose field has this value.
    pub only: Option<(&'static str, &'static str)>,
    /// Members that are made of what it shows, each by its name.
    pub made: fn(&Row) -> Vec<(&'static str, Value)>,
    /// By what members are filtered and sorted that are not called as the field.
    pub found: &'static [(&'static str, Found)],
    /// Members that are never shown.
    pub omitted: &'static [&'static str],
    /// Fields that the record has in minor units of the currency in its field `currency`, or as an object of such.
    pub amounts: &'static [&'static str],
    /// Fields that the program decides, where the contract does not say so: what clients send for them is ignored.
    pub owned: &'static [&'static str],
    /// Members that show when it was last changed.
    pub touched: &'static [&'static str],
    /// Members that show the person whose id a field holds.
    pub people: &'static [(&'static str, &'static str)],
    /// The first part of its paths, where that tells it.
    pub path: &'static str,
    pub relations: &'static [Relation],
}

impl Exposure {
    /// Of a record.
    pub const fn of(object: &'static str, record: &'static Record) -> Exposure {
        Exposure { record: Some(record), ..Exposure::reading(object, &record.kind) }
    }

    /// Of an aggregate, for queries alone.
    pub const fn reading(object: &'static str, kind: &'static Kind) -> Exposure {
        Exposure {
            object,
            kind,
            record: None,
            only: None,
            made: |_| vec![],
            found: &[],
            omitted: &[],
            amounts: &[],
            owned: &[],
            touched: &[],
            people: &[],
            path: "",
            relations: &[],
        }
    }

    /// See the field.
    pub const fn only(self, field: &'static str, value: &'static str) -> Exposure {
        Exposure { only: Some((field, value)), ..self }
    }

    /// See the field.
    pub const fn made(self, made: fn(&Row) -> Vec<(&'static str, Value)>) -> Exposure {
        Exposure { made, ..self }
    }

    /// See the field.
    pub const fn found(self, found: &'static [(&'static str, Found)]) -> Exposure {
        Exposure { found, ..self }
    }

    /// See the field.
    pub const fn omitted(self, omitted: &'static [&'static str]) -> Exposure {
        Exposure { omitted, ..self }
    }

    /// By what a member is filtered and sorted, where not by the field of its name.
    pub fn found_by(&self, member: &str) -> Option<&'static Found> {
        self.found.iter().find(|(name, _)| *name == member).map(|(_, found)| found)
    }

    /// Whether a field holds a personal value, sealed, that is shown as it is.
    pub fn is_personal(&self, field: &str) -> bool {
        self.record.is_some_and(|record| record.is_personal(field))
    }

    /// What all that it shows meets.
    pub fn condition(&self) -> Condition {
        self.only.map_or(Condition::ALWAYS, |(field, value)| Condition::Is(field, vec![value.into()]))
    }

    /// See the field.
    pub const fn path(self, path: &'static str) -> Exposure {
        Exposure { path, ..self }
    }

    /// See the field.
    pub const fn relations(self, relations: &'static [Relation]) -> Exposure {
        Exposure { relations, ..self }
    }

    /// The relation of a name.
    pub fn relation(&'static self, name: &str) -> Option<&'static Relation> {
        self.relations.iter().find(|relation| relation.name == name)
    }

    /// See the field.
    pub const fn amounts(self, amounts: &'static [&'static str]) -> Exposure {
        Exposure { amounts, ..self }
    }

    /// See the field.
    pub const fn owned(self, owned: &'static [&'static str]) -> Exposure {
        Exposure { owned, ..self }
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

/// How something is found by a member.
#[derive(Debug)]
pub enum Found {
    /// As by the field of this name.
    By(&'static str),
    /// It has one of these texts, each where the condition holds.
    Among(fn() -> Vec<(&'static str, Condition)>),
}

/// From one object to others: a member of one that the other side is shown under.
#[derive(Debug)]
pub struct Relation {
    /// As it is written.
    pub name: &'static str,
    /// The schema of what it leads to.
    pub object: &'static str,
    pub by: By,
    /// Whether it leads to several.
    pub many: bool,
}

/// Which field makes a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// This record's, with the id of the other.
    Own(&'static str),
    /// This record's, with a list of ids.
    OwnList(&'static str),
    /// The other's, with the id of this record.
    Other(&'static str),
    /// The other's, with a list of ids that has this record's.
    OtherList(&'static str),
}

impl Relation {
    /// To the one whose id a field holds.
    pub const fn one(name: &'static str, object: &'static str, field: &'static str) -> Relation {
        Relation { name, object, by: By::Own(field), many: false }
    }

    /// To those whose ids a field lists.
    pub const fn listed(name: &'static str, object: &'static str, field: &'static str) -> Relation {
        Relation { name, object, by: By::OwnList(field), many: true }
    }

    /// To all whose list of this field leads here.
    pub const fn listing(name: &'static str, object: &'static str, field: &'static str) -> Relation {
        Relation { name, object, by: By::OtherList(field), many: true }
    }

    /// To the first whose field leads here.
    pub const fn first(name: &'static str, object: &'static str, field: &'static str) -> Relation {
        Relation { name, object, by: By::Other(field), many: false }
    }

    /// To all whose field leads here.
    pub const fn all(name: &'static str, object: &'static str, field: &'static str) -> Relation {
        Relation { name, object, by: By::Other(field), many: true }
    }
}

/// Gives the id of an entity of a kind by its number.
pub type Ids<'a> = &'a (dyn Fn(&str, u64) -> EntityId + Send + Sync);

/// The fields that a record has before it is changed, where that matters.
pub type Present<'a> = Option<&'a Map<String, Value>>;

/// How a dialect's objects are asked for and shown.
pub struct Objects {
    pub exposures: &'static [Exposure],
    /// Whether visitors may ask too, and see what is shown to anyone.
    pub visited: bool,
    /// Which object an operation is about, and what it does with it; none of one that is no plain operation.
    pub about: fn(&'static Operation, &Schemas) -> Option<About>,
    /// The id of a record of this kind, as requests write it.
    pub id: fn(&Value, &'static Kind, Ids) -> Option<EntityId>,
    /// What a request asks a record to become.
    pub changes: fn(&Request, &Exposed, Present, Ids) -> Result<Changes, Failure>,
    /// Whether a request asks for the persons that its answer can show.
    pub joins: fn(&Request) -> bool,
    /// The related records that the answer to a request needs.
    pub wants: fn(&Request, &Exposed) -> Result<Vec<Want>, Failure>,
    /// What a request asks a list for.
    pub question: fn(&Request, &Exposed, Ids) -> Result<Question, Failure>,
    /// How long the client may keep an answer, as its header says; nothing where it may not.
    pub kept: fn(&Request) -> Option<HeaderValue>,
    /// An answer that shows one.
    pub one: fn(&Request, &Exposed, &Row) -> Value,
    /// An answer that shows a page.
    pub page: fn(&Request, &Exposed, &Page) -> Value,
    /// An answer to its deletion.
    pub gone: fn(&Request, &Exposed, &Row) -> Value,
    /// Where a field that is at fault stands in the request.
    pub place: fn(&Exposed, &str) -> String,
}

/// Related records that an answer needs.
pub struct Want {
    pub relation: &'static Relation,
    /// Whether they are shown, and not only pointed to.
    pub shown: bool,
    /// What it needs of those.
    pub then: Vec<Want>,
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
    /// Whose relation the path follows, where it does: the first part of that path, and the relation's name.
    pub above: Option<(&'static str, &'static str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Create,
    Patch,
    Delete,
    /// One, by the id in its path, or by that of a record that leads to it.
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
    /// Fields, each with whether downwards; in the order in which they were made where there is none.
    pub sort: Vec<(&'static str, bool)>,
    /// From 1; 0 for all that there are.
    pub number: usize,
    /// Rows a page, at least 1.
    pub size: usize,
    /// Whether staff are to find what is deleted too.
    pub deleted: bool,
}

/// A record, or another entity, as it is shown.
#[derive(Clone)]
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
    /// The related records that were wanted.
    pub related: Vec<Related>,
}

/// The records that a relation leads to, from one.
#[derive(Clone)]
pub struct Related {
    pub relation: &'static Relation,
    pub shown: bool,
    /// One that several lead to is held once.
    pub rows: Vec<Arc<Row>>,
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
        self.exposure.kind
    }

    /// The members that show persons, of those that the answer has, each with its field.
    pub fn people(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let shows = |member: &str| self.about.shows.iter().any(|shown| shown.name == member);
        self.exposure.people.iter().filter(move |(member, _)| shows(member))
    }

    pub fn verb(&self) -> Verb {
        self.about.verb
    }

    /// The record that the path names, and how it is exposed: the one that is shown, or the one whose relation is
    /// followed to it.
    pub fn named(&self, request: &Request, ids: Ids) -> Result<(&'static Exposure, EntityId), Failure> {
        let exposure = match self.about.above {
            Some((path, _)) => self.objects.exposures.iter().find(|exposure| exposure.path == path),
            None => Some(self.exposure),
        };
        let exposure = exposure.ok_or_else(|| Failure::broken("the path of this operation names no record"))?;
        let kind = exposure.kind;
        match self.path_parameter() {
            Some(parameter) => Ok((exposure, self.id_in(request, parameter, kind, ids)?)),
            // The one that there is.
            None => Ok((exposure, ids(kind.name, 1))),
        }
    }

    /// The parameter with the id in the path.
    pub fn path_parameter(&self) -> Option<&'static str> {
        let mut parameters = self.operation.parameters.iter();
        parameters.find(|parameter| parameter.place == In::Path).map(|parameter| parameter.name.as_str())
    }

    /// The id that a parameter holds.
    pub fn id_in(&self, request: &Request, name: &str, kind: &'static Kind, ids: Ids) -> Result<EntityId, Failure> {
        let id = request.parameters.get(name).and_then(|id| (self.objects.id)(id, kind, ids));
        id.ok_or_else(|| Failure::not_found("no such id").on(name).whose_field_is_written())
    }

    /// The relation that the path follows.
    pub fn followed(&self) -> Option<&'static Relation> {
        let (path, name) = self.about.above?;
        self.objects.exposures.iter().find(|exposure| exposure.path == path)?.relation(name)
    }

    /// A failure, its fields where the request has them.
    pub fn placed(&self, failure: Failure) -> Failure {
        failure.placed(|field| (self.objects.place)(self, field))
    }
}

impl Objects {
    /// How an object is exposed.
    pub fn exposure(&self, object: &str) -> Option<&'static Exposure> {
        self.exposures.iter().find(|exposure| exposure.object == object)
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
    let exposure = objects.exposure(&about.object)?;
    if let Some((path, relation)) = about.above {
        objects.exposures.iter().find(|exposure| exposure.path == path)?.relation(relation)?;
    }
    // The commands of aggregates have handlers.
    if exposure.record.is_none() && operation.command {
        return None;
    }
    Some(Exposed { operation, exposure, about, takes: schemas.members(&operation.asks), objects })
}
