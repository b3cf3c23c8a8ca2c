//! The loop that drives a follower: lease, batches under the fence, parking, and starting over for ever.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lease::{self, Lease};
use super::parked::{self, ParkedStream, Request};
use super::{Checkpoints, FollowError, Follower};
use crate::event::{Position, Recorded, StreamId};
use crate::measure;
use crate::port::{Direction, EventStore, StoreError, Tailed};

/// How often an idle follower renews its lease and looks for requests about parked streams.
const TICK: Duration = Duration::from_secs(1);

/// How often a follower that waits for the lease asks for it.
const STANDBY: Duration = Duration::from_millis(250);

/// The pause before starting over after an error; doubled while nothing succeeds.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// A follower that keeps up works for one part in so many of the time: on a busy machine it takes in more at once, and
/// of a stream that changes often it writes fewer states.
const SHARE: u32 = 3;

/// How many times its pace the turns of a follower are apart at most while it keeps up.
const STRETCH: u32 = 5;

/// Events of a parked stream read at once.
const PAGE: usize = 1_000;

/// Drives `follower` until `stop`: whatever goes wrong meanwhile, it starts over where its checkpoint stands. Several
/// processes may do so for one name; one at a time gets through. Ends between two batches.
pub async fn follow(
    store: Arc<dyn EventStore>,
    checkpoints: Checkpoints,
    mut follower: impl Follower,
    stop: CancellationToken,
) {
    let mut pause = Duration::ZERO;
    measure::begin_follower(follower.name());
    while !stop.is_cancelled() {
        let mut progress = false;
        let ended = run(&store, &checkpoints, &mut follower, &stop, &mut progress).await;
        // Whoever follows next counts from now on.
        measure::active(follower.name(), false);
        measure::parked(follower.name(), 0);
        follower.reset();
        let Err(interrupted) = ended else { return };
        pause = if progress { FIRST_PAUSE } else { (pause * 2).clamp(FIRST_PAUSE, MAX_PAUSE) };
        match interrupted {
            Interrupted::FenceLost => tracing::info!(follower = follower.name(), "another process follows now"),
            Interrupted::Error(error) => {
                tracing::warn!(follower = follower.name(), error = &*error, "following is interrupted");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Why following starts over.
enum Interrupted {
    /// Another process, or a switch of read models, has moved the checkpoint or taken the lease.
    FenceLost,
    Error(Box<dyn std::error::Error + Send + Sync>),
}

impl From<sqlx::Error> for Interrupted {
    fn from(error: sqlx::Error) -> Self {
        Interrupted::Error(error.into())
    }
}

impl From<StoreError> for Interrupted {
    fn from(error: StoreError) -> Self {
        Interrupted::Error(error.into())
    }
}

/// One turn at following, on one connection and one lease.
struct Turn<'a, F> {
    store: &'a Arc<dyn EventStore>,
    checkpoints: &'a Checkpoints,
    follower: &'a mut F,
    connection: PgConnection,
    lease: Lease,
    parked: HashSet<StreamId>,
}

/// A stream to be parked, and why.
struct Poisoned {
    event: Recorded,
    message: String,
}

async fn run(
    store: &Arc<dyn EventStore>,
    checkpoints: &Checkpoints,
    follower: &mut impl Follower,
    stop: &CancellationToken,
    progress: &mut bool,
) -> Result<(), Interrupted> {
    // A connection of its own: the lease lives and dies with it. What must be on disk says so in its transaction.
    let options = (*checkpoints.pool().connect_options()).clone().options([("synchronous_commit", "off")]);
    let mut connection = PgConnection::connect_with(&options).await?;
    let name = follower.name().to_owned();
    if !lease::has_checkpoint(&mut connection, &name).await? {
        let position = if follower.starts_now() { store.head().await? } else { 0 };
        lease::make_checkpoint(&mut connection, &name, position).await?;
    }
    let lease = loop {
        if let Some(lease) = Lease::take(&mut connection, &name).await? {
            break lease;
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(STANDBY) => {}
        }
    };
    let parked: HashSet<_> =
        parked::of(&mut connection, &name).await?.into_iter().map(|parked| parked.stream).collect();
    measure::active(&name, true);
    measure::parked(&name, parked.len());
    tracing::info!(follower = name, position = lease.position, "following");
    moved(checkpoints, &name, lease.position);
    let mut tail = store.subscribe(lease.position, follower.filter());
    let mut turn = Turn { store, checkpoints, follower, connection, lease, parked };
    let (mut live, mut turn_due) = (false, Instant::now());
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => turn.tick().await?,
            tailed = async { tokio::time::sleep_until(turn_due).await; tail.next().await } => match tailed {
                Some(Ok(Tailed::Events { events, up_to })) => {
                    let (began, behind) = (Instant::now(), !live || events.len() >= PAGE / 2);
                    turn.take_in(events, up_to).await?;
                    if !behind {
                        let pace = turn.follower.pace();
                        turn_due = began + (began.elapsed() * SHARE).clamp(pace, pace * STRETCH);
                    }
                    *progress = true;
                }
                Some(Ok(Tailed::CaughtUp { .. })) => live = true,
                Some(Err(error)) => return Err(error.into()),
                None => return Err(Interrupted::Error("the subscription ended".into())),
            },
        }
    }
    turn.lease.release(&mut turn.connection).await?;
    turn.connection.close().await?;
    Ok(())
}

impl<F: Follower> Turn<'_, F> {
    /// A page of the log: batch by batch, without the streams that are parked.
    async fn take_in(&mut self, mut events: Vec<Recorded>, up_to: Position) -> Result<(), Interrupted> {
        let most = self.follower.batch().max(1);
        while events.len() > most {
            let rest = events.split_off(most);
            let batch = std::mem::replace(&mut events, rest);
            let last = batch.last().map_or(self.lease.position, |event| event.position);
            self.apply(batch, last, None).await?;
        }
        self.apply(events, up_to, None).await
    }

    /// Applies a batch and moves the checkpoint to `to`, in one transaction. Streams found to be poisonous are parked
    /// in it and the rest goes in. `resumed` is let go in the same transaction.
    async fn apply(
        &mut self,
        mut batch: Vec<Recorded>,
        to: Position,
        resumed: Option<&ParkedStream>,
    ) -> Result<(), Interrupted> {
        batch.retain(|event| resumed.is_some() || !self.parked.contains(&event.stream));
        let mut poisoned: Vec<Poisoned> = vec![];
        loop {
            match self.try_apply(&batch, to, resumed, &poisoned).await? {
                Ok(()) => break,
                Err(FollowError::Transient(error)) => return Err(Interrupted::Error(error)),
                Err(FollowError::Poison { event, message }) => poison(&mut batch, &mut poisoned, *event, message)?,
                Err(FollowError::Broken(error)) => {
                    let event = self.first_broken(&batch).await?;
                    poison(&mut batch, &mut poisoned, event, format!("{error}"))?;
                }
            }
        }
        self.lease.position = to;
        if let Some(parked) = resumed {
            self.parked.remove(&parked.stream);
        }
        for Poisoned { event, message } in poisoned {
            let follower = self.follower.name();
            tracing::error!(follower, stream = %event.stream, position = event.position, message, "stream parked");
            metrics::counter!("caravan_follower_parked_total", "follower" => follower.to_owned()).increment(1);
            self.parked.insert(event.stream);
        }
        measure::parked(self.follower.name(), self.parked.len());
        moved(self.checkpoints, self.follower.name(), to);
        Ok(())
    }

    async fn try_apply(
        &mut self,
        batch: &[Recorded],
        to: Position,
        resumed: Option<&ParkedStream>,
        poisoned: &[Poisoned],
    ) -> Result<Result<(), FollowError>, Interrupted> {
        if batch.is_empty() && poisoned.is_empty() && resumed.is_none() {
            // Passing what the filter left out needs no transaction, and no disk.
            if !self.lease.advance(&mut self.connection, to).await? {
                return Err(Interrupted::FenceLost);
            }
            return Ok(Ok(()));
        }
        let mut tx = self.connection.begin().await?;
        if self.follower.durable() || !poisoned.is_empty() || resumed.is_some() {
            sqlx::query("set local synchronous_commit = on").execute(&mut *tx).await?;
        }
        if let Some(parked) = resumed {
            if parked.request == Some(Request::Skip) {
                self.follower.skip(&mut tx, &parked.stream, parked.revision).await?;
            }
            parked::unpark(&mut tx, self.follower.name(), &parked.stream).await?;
        }
        for Poisoned { event, message } in poisoned {
            let at = (event.position, event.revision);
            parked::park(&mut tx, self.follower.name(), &event.stream, at, message).await?;
        }
        if !batch.is_empty()
            && let Err(error) = keeping(&self.lease, self.checkpoints, self.follower.apply(&mut tx, batch)).await
        {
            self.follower.reset();
            tx.rollback().await?;
            return Ok(Err(error));
        }
        if !self.lease.advance(&mut tx, to).await? {
            tx.rollback().await?;
            return Err(Interrupted::FenceLost);
        }
        tx.commit().await?;
        Ok(Ok(()))
    }

    /// The event that a batch breaks at: found by applying ever more of it, each time in vain.
    async fn first_broken(&mut self, batch: &[Recorded]) -> Result<Recorded, Interrupted> {
        let (mut whole, mut broken) = (0, batch.len());
        while broken - whole > 1 {
            let middle = (whole + broken) / 2;
            if self.breaks(&batch[..middle]).await? { broken = middle } else { whole = middle }
        }
        batch.get(whole).cloned().ok_or_else(|| Interrupted::Error("an empty batch broke".into()))
    }

    async fn breaks(&mut self, batch: &[Recorded]) -> Result<bool, Interrupted> {
        let mut tx = self.connection.begin().await?;
        let outcome = self.follower.apply(&mut tx, batch).await;
        self.follower.reset();
        tx.rollback().await?;
        match outcome {
            Ok(()) => Ok(false),
            Err(FollowError::Transient(error)) => Err(Interrupted::Error(error)),
            Err(FollowError::Poison { .. } | FollowError::Broken(_)) => Ok(true),
        }
    }

    /// What is due now and then: keeping the lease, and what was asked for about parked streams.
    async fn tick(&mut self) -> Result<(), Interrupted> {
        if !self.lease.renew(&mut self.connection).await? {
            return Err(Interrupted::FenceLost);
        }
        if self.parked.is_empty() {
            return Ok(());
        }
        for parked in parked::of(&mut self.connection, self.follower.name()).await? {
            if let Some(request) = parked.request {
                self.resume(&parked, request).await?;
            }
        }
        Ok(())
    }

    /// Takes a parked stream in from where it stopped up to the checkpoint, so that it goes on with all others.
    async fn resume(&mut self, parked: &ParkedStream, request: Request) -> Result<(), Interrupted> {
        let mut from = match request {
            Request::Retry => parked.revision,
            Request::Skip => parked.revision + 1,
        };
        let (mut events, filter) = (vec![], self.follower.filter());
        loop {
            let page = self.store.read_stream(&parked.stream, from, Direction::Forwards, PAGE).await?;
            let last = page.len() < PAGE;
            from += PAGE as i64;
            let passed = |event: &Recorded| event.position <= self.lease.position && filter.matches(event);
            events.extend(page.into_iter().filter(passed));
            if last {
                break;
            }
        }
        tracing::info!(follower = self.follower.name(), stream = %parked.stream, ?request, "parked stream goes on");
        self.apply(events, self.lease.position, Some(parked)).await
    }
}

/// Renews the lease from another connection while a batch takes its time: its own is at work. Whether it is still held
/// is for the fence to say.
async fn keeping<T>(lease: &Lease, checkpoints: &Checkpoints, applying: impl Future<Output = T>) -> T {
    let mut applying = pin!(applying);
    loop {
        if let Ok(applied) = tokio::time::timeout(TICK, &mut applying).await {
            return applied;
        }
        if let Ok(mut connection) = checkpoints.pool().acquire().await {
            let _ = lease.renew(&mut connection).await;
        }
    }
}

/// Tells this process and its operator how far a follower is.
fn moved(checkpoints: &Checkpoints, follower: &str, to: Position) {
    checkpoints.moved(follower, to);
    metrics::gauge!("caravan_follower_position", "follower" => follower.to_owned()).set(to as f64);
}

/// Takes the events of a stream, from the poisonous one on, out of the batch.
fn poison(
    batch: &mut Vec<Recorded>,
    poisoned: &mut Vec<Poisoned>,
    event: Recorded,
    message: String,
) -> Result<(), Interrupted> {
    let before = batch.len();
    batch.retain(|other| other.stream != event.stream || other.position < event.position);
    if batch.len() == before {
        let error = format!("the follower names {}, of which its batch has nothing left: {message}", event.stream);
        return Err(Interrupted::Error(error.into()));
    }
    poisoned.push(Poisoned { event, message });
    Ok(())
}
