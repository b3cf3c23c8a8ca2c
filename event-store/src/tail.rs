//! Catching up, then live: the subscription that adapters share. It only ever reads pages on from where it stands, so
//! there is no seam between the two; being woken merely saves waiting for the next poll.

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::watch;

use crate::event::Position;
use crate::port::{Direction, EventStore, Filter, StoreError, Tailed};

/// Events read at once.
const PAGE: usize = 1_000;

/// How long a live subscription waits before it looks without having been woken.
const POLL: Duration = Duration::from_secs(1);

/// The longest pause between attempts to reach a store that is gone.
const MAX_PAUSE: Duration = Duration::from_secs(2);

struct Tail<S> {
    store: S,
    /// The highest position heard of.
    head: watch::Receiver<Position>,
    filter: Filter,
    at: Position,
    /// Whether the last page reached the end of the log.
    at_end: bool,
    live: bool,
    failed: bool,
    pause: Duration,
}

/// Follows `store` from a position on; `head` tells of appends as soon as somebody hears of them.
pub(crate) fn tail<S: EventStore>(
    store: S,
    head: watch::Receiver<Position>,
    from: Position,
    filter: Filter,
) -> BoxStream<'static, Result<Tailed, StoreError>> {
    let tail = Tail { store, head, filter, at: from, at_end: false, live: false, failed: false, pause: Duration::ZERO };
    stream::unfold(tail, |mut tail| async move {
        let next = tail.next().await?;
        Some((next, tail))
    })
    .boxed()
}

/// Notes that the log has come to `position`.
pub(crate) fn heard(head: &watch::Sender<Position>, position: Position) {
    head.send_if_modified(|head| {
        let news = position > *head;
        if news {
            *head = position;
            metrics::gauge!("caravan_log_position").set(position as f64);
        }
        news
    });
}

impl<S: EventStore> Tail<S> {
    async fn next(&mut self) -> Option<Result<Tailed, StoreError>> {
        if self.failed {
            return None;
        }
        loop {
            if self.at_end {
                if !self.live {
                    self.live = true;
                    return Some(Ok(Tailed::CaughtUp { at: self.at }));
                }
                self.wait().await;
            }
            match self.store.read_all(self.at, Direction::Forwards, &self.filter, PAGE).await {
                Ok(page) => {
                    self.pause = Duration::ZERO;
                    self.at_end = page.end;
                    if page.next > self.at {
                        self.at = page.next;
                        return Some(Ok(Tailed::Events { events: page.events, up_to: page.next }));
                    }
                }
                Err(StoreError::Unavailable(error)) => {
                    if self.pause.is_zero() {
                        tracing::warn!(
                            error = &*error,
                            "the event store is unavailable, the subscription goes on trying"
                        );
                    }
                    self.pause = (self.pause * 2).clamp(Duration::from_millis(20), MAX_PAUSE);
                    tokio::time::sleep(self.pause).await;
                }
                Err(refused) => {
                    self.failed = true;
                    return Some(Err(refused));
                }
            }
        }
    }

    async fn wait(&mut self) {
        let at = self.at;
        let _ = tokio::time::timeout(POLL, self.head.wait_for(|head| *head > at)).await;
    }
}
