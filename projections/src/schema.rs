//! Tables, views and indexes of documents, generated from the kinds.
//!
//! Names and expressions are built from what the program declares, never from what a caller sends.

use std::collections::HashSet;

use caravan_domain::Kind;
use caravan_domain::kind::{Field, FieldType};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use uuid::Uuid;

use crate::plan::KEYWORD_CHARACTERS;
use crate::{Kinds, ReadError, bookkeeping};

/// What queries read: the view of the kind's current table.
pub(crate) fn view(kind: &Kind) -> String {
    format!("doc_{}", kind.name)
}

pub(crate) fn table(kind: &Kind, version: i32) -> String {
    format!("doc_{}_v{version}", kind.name)
}

/// The value of a field as SQL compares and sorts it; null when it is missing or not of its type. Immutable, so that
/// it can be indexed.
pub(crate) fn expression(field: &Field) -> String {
    let name = field.name;
    match field.of {
        FieldType::Keyword => text(name, KEYWORD_CHARACTERS),
        FieldType::Instant => text(name, 24),
        FieldType::Day => text(name, 10),
        FieldType::Integer => typed(&format!("state->'{name}'"), "number", "numeric"),
        FieldType::Boolean => typed(&format!("state->'{name}'"), "boolean", "boolean"),
        FieldType::Keywords => format!("(state->'{name}')"),
        FieldType::Place => latitude(name),
    }
}

fn text(name: &str, characters: usize) -> String {
    format!("(left(state->>'{name}', {characters}) collate \"C\")")
}

fn typed(value: &str, json_type: &str, sql_type: &str) -> String {
    format!("(case when jsonb_typeof({value}) = '{json_type}' then ({value})::{sql_type} end)")
}

pub(crate) fn latitude(name: &str) -> String {
    typed(&format!("state->'{name}'->'lat'"), "number", "float8")
}

pub(crate) fn longitude(name: &str) -> String {
    typed(&format!("state->'{name}'->'lon'"), "number", "float8")
}

/// The distinct words of folded text, for whole words and beginnings of words.
pub(crate) const LEXEMES: &str = "array_to_tsvector(string_to_array(words, ' '))";

/// A table without key and indexes, for bulk loading.
pub(crate) fn create_table(table: &str) -> String {
    format!("create table {table} {COLUMNS}")
}

/// The same, of this connection only.
pub(crate) fn create_temporary_table(table: &str) -> String {
    format!("create temp table {table} {COLUMNS}")
}

const COLUMNS: &str = "(
    id uuid not null,
    number bigint not null,
    parent uuid,
    position bigint not null,
    revision bigint not null,
    deleted_at timestamptz,
    fold_version int not null,
    words text,
    state jsonb not null
)";

pub(crate) fn create_key(table: &str) -> String {
    format!("alter table {table} add primary key (id)")
}

/// One statement per index that the kind's declarations call for.
pub(crate) fn create_indexes(kind: &Kind, table: &str) -> Vec<String> {
    let create = |name: &str, what: &str| format!("create index if not exists \"{table}_{name}\" on {table} {what}");
    let mut statements = Vec::new();
    if kind.parent.is_some() {
        statements.push(create("parent", "(parent, id)"));
    }
    for field in kind.fields {
        let expression = expression(field);
        statements.push(match field.of {
            FieldType::Keywords => create(&format!("{}_any", field.name), &format!("using gin ({expression})")),
            _ => create(&format!("{}_{:?}", field.name, field.of).to_lowercase(), &format!("({expression}, id)")),
        });
    }
    if has_words(kind) {
        statements.push(create("words", &format!("using gin ({LEXEMES})")));
        statements.push(create("slips", "using gin (words gin_trgm_ops)"));
    }
    statements
}

/// Whether the documents' own table holds the text that search covers. Where personal values belong to it, all of it
/// is in `search_text` instead.
pub(crate) fn has_words(kind: &Kind) -> bool {
    !kind.text.is_empty() && kind.sealed_text.is_empty()
}

pub(crate) fn point_view(kind: &Kind, version: i32) -> String {
    format!(
        "create or replace view {} as select id, number, parent, position, revision, deleted_at, fold_version, words, \
         state from {}",
        view(kind),
        table(kind, version)
    )
}

pub(crate) async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    connection.execute(AssertSqlSafe(statement)).await.map(drop)
}

/// Which of these ids the kind has documents of.
pub(crate) async fn existing(
    connection: &mut PgConnection,
    kind: &Kind,
    ids: &[Uuid],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!("select id from {} where id = any($1)", view(kind));
    let known: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    Ok(known.into_iter().collect())
}

/// Makes what is missing; says which kinds need a rebuild.
pub(crate) async fn migrate(pool: &PgPool, kinds: Kinds) -> Result<Vec<&'static str>, ReadError> {
    let mut connection = pool.acquire().await?;
    let mut tx = connection.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtext('caravan read models'))").execute(&mut *tx).await?;
    let models = bookkeeping::read(&mut tx).await?;
    let followed = bookkeeping::followed(&mut tx).await?;
    let mut outdated = Vec::new();
    for &kind in kinds {
        let fold_version = match models.get(kind.name) {
            Some(model) => {
                let table = table(kind, model.version);
                for statement in create_indexes(kind, &table) {
                    execute(&mut tx, statement).await?;
                }
                model.fold_version
            }
            None => {
                let table = table(kind, 1);
                execute(&mut tx, create_table(&table)).await?;
                execute(&mut tx, create_key(&table)).await?;
                for statement in create_indexes(kind, &table) {
                    execute(&mut tx, statement).await?;
                }
                execute(&mut tx, point_view(kind, 1)).await?;
                // The follower has passed this kind's events without a table to put them in.
                let fold_version = if followed { 0 } else { kind.fold.version };
                bookkeeping::insert(&mut tx, kind.name, fold_version).await?;
                fold_version
            }
        };
        if fold_version != kind.fold.version {
            outdated.push(kind.name);
        }
    }
    tx.commit().await?;
    Ok(outdated)
}
