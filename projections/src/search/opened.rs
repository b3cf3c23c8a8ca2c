//! The table `opened`: sealed texts as plans in Postgres compare and search them. Forgetting a person empties theirs.

use std::collections::HashMap;
use std::time::Duration;

use caravan_domain::{EntityId, Kind};
use caravan_event_store::Position;
use caravan_postgres::purging::{Boundary, PurgeError, purge};
use serde_json::{Map, Value, json};
use sqlx::{Connection as _, PgConnection, PgPool, Row as _};
use tokio::time::Instant;
use uuid::Uuid;

use super::render::{Opened, Rendered};
use crate::bookkeeping::{DOCUMENTS, OPENED};

/// The tables with what was opened, as a pattern: they are filled again where they are empty, so that no backup need
/// have what a person who is forgotten one day was called.
pub const OPENED_TABLES: &str = "opened*";

/// Writes a row for each text of these documents of a kind, also for those that they do not have.
pub(crate) async fn write(
    connection: &mut PgConnection,
    kind: &Kind,
    documents: &[Rendered],
) -> Result<(), sqlx::Error> {
    let rows = || documents.iter().flat_map(|document| document.opened.iter().map(move |text| (document, text)));
    sqlx::query(
        "insert into opened (kind, id, field, position, words, subjects)
         select $1, d.id, d.field, d.position, d.words, d.subjects::uuid[]
         from unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[]) d (id, field, position, words, subjects)
         on conflict (kind, id, field) do update set
            position = excluded.position, words = excluded.words, subjects = excluded.subjects
         where opened.position <= excluded.position",
    )
    .bind(kind.name)
    .bind(rows().map(|(document, _)| document.id).collect::<Vec<_>>())
    .bind(rows().map(|(_, text)| text.field).collect::<Vec<_>>())
    .bind(rows().map(|(document, _)| document.position).collect::<Vec<_>>())
    .bind(rows().map(|(_, text)| text.words.as_deref()).collect::<Vec<_>>())
    // Lists of lists do not go through unnest.
    .bind(rows().map(|(_, text)| literal(&text.subjects)).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

/// Ids as Postgres writes an array of them.
fn literal(ids: &[Uuid]) -> String {
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    format!("{{{}}}", ids.join(","))
}

/// The documents of a kind that hold values of these persons.
pub(crate) async fn of_subjects(
    connection: &mut PgConnection,
    kind: &Kind,
    subjects: &[Uuid],
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select distinct id from opened where kind = $1 and subjects && $2")
        .bind(kind.name)
        .bind(subjects)
        .fetch_all(connection)
        .await
}

/// Empties whatever holds values of these persons, who are forgotten, and has the table's file written anew without
/// them. Waits up to `patience` for whoever can still see it, and for whoever is filling the table.
pub async fn forget_opened(pool: &PgPool, persons: &[EntityId], patience: Duration) -> Result<(), PurgeError> {
    let deadline = Instant::now() + patience;
    // Whoever opens all of it anew may hold texts that it has not written yet.
    let mut alone = pool.acquire().await?.detach();
    while !take_alone(&mut alone, OPENED).await? {
        if Instant::now() > deadline {
            return Err(PurgeError::Seen("a rebuild of what is opened".to_owned()));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let emptied = "update opened set words = case when field = '*' then '' end, subjects = '{}' where subjects && $1";
    let persons: Vec<Uuid> = persons.iter().map(|person| person.0).collect();
    sqlx::query(emptied).bind(persons).execute(pool).await?;
    let boundary = Boundary::now(&mut *pool.acquire().await?).await?;
    purge(pool, "opened", false, &boundary, patience).await?;
    Ok(alone.close().await?)
}

/// How often it is tried to be alone.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Whether this connection is the only one that renders all of a follower's documents, as long as it is open.
pub(super) async fn take_alone(connection: &mut PgConnection, follower: &str) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar("select pg_try_advisory_lock(hashtext('caravan rebuild ' || $1))");
    query.bind(follower).fetch_one(connection).await
}

/// Notes that texts of these kinds are missing or of another shape.
pub(super) async fn outdate(connection: &mut PgConnection, kinds: &[&'static Kind]) -> Result<(), sqlx::Error> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let query = sqlx::query("delete from opened_shape where kind = any($1)").bind(kinds);
    query.execute(connection).await.map(drop)
}

/// How far the documents are, where the texts of these kinds are complete as far as their follower is.
pub(crate) async fn complete_up_to(
    connection: &mut PgConnection,
    kinds: &[&str],
) -> Result<Option<Position>, sqlx::Error> {
    let query = sqlx::query_scalar(
        "select coalesce((select position from checkpoints where name = $2), 0)
         where (select count(*) from opened_shape where kind = any($1)) = cardinality($1)",
    );
    query.bind(kinds).bind(DOCUMENTS).fetch_optional(connection).await
}

/// What is kept of the documents with ids in (after, up to]: position and texts.
pub(crate) async fn between(
    connection: &mut PgConnection,
    kind: &Kind,
    after: Uuid,
    up_to: Uuid,
) -> Result<HashMap<Uuid, (Position, Value)>, sqlx::Error> {
    let rows =
        sqlx::query("select id, position, field, words, subjects from opened where kind = $1 and id > $2 and id <= $3")
            .bind(kind.name)
            .bind(after)
            .bind(up_to)
            .fetch_all(connection)
            .await?;
    let mut kept: HashMap<Uuid, (Position, Map<String, Value>)> = HashMap::new();
    for row in rows {
        let (position, texts) = kept.entry(row.try_get("id")?).or_insert((Position::MAX, Map::new()));
        // One that lags is the document's.
        *position = row.try_get::<Position, _>("position")?.min(*position);
        texts.insert(row.try_get("field")?, text(row.try_get("words")?, row.try_get("subjects")?));
    }
    Ok(kept.into_iter().map(|(id, (position, texts))| (id, (position, Value::Object(texts)))).collect())
}

/// The texts of a document as [`between`] gives them.
pub(crate) fn texts(opened: &[Opened]) -> Value {
    opened.iter().map(|opened| (opened.field, text(opened.words.clone(), opened.subjects.clone()))).collect()
}

fn text(words: Option<String>, mut subjects: Vec<Uuid>) -> Value {
    subjects.sort_unstable();
    json!({"words": words, "subjects": subjects})
}

pub(crate) async fn shape(connection: &mut PgConnection, kind: &Kind) -> Result<Option<String>, sqlx::Error> {
    let shape = sqlx::query_scalar("select shape from opened_shape where kind = $1").bind(kind.name);
    shape.fetch_optional(connection).await
}

/// Notes that the kind's texts are complete and of this shape; drops those of documents that are gone, and those that
/// it does not declare any more.
pub(crate) async fn complete(connection: &mut PgConnection, kind: &Kind, shape: &str) -> Result<(), sqlx::Error> {
    let view = crate::schema::view(kind);
    let sql = format!(
        "delete from opened o where kind = $1
         and (field <> all($2) or not exists (select from {view} d where d.id = o.id))"
    );
    let fields: Vec<&str> = std::iter::once(ALL).chain(kind.sealed.iter().map(|sealed| sealed.name)).collect();
    sqlx::query(sqlx::AssertSqlSafe(sql)).bind(kind.name).bind(fields).execute(&mut *connection).await?;
    sqlx::query(
        "insert into opened_shape (kind, shape) values ($1, $2)
         on conflict (kind) do update set shape = excluded.shape",
    )
    .bind(kind.name)
    .bind(shape)
    .execute(connection)
    .await
    .map(drop)
}

/// The name of the row with all that full-text search covers.
pub(crate) const ALL: &str = "*";

/// Drops the texts of all kinds but these.
pub(crate) async fn keep_only(connection: &mut PgConnection, kinds: &[&str]) -> Result<(), sqlx::Error> {
    for table in ["opened", "opened_shape"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("delete from {table} where kind <> all($1)")))
            .bind(kinds)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
