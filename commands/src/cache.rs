//! The states of streams that commands used lately, in bounded memory. Commands on one stream queue on its entry.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use caravan_event_store::{Position, Revision, StreamId};
use lru::LruCache;
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// What is known of a stream.
pub(crate) struct Cached {
    /// An `Arc<D::State>`.
    pub state: Box<dyn Any + Send>,
    /// Its last revision; -1 when it has no events.
    pub revision: Revision,
    /// Position of its last event known; 0 when it has none.
    pub position: Position,
    /// Everything stored before this moment is in it.
    pub as_of: Instant,
    /// Estimated size in bytes, when it was loaded.
    pub weight: usize,
    /// Bytes of the events since.
    pub grown: usize,
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

impl Cache {
    pub fn new(capacity: usize) -> Self {
        Cache { entries: Mutex::new(Entries { by_stream: LruCache::unbounded(), weight: 0 }), capacity }
    }

    /// Waits for the stream's turn.
    pub async fn slot(&self, stream: &StreamId) -> Slot {
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
        queue.lock_owned().await
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
            let mut slot = cache.slot(&stream(number)).await;
            *slot = Some(Cached {
                state: Box::new(()),
                revision: 0,
                position: 1,
                as_of: Instant::now(),
                weight: 1_000,
                grown: 0,
            });
            drop(slot);
            cache.weigh(&stream(number), 1_000);
        }
        assert!(cache.entries.lock().unwrap().weight <= 10_000);
        assert!(cache.slot(&stream(99)).await.is_some());
        assert!(cache.slot(&stream(0)).await.is_none());
    }
}
