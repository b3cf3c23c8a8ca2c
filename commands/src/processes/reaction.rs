//! How a process manager reacts to an event: a command whose id follows from the event, so that a repeat does nothing.

use caravan_domain::{Actor, Decider, EntityId};
use caravan_event_store::following::FollowError;
use caravan_event_store::{CodecError, Recorded, StreamId, codec};
use chrono::Utc;
use uuid::Uuid;

use crate::{Caller, CommandError, Commands, Done};

/// Under which process managers take down their commands, as people do with idempotency keys.
const PROCESS_MANAGERS: EntityId = EntityId(Uuid::nil());

/// The event in its current shape.
pub(super) fn decoded<D: Decider>(event: &Recorded) -> Result<D::Event, FollowError> {
    codec::decode::<D>(event).map_err(|error: CodecError| FollowError::poison(event, error.to_string()))
}

/// Sends `command` to `target` because of `event`; `name` tells it from other reactions to the same event. A refusal
/// means that there is nothing to do any more.
pub(super) async fn react<D: Decider>(
    commands: &Commands,
    event: &Recorded,
    name: &str,
    target: StreamId,
    command: D::Command,
) -> Result<(), FollowError> {
    let sent = async {
        let caller = reacting(commands, event, name, &target).await?;
        commands.execute::<D>(target.clone(), command, &caller).await
    };
    settled(event, name, &target, sent.await)
}

/// Who sends a reaction to `event`; for one that is a flow, whose outcome [`settled`] takes.
pub(super) async fn reacting(
    commands: &Commands,
    event: &Recorded,
    name: &str,
    target: &StreamId,
) -> Result<Caller, CommandError> {
    let command_id = Uuid::new_v5(&event.id, format!("{name}/{target}").as_bytes());
    let begun = commands.begin(PROCESS_MANAGERS, &command_id.to_string(), &[], command_id).await?;
    Ok(Caller {
        correlation_id: event.metadata.correlation_id,
        causation_id: Some(event.id),
        key: Some(begun.key),
        ..Caller::new(Actor::System, Utc::now(), begun.command_id, "system")
    })
}

/// What the outcome of a reaction means for following.
pub(super) fn settled<D: Decider>(
    event: &Recorded,
    name: &str,
    target: &StreamId,
    outcome: Result<Done<D>, CommandError>,
) -> Result<(), FollowError> {
    match outcome {
        Ok(_) => Ok(()),
        Err(CommandError::Rejected(rejection)) => {
            tracing::debug!(reaction = name, %target, kind = ?rejection.kind, "nothing to react to any more");
            Ok(())
        }
        Err(error) => Err(failed(event, error)),
    }
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
