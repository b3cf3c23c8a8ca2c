//! Who asks for a command, when, and under which ids.

use std::net::IpAddr;

use caravan_domain::identity::Roles;
use caravan_domain::{Actor, Context};
use caravan_event_store::{Metadata, Revision};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::idempotency::Key;

/// Everything about a command but the command itself.
#[derive(Debug, Clone)]
pub struct Caller {
    pub actor: Actor,
    /// The platform roles of the person acting.
    pub roles: Roles,
    pub now: DateTime<Utc>,
    /// Event ids follow from it, so that a command sent twice under one id is stored once.
    pub command_id: Uuid,
    pub correlation_id: Uuid,
    /// The event that a process manager reacts to.
    pub causation_id: Option<Uuid>,
    pub dialect: &'static str,
    /// The revision that the stream must have (`If-Match`).
    pub if_match: Option<Revision>,
    /// Where the request came from, for limits.
    pub address: Option<IpAddr>,
    /// The idempotency key, once it was taken down.
    pub key: Option<Key>,
}

impl Caller {
    pub fn new(actor: Actor, now: DateTime<Utc>, command_id: Uuid, dialect: &'static str) -> Self {
        Caller {
            actor,
            roles: Roles::NONE,
            now,
            command_id,
            correlation_id: command_id,
            causation_id: None,
            dialect,
            if_match: None,
            address: None,
            key: None,
        }
    }

    /// The system acting on its own: an import, an operator's command, a process manager.
    pub fn system(now: DateTime<Utc>, command_id: Uuid) -> Self {
        Caller::new(Actor::System, now, command_id, "system")
    }

    pub fn context(&self) -> Context {
        Context { actor: self.actor, roles: self.roles, now: self.now }
    }

    pub(crate) fn metadata(&self) -> Metadata {
        Metadata {
            command_id: self.command_id,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            actor: match self.actor {
                Actor::Person(person) => Some(person),
                Actor::Anonymous | Actor::System => None,
            },
            dialect: self.dialect.to_owned(),
        }
    }
}
