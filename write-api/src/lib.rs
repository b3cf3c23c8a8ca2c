//! Routes that change state: one module per dialect. A dialect turns a request into a command and the state it led to
//! into an answer; no rule lives here.

mod exposed;
mod failure;
mod krugo;
mod open_event;
mod rentals;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use caravan_commands::identity::{daily, sessions};
use caravan_commands::{Asking, Caller, Commands, Done};
use caravan_domain::identity::{Person, Roles};
use caravan_domain::{Actor, Decider, Sealed};
use caravan_event_store::following::{Checkpoints, WaitError};
use caravan_files::Files;
use caravan_files::pictures::Pictures;
use caravan_wire::{Answer, Call, Endpoints, Failure, Registration, Routes, Shown, Side, Stream};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub(crate) use failure::failure;

/// What commands work on.
pub struct Write {
    pub commands: Commands,
    pub checkpoints: Checkpoints,
    /// The addresses that mails of staff may be from.
    pub mail_senders: Vec<String>,
    /// Files that go with them.
    pub files: Files,
    pub pictures: Pictures,
    /// Work that goes on after its answer; whoever stops the process waits for it.
    pub tasks: TaskTracker,
}

/// The commands of all dialects.
fn routes() -> [Routes<Write>; 3] {
    [krugo::routes(), open_event::routes(), rentals::routes()]
}

/// The commands of all dialects, ready to be carried out.
pub fn endpoints(write: &Arc<Write>) -> Vec<Endpoints> {
    routes().into_iter().map(|routes| routes.serve(write.clone())).collect()
}

/// How each command is served.
pub fn registrations() -> Vec<Registration> {
    routes().iter().flat_map(Routes::registrations).collect()
}

/// The follower that keeps the documents, which is what commands wait for.
const DOCUMENTS: &str = "postgres";

impl Side for Write {
    const COMMANDS: bool = true;

    async fn authenticate(&self, token: &str, now: DateTime<Utc>) -> Result<Person, Failure> {
        sessions::authenticate(&self.commands, token, now).await.map_err(failure)
    }

    async fn open(&self, sealed: &[&Sealed]) -> Result<Vec<String>, Failure> {
        Ok(self.commands.vault().open_to_show(sealed).await?)
    }

    fn explain(error: Box<dyn Error + Send + Sync>) -> Failure {
        failure::explain(error)
    }

    async fn passed(&self, _: Shown, position: i64, limit: Duration) -> Result<(), Failure> {
        self.checkpoints.wait(DOCUMENTS, position, limit).await.map_err(|error| match error {
            WaitError::Late { lag } => Failure::late(lag),
            WaitError::Unavailable => Failure::unavailable("the read models cannot be reached now", error),
        })
    }
}

/// The commands, asked for by who calls. An idempotency key is taken down first, so that a repeat is recognised;
/// nobody's keys are not: public calls are exempt.
pub(crate) async fn asking(call: &Call<Write>) -> Result<Asking, Failure> {
    let actor = call.person.map_or(Actor::Anonymous, |person| Actor::Person(person.account));
    let caller = Caller {
        roles: call.person.map_or(Roles::NONE, |person| person.roles),
        correlation_id: call.correlation_id,
        if_match: call.headers.if_match,
        address: Some(call.address),
        ..Caller::new(actor, call.now, Uuid::new_v4(), call.operation.dialect.name)
    };
    let asking = call.state.commands.asked_by(caller);
    match (actor, &call.headers.idempotency_key) {
        (Actor::Person(account), Some(key)) => Ok(asking.under_key(account, key, &fingerprint(call)).await?),
        _ => Ok(asking),
    }
}

/// Closes the session that calls, if one does.
pub(crate) async fn close_session(call: &Call<Write>) -> Result<Option<Stream>, Failure> {
    let Some(person) = call.person else { return Ok(None) };
    let done = daily::log_out(&asking(call).await?, person).await?;
    Ok(Some(Stream { revision: done.revision, position: done.position }))
}

/// What a repeat must have in common with the first request: operation, parameters and body; of one in parts, what lies
/// between its boundaries, which are others each time.
fn fingerprint(call: &Call<Write>) -> Vec<u8> {
    let operation = &call.operation;
    let request = serde_json::json!([operation.dialect.name, operation.id, call.parameters, call.body]);
    let mut digest = Sha256::new().chain_update(request.to_string());
    for piece in call.pieces() {
        digest.update(piece.len().to_be_bytes());
        digest.update(piece);
    }
    digest.finalize().to_vec()
}

/// The answer to a command on one stream: its revision is the ETag.
pub(crate) fn answer<D: Decider>(done: &Done<D>, body: Value) -> Result<Answer<Stream>, Failure> {
    Ok(Answer::json(body).of(done.revision, done.position))
}
