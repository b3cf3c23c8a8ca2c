//! Appends as the SQL functions take them.

use std::num::NonZeroUsize;
use std::time::Duration;

use caravan_clock::Clock;
use caravan_postgres::is_transient;
use chrono::{DateTime, Utc};
use lru::LruCache;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::event::{NewEvent, Position, Revision, StreamId};
use crate::json::Json;
use crate::port::{Append, AppendError, Appended, Expected, StoreError};

/// How long a statement may take before its connection is given up.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An append, with its metadata written as JSON by its caller: the appender's own time is everybody's.
pub(super) struct Prepared {
    pub stream: StreamId,
    expected: i64,
    events: Vec<PreparedEvent>,
    /// Roughly what it takes on the wire, in bytes.
    pub size: usize,
}

struct PreparedEvent {
    id: Uuid,
    event_type: String,
    schema_version: i16,
    data: Json,
    metadata: Json,
}

impl Prepared {
    pub fn new(append: Append) -> Result<Self, StoreError> {
        let expected = match append.expected {
            Expected::Exact(revision) if revision < 0 => return Err(refused("an exact revision is at least 0")),
            Expected::Exact(revision) => revision,
            Expected::NoStream => -1,
            Expected::Any => -2,
        };
        if append.events.is_empty() {
            return Err(refused("an append needs an event"));
        }
        let events = append.events.into_iter().map(PreparedEvent::new).collect::<Result<Vec<_>, _>>()?;
        let size = events.iter().map(|event| event.data.text().len() + event.metadata.text().len() + 100).sum();
        Ok(Prepared { stream: append.stream, expected, events, size })
    }
}

impl PreparedEvent {
    fn new(event: NewEvent) -> Result<Self, StoreError> {
        Ok(PreparedEvent {
            id: event.id,
            event_type: event.event_type,
            schema_version: event.schema_version,
            data: event.data,
            metadata: Json::of(&event.metadata).map_err(|error| StoreError::Refused(error.into()))?,
        })
    }
}

fn refused(why: &str) -> StoreError {
    StoreError::Refused(why.into())
}

/// What became of one append of a batch.
pub(super) type Outcome = Result<Appended, AppendError>;

/// The connection that appends go through, made when needed.
pub(super) struct Appending {
    options: PgConnectOptions,
    clock: Clock,
    session: Option<PgSession>,
}

/// A connection, and what its server has confirmed to it: that stays true for as long as it lives, but another server,
/// say a replica that took over, may have lost it.
struct PgSession {
    connection: PgConnection,
    /// How far the clock is ahead as its server knows, in milliseconds.
    ahead_ms: i64,
    /// The last revision that each stream had at least.
    known: LruCache<StreamId, Revision>,
}

/// Streams whose revision is remembered.
const KNOWN: NonZeroUsize = NonZeroUsize::new(50_000).expect("is not zero");

impl Appending {
    pub fn new(options: PgConnectOptions, clock: Clock) -> Self {
        // The functions' plans never depend on their arguments, and planning costs more than they do.
        let options =
            options.options([("plan_cache_mode", "force_generic_plan"), ("jit", "off"), ("synchronous_commit", "on")]);
        Appending { options, clock, session: None }
    }

    /// Appends a batch in which no stream comes twice, in one statement; in a second one where the first found a
    /// revision taken and stored nothing. After a transient error it is not known whether it was stored; after any
    /// other error nothing was.
    pub async fn append(&mut self, batch: &[&Prepared]) -> Result<Vec<Outcome>, sqlx::Error> {
        match tokio::time::timeout(TIMEOUT, self.append_unlimited(batch)).await {
            Ok(Ok(outcomes)) => Ok(outcomes),
            Ok(Err(error)) => {
                if is_transient(&error) {
                    self.session = None;
                }
                Err(error)
            }
            Err(_) => {
                self.session = None;
                Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))
            }
        }
    }

    async fn append_unlimited(&mut self, batch: &[&Prepared]) -> Result<Vec<Outcome>, sqlx::Error> {
        let session = match &mut self.session {
            Some(session) => session,
            None => {
                let connection = PgConnection::connect_with(&self.options).await?;
                self.session.insert(PgSession { connection, ahead_ms: 0, known: LruCache::new(KNOWN) })
            }
        };
        session.move_to(self.clock.ahead().num_milliseconds()).await?;
        let outcomes = session.append(batch).await?;
        for (append, outcome) in batch.iter().zip(&outcomes) {
            if let Ok(appended) = outcome {
                session.known.put(append.stream.clone(), appended.revision);
            }
        }
        Ok(outcomes)
    }
}

impl PgSession {
    /// Tells the server how far the clock is ahead, where that has changed.
    async fn move_to(&mut self, ahead_ms: i64) -> Result<(), sqlx::Error> {
        if ahead_ms != self.ahead_ms {
            sqlx::query("select set_config('caravan.ahead_ms', $1, false)")
                .bind(ahead_ms.to_string())
                .execute(&mut self.connection)
                .await?;
            self.ahead_ms = ahead_ms;
        }
        Ok(())
    }

    async fn append(&mut self, batch: &[&Prepared]) -> Result<Vec<Outcome>, sqlx::Error> {
        if let [append] = batch
            && append.events.len() == 1
        {
            return Ok(vec![append_one(&mut self.connection, append).await?]);
        }
        if batch.iter().all(|append| self.knows(append))
            && let Some((last, time)) = append_known(&mut self.connection, batch).await?
        {
            return Ok(appended_after(last, time, batch));
        }
        append_batch(&mut self.connection, batch).await
    }

    /// Whether the stream certainly has the revision that the append expects, though it may have more.
    fn knows(&mut self, append: &Prepared) -> bool {
        match append.expected {
            -1 => true,
            expected => expected >= 0 && self.known.get(&append.stream).is_some_and(|known| *known >= expected),
        }
    }
}

/// Appends that are all stored at one time, the first event right after position `last`.
fn appended_after(last: Position, time: DateTime<Utc>, batch: &[&Prepared]) -> Vec<Outcome> {
    let mut position = last;
    let appended = batch.iter().map(|append| {
        let count = append.events.len() as i64;
        position += count;
        Ok(Appended { revision: append.expected + count, position, time })
    });
    appended.collect()
}

async fn append_one(connection: &mut PgConnection, append: &Prepared) -> Result<Outcome, sqlx::Error> {
    let event = &append.events[0];
    let answer: Vec<Option<i64>> = sqlx::query_scalar("select append_event($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(append.stream.id.0)
        .bind(&append.stream.category)
        .bind(append.expected)
        .bind(event.id)
        .bind(&event.event_type)
        .bind(event.schema_version)
        .bind(event.data.text())
        .bind(event.metadata.text())
        .fetch_one(connection)
        .await?;
    let answer = |place: usize| answer.get(place).copied().flatten();
    outcome(answer(0), answer(1), answer(2))
}

/// Appends without looking revisions up: see [`PgSession::knows`]. Gives the position before the first event and the
/// time of all, or none if a revision is taken and nothing was stored.
async fn append_known(
    connection: &mut PgConnection,
    batch: &[&Prepared],
) -> Result<Option<(Position, DateTime<Utc>)>, sqlx::Error> {
    let places = || batch.iter().flat_map(|append| (append.expected + 1..).zip(&append.events).map(|at| (*append, at)));
    let answer: Option<Vec<i64>> = sqlx::query_scalar("select append_known_batch($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(places().map(|(append, _)| append.stream.id.0).collect::<Vec<_>>())
        .bind(places().map(|(append, _)| append.stream.category.as_str()).collect::<Vec<_>>())
        .bind(places().map(|(_, (revision, _))| revision).collect::<Vec<_>>())
        .bind(places().map(|(_, (_, event))| event.id).collect::<Vec<_>>())
        .bind(places().map(|(_, (_, event))| event.event_type.as_str()).collect::<Vec<_>>())
        .bind(places().map(|(_, (_, event))| event.schema_version).collect::<Vec<_>>())
        .bind(places().map(|(_, (_, event))| event.data.text()).collect::<Vec<_>>())
        .bind(places().map(|(_, (_, event))| event.metadata.text()).collect::<Vec<_>>())
        .fetch_one(connection)
        .await?;
    match answer.as_deref() {
        None => Ok(None),
        Some([last, micros]) => Ok(Some((*last, time(*micros)?))),
        Some(other) => Err(sqlx::Error::Protocol(format!("{} values about appended events", other.len()))),
    }
}

async fn append_batch(connection: &mut PgConnection, batch: &[&Prepared]) -> Result<Vec<Outcome>, sqlx::Error> {
    let per_append = |value: fn(&Prepared) -> i64| batch.iter().map(|append| value(append)).collect::<Vec<_>>();
    let streams: Vec<Uuid> = batch.iter().map(|append| append.stream.id.0).collect();
    let categories: Vec<&str> = batch.iter().map(|append| append.stream.category.as_str()).collect();
    let expected = per_append(|append| append.expected);
    let counts = per_append(|append| append.events.len() as i64);
    let events = || batch.iter().flat_map(|append| &append.events);
    let appends: Vec<i64> =
        (1..).zip(batch).flat_map(|(number, append)| std::iter::repeat_n(number, append.events.len())).collect();
    let places: Vec<i64> = batch.iter().flat_map(|append| 1..=append.events.len() as i64).collect();
    let ids: Vec<Uuid> = events().map(|event| event.id).collect();
    let types: Vec<&str> = events().map(|event| event.event_type.as_str()).collect();
    let versions: Vec<i16> = events().map(|event| event.schema_version).collect();
    let datas: Vec<&str> = events().map(|event| event.data.text()).collect();
    let metadatas: Vec<&str> = events().map(|event| event.metadata.text()).collect();
    let answers: Vec<(Option<i64>, Option<i64>, Option<i64>)> = sqlx::query_as(
        "select answer_revision, answer_position, answer_time
         from append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(streams)
    .bind(categories)
    .bind(expected)
    .bind(counts)
    .bind(appends)
    .bind(places)
    .bind(ids)
    .bind(types)
    .bind(versions)
    .bind(datas)
    .bind(metadatas)
    .fetch_all(connection)
    .await?;
    if answers.len() != batch.len() {
        return Err(sqlx::Error::Protocol(format!("{} answers to {} appends", answers.len(), batch.len())));
    }
    answers.into_iter().map(|(revision, position, micros)| outcome(revision, position, micros)).collect()
}

/// The functions answer with a position and a time only where the append is stored.
fn outcome(revision: Option<i64>, position: Option<i64>, micros: Option<i64>) -> Result<Outcome, sqlx::Error> {
    Ok(match (revision, position, micros) {
        (Some(revision), Some(position), Some(micros)) => Ok(Appended { revision, position, time: time(micros)? }),
        (actual, _, _) => Err(AppendError::Conflict { actual: actual.filter(|revision| *revision >= 0) }),
    })
}

/// The time so many microseconds after 1970.
fn time(micros: i64) -> Result<DateTime<Utc>, sqlx::Error> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| sqlx::Error::Protocol(format!("{micros} is no time")))
}
