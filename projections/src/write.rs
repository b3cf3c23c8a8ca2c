//! Writing rows into document tables.

use std::fmt::Write as _;

use caravan_postgres::is_transient;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::document::Row;

const COLUMNS: &str = "id, number, parent, position, revision, born, created_at, created_by, updated_at, deleted_at, \
                       fold_version, words, state";

/// Rows in one statement.
const STATEMENT_ROWS: usize = 2_000;

/// Inserts rows or replaces older ones.
pub(crate) async fn upsert(connection: &mut PgConnection, table: &str, rows: &[Row]) -> Result<(), sqlx::Error> {
    let sql: std::sync::Arc<str> = format!(
        "insert into {table} ({COLUMNS})
         select id, number, parent, position, revision, born, created_at, created_by, updated_at, deleted_at,
                fold_version, words, state::jsonb
         from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[],
                     $7::timestamptz[], $8::uuid[], $9::timestamptz[], $10::timestamptz[], $11::int[],
                     $12::text[], $13::text[]) as row ({COLUMNS})
         on conflict (id) do update set
            parent = excluded.parent, position = excluded.position, revision = excluded.revision,
            born = excluded.born, created_at = excluded.created_at, created_by = excluded.created_by,
            updated_at = excluded.updated_at, deleted_at = excluded.deleted_at, fold_version = excluded.fold_version, words = excluded.words,
            state = excluded.state
         where {table}.revision < excluded.revision or {table}.fold_version <> excluded.fold_version"
    )
    .into();
    for rows in rows.chunks(STATEMENT_ROWS) {
        sqlx::query(AssertSqlSafe(sql.clone()))
            .bind(rows.iter().map(|row| row.id).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.number).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.parent).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.position).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.revision).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| Some(row.stamps?.born)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| Some(row.stamps?.created_at)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| Some(row.stamps?.created_by?.0)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| Some(row.stamps?.updated_at)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.deleted_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.fold_version).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.words.as_deref()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.state.as_str()).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The same; gives the places of rows that Postgres will never take, with its reasons.
pub(crate) async fn upsert_or_refuse(
    connection: &mut PgConnection,
    table: &str,
    rows: &[Row],
) -> Result<Vec<(usize, sqlx::Error)>, sqlx::Error> {
    let mut refused = Vec::new();
    // Parts still to be written: halved where they hold a refused row, until it stands alone.
    let mut parts = vec![(0, rows.len())];
    while let Some((start, end)) = parts.pop() {
        let mut savepoint = connection.begin().await?;
        match upsert(&mut savepoint, table, &rows[start..end]).await {
            Ok(()) => savepoint.commit().await?,
            Err(error) if !is_transient(&error) => {
                savepoint.rollback().await?;
                let middle = start + (end - start) / 2;
                if end - start == 1 {
                    refused.push((start, error));
                } else {
                    parts.extend([(start, middle), (middle, end)]);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

/// Bytes sent to COPY at once.
const COPY_BYTES: usize = 1 << 20;

/// Adds new rows by COPY: all or, with an error, none.
pub(crate) async fn copy(
    connection: &mut PgConnection,
    table: &str,
    rows: impl Iterator<Item = Row> + Send,
) -> Result<(), sqlx::Error> {
    let mut savepoint = connection.begin().await?;
    let mut copy = savepoint.copy_in_raw(&format!("copy {table} ({COLUMNS}) from stdin")).await?;
    let mut buffer = String::with_capacity(COPY_BYTES + (COPY_BYTES >> 3));
    for row in rows {
        line(&mut buffer, &row);
        if buffer.len() >= COPY_BYTES {
            copy.send(buffer.as_bytes()).await?;
            buffer.clear();
        }
    }
    copy.send(buffer.as_bytes()).await?;
    copy.finish().await?;
    savepoint.commit().await
}

/// One line in COPY's text format.
fn line(buffer: &mut String, row: &Row) {
    let _ = write!(buffer, "{}\t{}\t", row.id, row.number);
    optional(buffer, row.parent);
    let _ = write!(buffer, "{}\t{}\t", row.position, row.revision);
    optional(buffer, row.stamps.map(|stamps| stamps.born));
    optional(buffer, row.stamps.map(|stamps| stamps.created_at.to_rfc3339()));
    optional(buffer, row.stamps.and_then(|stamps| stamps.created_by));
    optional(buffer, row.stamps.map(|stamps| stamps.updated_at.to_rfc3339()));
    optional(buffer, row.deleted_at.map(|at| at.to_rfc3339()));
    let _ = write!(buffer, "{}\t", row.fold_version);
    // Folded words hold letters, digits and spaces only.
    optional(buffer, row.words.as_deref());
    // JSON text has no raw control characters; what is left to escape is the backslash.
    for (place, part) in row.state.split('\\').enumerate() {
        if place > 0 {
            buffer.push_str("\\\\");
        }
        buffer.push_str(part);
    }
    buffer.push('\n');
}

fn optional(buffer: &mut String, value: Option<impl std::fmt::Display>) {
    let _ = match value {
        Some(value) => write!(buffer, "{value}\t"),
        None => write!(buffer, "\\N\t"),
    };
}
