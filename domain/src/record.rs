//! Plain resources: a typed struct and one constant each, one engine for all.
//!
//! When a status or a rule across fields appears, the record becomes an aggregate.

mod declared;
mod names;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use declared::{Filled, Personal, Record, Slug, UniqueValue, editor, made_at, maker, personal};

use crate::condition::Entity;
use crate::kind::as_sealed;
use crate::{Actor, Context, Decider, EntityId, Rejection, Who};

/// The one engine behind every [`Record`].
pub enum Records {}

/// What may be done to a record. `id` and `record` come along because the engine serves all kinds.
#[derive(Debug, Clone)]
pub struct RecordCommand {
    pub record: &'static Record,
    pub id: EntityId,
    pub change: Change,
    /// The fields, of those that lead to another entity, which lead to none or to a deleted one.
    pub lost: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub enum Change {
    /// Stores a new record; a conflict where it exists.
    Create(Map<String, Value>),
    /// Changes the named fields of an existing record; null removes one.
    Patch(Map<String, Value>),
    /// Creates or patches, and brings back a deleted one: for imports and for settings that always exist.
    Put(Map<String, Value>),
    Delete,
    /// Patches an existing record, and brings it back where it is deleted.
    Restore(Map<String, Value>),
}

impl Change {
    /// The fields that it names.
    pub fn fields(&self) -> Option<&Map<String, Value>> {
        match self {
            Change::Create(fields) | Change::Patch(fields) | Change::Put(fields) | Change::Restore(fields) => {
                Some(fields)
            }
            Change::Delete => None,
        }
    }

    pub fn fields_mut(&mut self) -> Option<&mut Map<String, Value>> {
        match self {
            Change::Create(fields) | Change::Patch(fields) | Change::Put(fields) | Change::Restore(fields) => {
                Some(fields)
            }
            Change::Delete => None,
        }
    }
}

/// The storage format of every record: names and shapes here are what the log holds, so change them with care.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum RecordEvent {
    Created {
        fields: Map<String, Value>,
    },
    /// Only what changed; null means removed.
    Changed {
        fields: Map<String, Value>,
    },
    Deleted {
        at: DateTime<Utc>,
    },
    Restored {},
}

/// A record's fields, and whether it exists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordState {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exists: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl RecordState {
    /// The record as its struct.
    pub fn get<T: DeserializeOwned>(&self) -> Option<T> {
        if !self.exists || self.deleted_at.is_some() {
            return None;
        }
        serde_json::from_value(Value::Object(self.fields.clone())).ok()
    }
}

impl Decider for Records {
    /// Not a category: a record's streams are named after its kind.
    const CATEGORY: &'static str = "record";
    type State = RecordState;
    type Command = RecordCommand;
    type Event = RecordEvent;

    fn decide(state: &RecordState, command: RecordCommand, context: &Context) -> Result<Vec<RecordEvent>, Rejection> {
        let RecordCommand { record, id, change, lost } = command;
        match change {
            Change::Create(fields) => {
                let created = create(record, id, fields, &lost, context)?;
                if state.exists { Err(Rejection::conflict("record-exists", "exists already")) } else { Ok(created) }
            }
            Change::Put(fields) if !state.exists => create(record, id, fields, &lost, context),
            change => alter(record, state, id, change, &lost, context),
        }
    }

    fn evolve(mut state: RecordState, event: &RecordEvent) -> RecordState {
        match event {
            RecordEvent::Created { fields } => RecordState { exists: true, deleted_at: None, fields: fields.clone() },
            RecordEvent::Changed { fields } => {
                for (name, value) in fields {
                    if value.is_null() {
                        state.fields.remove(name);
                    } else {
                        state.fields.insert(name.clone(), value.clone());
                    }
                }
                state
            }
            RecordEvent::Deleted { at } => RecordState { deleted_at: Some(*at), ..state },
            RecordEvent::Restored {} => RecordState { deleted_at: None, ..state },
        }
    }
}

fn create(
    record: &'static Record,
    id: EntityId,
    mut fields: Map<String, Value>,
    lost: &[&'static str],
    context: &Context,
) -> Result<Vec<RecordEvent>, Rejection> {
    fill(&mut fields, record.filled.iter(), context);
    let fields = (record.normalise)(Value::Object(fields))?;
    let entity = entity(record, id, &fields, lost);
    demand(record, record.created, &entity, context)?;
    leads_somewhere(record, &fields, lost)?;
    Ok(vec![RecordEvent::Created { fields }])
}

/// What becomes of a record that exists.
fn alter(
    record: &'static Record,
    state: &RecordState,
    id: EntityId,
    change: Change,
    lost: &[&'static str],
    context: &Context,
) -> Result<Vec<RecordEvent>, Rejection> {
    let kind = &record.kind;
    let entity = entity(record, id, &state.fields, lost);
    if !state.exists {
        return Err(kind.no_such());
    }
    kind.demand_known(&entity, state.deleted_at.is_some(), context)?;
    let patched = match change.fields() {
        Some(fields) => patch(record, state, fields.clone(), context)?,
        None => vec![],
    };
    let who = if matches!(change, Change::Delete) { record.deleted } else { record.changed };
    demand(record, who, &entity, context)?;
    if let Some(RecordEvent::Changed { fields }) = patched.first() {
        leads_somewhere(record, fields, lost)?;
    }
    match (change, state.deleted_at) {
        (Change::Delete, Some(_)) => Ok(vec![]),
        (Change::Delete, None) => Ok(vec![RecordEvent::Deleted { at: context.now }]),
        (Change::Put(_) | Change::Restore(_), Some(_)) => Ok([vec![RecordEvent::Restored {}], patched].concat()),
        (_, Some(_)) => Err(Rejection::gone("record-deleted", format!("this {} was deleted", kind.name))),
        (_, None) => Ok(patched),
    }
}

fn entity<'a>(record: &'static Record, id: EntityId, state: &'a Map<String, Value>, lost: &[&str]) -> Entity<'a> {
    let parent_lives = record.kind.parent.is_none_or(|parent| !lost.contains(&parent.field));
    Entity { kind: &record.kind, id, state, parent_lives }
}

/// Refuses fields that name what does not exist.
fn leads_somewhere(record: &Record, fields: &Map<String, Value>, lost: &[&'static str]) -> Result<(), Rejection> {
    let mut links = record.kind.parent.iter().chain(record.kind.links);
    match links.find(|link| lost.contains(&link.field) && fields.get(link.field).is_some_and(|id| !id.is_null())) {
        Some(link) => Err(Rejection::not_found("no-such-link", format!("no such {}", link.kind)).on(link.field)),
        None => Ok(()),
    }
}

fn demand(record: &Record, who: Who, entity: &Entity, context: &Context) -> Result<(), Rejection> {
    if who.condition(context).holds(entity) {
        return Ok(());
    }
    Err(Rejection::forbidden("may-not-write-record", format!("may not write this {}", record.kind.name)))
}

fn fill<'f>(fields: &mut Map<String, Value>, filled: impl Iterator<Item = &'f Filled>, context: &Context) {
    for filled in filled {
        if let Some(value) = filled.value(context) {
            fields.insert(filled.field.to_owned(), value);
        }
    }
}

fn patch(
    record: &Record,
    state: &RecordState,
    fields: Map<String, Value>,
    context: &Context,
) -> Result<Vec<RecordEvent>, Rejection> {
    let mut merged = state.fields.clone();
    let by_system = context.actor == Actor::System;
    merged.extend(fields.into_iter().filter(|(name, _)| by_system || !record.fills(name)));
    merged.retain(|_, value| !value.is_null());
    let after = (record.normalise)(Value::Object(merged))?;
    let is_other = |name: &str| match (state.fields.get(name), after.get(name)) {
        // One text is sealed another way each time.
        (Some(before), Some(after)) if record.is_personal(name) => as_sealed(before) != as_sealed(after),
        (before, after) => before != after,
    };
    // The system may put right what something is part of.
    let parent = record.kind.parent.filter(|_| !by_system).map(|parent| parent.field);
    if let Some(fixed) = record.fixed.iter().copied().chain(parent).find(|name| is_other(name)) {
        return Err(Rejection::invalid("record-fixed", fixed, "cannot be changed"));
    }
    let mut changed: Map<String, Value> =
        after.iter().filter(|(name, _)| is_other(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    for name in state.fields.keys().filter(|name| !after.contains_key(*name)) {
        changed.insert(name.clone(), Value::Null);
    }
    if changed.is_empty() {
        return Ok(vec![]);
    }
    fill(&mut changed, record.filled.iter().filter(|filled| filled.each_change), context);
    Ok(vec![RecordEvent::Changed { fields: changed }])
}
