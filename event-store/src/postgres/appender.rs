//! The task that appends for everybody in this process: it takes whatever has queued and sends it as one batch.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use caravan_postgres::is_transient;
use tokio::sync::{mpsc, oneshot, watch};

use super::append::{Appending, Outcome, Prepared};
use super::probe::LastWrite;
use crate::event::Position;
use crate::port::StoreError;
use crate::tail::heard;

/// How often the appender lets others run before it sends: those just answered come back with their next append, and
/// batches grow. Sleeping instead would cost more than it brings.
const YIELDS: usize = 8;

/// The most appends in one batch, and about how many bytes.
const MAX_APPENDS: usize = 512;
const MAX_BYTES: usize = 8 << 20;

/// The longest pause between attempts to reach the database.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// An append and who waits for it. Nobody may wait any longer: then it need not be sent again.
pub(super) struct Queued {
    pub append: Prepared,
    pub answer: oneshot::Sender<Outcome>,
}

/// Appends until the store is gone.
pub(super) async fn run(
    mut appending: Appending,
    mut queue: mpsc::Receiver<Queued>,
    head: watch::Sender<Position>,
    last_write: LastWrite,
) {
    let mut waiting: VecDeque<Queued> = VecDeque::new();
    let mut alone = false;
    loop {
        if waiting.is_empty() {
            match queue.recv().await {
                Some(queued) => waiting.push_back(queued),
                None => return,
            }
        }
        drain(&mut queue, &mut waiting);
        // Whoever appends alone has nobody to wait for.
        if !alone || waiting.len() > 1 {
            for _ in 0..YIELDS {
                tokio::task::yield_now().await;
                drain(&mut queue, &mut waiting);
            }
        }
        // Who has given up was told that the outcome is not known: better that it did not happen.
        waiting.retain(|queued| !queued.answer.is_closed());
        let batch = take_batch(&mut waiting);
        alone = batch.len() == 1;
        if batch.is_empty() {
            continue;
        }
        metrics::histogram!("caravan_append_batch_size").record(batch.len() as f64);
        send(&mut appending, batch, &head, &last_write).await;
    }
}

/// Takes over what has queued, without waiting for more.
fn drain(queue: &mut mpsc::Receiver<Queued>, waiting: &mut VecDeque<Queued>) {
    while waiting.len() < MAX_APPENDS
        && let Ok(queued) = queue.try_recv()
    {
        waiting.push_back(queued);
    }
}

/// The first appends that wait, but one per stream: the next of a stream needs the outcome of the one before.
fn take_batch(waiting: &mut VecDeque<Queued>) -> Vec<Queued> {
    if waiting.len() == 1 {
        return waiting.drain(..).collect();
    }
    let mut streams = HashSet::new();
    let mut bytes = 0;
    let (mut batch, mut later) = (Vec::with_capacity(waiting.len()), VecDeque::new());
    for queued in waiting.drain(..) {
        // A stream once passed over stays passed over, so that its appends keep their order.
        let first = streams.insert(queued.append.stream.clone());
        if first && (batch.is_empty() || bytes + queued.append.size <= MAX_BYTES) {
            bytes += queued.append.size;
            batch.push(queued);
        } else {
            later.push_back(queued);
        }
    }
    *waiting = later;
    batch
}

/// Sends a batch until its outcome is known or nobody waits for it any more.
async fn send(
    appending: &mut Appending,
    mut batch: Vec<Queued>,
    head: &watch::Sender<Position>,
    last_write: &LastWrite,
) {
    let mut pause = Duration::ZERO;
    loop {
        let appends: Vec<&Prepared> = batch.iter().map(|queued| &queued.append).collect();
        match appending.append(&appends).await {
            Ok(outcomes) => {
                last_write.note(true);
                if let Some(last) = outcomes.iter().flatten().map(|appended| appended.position).max() {
                    heard(head, last);
                }
                for (queued, outcome) in batch.into_iter().zip(outcomes) {
                    let _ = queued.answer.send(outcome);
                }
                return;
            }
            Err(error) if is_transient(&error) => {
                last_write.note(false);
                if pause.is_zero() {
                    tracing::warn!(error = &error as &dyn std::error::Error, "appending is interrupted");
                }
                // What was stored all the same is recognised by its event ids.
                batch.retain(|queued| !queued.answer.is_closed());
                if batch.is_empty() {
                    return;
                }
                pause = (pause * 2).clamp(Duration::from_millis(10), MAX_PAUSE);
                tokio::time::sleep(pause).await;
            }
            Err(error) if batch.len() == 1 => {
                if let Some(queued) = batch.pop() {
                    let _ = queued.answer.send(Err(StoreError::Refused(error.into()).into()));
                }
                return;
            }
            Err(_) => {
                for queued in batch {
                    Box::pin(send(appending, vec![queued], head, last_write)).await;
                }
                return;
            }
        }
    }
}
