//! Routes that read: one module per dialect. A dialect parses a request into reads and plans, and renders what they
//! find.

mod catalogue;
mod exposed;
mod failure;
mod krugo;
mod open_event;
mod people;
mod reads;
mod rentals;
mod trips;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caravan_domain::Sealed;
use caravan_domain::identity::account::{Account, LoginSessions};
use caravan_domain::identity::{Person, Roles};
use caravan_event_store::following::{Checkpoints, WaitError};
use caravan_event_store::{EventStore, StoreError};
use caravan_files::pictures::Pictures;
use caravan_limits::Limits;
use caravan_projections::{DOCUMENTS, OPENED, ReadModels, TALLIES};
use caravan_vault::Vault;
use caravan_wire::{Endpoints, Failure, Registration, Routes, Shown, Side};
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use catalogue::discovered;
pub use people::People;

/// What queries work on.
pub struct Read {
    pub models: ReadModels,
    pub vault: Vault,
    pub checkpoints: Checkpoints,
    pub store: Arc<dyn EventStore>,
    pub people: People,
    pub limits: Limits,
    pub pictures: Pictures,
    /// Where clients find this installation.
    pub public_url: Arc<str>,
    /// What booking.com knows us by; empty where it does not.
    pub booking_partner: Arc<str>,
}

/// The queries of all dialects.
fn routes() -> [Routes<Read>; 3] {
    [krugo::routes(), open_event::routes(), rentals::routes()]
}

/// The queries of all dialects, ready to be answered.
pub fn endpoints(read: &Arc<Read>) -> Vec<Endpoints> {
    routes().into_iter().map(|routes| routes.serve(read.clone())).collect()
}

/// How each query is served.
pub fn registrations() -> Vec<Registration> {
    routes().iter().flat_map(Routes::registrations).collect()
}

impl Side for Read {
    const COMMANDS: bool = false;

    async fn authenticate(&self, token: &str, now: DateTime<Utc>) -> Result<Person, Failure> {
        let access = self.vault.verify_access(token, now).map_err(|error| Failure::unauthorised(error.to_string()))?;
        let waiting = Instant::now();
        loop {
            let sessions =
                self.models.part::<Account, LoginSessions>(access.account).await.map_err(failure::failure)?;
            match session_state(sessions.as_ref(), access.session, now) {
                SessionState::Open { login, roles } => {
                    return Ok(Person { account: access.account, session: access.session, login, roles });
                }
                SessionState::Ended => return Err(Failure::unauthorised("this session has ended")),
                SessionState::Unseen if waiting.elapsed() < NEWS => tokio::time::sleep(LOOK_AGAIN).await,
                SessionState::Unseen => return Err(Failure::behind("the read models have not seen this login yet")),
            }
        }
    }

    async fn open(&self, sealed: &[&Sealed]) -> Result<Vec<String>, Failure> {
        Ok(self.vault.open_to_show(sealed).await?)
    }

    fn explain(error: Box<dyn Error + Send + Sync>) -> Failure {
        failure::explain(error)
    }

    async fn passed(&self, shown: Shown, position: i64, limit: Duration) -> Result<(), Failure> {
        let followers = match shown {
            Shown::Documents => &[DOCUMENTS],
            Shown::Search => self.models.search_followers(),
            Shown::Opened => &[DOCUMENTS, OPENED],
            Shown::Tallies => &[DOCUMENTS, TALLIES],
        };
        if !followers.iter().all(|follower| self.checkpoints.has_passed(follower, position)) {
            let head = self.store.head().await;
            if position > head.map_err(|error| Failure::unavailable("the log cannot be reached now", error))? {
                return Err(Failure::unreadable("Caravan-After", "is after the last event"));
            }
        }
        for follower in followers {
            self.checkpoints.wait(follower, position, limit).await.map_err(|error| match error {
                WaitError::Late { lag } => Failure::late(lag),
                WaitError::Unavailable => Failure::unavailable("the read models cannot be reached now", error),
            })?;
            match self.checkpoints.is_parked(self.store.as_ref(), follower, position).await {
                Ok(false) => {}
                Ok(true) => {
                    return Err(Failure::behind("what happened at this position cannot be shown until it is repaired"));
                }
                Err(error) => return Err(Failure::unavailable("the log cannot be reached now", error)),
            }
        }
        Ok(())
    }
}

impl Read {
    /// How many events the log holds that some read model has not taken in.
    async fn lag(&self) -> Result<i64, Failure> {
        let unavailable = |error: StoreError| Failure::unavailable("the log cannot be reached now", error);
        // Positions first: what is stored in between must not count as taken in.
        let mut behind = i64::MAX;
        for follower in self.models.search_followers().iter().chain([&OPENED]) {
            behind = behind.min(self.checkpoints.position(follower).await.map_err(unavailable)?);
        }
        let head = self.store.head().await.map_err(unavailable)?;
        Ok((head - behind).max(0))
    }
}

/// How long a query waits for a login that the read models have not seen.
const NEWS: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What an account's document says about a session of which a token exists.
#[derive(Debug, PartialEq)]
enum SessionState {
    /// Of an account with these roles.
    Open {
        login: Uuid,
        roles: Roles,
    },
    Ended,
    /// The login is newer than the document.
    Unseen,
}

fn session_state(sessions: Option<&LoginSessions>, number: u32, now: DateTime<Utc>) -> SessionState {
    let Some(sessions) = sessions else { return SessionState::Unseen };
    match sessions.session(number, now) {
        Some(session) => SessionState::Open { login: session.login, roles: sessions.roles() },
        None if sessions.know(number) => SessionState::Ended,
        None => SessionState::Unseen,
    }
}

#[cfg(test)]
mod tests {
    use caravan_domain::identity::Role;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_session_is_open_ended_or_not_seen_yet() {
        let now = DateTime::UNIX_EPOCH;
        let opened = json!({"number": 3, "login": uuid::Uuid::nil(), "generation": 0, "opened_at": now,
            "refreshed_at": now, "expires_at": "1970-01-02T00:00:00Z"});
        let registered = json!({"status": "registered", "username": {"subject": uuid::Uuid::nil(), "cipher": "", "hash": ""},
            "provider": "password", "attributes": {}, "sessions": [opened], "next_session": 4,
            "granted": ["analyst"]});
        let registered: LoginSessions = serde_json::from_value(registered).unwrap();
        let roles = [Role::User, Role::Analyst].into_iter().collect();
        assert_eq!(session_state(Some(&registered), 3, now), SessionState::Open { login: Uuid::nil(), roles });
        assert_eq!(session_state(Some(&registered), 2, now), SessionState::Ended);
        assert_eq!(session_state(Some(&registered), 4, now), SessionState::Unseen);
        assert_eq!(session_state(None, 0, now), SessionState::Unseen);
        let forgotten: LoginSessions =
            serde_json::from_value(json!({"status": "forgotten", "deleted_at": now})).unwrap();
        assert_eq!(session_state(Some(&forgotten), 0, now), SessionState::Ended);
    }
}
