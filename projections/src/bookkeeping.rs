//! Which table each read model is in, and where its follower stands.

use std::collections::HashMap;

use caravan_event_store::{Position, Recorded, Revision, StreamId};
use sqlx::PgConnection;

/// The follower that writes the documents.
pub const DOCUMENTS: &str = "postgres";
/// The follower that writes what the search server needs.
pub(crate) const SEARCH: &str = "search";
/// The follower that opens personal values to find documents by.
pub const OPENED: &str = "opened";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    /// Number of the table behind the view.
    pub version: i32,
    /// Of the states in it; 0 when they are incomplete.
    pub fold_version: i32,
}

pub(crate) async fn read(connection: &mut PgConnection) -> Result<HashMap<String, Model>, sqlx::Error> {
    let rows: Vec<(String, i32, i32)> =
        sqlx::query_as("select name, version, fold_version from read_model").fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(name, version, fold_version)| (name, Model { version, fold_version })).collect())
}

pub(crate) async fn insert(connection: &mut PgConnection, name: &str, fold_version: i32) -> Result<(), sqlx::Error> {
    sqlx::query("insert into read_model (name, version, fold_version) values ($1, 1, $2)")
        .bind(name)
        .bind(fold_version)
        .execute(connection)
        .await
        .map(drop)
}

pub(crate) async fn switch(
    connection: &mut PgConnection,
    name: &str,
    version: i32,
    fold_version: i32,
) -> Result<(), sqlx::Error> {
    sqlx::query("update read_model set version = $2, fold_version = $3 where name = $1")
        .bind(name)
        .bind(version)
        .bind(fold_version)
        .execute(connection)
        .await
        .map(drop)
}

/// Whether the documents' follower has taken anything from the log.
pub(crate) async fn followed(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    Ok(position(connection, DOCUMENTS).await? > 0)
}

/// Where a follower stands; 0 before it first ran.
pub(crate) async fn position(connection: &mut PgConnection, follower: &str) -> Result<Position, sqlx::Error> {
    let position = sqlx::query_scalar("select position from checkpoints where name = $1").bind(follower);
    Ok(position.fetch_optional(connection).await?.unwrap_or(0))
}

/// The same, keeping the follower from moving until the transaction ends.
pub(crate) async fn hold(connection: &mut PgConnection, follower: &str) -> Result<Position, sqlx::Error> {
    let position = sqlx::query_scalar("select position from checkpoints where name = $1 for update").bind(follower);
    Ok(position.fetch_optional(connection).await?.unwrap_or(0))
}

/// Takes the follower's fence and lease away: what it has read so far it can no longer write, and it starts afresh.
pub(crate) async fn unseat(connection: &mut PgConnection, follower: &str) -> Result<(), sqlx::Error> {
    sqlx::query("update checkpoints set epoch = epoch + 1, holder = null, leased_until = null where name = $1")
        .bind(follower)
        .execute(connection)
        .await
        .map(drop)
}

/// Moves the checkpoint ahead: everything up to `position` is in what the follower writes to.
pub(crate) async fn move_to(
    connection: &mut PgConnection,
    follower: &str,
    position: Position,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into checkpoints (name, position) values ($1, $2)
         on conflict (name) do update set position = excluded.position, moved_at = clock_timestamp()",
    )
    .bind(follower)
    .bind(position)
    .execute(connection)
    .await
    .map(drop)
}

/// Notes that documents are folded without an event.
pub(crate) async fn pass(connection: &mut PgConnection, stream: &StreamId, event: Revision) -> Result<(), sqlx::Error> {
    sqlx::query("insert into passed_event (category, stream_id, revision) values ($1, $2, $3) on conflict do nothing")
        .bind(&stream.category)
        .bind(stream.id.0)
        .bind(event)
        .execute(connection)
        .await
        .map(drop)
}

pub(crate) async fn was_passed(connection: &mut PgConnection, event: &Recorded) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select from passed_event where category = $1 and stream_id = $2 and revision = $3)",
    )
    .bind(&event.stream.category)
    .bind(event.stream.id.0)
    .bind(event.revision)
    .fetch_one(connection)
    .await
}
