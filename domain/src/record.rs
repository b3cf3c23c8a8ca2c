//! Plain resources: a typed struct and one constant each, one engine for all.
//!
//! When a status or a rule across fields appears, the record becomes an aggregate.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use garde::Validate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kind::Field;
use crate::{Actor, Context, Decider, EntityId, Kind, Rejection};

/// What is declared about one plain resource.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    pub kind: Kind,
    pub write: Access,
    /// Checks a complete set of fields and puts it in stored form; unknown fields are refused, null ones dropped.
    pub normalise: fn(Value) -> Result<Map<String, Value>, Rejection>,
}

/// Who may write a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The person whose id the record has.
    Owner,
    /// Only the system: imports and operators.
    System,
}

impl Record {
    /// The record of a struct `T`, named `name`; system-written until declared otherwise. `T` says
    /// `#[serde(deny_unknown_fields)]` and carries its rules as garde attributes.
    pub const fn of<T>(name: &'static str) -> Record
    where
        T: Serialize + DeserializeOwned + Validate<Context = ()>,
    {
        Record { kind: Kind::of::<Records>().named(name), write: Access::System, normalise: normalise::<T> }
    }

    /// See [`Kind::within`].
    pub const fn within(self, parent: &'static str) -> Record {
        Record { kind: self.kind.within(parent), ..self }
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

    pub const fn written(self, write: Access) -> Record {
        Record { write, ..self }
    }
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
    Rejection::invalid("record-shape", field, message)
}

/// The one engine behind every [`Record`].
pub enum Records {}

/// What may be done to a record. `id` and `record` come along because the engine serves all kinds.
#[derive(Debug, Clone)]
pub struct RecordCommand {
    pub record: &'static Record,
    pub id: EntityId,
    pub change: Change,
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
    Restore,
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
        let RecordCommand { record, id, change } = command;
        let may = match record.write {
            Access::System => context.actor == Actor::System,
            Access::Owner => context.actor == Actor::System || context.actor == Actor::Person(id),
        };
        if !may {
            return Err(Rejection::forbidden(
                "may-not-write-record",
                format!("may not write this {}", record.kind.name),
            ));
        }
        match change {
            Change::Create(_) if state.exists => Err(Rejection::conflict("record-exists", "exists already")),
            Change::Create(fields) => create(record, fields),
            Change::Put(fields) if !state.exists => create(record, fields),
            Change::Put(fields) => {
                let mut events = restore(state);
                events.extend(patch(record, state, fields)?);
                Ok(events)
            }
            Change::Restore if state.exists => Ok(restore(state)),
            _ if !state.exists => Err(Rejection::not_found("no-such-record", format!("no such {}", record.kind.name))),
            Change::Delete if state.deleted_at.is_some() => Ok(vec![]),
            _ if state.deleted_at.is_some() => {
                Err(Rejection::gone("record-deleted", format!("this {} was deleted", record.kind.name)))
            }
            Change::Delete => Ok(vec![RecordEvent::Deleted { at: context.now }]),
            Change::Patch(fields) => patch(record, state, fields),
            Change::Restore => Ok(vec![]),
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

fn create(record: &Record, fields: Map<String, Value>) -> Result<Vec<RecordEvent>, Rejection> {
    let fields = (record.normalise)(Value::Object(fields))?;
    Ok(vec![RecordEvent::Created { fields }])
}

fn restore(state: &RecordState) -> Vec<RecordEvent> {
    if state.deleted_at.is_some() { vec![RecordEvent::Restored {}] } else { vec![] }
}

fn patch(record: &Record, state: &RecordState, fields: Map<String, Value>) -> Result<Vec<RecordEvent>, Rejection> {
    let mut merged = state.fields.clone();
    merged.extend(fields);
    merged.retain(|_, value| !value.is_null());
    let after = (record.normalise)(Value::Object(merged))?;
    let mut changed: Map<String, Value> = after
        .iter()
        .filter(|(name, value)| state.fields.get(*name) != Some(value))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    for name in state.fields.keys().filter(|name| !after.contains_key(*name)) {
        changed.insert(name.clone(), Value::Null);
    }
    Ok(if changed.is_empty() { vec![] } else { vec![RecordEvent::Changed { fields: changed }] })
}
