//! A log in memory, for tests: what the Postgres log promises, without the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use caravan_clock::Clock;
use futures::stream::BoxStream;
use tokio::sync::watch;

use crate::event::{Position, Recorded, Revision, StreamId};
use crate::json::Json;
use crate::port::{Append, AppendError, Appended, Direction, EventStore, Expected, Filter, Page, StoreError, Tailed};
use crate::tail::{heard, tail};

/// A log in this process. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Inner>);

#[derive(Default)]
struct Inner {
    log: Mutex<Log>,
    head: watch::Sender<Position>,
}

#[derive(Default)]
struct Log {
    /// The event at position p has index p - 1.
    events: Vec<Recorded>,
    /// Positions of each stream's events, by revision.
    streams: HashMap<StreamId, Vec<Position>>,
    clock: Clock,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    /// Events have the time of `clock`.
    pub fn by(clock: Clock) -> Self {
        let log = Mutex::new(Log { clock, ..Log::default() });
        MemoryStore(Arc::new(Inner { log, ..Inner::default() }))
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // Nothing panics with the log half changed.
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn at(&self, position: Position) -> &Recorded {
        &self.events[index(position)]
    }

    fn stream<'l>(&'l self, stream: &StreamId) -> impl DoubleEndedIterator<Item = &'l Recorded> + use<'l> {
        self.streams.get(stream).into_iter().flatten().map(|position| self.at(*position))
    }

    fn append(&mut self, append: Append) -> Result<Appended, AppendError> {
        let actual = self.streams.get(&append.stream).map_or(-1, |positions| last_revision(positions));
        let as_expected = match append.expected {
            Expected::Exact(revision) => revision == actual,
            Expected::NoStream => actual == -1,
            Expected::Any => true,
        };
        if !as_expected || append.expected == Expected::Any {
            if let Some(appended) = self.stored_before(&append) {
                return Ok(appended);
            }
            if !as_expected {
                return Err(AppendError::Conflict { actual: (actual >= 0).then_some(actual) });
            }
        }
        let metadata = append.events.iter().map(|event| Json::of(&event.metadata)).collect::<Result<Vec<_>, _>>();
        let metadata = metadata.map_err(|error| StoreError::Refused(error.into()))?;
        let positions = self.streams.entry(append.stream.clone()).or_default();
        let time = self.clock.now();
        for (event, metadata) in append.events.into_iter().zip(metadata) {
            let position = self.events.len() as Position + 1;
            self.events.push(Recorded {
                id: event.id,
                stream: append.stream.clone(),
                revision: positions.len() as Revision,
                position,
                event_type: event.event_type,
                schema_version: event.schema_version,
                time,
                data: event.data,
                metadata,
            });
            positions.push(position);
        }
        Ok(Appended { revision: last_revision(positions), position: self.events.len() as Position, time })
    }

    /// The outcome of an append whose events stand in the stream, at the place expected.
    fn stored_before(&self, append: &Append) -> Option<Appended> {
        let first = match append.expected {
            Expected::Exact(revision) => revision + 1,
            Expected::NoStream => 0,
            Expected::Any => {
                let id = append.events.first()?.id;
                self.stream(&append.stream).find(|event| event.id == id)?.revision
            }
        };
        let first = usize::try_from(first).ok()?;
        let stored: Vec<&Recorded> = self.stream(&append.stream).skip(first).take(append.events.len()).collect();
        let same = stored.iter().map(|event| event.id).eq(append.events.iter().map(|event| event.id));
        let last = stored.last().filter(|_| same)?;
        Some(Appended { revision: last.revision, position: last.position, time: last.time })
    }
}

/// Where the event at a position is, if it exists.
fn index(position: Position) -> usize {
    usize::try_from(position - 1).unwrap_or(0)
}

fn last_revision(positions: &[Position]) -> Revision {
    positions.len() as Revision - 1
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        if append.events.is_empty() {
            return Err(StoreError::Refused("an append needs an event".into()).into());
        }
        let appended = self.log().append(append)?;
        heard(&self.0.head, appended.position);
        Ok(appended)
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Revision,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let log = self.log();
        let events = log.stream(stream);
        Ok(match direction {
            Direction::Forwards => events.filter(|event| event.revision >= from).take(max).cloned().collect(),
            Direction::Backwards => events.rev().filter(|event| event.revision <= from).take(max).cloned().collect(),
        })
    }

    async fn read_tails(&self, tails: &[(StreamId, Revision)]) -> Result<Vec<Vec<Recorded>>, StoreError> {
        let log = self.log();
        let tail = |(stream, after): &(StreamId, Revision)| {
            log.stream(stream).filter(|event| event.revision > *after).cloned().collect()
        };
        Ok(tails.iter().map(tail).collect())
    }

    async fn read_all(
        &self,
        from: Position,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Page, StoreError> {
        let log = self.log();
        let head = log.events.len() as Position;
        let matching = |event: &&Recorded| filter.matches(event);
        Ok(match direction {
            Direction::Forwards => {
                let after = &log.events[index(from.clamp(0, head).saturating_add(1))..];
                let events: Vec<_> = after.iter().filter(matching).take(max).cloned().collect();
                let next = if events.len() < max { head.max(from) } else { last_position(&events, from) };
                Page { end: next >= head, next, events }
            }
            Direction::Backwards => {
                let before = &log.events[..index(from.clamp(1, head + 1))];
                let events: Vec<_> = before.iter().rev().filter(matching).take(max).cloned().collect();
                let next = if events.len() < max { 1 } else { last_position(&events, from) };
                Page { end: next <= 1, next, events }
            }
        })
    }

    async fn head(&self) -> Result<Position, StoreError> {
        Ok(self.log().events.len() as Position)
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Tailed, StoreError>> {
        tail(self.clone(), self.0.head.subscribe(), from, filter)
    }
}

fn last_position(events: &[Recorded], or: Position) -> Position {
    events.last().map_or(or, |event| event.position)
}
