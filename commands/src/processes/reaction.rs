//! How a process manager reacts to an event: a command whose id follows from the event, so that a repeat does nothing.

use caravan_domain::{Decider, EntityId};
use caravan_event_store::following::FollowError;
use caravan_event_store::{CodecError, Recorded, StreamId, codec};
use chrono::Utc;
use uuid::Uuid;

use crate::{Asking, Caller, CommandError, Commands, Done, stream};

/// Under which process managers take down their commands, as people do with idempotency keys.
const PROCESS_MANAGERS: EntityId = EntityId(Uuid::nil());

/// The event in its current shape.
pub(super) fn decoded<D: Decider>(event: &Recorded) -> Result<D::Event, FollowError> {
    codec::decode::<D>(event).map_err(|error: CodecError| FollowError::poison(event, error.to_string()))
}

/// The account that acted, if one did.
pub(super) fn actor(event: &Recorded) -> Result<Option<EntityId>, FollowError> {
    let metadata = event.metadata().map_err(|error| FollowError::poison(event, error.to_string()))?;
    Ok(metadata.actor)
}

/// Sends `command` to `target` because of `event`; `name` tells it from other reactions to the same event. A refusal
/// means that there is nothing to do any more.
pub(super) async fn react<D: Decider>(
    commands: &Commands,
    event: &Recorded,
    name: &str,
    target: EntityId,
    command: D::Command,
) -> Result<(), FollowError> {
    let send = |asking: Asking| async move { asking.send::<D>(target, command).await };
    react_by(commands, event, name, target, send).await
}

/// As [`react`], where a command needs facts of other streams: `flow` sends it with what it is given.
#[tracing::instrument(
    name = "reaction",
    skip_all,
    fields(otel.kind = "consumer", otel.name = format!("react to {}: {name}", event.event_type))
)]
pub(super) async fn react_by<D: Decider, F: Future<Output = Result<Done<D>, CommandError>>>(
    commands: &Commands,
    event: &Recorded,
    name: &str,
    target: EntityId,
    flow: impl FnOnce(Asking) -> F,
) -> Result<(), FollowError> {
    let target = stream::<D>(target);
    let sent = async { flow(reacting(commands, event, name, &target).await?).await };
    match sent.await {
        Ok(_) => Ok(()),
        Err(CommandError::Rejected(rejection)) => {
            tracing::debug!(reaction = name, %target, kind = ?rejection.kind, "nothing to react to any more");
            Ok(())
        }
        Err(error) => Err(failed(event, error)),
    }
}

/// Who sends a reaction to `event`.
async fn reacting(
    commands: &Commands,
    event: &Recorded,
    name: &str,
    target: &StreamId,
) -> Result<Asking, CommandError> {
    let command_id = Uuid::new_v5(&event.id, format!("{name}/{target}").as_bytes());
    let caller = Caller {
        correlation_id: event.metadata().map_err(CommandError::broken)?.correlation_id,
        causation_id: Some(event.id),
        ..Caller::system(Utc::now(), command_id)
    };
    commands.asked_by(caller).under_key(PROCESS_MANAGERS, &command_id.to_string(), &[]).await
}

/// What a failing command means for following.
pub(super) fn failed(event: &Recorded, error: CommandError) -> FollowError {
    match error {
        CommandError::Unavailable(_) | CommandError::Busy | CommandError::Overloaded | CommandError::Limited { .. } => {
            FollowError::Transient(Box::new(error))
        }
        error => FollowError::poison(event, error.to_string()),
    }
}
