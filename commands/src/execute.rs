//! One command on one stream: load, decide, append, and decide again when the stream moved meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use caravan_domain::kind::is_deleted;
use caravan_domain::record::Records;
use caravan_domain::{Context, Decider, EntityId, Kind, Record, RejectionKind, Stamps};
use caravan_event_store::codec;
use caravan_event_store::{Append, AppendError, Direction, Expected, NewEvent, Position, Recorded, Revision, StreamId};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::cache::{Cached, Slot};
use crate::{Caller, CommandError, Commands};

/// What a command led to.
pub struct Done<D: Decider> {
    /// What it was sent to.
    pub id: EntityId,
    /// The state right after it.
    pub state: Arc<D::State>,
    /// What it appended, also when it comes a second time; empty when there was nothing to do.
    pub events: Vec<D::Event>,
    /// The stream's revision after it; -1 for a stream that has no events.
    pub revision: Revision,
    /// Position of the stream's last event; 0 for a stream that has none.
    pub position: Position,
    /// The time of that event in the log; 1970 for a stream that has none.
    pub time: DateTime<Utc>,
}

/// A stream's state as of the moment it was asked for.
pub struct Current<D: Decider> {
    pub state: Arc<D::State>,
    /// -1 for a stream that has no events.
    pub revision: Revision,
    pub position: Position,
}

/// The stream of an aggregate.
pub(crate) fn stream<D: Decider>(id: EntityId) -> StreamId {
    StreamId::new(D::CATEGORY, id)
}

/// How long a command decides again on a stream that other processes keep changing, from when it got its turn.
const PATIENCE: Duration = Duration::from_secs(1);

/// A state that took in more than so many bytes of events since it was loaded, and more than it weighed then, is loaded
/// anew when it is next needed: it may weigh far less than all that changed it.
const MAX_GROWN: usize = 1 << 20;

/// Events read at once when a stream is loaded.
const PAGE: usize = 1_000;

/// A state on its way through a command.
struct Loaded<D: Decider> {
    state: Arc<D::State>,
    revision: Revision,
    position: Position,
    /// As in [`Cached`].
    time: DateTime<Utc>,
    now: DateTime<Utc>,
    as_of: Instant,
    weight: usize,
    grown: usize,
}

impl<D: Decider> Loaded<D> {
    /// A stream before its first event.
    fn nothing() -> Self {
        let (time, as_of) = (DateTime::UNIX_EPOCH, Instant::now());
        Loaded { state: Arc::default(), revision: -1, position: 0, time, now: time, as_of, weight: 0, grown: 0 }
    }
}

impl Commands {
    /// Decides `command` on the stream and appends what follows. Returns once that is on disk.
    #[tracing::instrument(
        name = "command",
        skip_all,
        fields(otel.kind = "internal", otel.name = format!("command on {}", D::CATEGORY), caravan.category = D::CATEGORY)
    )]
    pub(crate) async fn execute<D: Decider>(
        &self,
        stream: StreamId,
        command: D::Command,
        caller: &Caller,
    ) -> Result<Done<D>, CommandError> {
        let started = Instant::now();
        let mut slot = self.cache().slot(&stream).await?;
        let mut loaded = self.take::<D>(&mut slot, &stream).await?;
        if let Some(done) = self.led_to::<D>(&stream, loaded.revision, caller).await? {
            self.put(&mut slot, &stream, loaded);
            return Ok(done);
        }
        let outcome = self.settle(&stream, command, caller, &mut loaded, started).await;
        if let (Some(key), Ok(done)) = (&caller.key, &outcome)
            && done.events.is_empty()
        {
            // A repeat must not find something to do after all.
            self.idempotency().settled(key, &stream, done.revision).await?;
        }
        // After an append of unknown outcome the state may be behind the stream; every other error leaves it right.
        if !matches!(outcome, Err(CommandError::Unavailable(_) | CommandError::Broken(_))) {
            self.put(&mut slot, &stream, loaded);
        }
        outcome
    }

    async fn settle<D: Decider>(
        &self,
        stream: &StreamId,
        command: D::Command,
        caller: &Caller,
        loaded: &mut Loaded<D>,
        started: Instant,
    ) -> Result<Done<D>, CommandError> {
        let turn = Instant::now();
        // A refusal, or nothing to do, decided on what is cached counts only once the stream's tail was read.
        let mut certain = loaded.as_of >= started;
        loop {
            // Whoever came later finds nothing that happens after them: clocks differ, and requests wait.
            let context = Context { now: caller.now.max(loaded.now), ..caller.context() };
            let matches = caller.if_match.is_none_or(|revision| revision == loaded.revision);
            let decided = match D::decide(&loaded.state, command.clone(), &context) {
                // Who may not even do it learns nothing about revisions.
                Err(refusal) if matches!(refusal.kind, RejectionKind::Forbidden | RejectionKind::NotFound) => {
                    Err(refusal.into())
                }
                decided if matches => decided.map_err(CommandError::from),
                _ => Err(CommandError::PreconditionFailed),
            };
            let events = match decided {
                Ok(events) if !events.is_empty() => events,
                Ok(_) if certain => return Ok(done(stream, loaded, vec![])),
                Err(refusal) if certain => return Err(refusal),
                Ok(_) | Err(_) => {
                    let tail = self.catch_up(stream, loaded).await?;
                    if let Some(own) = own(&tail, caller)? {
                        return self.as_of_revision::<D>(stream, own).await;
                    }
                    certain = true;
                    continue;
                }
            };
            let new = codec::encode::<D>(&events, stream, &caller.metadata()).map_err(CommandError::broken)?;
            let grown: usize = new.iter().map(|event| event.data.text().len()).sum();
            match self.append(stream, loaded.revision, new).await {
                Ok(appended) => {
                    let as_of = Instant::now();
                    evolve(loaded, &events);
                    loaded.revision = appended.revision;
                    loaded.position = appended.position;
                    loaded.time = appended.time;
                    loaded.now = context.now;
                    loaded.as_of = as_of;
                    loaded.grown += grown;
                    return Ok(done(stream, loaded, events));
                }
                Err(AppendError::Conflict { .. }) => {
                    // First, so that what is read then is decided on and appended at once.
                    tokio::time::sleep(jitter()).await;
                    let tail = self.catch_up(stream, loaded).await?;
                    certain = true;
                    if let Some(own) = own(&tail, caller)? {
                        return self.as_of_revision::<D>(stream, own).await;
                    }
                    if caller.if_match.is_some() {
                        return Err(CommandError::PreconditionFailed);
                    }
                    if turn.elapsed() > PATIENCE {
                        return Err(CommandError::Busy);
                    }
                }
                Err(AppendError::Store(error)) => return Err(error.into()),
            }
        }
    }

    async fn append(
        &self,
        stream: &StreamId,
        revision: Revision,
        events: Vec<NewEvent>,
    ) -> Result<caravan_event_store::Appended, AppendError> {
        let expected = if revision < 0 { Expected::NoStream } else { Expected::Exact(revision) };
        self.store().append(Append { stream: stream.clone(), expected, events }).await
    }

    /// The state of an entity as a fact for a command on another one: everything stored before this call is in it.
    pub async fn state<D: Decider>(&self, id: EntityId) -> Result<Current<D>, CommandError> {
        self.state_of(&stream::<D>(id)).await
    }

    /// As [`Self::state`], of a record.
    pub async fn record(&self, record: &'static Record, id: EntityId) -> Result<Current<Records>, CommandError> {
        self.state_of(&StreamId::new(record.kind.name, id)).await
    }

    /// Whether an entity of any kind exists and is not deleted.
    pub(crate) async fn lives(&self, kind: &'static Kind, id: EntityId) -> Result<bool, CommandError> {
        let stream = StreamId::new(kind.name, id);
        let mut state = (kind.fold.empty)();
        let mut revision = -1;
        if let Some(snapshot) = self.snapshots().load(&stream, kind.fold.version).await?
            && let Ok(resumed) = (kind.fold.resume)(snapshot.state)
        {
            (state, revision) = (resumed, snapshot.revision);
        }
        let tails = self.store().read_tails(&[(stream, revision)]).await?;
        for event in tails.iter().flatten() {
            let (event_type, data) = codec::current(event).map_err(CommandError::broken)?;
            state.apply(event_type, &data).map_err(CommandError::broken)?;
            revision = event.revision;
        }
        let deleted = state.state().as_object().is_some_and(is_deleted);
        Ok(revision >= 0 && !deleted)
    }

    async fn state_of<D: Decider>(&self, stream: &StreamId) -> Result<Current<D>, CommandError> {
        let asked = Instant::now();
        let mut slot = self.cache().slot(stream).await?;
        let mut loaded = self.take::<D>(&mut slot, stream).await?;
        // Who waited for the slot may find that somebody has just read the tail.
        if loaded.as_of < asked {
            self.catch_up(stream, &mut loaded).await?;
        }
        let current = Current { state: loaded.state.clone(), revision: loaded.revision, position: loaded.position };
        self.put(&mut slot, stream, loaded);
        Ok(current)
    }

    /// What the slot holds, or else what the store does. The slot is empty until [`Self::put`], so that an error in
    /// between leaves nothing half-changed behind.
    async fn take<D: Decider>(&self, slot: &mut Slot, stream: &StreamId) -> Result<Loaded<D>, CommandError> {
        if let Some(cached) = slot.take()
            && let Ok(state) = cached.state.downcast::<Arc<D::State>>()
        {
            return Ok(Loaded {
                state: *state,
                revision: cached.revision,
                position: cached.position,
                time: cached.time,
                now: cached.now,
                as_of: cached.as_of,
                weight: cached.weight,
                grown: cached.grown,
            });
        }
        self.load(stream).await
    }

    fn put<D: Decider>(&self, slot: &mut Slot, stream: &StreamId, loaded: Loaded<D>) {
        if loaded.grown > MAX_GROWN.max(loaded.weight) {
            return self.cache().weigh(stream, 0);
        }
        self.cache().weigh(stream, loaded.weight + loaded.grown);
        **slot = Some(Cached {
            state: Box::new(loaded.state),
            revision: loaded.revision,
            position: loaded.position,
            time: loaded.time,
            now: loaded.now,
            as_of: loaded.as_of,
            weight: loaded.weight,
            grown: loaded.grown,
        });
    }

    async fn load<D: Decider>(&self, stream: &StreamId) -> Result<Loaded<D>, CommandError> {
        let mut loaded = Loaded::<D>::nothing();
        let mut as_of = loaded.as_of;
        if let Some(snapshot) = self.snapshots().load(stream, D::FOLD_VERSION).await? {
            let weight = size(&snapshot.state);
            // A snapshot that no longer has the state's shape is as good as none.
            if let Ok(state) = serde_json::from_value(snapshot.state) {
                loaded.state = Arc::new(state);
                loaded.revision = snapshot.revision;
                loaded.position = snapshot.position;
                loaded.weight = weight;
            }
        }
        // The snapshot's last event too, for its time.
        let mut from = loaded.revision.max(0);
        loop {
            let page = self.store().read_stream(stream, from, Direction::Forwards, PAGE).await?;
            let last = page.len() < PAGE;
            take_in(&mut loaded, &page)?;
            from = loaded.revision + 1;
            if last {
                loaded.as_of = as_of;
                loaded.weight += std::mem::take(&mut loaded.grown);
                return Ok(loaded);
            }
            as_of = Instant::now();
        }
    }

    /// Reads what was stored after what is known, and takes it in.
    async fn catch_up<D: Decider>(
        &self,
        stream: &StreamId,
        loaded: &mut Loaded<D>,
    ) -> Result<Vec<Recorded>, CommandError> {
        let as_of = Instant::now();
        let tails = self.store().read_tails(&[(stream.clone(), loaded.revision)]).await?;
        let tail = tails.into_iter().next().unwrap_or_default();
        take_in(loaded, &tail)?;
        loaded.as_of = as_of;
        Ok(tail)
    }

    /// What a repeated request has led to on a stream, for what must be looked at before its command can be decided:
    /// its first success may be the reason why the same would be refused now.
    pub(crate) async fn repeated<D: Decider>(
        &self,
        stream: &StreamId,
        caller: &Caller,
    ) -> Result<Option<Done<D>>, CommandError> {
        if caller.key.is_none() {
            return Ok(None);
        }
        let revision = self.state_of::<D>(stream).await?.revision;
        self.led_to::<D>(stream, revision, caller).await
    }

    /// What this caller's request has led to on a stream that is now at `revision`, if it was here before under its
    /// key.
    async fn led_to<D: Decider>(
        &self,
        stream: &StreamId,
        revision: Revision,
        caller: &Caller,
    ) -> Result<Option<Done<D>>, CommandError> {
        let Some(key) = &caller.key else { return Ok(None) };
        let first = self.idempotency().first_visit(key, stream, revision).await?;
        if let Some(settled) = first.settled {
            return self.as_of_revision::<D>(stream, Own { first: settled + 1, last: settled }).await.map(Some);
        }
        if first.revision >= revision {
            return Ok(None);
        }
        let tails = self.store().read_tails(&[(stream.clone(), first.revision)]).await?;
        match own(tails.first().map_or(&[], Vec::as_slice), caller)? {
            Some(own) => self.as_of_revision::<D>(stream, own).await.map(Some),
            None => Ok(None),
        }
    }

    /// The stamps that a record has after a command led to `done`; `None` where it has no events.
    pub async fn stamps(&self, kind: &Kind, done: &Done<Records>) -> Result<Option<Stamps>, CommandError> {
        let stream = StreamId::new(kind.name, done.id);
        let begun = match self.beginnings().of(&stream) {
            Some(begun) => begun,
            None => {
                let first = self.store().read_stream(&stream, 0, Direction::Forwards, 1).await?.pop();
                let Some(first) = first else { return Ok(None) };
                let begun = first.stamp(None);
                self.beginnings().keep(&stream, begun);
                begun
            }
        };
        Ok(Some(Stamps { updated_at: done.time, ..begun }))
    }

    /// The state that an entity had before a command led to `done`, however far it has gone since. For further steps
    /// that undo what was, also in a repeat: it reads the stream.
    pub(crate) async fn state_before<D: Decider>(&self, done: &Done<D>) -> Result<Arc<D::State>, CommandError> {
        let last = done.revision - Revision::try_from(done.events.len()).map_err(CommandError::broken)?;
        Ok(self.as_of_revision::<D>(&stream::<D>(done.id), Own { first: last + 1, last }).await?.state)
    }

    /// The stream as it was right after `own`, however far it has gone since.
    async fn as_of_revision<D: Decider>(&self, stream: &StreamId, own: Own) -> Result<Done<D>, CommandError> {
        let mut loaded = Loaded::<D>::nothing();
        let mut events = vec![];
        while loaded.revision < own.last {
            let mut page = self.store().read_stream(stream, loaded.revision + 1, Direction::Forwards, PAGE).await?;
            page.retain(|event| event.revision <= own.last);
            if page.is_empty() {
                break;
            }
            for event in page.iter().filter(|event| event.revision >= own.first) {
                events.push(codec::decode::<D>(event).map_err(CommandError::broken)?);
            }
            take_in(&mut loaded, &page)?;
        }
        Ok(done(stream, &loaded, events))
    }
}

/// The revisions that a command's events have.
struct Own {
    first: Revision,
    last: Revision,
}

fn own(tail: &[Recorded], caller: &Caller) -> Result<Option<Own>, CommandError> {
    let mut own: Option<Own> = None;
    for event in tail {
        if event.metadata().map_err(CommandError::broken)?.command_id == caller.command_id {
            own = Some(Own { first: own.map_or(event.revision, |own| own.first), last: event.revision });
        }
    }
    Ok(own)
}

fn take_in<D: Decider>(loaded: &mut Loaded<D>, recorded: &[Recorded]) -> Result<(), CommandError> {
    let Some(last) = recorded.last() else { return Ok(()) };
    let known = loaded.revision;
    let new = || recorded.iter().filter(|event| event.revision > known);
    let events = new().map(codec::decode::<D>).collect::<Result<Vec<_>, _>>();
    evolve(loaded, &events.map_err(CommandError::broken)?);
    loaded.grown += new().map(|event| event.data.text().len()).sum::<usize>();
    loaded.revision = last.revision;
    loaded.position = last.position;
    loaded.time = last.time;
    loaded.now = loaded.now.max(last.time);
    Ok(())
}

fn evolve<D: Decider>(loaded: &mut Loaded<D>, events: &[D::Event]) {
    // Copied only while the answer to the command before is still being rendered.
    let state = Arc::unwrap_or_clone(std::mem::take(&mut loaded.state));
    loaded.state = Arc::new(events.iter().fold(state, D::evolve));
}

fn done<D: Decider>(stream: &StreamId, loaded: &Loaded<D>, events: Vec<D::Event>) -> Done<D> {
    let Loaded { revision, position, time, .. } = *loaded;
    Done { id: stream.id, state: loaded.state.clone(), events, revision, position, time }
}

/// A rough size in memory, in bytes.
fn size(value: &Value) -> usize {
    const NODE: usize = 32;
    NODE + match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(size).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + NODE + size(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// 1 to 16 ms, so that processes that collide do not collide again.
fn jitter() -> Duration {
    let mut random = [0u8];
    // Without randomness they may collide once more, nothing worse.
    let _ = getrandom::fill(&mut random);
    Duration::from_millis(1 + u64::from(random[0] % 16))
}
