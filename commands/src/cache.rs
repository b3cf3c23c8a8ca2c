//! What is known of the streams that commands used lately, in bounded memory: their states, and how they began.
//! Commands on one stream queue on its state's entry.

use std::any::Any;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use caravan_domain::Stamps;
use caravan_event_store::{Position, Revision, StreamId};
use chrono::{DateTime, Utc};
use lru::LruCache;
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

use crate::CommandError;

/// What is known of a stream.
pub(crate) struct Cached {
    /// An `Arc<D::State>`.
    pub state: Box<dyn Any + Send>,
    /// Its last revision; -1 when it has no events.
    pub revision: Revision,
    /// Position of its last event known; 0 when it has none.
    pub position: Position,
    /// The time that event has in the log.
    pub time: DateTime<Utc>,
    /// What the last command that changed it here took to be now, or that time.
    pub now: DateTime<Utc>,
    /// Everything stored before this moment is in it.
    pub as_of: Instant,
    /// Estimated size in bytes, when it was loaded.
    pub weight: usize,
    /// Bytes of the events since.
    pub grown: usize,
}

/// Streams whose beginning is kept: some 100 bytes each.
const BEGINNINGS: NonZeroUsize = NonZeroUsize::new(16_384).expect("is not 0");

/// The stamps that streams got with their first event, which stay as they are.
pub(crate) struct Beginnings(Mutex<LruCache<StreamId, Stamps>>);

impl Beginnings {
    pub fn new() -> Beginnings {
        Beginnings(Mutex::new(LruCache::new(BEGINNINGS)))
    }

    pub fn of(&self, stream: &StreamId) -> Option<Stamps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(stream).copied()
    }

    pub fn keep(&self, stream: &StreamId, begun: Stamps) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(stream.clone(), begun);
    }
}

/// One stream's place: holding it means being the only one in this process to work on the stream.
pub(crate) type Slot = OwnedMutexGuard<Option<Cached>>;

struct Entry {
    queue: Arc<Queue<Option<Cached>>>,
    weight: usize,
}

struct Entries {
    by_stream: LruCache<StreamId, Entry>,
    weight: usize,
}

pub(crate) struct Cache {
    entries: Mutex<Entries>,
    /// Bytes that all entries together may weigh.
    capacity: usize,
}

/// What an entry weighs besides its state.
const OVERHEAD: usize = 400;

/// How many may queue on one stream, and for how long each: who waits longer is not likely to want the answer any more,
/// and whoever comes behind would wait longer still.
const MOST_QUEUED: usize = 500;
const LONGEST_QUEUED: Duration = Duration::from_secs(2);

impl Cache {
    pub fn new(capacity: usize) -> Self {
        Cache { entries: Mutex::new(Entries { by_stream: LruCache::unbounded(), weight: 0 }), capacity }
    }

    /// Waits for the stream's turn; overloaded where too many do, or for too long.
    pub async fn slot(&self, stream: &StreamId) -> Result<Slot, CommandError> {
        let queue = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            match entries.by_stream.get(stream) {
                Some(entry) => entry.queue.clone(),
                None => {
                    let queue = Arc::new(Queue::new(None));
                    entries.by_stream.put(stream.clone(), Entry { queue: queue.clone(), weight: OVERHEAD });
                    entries.weight += OVERHEAD;
                    self.evict(&mut entries);
                    queue
                }
            }
        };
        // Besides those who queue, the entry and whoever has the turn hold it.
        if Arc::strong_count(&queue) > MOST_QUEUED + 2 {
            return Err(CommandError::Overloaded);
        }
        tokio::time::timeout(LONGEST_QUEUED, queue.lock_owned()).await.map_err(|_| CommandError::Overloaded)
    }

    /// Takes note of a state's weight and makes room for it.
    pub fn weigh(&self, stream: &StreamId, weight: usize) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let weight = weight + OVERHEAD;
        let Some(entry) = entries.by_stream.peek_mut(stream) else { return };
        let before = std::mem::replace(&mut entry.weight, weight);
        entries.weight = entries.weight + weight - before;
        self.evict(&mut entries);
    }

    // An entry still queued on may go too: a second queue for its stream costs a conflict, never a wrong result.
    fn evict(&self, entries: &mut Entries) {
        while entries.weight > self.capacity && entries.by_stream.len() > 1 {
            let Some((_, entry)) = entries.by_stream.pop_lru() else { return };
            entries.weight -= entry.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caravan_domain::EntityId;

    #[tokio::test]
    async fn memory_is_bounded_and_the_least_recently_used_goes_first() {
        let cache = Cache::new(10_000);
        let stream = |number| StreamId::new("crew", EntityId::from_parts(number, [0; 10]));
        for number in 0..100 {
            let mut slot = cache.slot(&stream(number)).await.unwrap();
            *slot = Some(Cached {
                state: Box::new(()),
                revision: 0,
                time: DateTime::UNIX_EPOCH,
                now: DateTime::UNIX_EPOCH,
                position: 1,
                as_of: Instant::now(),
                weight: 1_000,
                grown: 0,
            });
            drop(slot);
            cache.weigh(&stream(number), 1_000);
        }
        assert!(cache.entries.lock().unwrap().weight <= 10_000);
        assert!(cache.slot(&stream(99)).await.unwrap().is_some());
        assert!(cache.slot(&stream(0)).await.unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_ends_after_500_and_after_two_seconds() {
        let cache = Arc::new(Cache::new(10_000));
        let stream = StreamId::new("crew", EntityId::from_parts(1, [0; 10]));
        let held = cache.slot(&stream).await.unwrap();
        let wait = || {
            let (cache, stream) = (cache.clone(), stream.clone());
            tokio::spawn(async move { cache.slot(&stream).await.map(drop) })
        };
        let first = wait();
        tokio::time::sleep(LONGEST_QUEUED / 2).await;
        let later: Vec<_> = (1..MOST_QUEUED).map(|_| wait()).collect();
        tokio::time::sleep(Duration::from_millis(1)).await;
        let one_too_many = tokio::time::Instant::now();
        assert!(matches!(cache.slot(&stream).await, Err(CommandError::Overloaded)));
        assert_eq!(one_too_many.elapsed(), Duration::ZERO);
        assert!(matches!(first.await.unwrap(), Err(CommandError::Overloaded)), "it waited for two seconds");
        drop(held);
        for waiting in later {
            waiting.await.unwrap().unwrap();
        }
    }
}
