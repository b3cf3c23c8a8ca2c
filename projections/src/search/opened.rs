//! Opened personal text in Postgres: one table, which partial match joins and forgetting empties.

use std::collections::HashMap;

use caravan_domain::Kind;
use caravan_event_store::Position;
use sqlx::PgConnection;
use uuid::Uuid;

use super::render::Rendered;

/// Writes the texts of a kind's documents; of those without personal values, an empty one.
pub(crate) async fn write(
    connection: &mut PgConnection,
    kind: &Kind,
    documents: &[Rendered],
) -> Result<(), sqlx::Error> {
    // Lists of lists do not go through unnest: subjects travel as pairs.
    let pairs = documents.iter().flat_map(|document| document.subjects.iter().map(|subject| (document.id, *subject)));
    let (owners, subjects): (Vec<Uuid>, Vec<Uuid>) = pairs.unzip();
    sqlx::query(
        "insert into search_text (kind, id, position, words, subjects)
         select $1, d.id, d.position, d.words,
                array(select s.subject from unnest($5::uuid[], $6::uuid[]) s (owner, subject) where s.owner = d.id)
         from unnest($2::uuid[], $3::bigint[], $4::text[]) d (id, position, words)
         on conflict (kind, id) do update set
            position = excluded.position, words = excluded.words, subjects = excluded.subjects
         where search_text.position <= excluded.position",
    )
    .bind(kind.name)
    .bind(documents.iter().map(|document| document.id).collect::<Vec<_>>())
    .bind(documents.iter().map(|document| document.position).collect::<Vec<_>>())
    .bind(documents.iter().map(|document| document.words.as_str()).collect::<Vec<_>>())
    .bind(owners)
    .bind(subjects)
    .execute(connection)
    .await
    .map(drop)
}

/// The documents of a kind that hold values of these persons.
pub(crate) async fn of_subjects(
    connection: &mut PgConnection,
    kind: &Kind,
    subjects: &[Uuid],
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select id from search_text where kind = $1 and subjects && $2")
        .bind(kind.name)
        .bind(subjects)
        .fetch_all(connection)
        .await
}

/// What is kept of the documents with ids in (after, up to].
pub(crate) async fn between(
    connection: &mut PgConnection,
    kind: &Kind,
    after: Uuid,
    up_to: Uuid,
) -> Result<HashMap<Uuid, (Position, String, Vec<Uuid>)>, sqlx::Error> {
    let rows: Vec<(Uuid, Position, String, Vec<Uuid>)> = sqlx::query_as(
        "select id, position, words, subjects from search_text where kind = $1 and id > $2 and id <= $3",
    )
    .bind(kind.name)
    .bind(after)
    .bind(up_to)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(id, position, words, subjects)| (id, (position, words, subjects))).collect())
}

pub(crate) async fn shape(connection: &mut PgConnection, kind: &Kind) -> Result<Option<String>, sqlx::Error> {
    let shape = sqlx::query_scalar("select shape from search_text_shape where kind = $1").bind(kind.name);
    shape.fetch_optional(connection).await
}

/// Notes that the kind's texts are complete and of this shape; drops those of documents that are gone.
pub(crate) async fn complete(connection: &mut PgConnection, kind: &Kind, shape: &str) -> Result<(), sqlx::Error> {
    let view = crate::schema::view(kind);
    let sql =
        format!("delete from search_text s where kind = $1 and not exists (select from {view} d where d.id = s.id)");
    sqlx::query(sqlx::AssertSqlSafe(sql)).bind(kind.name).execute(&mut *connection).await?;
    sqlx::query(
        "insert into search_text_shape (kind, shape) values ($1, $2)
         on conflict (kind) do update set shape = excluded.shape",
    )
    .bind(kind.name)
    .bind(shape)
    .execute(connection)
    .await
    .map(drop)
}

/// Forgets the texts of kinds that are kept elsewhere now.
pub(crate) async fn clear(connection: &mut PgConnection, kinds: &[&str]) -> Result<(), sqlx::Error> {
    for table in ["search_text", "search_text_shape"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("delete from {table} where kind = any($1)")))
            .bind(kinds)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
