//! Routes that read: one module per dialect. A dialect parses a request into reads and plans, and renders what they find.

mod failure;
mod krugo;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use caravan_domain::identity::account::Account;
use caravan_event_store::following::{Checkpoints, WaitError};
use caravan_projections::ReadModels;
use caravan_vault::Vault;
use caravan_wire::{Endpoints, Failure, Person, Side};
use chrono::{DateTime, Utc};

/// What queries work on.
pub struct Read {
    pub models: ReadModels,
    pub vault: Vault,
    pub checkpoints: Checkpoints,
}

/// The queries of all dialects.
pub fn endpoints(read: Arc<Read>) -> Vec<Endpoints> {
    vec![krugo::routes(read).into()]
}

impl Side for Read {
    const COMMANDS: bool = false;

    async fn authenticate(&self, token: &str, now: DateTime<Utc>) -> Result<Person, Failure> {
        let access = self.vault.verify_access(token, now).map_err(|error| Failure::unauthorised(error.to_string()))?;
        let account = self.models.get::<Account>(access.account).await.map_err(failure::failure)?;
        if account.is_some_and(|account| account.state.has_open_session(access.session, now)) {
            Ok(Person { account: access.account, session: access.session })
        } else {
            Err(Failure::unauthorised("this session has ended"))
        }
    }

    fn explain(error: Box<dyn Error + Send + Sync>) -> Failure {
        failure::explain(error)
    }

    async fn passed(&self, follower: &'static str, position: i64, limit: Duration) -> Result<(), Failure> {
        self.checkpoints.wait(follower, position, limit).await.map_err(|error| match error {
            WaitError::Late { lag } => Failure::late(lag),
            WaitError::Unavailable => Failure::unavailable("the read models cannot be reached now", error),
        })
    }
}
