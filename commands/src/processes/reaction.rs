//! One reaction to one event: the follower's own tables, and commands whose ids follow from the event, so that a repeat
//! does nothing.

use std::sync::Arc;
use std::time::Duration;

use caravan_clock::Clock;
use caravan_domain::{Decider, EntityId};
use caravan_event_store::following::FollowError;
use caravan_event_store::{Recorded, StreamId};
use sqlx::PgConnection;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::{Asking, Caller, CommandError, Commands, Done, stream};

/// Under which process managers take down their commands, as people do with idempotency keys.
const PROCESS_MANAGERS: EntityId = EntityId(Uuid::nil());

/// What a reaction works with.
pub(super) struct Reaction<'a> {
    /// What is written here is there once the checkpoint has passed the event, or not at all.
    pub tx: &'a mut PgConnection,
    pub recorded: &'a Recorded,
    pub commands: &'a Commands,
    pub clock: &'a Clock,
    pub pace: &'a Pace,
}

/// How far apart commands are at least.
#[derive(Default)]
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn of(interval: Duration) -> Self {
        Pace { interval, next: Mutex::new(None) }
    }

    async fn turn(&self) {
        if self.interval.is_zero() {
            return;
        }
        let mut next = self.next.lock().await;
        let turn = next.map_or_else(Instant::now, |next| next.max(Instant::now()));
        sleep_until(turn).await;
        *next = Some(turn + self.interval);
    }
}

impl Reaction<'_> {
    /// Whom or what the event's stream is about.
    pub(super) fn id(&self) -> EntityId {
        self.recorded.stream.id
    }

    /// The account that acted, if one did.
    pub(super) fn actor(&self) -> Result<Option<EntityId>, FollowError> {
        let metadata = self.recorded.metadata().map_err(|error| self.poison(&error))?;
        Ok(metadata.actor)
    }

    /// The state of an aggregate at this moment, which may be past the event.
    pub(super) async fn state<D: Decider>(&self, id: EntityId) -> Result<Arc<D::State>, FollowError> {
        let current = self.commands.state::<D>(id).await;
        current.map(|current| current.state).map_err(|error| self.failed(error))
    }

    /// Sends a command because of the event; `name` tells it from other reactions to the same event. A refusal means
    /// that there is nothing to do any more.
    pub(super) async fn send<D: Decider>(
        &self,
        name: &str,
        id: EntityId,
        command: D::Command,
    ) -> Result<(), FollowError> {
        let send = |asking: Asking| async move { asking.send::<D>(id, command).await };
        self.send_by(name, id, send).await
    }

    /// As [`Self::send`], where a command needs facts of other streams: `flow` sends it with what it is given.
    #[tracing::instrument(
        name = "reaction",
        skip_all,
        fields(otel.kind = "consumer", otel.name = format!("react to {}: {name}", self.recorded.event_type))
    )]
    pub(super) async fn send_by<D: Decider, F: Future<Output = Result<Done<D>, CommandError>>>(
        &self,
        name: &str,
        id: EntityId,
        flow: impl FnOnce(Asking) -> F,
    ) -> Result<(), FollowError> {
        self.pace.turn().await;
        let target = stream::<D>(id);
        let sent = async { flow(self.asking(name, &target).await?).await };
        match sent.await {
            Ok(_) => Ok(()),
            Err(CommandError::Rejected(rejection)) => {
                tracing::debug!(reaction = name, %target, kind = ?rejection.kind, "nothing to react to any more");
                Ok(())
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Who sends a reaction to the event.
    async fn asking(&self, name: &str, target: &StreamId) -> Result<Asking, CommandError> {
        let command_id = Uuid::new_v5(&self.recorded.id, format!("{name}/{target}").as_bytes());
        let caller = Caller {
            correlation_id: self.recorded.metadata().map_err(CommandError::broken)?.correlation_id,
            causation_id: Some(self.recorded.id),
            ..Caller::system(self.clock.now(), command_id)
        };
        self.commands.asked_by(caller).under_key(PROCESS_MANAGERS, &command_id.to_string(), &[]).await
    }

    /// What a failing command means for following.
    fn failed(&self, error: CommandError) -> FollowError {
        match error {
            CommandError::Unavailable(_)
            | CommandError::Busy
            | CommandError::Overloaded
            | CommandError::Limited { .. } => FollowError::Transient(Box::new(error)),
            error => self.poison(&error),
        }
    }

    /// A handler was given an event of another kind than it is for: a defect of ours.
    pub(super) fn misled(&self) -> FollowError {
        FollowError::poison(self.recorded, "a reaction got an event of another kind".to_owned())
    }

    fn poison(&self, error: &dyn std::error::Error) -> FollowError {
        FollowError::poison(self.recorded, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn commands_keep_their_distance_and_the_first_does_not_wait() {
        let (began, pace) = (Instant::now(), Pace::of(Duration::from_millis(10)));
        for _ in 0..101 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed(), Duration::from_secs(1));
        tokio::time::sleep(Duration::from_secs(5)).await;
        let began = Instant::now();
        pace.turn().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
