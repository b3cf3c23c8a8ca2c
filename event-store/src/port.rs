//! The event store port.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;

use crate::event::{NewEvent, Position, Recorded, Revision, StreamId};

/// An append-only log of streams. Appends to one stream are atomic and ordered; positions increase in commit order, so
/// a reader that follows live never misses or reorders an event.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Appends all events or none. A repeat of an append that was stored (same event ids at the expected place)
    /// succeeds with the original's outcome and stores nothing. When this returns, the events are on disk.
    async fn append(&self, append: Append) -> Result<Appended, AppendError>;

    /// Up to `max` events of one stream: forwards from revision `from` on, backwards from `from` down.
    /// `Revision::MAX` backwards starts at the last. A stream that does not exist is empty.
    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Revision,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<Recorded>, StoreError>;

    /// For each stream everything after the revision (-1: all of it), in the order asked, in one round trip. What was
    /// stored before the call is in the answer. Meant for short tails.
    async fn read_tails(&self, tails: &[(StreamId, Revision)]) -> Result<Vec<Vec<Recorded>>, StoreError>;

    /// Up to `max` matching events: forwards those after position `from`, backwards those before it.
    async fn read_all(
        &self,
        from: Position,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Page, StoreError>;

    /// The last position written; 0 in an empty log.
    async fn head(&self) -> Result<Position, StoreError>;

    /// Fails while an append would not be stored, as far as that can be told without one. To be asked now and then.
    async fn can_store(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// All matching events after `from`: first those stored, then live, without gap or duplicate. Ends only with an
    /// error that reading again cannot cure; lost connections are retried within. Reads no faster than it is polled.
    /// Dropping it unsubscribes.
    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Tailed, StoreError>>;
}

#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    pub stream: StreamId,
    pub expected: Expected,
    /// At least one.
    pub events: Vec<NewEvent>,
}

/// What the stream must look like for an append to go in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Its last revision.
    Exact(Revision),
    /// It has no events.
    NoStream,
    /// Whatever. A repeat is recognised by reading the whole stream, so this is for short streams.
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Revision of the last event appended.
    pub revision: Revision,
    /// Position of the last event appended.
    pub position: Position,
    /// The time that the last event appended has in the log.
    pub time: DateTime<Utc>,
}

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The stream is at another revision than expected (`None`: it has no events). Nothing was stored.
    #[error("the stream is at another revision")]
    Conflict { actual: Option<Revision> },
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or answer now; trying again later may help. Whether an append was stored is not
    /// known: repeat it unchanged.
    #[error("the event store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It will not help to try again.
    #[error("the event store refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Forwards,
    Backwards,
}

/// Which events of the log: all of the named categories and types; an empty list means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub categories: Vec<String>,
    pub event_types: Vec<String>,
}

impl Filter {
    pub fn matches(&self, event: &Recorded) -> bool {
        (self.categories.is_empty() || self.categories.contains(&event.stream.category))
            && (self.event_types.is_empty() || self.event_types.contains(&event.event_type))
    }
}

/// Part of the log. May be empty before the end, where the filter leaves out much.
#[derive(Debug, Clone)]
pub struct Page {
    pub events: Vec<Recorded>,
    /// Where to read on: every matching event up to here (from here, backwards) was returned, and events that the
    /// filter left out have been passed. A checkpoint may move here.
    pub next: Position,
    /// Whether the page reached the end of the log.
    pub end: bool,
}

/// What a subscriber receives.
#[derive(Debug, Clone)]
pub enum Tailed {
    /// A page of events, in order, and the position up to which everything matching was delivered; without events
    /// when the filter left all out.
    Events { events: Vec<Recorded>, up_to: Position },
    /// Everything stored when last looked has been delivered; what follows is live. Comes once.
    CaughtUp { at: Position },
}
