//! From documents to what they are found by: sealed texts, opened, and whole documents for the search server.

use std::collections::HashSet;

use caravan_domain::condition::{KEYWORD_CHARACTERS, caseless, instant};
use caravan_domain::kind::{Field, FieldType, SealedField};
use caravan_domain::{EntityId, Kind, Sealed, Stamps};
use caravan_event_store::{Position, Revision};
use caravan_vault::{FORGOTTEN, Vault, VaultError};
use chrono::NaiveDate;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use super::opened;
use crate::{document, schema, text};

/// A document as it is found by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rendered {
    pub id: Uuid,
    pub position: Position,
    pub deleted: bool,
    /// Its texts for Postgres.
    pub opened: Vec<Opened>,
    /// The whole of it, for Elasticsearch.
    pub source: Value,
}

/// A text made of sealed values, or of all that full-text search covers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Opened {
    /// The name of the sealed field; [`opened::ALL`].
    pub field: &'static str,
    /// As it is compared; folded, of the whole.
    pub words: Option<String>,
    /// Whose values are in it.
    pub subjects: Vec<Uuid>,
}

/// A document as its table has it.
pub(crate) struct Plain {
    pub id: Uuid,
    number: i64,
    parent: Option<Uuid>,
    revision: Revision,
    pub position: Position,
    stamps: Option<Stamps>,
    deleted: bool,
    state: Value,
}

const COLUMNS: &str = "id, number, parent, revision, position, born, created_at, created_by, updated_at, \
                       deleted_at is not null as deleted, state";

/// The documents of these ids, by id.
pub(crate) async fn read(connection: &mut PgConnection, kind: &Kind, ids: &[Uuid]) -> Result<Vec<Plain>, sqlx::Error> {
    let sql = format!("select {COLUMNS} from {} where id = any($1) order by id", schema::view(kind));
    sqlx::query(AssertSqlSafe(sql)).bind(ids).try_map(plain).fetch_all(connection).await
}

/// The next documents after an id, by id.
pub(crate) async fn read_on(
    connection: &mut PgConnection,
    kind: &Kind,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Plain>, sqlx::Error> {
    let sql = format!("select {COLUMNS} from {} where id > $1 order by id limit $2", schema::view(kind));
    sqlx::query(AssertSqlSafe(sql)).bind(after).bind(limit).try_map(plain).fetch_all(connection).await
}

fn plain(row: sqlx::postgres::PgRow) -> Result<Plain, sqlx::Error> {
    Ok(Plain {
        id: row.try_get("id")?,
        number: row.try_get("number")?,
        parent: row.try_get("parent")?,
        revision: row.try_get("revision")?,
        position: row.try_get("position")?,
        stamps: document::stamps(&row, 5)?,
        deleted: row.try_get("deleted")?,
        state: row.try_get("state")?,
    })
}

/// Renders documents; what belongs to a person in `forgotten`, or to one that the vault has forgotten, is left out, and
/// so is what cannot be opened.
pub(crate) async fn render(
    vault: &Vault,
    kind: &Kind,
    documents: Vec<Plain>,
    forgotten: &HashSet<Uuid>,
) -> Result<Vec<Rendered>, VaultError> {
    let parts = |document: &Plain, sealed: &SealedField| match &document.state {
        Value::Object(state) if !document.deleted => (sealed.parts)(state, sealed.name),
        _ => vec![],
    };
    // By document, field and part.
    let sealed: Vec<Vec<Vec<Sealed>>> =
        documents.iter().map(|document| kind.sealed.iter().map(|sealed| parts(document, sealed)).collect()).collect();
    let known = |value: &&Sealed| !forgotten.contains(&value.subject.0);
    let all: Vec<&Sealed> = sealed.iter().flatten().flatten().filter(known).collect();
    let mut texts = if all.is_empty() { vec![] } else { vault.open_to_show(&all).await? }.into_iter();
    let mut rendered = Vec::with_capacity(documents.len());
    for (document, sealed) in documents.into_iter().zip(&sealed) {
        let mut whole = Text::default();
        if !document.deleted {
            whole.add(&document::words(kind, &document.state), None);
        }
        let mut opened = vec![];
        for (field, parts) in kind.sealed.iter().zip(sealed) {
            let mut own = Text::default();
            for value in parts.iter().filter(known) {
                let text = texts.next().unwrap_or_default();
                if text == FORGOTTEN || text.is_empty() {
                    continue;
                }
                own.add(&text, Some(value.subject.0));
                if kind.searches(field) {
                    whole.add(&text::fold(&text), Some(value.subject.0));
                }
            }
            let words: String = caseless(&own.words).chars().take(KEYWORD_CHARACTERS).collect();
            let words = (!words.is_empty()).then_some(words);
            opened.push(Opened { field: field.name, words, subjects: own.subjects });
        }
        let words = document::limit(whole.words);
        let source = source(kind, &document, &words, &whole.subjects);
        opened.push(Opened { field: opened::ALL, words: Some(words), subjects: whole.subjects });
        rendered.push(Rendered {
            id: document.id,
            position: document.position,
            deleted: document.deleted,
            opened,
            source,
        });
    }
    Ok(rendered)
}

/// A text that is put together, and whose values are in it.
#[derive(Default)]
struct Text {
    words: String,
    subjects: Vec<Uuid>,
}

impl Text {
    fn add(&mut self, words: &str, of: Option<Uuid>) {
        if words.is_empty() {
            return;
        }
        if !self.words.is_empty() {
            self.words.push(' ');
        }
        self.words.push_str(words);
        self.subjects.extend(of.filter(|subject| !self.subjects.contains(subject)));
    }
}

fn source(kind: &Kind, document: &Plain, words: &str, subjects: &[Uuid]) -> Value {
    let mut source = json!({
        "id": document.id,
        "number": document.number,
        "position": document.position,
        "revision": document.revision,
        "born": document.stamps.map(|stamps| stamps.born),
        "created_at": document.stamps.map(|stamps| stamps.created_at),
        "created_by": document.stamps.and_then(|stamps| stamps.created_by),
        "updated_at": document.stamps.map(|stamps| stamps.updated_at),
        "deleted": document.deleted,
    });
    // Of a deleted one only that remains.
    if !document.deleted {
        let fields: Map<String, Value> = kind
            .fields
            .iter()
            .filter_map(|field| Some((field.name.to_owned(), indexed(field, document.state.get(field.name)?)?)))
            .collect();
        source["parent"] = json!(document.parent);
        source["words"] = json!(words);
        source["subjects"] = json!(subjects);
        source["fields"] = Value::Object(fields);
        source["state"] = document.state.clone();
    }
    source
}

/// A field's value as the index compares it; nothing when it is missing or not of its type.
fn indexed(field: &Field, value: &Value) -> Option<Value> {
    let short = |text: &str| Value::String(text.chars().take(KEYWORD_CHARACTERS).collect());
    match field.of {
        FieldType::Keyword => match value {
            Value::Null => None,
            Value::String(text) => Some(short(text)),
            other => Some(short(&other.to_string())),
        },
        FieldType::Keywords => Some(value.as_array()?.iter().filter_map(|value| value.as_str().map(short)).collect()),
        FieldType::Text => value.as_str().map(|text| short(&caseless(text))),
        FieldType::Id => value.as_str()?.parse::<EntityId>().ok().map(|id| json!(id)),
        FieldType::Integer => value.as_i64().map(Value::from),
        FieldType::Decimal => value.as_f64().map(Value::from),
        FieldType::Boolean => value.as_bool().map(Value::from),
        FieldType::Instant => instant(value.as_str()?).map(Value::String),
        FieldType::Day => value.as_str()?.get(..10)?.parse::<NaiveDate>().ok().map(|day| json!(day.to_string())),
        FieldType::Place => {
            let (lat, lon) = (value.get("lat")?.as_f64()?, value.get("lon")?.as_f64()?);
            (lat.abs() <= 90.0 && lon.abs() <= 180.0).then(|| json!({"lat": lat, "lon": lon}))
        }
    }
}
