//! A log that fails where a test wants it to.

use std::sync::Arc;

use async_trait::async_trait;
use caravan_event_store::{
    Append, AppendError, Appended, Direction, EventStore, Filter, Page, Position, Recorded, Revision, StoreError,
    StreamId, Tailed,
};
use futures::stream::BoxStream;

pub struct FailingLog {
    pub log: Arc<dyn EventStore>,
    /// Asked once per append, whether that fails; and if it does, whether it was stored.
    pub fails_append: Box<dyn Fn() -> Option<bool> + Send + Sync>,
    /// Whether a stream cannot be read now.
    pub hides: Box<dyn Fn(&StreamId) -> bool + Send + Sync>,
}

#[async_trait]
impl EventStore for FailingLog {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        match (self.fails_append)() {
            None => self.log.append(append).await,
            Some(stored) => {
                if stored {
                    let _ = self.log.append(append).await;
                }
                Err(AppendError::Store(StoreError::Unavailable("lost".into())))
            }
        }
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Revision,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        if (self.hides)(stream) {
            return Err(StoreError::Unavailable("hidden".into()));
        }
        self.log.read_stream(stream, from, direction, max).await
    }

    async fn read_tails(&self, tails: &[(StreamId, Revision)]) -> Result<Vec<Vec<Recorded>>, StoreError> {
        self.log.read_tails(tails).await
    }

    async fn read_all(
        &self,
        from: Position,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Page, StoreError> {
        self.log.read_all(from, direction, filter, max).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.log.head().await
    }

    fn subscribe(&self, from: Position, filter: Filter) -> BoxStream<'static, Result<Tailed, StoreError>> {
        self.log.subscribe(from, filter)
    }
}
