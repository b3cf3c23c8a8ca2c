//! The commands of one caller.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use caravan_domain::identity::Roles;
use caravan_domain::record::{RecordCommand, Records};
use caravan_domain::{Actor, Decider, EntityId};
use caravan_event_store::StreamId;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Caller, CommandError, Commands, Done, stream};

/// [`Commands`] and who asks: what every flow is given that changes something. A flow that only looks takes
/// [`Commands`], for which this stands in too.
///
/// A flow of several commands names the step of each but one at most. Event ids follow from the
/// request and its step, so that a flow sent a second time, because its answer was lost, stores nothing twice and
/// finishes what the first left open.
#[derive(Clone)]
pub struct Asking {
    commands: Commands,
    caller: Caller,
    /// Whether a command has gone out under these ids.
    sent: Arc<AtomicBool>,
}

impl Commands {
    /// The same commands, asked for by `caller`.
    pub fn asked_by(&self, caller: Caller) -> Asking {
        Asking { commands: self.clone(), caller, sent: Arc::default() }
    }
}

impl Deref for Asking {
    type Target = Commands;

    fn deref(&self) -> &Commands {
        &self.commands
    }
}

impl Asking {
    /// The same request under `actor`'s idempotency key, which is taken down first, so that a repeat is recognised.
    /// `request` is the hash of operation and body; a key known with another is refused.
    pub async fn under_key(self, actor: EntityId, key: &str, request: &[u8]) -> Result<Asking, CommandError> {
        let Asking { commands, caller, .. } = self;
        let taken = commands.idempotency().take_down(actor, key, request, caller.command_id).await?;
        Ok(commands.asked_by(Caller { command_id: taken.command_id, key: Some(taken.key), ..caller }))
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The command's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.caller.now
    }

    /// The person acting, where a flow needs one before any rule is asked.
    pub fn person(&self) -> Result<EntityId, CommandError> {
        Ok(self.caller.context().person()?)
    }

    /// Decides `command` on an entity and appends what follows. Returns once that is on disk.
    pub async fn send<D: Decider>(
        &self,
        id: EntityId,
        command: impl Into<D::Command>,
    ) -> Result<Done<D>, CommandError> {
        self.send_to(stream::<D>(id), command.into()).await
    }

    /// A second command under the same ids would pass for a repeat of the first, or store two events under one id.
    async fn send_to<D: Decider>(&self, stream: StreamId, command: D::Command) -> Result<Done<D>, CommandError> {
        if self.sent.swap(true, Ordering::Relaxed) {
            return Err(CommandError::broken(NotAStep));
        }
        self.execute(stream, command, &self.caller).await
    }

    /// As [`Self::send`], of a command that is made from facts of other streams, or from a secret that is used up:
    /// `command` is not waited for where this request has done its work before.
    pub async fn send_once<D: Decider, C: Into<D::Command>>(
        &self,
        id: EntityId,
        command: impl Future<Output = Result<C, CommandError>>,
    ) -> Result<Done<D>, CommandError> {
        match self.done_before(id).await? {
            Some(done) => Ok(done),
            None => self.send(id, command.await?).await,
        }
    }

    /// What this request has led to on an entity, if it was here before.
    pub async fn done_before<D: Decider>(&self, id: EntityId) -> Result<Option<Done<D>>, CommandError> {
        self.repeated(&stream::<D>(id), &self.caller).await
    }

    /// As [`Self::send`], to a record.
    pub(crate) async fn send_to_record(&self, command: RecordCommand) -> Result<Done<Records>, CommandError> {
        self.send_to(StreamId::new(command.record.kind.name, command.id), command).await
    }

    /// The id of a new entity; the one allotted before where the request is a repeat.
    pub async fn new_id<D: Decider>(&self) -> Result<EntityId, CommandError> {
        self.new_id_of(D::CATEGORY).await
    }

    /// As [`Self::new_id`], of an entity of the kind named.
    pub(crate) async fn new_id_of(&self, kind: &str) -> Result<EntityId, CommandError> {
        self.allotted_id(kind, &self.caller).await
    }

    /// The same caller for a further command of this request: other event ids, no precondition.
    pub fn step(&self, name: &str) -> Asking {
        let command_id = Uuid::new_v5(&self.caller.command_id, name.as_bytes());
        self.commands.asked_by(Caller { command_id, if_match: None, ..self.caller.clone() })
    }

    /// This request's further step done by the system: a consequence that the person could not command directly.
    pub fn system_step(&self, name: &str) -> Asking {
        let Asking { commands, caller, sent } = self.step(name);
        Asking { commands, caller: Caller { actor: Actor::System, roles: Roles::NONE, ..caller }, sent }
    }

    /// The same request, refused where the entity it is sent to is not at `revision` any more.
    pub(crate) fn at_revision(&self, revision: i64) -> Asking {
        self.commands.asked_by(Caller { if_match: Some(revision), ..self.caller.clone() })
    }
}

/// Two commands of one request without a name for the second.
#[derive(Debug, thiserror::Error)]
#[error("a further command of a request needs the name of its step")]
struct NotAStep;
