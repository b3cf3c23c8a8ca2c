//! Comparing the tallies with the log.

use std::sync::Arc;

use caravan_event_store::EventStore;
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};

use super::rebuild::Beside;
use super::{TABLES, TALLIES, Table};
use crate::rebuild::connect;
use crate::verify::{Discrepancy, Verified};
use crate::{Progress, RebuildError, bookkeeping};

/// What levels of trends may differ by: the last digit of a logarithm depends on the machine.
const TOLERANCE: f64 = 1e-6;

/// Counts the log once more, up to where the follower stands, and compares.
pub(crate) async fn verify(
    pool: &PgPool,
    store: &Arc<dyn EventStore>,
    verified: &mut Verified,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), RebuildError> {
    let mut connection = connect(pool).await?;
    let mut beside = Beside::make(&mut connection).await?;
    let reached = bookkeeping::position(&mut connection, TALLIES).await?;
    beside.count(&mut connection, store, reached, progress).await?;
    // One snapshot holds the checkpoint and the tallies of exactly that moment.
    let mut tx = connection.begin_with("begin isolation level repeatable read").await?;
    let reached = bookkeeping::position(&mut tx, TALLIES).await?;
    beside.count(&mut tx, store, reached, progress).await?;
    for table in TABLES {
        compare(&mut tx, table, &beside.live(table.name), verified).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn compare(
    connection: &mut PgConnection,
    table: &Table,
    live: &str,
    verified: &mut Verified,
) -> Result<(), RebuildError> {
    let name = table.name;
    let rows: i64 =
        sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {live}"))).fetch_one(&mut *connection).await?;
    verified.tallies += rows.unsigned_abs();
    let differs = |column: &&str| match *column {
        "level" => format!("coalesce(abs(e.level - d.level) > {TOLERANCE}, true)"),
        column => format!("e.{column} is distinct from d.{column}"),
    };
    let each: Vec<String> = table.others.iter().map(|column| format!("{} as {column}", differs(column))).collect();
    let any: Vec<String> = table.others.iter().map(differs).collect();
    let keys: Vec<String> = table.key.iter().map(|key| format!("e.{key} = d.{key}")).collect();
    let (id, key) = (table.id, table.key[0]);
    let sql = format!(
        "select coalesce(e.{id}, d.{id}) as of, e.{key} is null as left_over, d.{key} is null as missing, {}
         from pg_temp.{name} e full join {live} d on {} where {} order by 1",
        each.join(", "),
        keys.join(" and "),
        any.join(" or ")
    );
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let what = if row.try_get("left_over")? {
            Discrepancy::LeftOver
        } else if row.try_get("missing")? {
            Discrepancy::Missing
        } else {
            let mut fields = vec![];
            for column in table.others {
                if row.try_get(*column)? {
                    fields.push(format!("{name}.{column}"));
                }
            }
            Discrepancy::Fields(fields)
        };
        verified.note(TALLIES, row.try_get("of")?, what);
    }
    Ok(())
}
