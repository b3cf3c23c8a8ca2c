//! From a folded state to a row of its kind's table.

use caravan_domain::condition::instant;
use caravan_domain::kind::{FieldType, Folding};
use caravan_domain::{EntityId, Kind, Stamps};
use caravan_event_store::{Position, Recorded, Revision, codec};
use chrono::{DateTime, SubsecRound, Utc};
use serde_json::Value;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::{schema, text};

/// Longest folded text that is searched, in bytes.
const WORDS_BYTES: usize = 256 * 1024;

/// A row of a document table.
pub(crate) struct Row {
    pub id: Uuid,
    pub number: i64,
    pub parent: Option<Uuid>,
    pub position: Position,
    pub revision: Revision,
    pub stamps: Option<Stamps>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub fold_version: i32,
    pub words: Option<String>,
    pub state: String,
}

/// A document as its table has it, its state still text.
#[derive(Debug)]
pub(crate) struct Stored {
    pub id: Uuid,
    pub revision: Revision,
    pub position: Position,
    pub fold_version: i32,
    /// `None` of one that was written before documents had any.
    pub stamps: Option<Stamps>,
    pub state: String,
}

/// How many columns a [`Stored`] has.
pub(crate) const COLUMNS: usize = 9;

/// The columns of a [`Stored`], of a table or view.
pub(crate) fn columns(of: &str) -> String {
    let columns: [&str; COLUMNS] =
        ["id", "revision", "position", "fold_version", "state::text", "born", "created_at", "created_by", "updated_at"];
    columns.map(|column| format!("{of}.{column}")).join(", ")
}

/// The stamps whose columns, in the order of [`columns`], begin at `first`.
pub(crate) fn stamps(row: &PgRow, first: usize) -> Result<Option<Stamps>, sqlx::Error> {
    let Some(born) = row.try_get::<Option<Position>, _>(first)? else { return Ok(None) };
    Ok(Some(Stamps {
        born,
        created_at: row.try_get(first + 1)?,
        created_by: row.try_get::<Option<Uuid>, _>(first + 2)?.map(EntityId),
        updated_at: row.try_get(first + 3)?,
    }))
}

/// The document whose [`columns`] begin at `first`.
pub(crate) fn stored(row: &PgRow, first: usize) -> Result<Stored, sqlx::Error> {
    Ok(Stored {
        id: row.try_get(first)?,
        revision: row.try_get(first + 1)?,
        position: row.try_get(first + 2)?,
        fold_version: row.try_get(first + 3)?,
        stamps: stamps(row, first + 5)?,
        state: row.try_get(first + 4)?,
    })
}

/// A state while it is being folded.
pub(crate) struct Folded {
    pub id: Uuid,
    /// -1 before the first event.
    pub revision: Revision,
    pub position: Position,
    /// `None` before the first event.
    stamps: Option<Stamps>,
    state: Box<dyn Folding>,
}

impl Folded {
    pub(crate) fn empty(kind: &Kind, id: Uuid) -> Folded {
        Folded { id, revision: -1, position: 0, stamps: None, state: (kind.fold.empty)() }
    }

    /// Where a document left off; from the beginning when it was folded by other rules, or before it had stamps.
    pub(crate) fn resume(kind: &Kind, stored: Stored) -> Folded {
        let Stored { id, revision, position, fold_version, stamps, state } = stored;
        let same_rules = fold_version == kind.fold.version && stamps.is_some();
        let state =
            same_rules.then(|| serde_json::from_str(&state).ok().and_then(|state| (kind.fold.resume)(state).ok()));
        match state.flatten() {
            Some(state) => Folded { id, revision, position, stamps, state },
            None => Folded::empty(kind, id),
        }
    }

    /// Takes the stream's next event. When the event does not have the shape of its type, the state stays as it was.
    pub(crate) fn apply(&mut self, event: &Recorded) -> Result<(), String> {
        let (event_type, data) = codec::current(event).map_err(|error| error.to_string())?;
        self.state
            .apply(event_type, &data)
            .map_err(|error| format!("{} at revision {}: {error}", event.event_type, event.revision))?;
        self.pass(event);
        Ok(())
    }

    /// Goes past an event without taking it.
    pub(crate) fn pass(&mut self, event: &Recorded) {
        self.revision = event.revision;
        self.position = event.position;
        self.stamps = Some(event.stamp(self.stamps));
    }

    pub(crate) fn row(&self, kind: &Kind) -> Row {
        let mut state = self.state.state();
        for field in kind.fields.iter().filter(|field| field.of == FieldType::Instant) {
            if let Some(value) = state.get_mut(field.name)
                && let Some(fixed) = value.as_str().and_then(instant)
            {
                *value = Value::String(fixed);
            }
        }
        Row {
            id: self.id,
            number: EntityId(self.id).number() as i64,
            parent: kind.parent.and_then(|parent| state.get(parent.field)?.as_str()?.parse().ok()),
            position: self.position,
            revision: self.revision,
            stamps: self.stamps.map(stamps_as_stored),
            deleted_at: state.get("deleted_at").and_then(|at| at.as_str()?.parse().ok()).map(as_stored),
            fold_version: kind.fold.version,
            words: schema::has_words(kind).then(|| words(kind, &state)),
            state: state.to_string(),
        }
    }
}

/// The folded words of the kind's unsealed text.
pub(crate) fn words(kind: &Kind, state: &Value) -> String {
    let mut all = String::new();
    for field in kind.text {
        collect(state.get(*field).unwrap_or(&Value::Null), &mut all);
    }
    limit(text::fold(&all))
}

fn collect(value: &Value, all: &mut String) {
    match value {
        Value::String(text) => {
            all.push(' ');
            all.push_str(text);
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, all)),
        Value::Object(map) => map.values().for_each(|value| collect(value, all)),
        _ => {}
    }
}

pub(crate) fn limit(mut words: String) -> String {
    if words.len() > WORDS_BYTES {
        let end = words[..words.floor_char_boundary(WORDS_BYTES)].rfind(' ').unwrap_or(0);
        words.truncate(end);
    }
    words
}

fn stamps_as_stored(stamps: Stamps) -> Stamps {
    Stamps { created_at: as_stored(stamps.created_at), updated_at: as_stored(stamps.updated_at), ..stamps }
}

/// A time in Postgres' precision: what is finer is rounded in one way by `COPY` and in another by a bound value.
fn as_stored(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}
