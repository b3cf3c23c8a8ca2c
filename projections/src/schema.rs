//! Tables, views and indexes of documents, generated from the kinds.
//!
//! Names and expressions are built from what the program declares, never from what a caller sends.

use std::collections::HashSet;

use caravan_domain::Kind;
use caravan_domain::condition::KEYWORD_CHARACTERS;
use caravan_domain::kind::{Field, FieldType};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use uuid::Uuid;

use crate::{Kinds, ReadError, bookkeeping};

/// What queries read: the view of the kind's current table.
pub(crate) fn view(kind: &Kind) -> String {
    format!("doc_{}", kind.name)
}

pub(crate) fn table(kind: &Kind, version: i32) -> String {
    format!("doc_{}_v{version}", kind.name)
}

/// The column with a field's value as SQL compares and sorts it (of a place: its latitude); null when it is missing or
/// not of its type. Postgres derives it from the state. An index over a column is touched only where the value changes,
/// one over an expression of the state whenever anything does.
pub(crate) fn column(field: &Field) -> String {
    match field.of {
        FieldType::Place => latitude(field.name),
        of => format!("\"{}_{of:?}\"", field.name).to_lowercase(),
    }
}

pub(crate) fn latitude(name: &str) -> String {
    format!("\"{name}_lat\"")
}

pub(crate) fn longitude(name: &str) -> String {
    format!("\"{name}_lon\"")
}

/// What the text of an id looks like.
pub(crate) const ID: &str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

/// A derived column: its name, quoted, and how it is declared.
struct Derived {
    name: String,
    declaration: String,
}

fn derived(kind: &Kind) -> Vec<Derived> {
    kind.fields.iter().flat_map(of_field).collect()
}

fn of_field(field: &Field) -> Vec<Derived> {
    let name = field.name;
    let derive = |column: String, sql_type: &str, value: String| Derived {
        declaration: format!("{column} {sql_type} generated always as ({value}) stored"),
        name: column,
    };
    let text = |characters: usize| format!("left(state->>'{name}', {characters})");
    let typed = |path: &str, json_type: &str, sql_type: &str| {
        format!("case when jsonb_typeof(state{path}) = '{json_type}' then (state{path})::{sql_type} end")
    };
    let own = |sql_type: &str, value: String| vec![derive(column(field), sql_type, value)];
    match field.of {
        FieldType::Keyword => own("text collate \"C\"", text(KEYWORD_CHARACTERS)),
        FieldType::Instant => own("text collate \"C\"", text(24)),
        FieldType::Day => own("text collate \"C\"", text(10)),
        FieldType::Text => {
            let text =
                format!("case when jsonb_typeof(state->'{name}') = 'string' then {} end", text(KEYWORD_CHARACTERS));
            own("text collate \"C\"", format!("lower(({text}) collate \"und-x-icu\")"))
        }
        FieldType::Id => {
            let id = format!("state->>'{name}' ~ '{ID}'");
            own("uuid", format!("case when {id} then (state->>'{name}')::uuid end"))
        }
        FieldType::Integer | FieldType::Decimal => own("numeric", typed(&format!("->'{name}'"), "number", "numeric")),
        FieldType::Boolean => own("boolean", typed(&format!("->'{name}'"), "boolean", "boolean")),
        FieldType::Keywords => own("jsonb", typed(&format!("->'{name}'"), "array", "jsonb")),
        FieldType::Place => {
            let degrees = |part: &str| typed(&format!("->'{name}'->'{part}'"), "number", "float8");
            vec![derive(latitude(name), "float8", degrees("lat")), derive(longitude(name), "float8", degrees("lon"))]
        }
    }
}

/// The distinct words of folded text, for whole words and beginnings of words.
pub(crate) const LEXEMES: &str = "array_to_tsvector(string_to_array(words, ' '))";

/// A table without key and indexes, for bulk loading. It leaves room on its pages, so that a changed row stays on its
/// page and no index has to follow it.
pub(crate) fn create_table(kind: &Kind, table: &str) -> String {
    let derived: String = derived(kind).iter().map(|column| format!(", {}", column.declaration)).collect();
    format!("create table {table} ({COLUMNS}{derived}) with (fillfactor = 80)")
}

/// One of this connection only, without what is derived.
pub(crate) fn create_temporary_table(table: &str) -> String {
    format!("create temp table {table} ({COLUMNS})")
}

const COLUMNS: &str = "
    id uuid not null,
    number bigint not null,
    parent uuid,
    position bigint not null,
    revision bigint not null,
    born bigint,
    created_at timestamptz,
    created_by uuid,
    updated_at timestamptz,
    deleted_at timestamptz,
    fold_version int not null,
    words text,
    state jsonb not null";

pub(crate) fn create_key(table: &str) -> String {
    format!("alter table {table} add primary key (id)")
}

/// The indexes that the kind's declarations call for.
fn create_indexes(kind: &Kind, table: &str) -> Vec<CreateIndex> {
    let create = |name: &str, what: &str| {
        let name = format!("{table}_{name}");
        CreateIndex { statement: format!("create index \"{name}\" on {table} {what}"), name }
    };
    let mut statements = vec![create("born", "(born)")];
    if kind.copied {
        statements.push(create("position", "(position)"));
    }
    if kind.parent.is_some() {
        statements.push(create("parent", "(parent, born)"));
    }
    for field in kind.fields {
        let column = column(field);
        statements.push(match field.of {
            FieldType::Keywords => create(&format!("{}_any", field.name), &format!("using gin ({column})")),
            _ => create(&format!("{}_{:?}", field.name, field.of).to_lowercase(), &format!("({column}, born)")),
        });
        if field.of == FieldType::Text {
            statements.push(create(&format!("{}_parts", field.name), &format!("using gin ({column} gin_trgm_ops)")));
        }
    }
    if has_words(kind) {
        statements.push(create("words", &format!("using gin ({LEXEMES})")));
        statements.push(create("slips", "using gin (words gin_trgm_ops)"));
    }
    statements
}

struct CreateIndex {
    name: String,
    statement: String,
}

/// Whether the documents' own table holds the text that search covers. Where personal values belong to it, all of it
/// is in `opened` instead.
pub(crate) fn has_words(kind: &Kind) -> bool {
    !kind.text.is_empty() && kind.sealed.is_empty()
}

/// Points the view to a table; made anew, since its columns may be others.
pub(crate) fn point_view(kind: &Kind, version: i32) -> String {
    let derived: String = derived(kind).iter().map(|column| format!(", {}", column.name)).collect();
    let (view, table) = (view(kind), table(kind, version));
    format!(
        "drop view if exists {view};
         create view {view} as select id, number, parent, position, revision, born, created_at, created_by, updated_at,\
             deleted_at, fold_version, words, state\
         {derived} from {table}"
    )
}

/// What tables of an earlier release lack; empty there until the kind is folded anew.
const STAMPS: [(&str, &str); 4] =
    [("born", "bigint"), ("created_at", "timestamptz"), ("created_by", "uuid"), ("updated_at", "timestamptz")];

/// Adds the columns of fields that the kind did not have when its table was made. Takes a while on a large table.
/// Whether what it holds is complete.
async fn add_columns(connection: &mut PgConnection, kind: &Kind, version: i32) -> Result<bool, sqlx::Error> {
    let table = table(kind, version);
    let present: Vec<String> = sqlx::query_scalar(
        "select attname::text from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped",
    )
    .bind(&table)
    .fetch_all(&mut *connection)
    .await?;
    let missing =
        derived(kind).into_iter().filter(|column| !present.iter().any(|name| column.name == format!("\"{name}\"")));
    let mut added: Vec<String> = missing.map(|column| format!("add column {}", column.declaration)).collect();
    let stamps = STAMPS.iter().filter(|(stamp, _)| !present.iter().any(|name| name == stamp));
    let stamps: Vec<String> = stamps.map(|(stamp, sql_type)| format!("add column {stamp} {sql_type}")).collect();
    let complete = stamps.is_empty();
    added.extend(stamps);
    if !added.is_empty() {
        execute(connection, format!("alter table {table} {}", added.join(", "))).await?;
        execute(connection, point_view(kind, version)).await?;
    }
    Ok(complete)
}

/// Makes the indexes that are missing. What is there is not touched: even a statement that finds nothing to do would
/// wait for the follower's transactions, and hold up the next.
pub(crate) async fn add_indexes(connection: &mut PgConnection, kind: &Kind, table: &str) -> Result<(), sqlx::Error> {
    for index in create_indexes(kind, table) {
        let present: bool = sqlx::query_scalar("select to_regclass(quote_ident($1)) is not null")
            .bind(&index.name)
            .fetch_one(&mut *connection)
            .await?;
        if !present {
            execute(connection, index.statement).await?;
        }
    }
    Ok(())
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
                let complete = add_columns(&mut tx, kind, model.version).await?;
                add_indexes(&mut tx, kind, &table(kind, model.version)).await?;
                if !complete {
                    bookkeeping::switch(&mut tx, kind.name, model.version, 0).await?;
                }
                if complete { model.fold_version } else { 0 }
            }
            None => {
                let table = table(kind, 1);
                execute(&mut tx, create_table(kind, &table)).await?;
                execute(&mut tx, create_key(&table)).await?;
                add_indexes(&mut tx, kind, &table).await?;
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
