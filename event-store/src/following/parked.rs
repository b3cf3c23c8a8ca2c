//! Streams that a follower could not go on with. An operator lists them and asks for a retry or a skip, which the
//! follower carries out within a second of its running.

use caravan_domain::EntityId;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool, Row};

use crate::event::{Position, Revision, StreamId};
use crate::port::{Direction, EventStore, Filter, StoreError};

/// A stream that waits, from the event at `position` on.
#[derive(Debug, Clone, PartialEq)]
pub struct ParkedStream {
    pub follower: String,
    pub stream: StreamId,
    pub position: Position,
    pub revision: Revision,
    pub error: String,
    pub parked_at: DateTime<Utc>,
    /// What was asked for and not done yet.
    pub request: Option<Request>,
}

/// What to do with a parked stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Take its events in from the one that failed on.
    Retry,
    /// Leave out the one that failed and take in those after it.
    Skip,
}

impl Request {
    fn as_str(self) -> &'static str {
        match self {
            Request::Retry => "retry",
            Request::Skip => "skip",
        }
    }
}

/// Every parked stream, the longest parked first.
pub async fn list(pool: &PgPool) -> Result<Vec<ParkedStream>, StoreError> {
    let query = sqlx::query(
        "select follower, category, stream_id, position, revision, error, parked_at, request from parked_streams
         order by parked_at, follower, position",
    );
    Ok(query.try_map(parked).fetch_all(pool).await?)
}

/// Asks for a retry. False when the stream is not parked.
pub async fn retry(pool: &PgPool, follower: &str, stream: &StreamId) -> Result<bool, StoreError> {
    request(pool, follower, stream, Request::Retry).await
}

/// Asks for a skip. False when the stream is not parked.
pub async fn skip(pool: &PgPool, follower: &str, stream: &StreamId) -> Result<bool, StoreError> {
    request(pool, follower, stream, Request::Skip).await
}

async fn request(pool: &PgPool, follower: &str, stream: &StreamId, request: Request) -> Result<bool, StoreError> {
    let query =
        sqlx::query("update parked_streams set request = $4 where follower = $1 and category = $2 and stream_id = $3");
    let query = query.bind(follower).bind(&stream.category).bind(stream.id.0).bind(request.as_str());
    Ok(query.execute(pool).await?.rows_affected() > 0)
}

/// Whether what the follower wrote about a stream is behind for good.
pub async fn is_parked(pool: &PgPool, follower: &str, stream: &StreamId) -> Result<bool, StoreError> {
    let query = sqlx::query_scalar(
        "select exists (select from parked_streams where follower = $1 and category = $2 and stream_id = $3)",
    );
    Ok(query.bind(follower).bind(&stream.category).bind(stream.id.0).fetch_one(pool).await?)
}

/// Whether the event at `position` waits in a parked stream: the follower has passed it without taking it in.
pub(super) async fn holds(
    pool: &PgPool,
    store: &dyn EventStore,
    follower: &str,
    position: Position,
) -> Result<bool, StoreError> {
    let mut parked = list(pool).await?;
    parked.retain(|stream| stream.follower == follower && stream.position <= position);
    if parked.is_empty() {
        return Ok(false);
    }
    let page = store.read_all(position - 1, Direction::Forwards, &Filter::default(), 1).await?;
    let event = page.events.first().filter(|event| event.position == position);
    Ok(event.is_some_and(|event| parked.iter().any(|waiting| waiting.stream == event.stream)))
}

/// The parked streams of one follower.
pub(super) async fn of(connection: &mut PgConnection, follower: &str) -> Result<Vec<ParkedStream>, sqlx::Error> {
    let query = sqlx::query(
        "select follower, category, stream_id, position, revision, error, parked_at, request from parked_streams
         where follower = $1 order by position",
    );
    query.bind(follower).try_map(parked).fetch_all(connection).await
}

/// Parks a stream, or notes where it failed again.
pub(super) async fn park(
    connection: &mut PgConnection,
    follower: &str,
    stream: &StreamId,
    at: (Position, Revision),
    error: &str,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "insert into parked_streams (follower, category, stream_id, position, revision, error)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (follower, category, stream_id)
         do update set position = excluded.position, revision = excluded.revision, error = excluded.error, request = null",
    );
    let query = query.bind(follower).bind(&stream.category).bind(stream.id.0).bind(at.0).bind(at.1).bind(error);
    query.execute(connection).await.map(|_| ())
}

pub(super) async fn unpark(
    connection: &mut PgConnection,
    follower: &str,
    stream: &StreamId,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query("delete from parked_streams where follower = $1 and category = $2 and stream_id = $3");
    query.bind(follower).bind(&stream.category).bind(stream.id.0).execute(connection).await.map(|_| ())
}

fn parked(row: sqlx::postgres::PgRow) -> Result<ParkedStream, sqlx::Error> {
    let request: Option<&str> = row.try_get("request")?;
    Ok(ParkedStream {
        follower: row.try_get("follower")?,
        stream: StreamId { category: row.try_get("category")?, id: EntityId(row.try_get("stream_id")?) },
        position: row.try_get("position")?,
        revision: row.try_get("revision")?,
        error: row.try_get("error")?,
        parked_at: row.try_get("parked_at")?,
        request: request.map(|request| if request == "skip" { Request::Skip } else { Request::Retry }),
    })
}
