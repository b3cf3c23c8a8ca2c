//! From a folded state to a row of its kind's table.

use caravan_domain::kind::{FieldType, Folding};
use caravan_domain::{EntityId, Kind};
use caravan_event_store::{Position, Recorded, Revision, codec};
use chrono::{DateTime, SubsecRound, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::{plan, schema, text};

/// Longest folded text that is searched, in bytes.
const WORDS_BYTES: usize = 256 * 1024;

/// A row of a document table.
pub(crate) struct Row {
    pub id: Uuid,
    pub number: i64,
    pub parent: Option<Uuid>,
    pub position: Position,
    pub revision: Revision,
    pub deleted_at: Option<DateTime<Utc>>,
    pub fold_version: i32,
    pub words: Option<String>,
    pub state: String,
}

/// A state while it is being folded.
pub(crate) struct Folded {
    pub id: Uuid,
    /// -1 before the first event.
    pub revision: Revision,
    pub position: Position,
    state: Box<dyn Folding>,
}

impl Folded {
    pub(crate) fn empty(kind: &Kind, id: Uuid) -> Folded {
        Folded { id, revision: -1, position: 0, state: (kind.fold.empty)() }
    }

    /// Where a document left off; from the beginning when it was folded by other rules.
    pub(crate) fn resume(
        kind: &Kind,
        id: Uuid,
        revision: Revision,
        position: Position,
        fold_version: i32,
        state: &str,
    ) -> Folded {
        let same_rules = fold_version == kind.fold.version;
        let state =
            same_rules.then(|| serde_json::from_str(state).ok().and_then(|state| (kind.fold.resume)(state).ok()));
        match state.flatten() {
            Some(state) => Folded { id, revision, position, state },
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
    }

    pub(crate) fn row(&self, kind: &Kind) -> Row {
        let mut state = self.state.state();
        for field in kind.fields.iter().filter(|field| field.of == FieldType::Instant) {
            if let Some(value) = state.get_mut(field.name)
                && let Some(fixed) = value.as_str().and_then(plan::instant)
            {
                *value = Value::String(fixed);
            }
        }
        Row {
            id: self.id,
            number: EntityId(self.id).number() as i64,
            parent: kind.parent.and_then(|parent| state.get(parent)?.as_str()?.parse().ok()),
            position: self.position,
            revision: self.revision,
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

/// A time in Postgres' precision: what is finer is rounded in one way by `COPY` and in another by a bound value.
fn as_stored(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}
