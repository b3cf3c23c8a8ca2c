//! Verification: the log is folded once more and compared with what is stored.

use std::collections::BTreeSet;

use caravan_domain::{EntityId, Kind};
use caravan_event_store::Position;
use futures::TryStreamExt;
use serde_json::{Map, Value};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _};
use uuid::Uuid;

use crate::bookkeeping::{self, DOCUMENTS};
use crate::rebuild::{Build, STATES_BYTES, connect};
use crate::{Progress, RebuildError, Renderer, Rendering, schema, tallies};

/// Differences that are told apart; of more, only the number.
const TOLD: usize = 1_000;

/// What a verification found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Everything up to here was compared.
    pub position: Position,
    pub documents: u64,
    pub search_documents: u64,
    /// Rows of tallies, compared up to where their own follower stands.
    pub tallies: u64,
    /// Documents that a rebuild put ahead of their follower: not compared.
    pub ahead: u64,
    /// The first 1,000.
    pub differences: Vec<Difference>,
    /// Of all.
    pub different: u64,
}

/// A stored document that is not what the log says. Names fields, never values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The kind, as `rebuild` takes it, or `search of <kind>`.
    pub read_model: String,
    pub id: EntityId,
    pub what: Discrepancy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discrepancy {
    Missing,
    /// The log knows nothing of it.
    LeftOver,
    /// These columns, or fields of the state as `state.<field>`, differ.
    Fields(Vec<String>),
}

impl Verified {
    pub(crate) fn note(&mut self, read_model: &str, id: Uuid, what: Discrepancy) {
        self.different += 1;
        if self.differences.len() < TOLD {
            self.differences.push(Difference { read_model: read_model.to_owned(), id: EntityId(id), what });
        }
    }
}

/// Compares all documents, what is rendered from them and the tallies with the log, at the position that their follower
/// has reached. May run beside everything else.
pub async fn verify(
    rendering: &Rendering,
    renderers: &[Renderer],
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Verified, RebuildError> {
    let mut connection = connect(&rendering.pool).await?;
    let mut verified = Verified::default();
    let mut tables = Vec::new();
    for kind in rendering.kinds {
        let table = format!("verify_{}", kind.name);
        schema::execute(&mut connection, schema::create_temporary_table(&table)).await?;
        tables.push((*kind, table));
    }
    let mut build = Build::new(rendering.store.clone(), tables.clone(), STATES_BYTES);
    let reached = bookkeeping::position(&mut connection, DOCUMENTS).await?;
    build.advance(&mut connection, Some(reached), progress).await?;
    build.flush(&mut connection).await?;
    // One snapshot holds the checkpoint and the documents of exactly that moment; what is left of the log up to there
    // is folded within it.
    let mut tx = connection.begin_with("begin isolation level repeatable read").await?;
    verified.position = bookkeeping::position(&mut tx, DOCUMENTS).await?;
    build.advance(&mut tx, Some(verified.position), progress).await?;
    build.flush(&mut tx).await?;
    for (kind, table) in &tables {
        compare(&mut tx, kind, table, &mut verified).await?;
    }
    tx.commit().await?;
    drop(connection);
    for renderer in renderers {
        renderer.verify(&mut verified).await?;
    }
    tallies::verify(&rendering.pool, &rendering.store, &mut verified, progress).await?;
    Ok(verified)
}

const COLUMNS: [&str; 11] = [
    "number",
    "parent",
    "position",
    "revision",
    "born",
    "created_at",
    "created_by",
    "updated_at",
    "deleted_at",
    "fold_version",
    "words",
];

async fn compare(
    connection: &mut PgConnection,
    kind: &Kind,
    table: &str,
    verified: &mut Verified,
) -> Result<(), RebuildError> {
    let view = schema::view(kind);
    let (documents, ahead): (i64, i64) =
        sqlx::query_as(AssertSqlSafe(format!("select count(*), count(*) filter (where position > $1) from {view}")))
            .bind(verified.position)
            .fetch_one(&mut *connection)
            .await?;
    verified.documents += documents as u64;
    verified.ahead += ahead as u64;
    let differs: Vec<String> =
        COLUMNS.iter().map(|column| format!("e.{column} is distinct from d.{column} as \"{column}\"")).collect();
    let all: Vec<String> = COLUMNS.iter().map(|column| format!("e.{column} is distinct from d.{column}")).collect();
    let sql = format!(
        "select coalesce(e.id, d.id) as id, e.id is null as left_over, d.id is null as missing, {},
                e.state as expected, d.state as found
         from {table} e full join {view} d on d.id = e.id
         where (d.position is null or d.position <= $1)
           and (e.id is null or d.id is null or {} or e.state is distinct from d.state)
         order by 1",
        differs.join(", "),
        all.join(" or ")
    );
    let mut rows = sqlx::query(AssertSqlSafe(sql)).bind(verified.position).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        verified.note(kind.name, row.try_get("id")?, discrepancy(&row)?);
    }
    Ok(())
}

fn discrepancy(row: &PgRow) -> Result<Discrepancy, sqlx::Error> {
    if row.try_get("left_over")? {
        return Ok(Discrepancy::LeftOver);
    }
    if row.try_get("missing")? {
        return Ok(Discrepancy::Missing);
    }
    let mut fields = Vec::new();
    for column in COLUMNS {
        if row.try_get(column)? {
            fields.push(column.to_owned());
        }
    }
    fields.extend(fields_that_differ("state", &row.try_get("expected")?, &row.try_get("found")?));
    Ok(Discrepancy::Fields(fields))
}

/// The top-level fields of two JSON objects that are not the same in both.
pub(crate) fn fields_that_differ(of: &str, expected: &Value, found: &Value) -> Vec<String> {
    let none = Map::new();
    let (expected_fields, found_fields) = (expected.as_object().unwrap_or(&none), found.as_object().unwrap_or(&none));
    let names: BTreeSet<&String> = expected_fields.keys().chain(found_fields.keys()).collect();
    let mut fields: Vec<String> = names
        .into_iter()
        .filter(|name| expected_fields.get(*name) != found_fields.get(*name))
        .map(|name| format!("{of}.{name}"))
        .collect();
    if fields.is_empty() && expected != found {
        fields.push(of.to_owned());
    }
    fields
}
