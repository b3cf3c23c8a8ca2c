//! Idempotency keys: a request sent again under its key happens once and gets the same answer.
//!
//! The row is committed before anything is decided and never holds an answer: that is rendered again from the state at
//! the revision which the command led to, found by the command's id in the stream.

use std::time::Duration;

use caravan_domain::EntityId;
use caravan_event_store::{Revision, StreamId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::CommandError;

/// A key that was taken down for an actor.
#[derive(Debug, Clone)]
pub struct Key {
    pub(crate) actor: EntityId,
    pub(crate) key: String,
}

/// A key that a request goes by.
pub(crate) struct TakenDown {
    pub key: Key,
    /// The id that this request's commands have, now and on every repeat.
    pub command_id: Uuid,
}

/// What is known of a request's first visit to a stream.
pub(crate) struct FirstVisit {
    /// The revision that the stream had then.
    pub revision: Revision,
    /// The revision at which there was nothing to do.
    pub settled: Option<Revision>,
}

/// How long a key is remembered at least.
pub(crate) const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct Idempotency {
    pool: PgPool,
}

impl Idempotency {
    pub fn new(pool: PgPool) -> Self {
        Idempotency { pool }
    }

    /// Takes a key down for `request`, the hash of operation and body. A key known with another request is refused.
    pub async fn take_down(
        &self,
        actor: EntityId,
        key: &str,
        request: &[u8],
        fresh: Uuid,
    ) -> Result<TakenDown, CommandError> {
        // The update changes nothing: it makes the row of a repeat come back, and waits for one being inserted.
        let (command_id, stored): (Uuid, Vec<u8>) = sqlx::query_as(
            "insert into idempotency (actor, key, request, command_id) values ($1, $2, $3, $4)
             on conflict (actor, key) do update set key = excluded.key
             returning command_id, request",
        )
        .bind(actor.0)
        .bind(key)
        .bind(request)
        .bind(fresh)
        .fetch_one(&self.pool)
        .await?;
        if stored != request {
            return Err(CommandError::KeyReused);
        }
        Ok(TakenDown { key: Key { actor, key: key.to_owned() }, command_id })
    }

    /// When this request first came to the stream, which is at `revision` if it comes now.
    pub async fn first_visit(
        &self,
        key: &Key,
        stream: &StreamId,
        revision: Revision,
    ) -> Result<FirstVisit, CommandError> {
        let began: Option<(Revision, Option<Revision>)> = sqlx::query_as(
            "update idempotency set streams = jsonb_build_object($3::text, $4::bigint) || streams
             where actor = $1 and key = $2 returning (streams ->> $3)::bigint, (settled ->> $3)::bigint",
        )
        .bind(key.actor.0)
        .bind(&key.key)
        .bind(stream.to_string())
        .bind(revision)
        .fetch_optional(&self.pool)
        .await?;
        let (revision, settled) = began.unwrap_or((revision, None));
        Ok(FirstVisit { revision, settled })
    }

    /// Notes that this request found nothing to do on the stream as it was at `revision`.
    pub async fn settled(&self, key: &Key, stream: &StreamId, revision: Revision) -> Result<(), CommandError> {
        sqlx::query(
            "update idempotency set settled = jsonb_build_object($3::text, $4::bigint) || settled
             where actor = $1 and key = $2",
        )
        .bind(key.actor.0)
        .bind(&key.key)
        .bind(stream.to_string())
        .bind(revision)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The id allotted to this request under `label`, which is `fresh` if none was.
    pub async fn allot(&self, key: &Key, label: &str, fresh: EntityId) -> Result<EntityId, CommandError> {
        let allotted: Option<Uuid> = sqlx::query_scalar(
            "update idempotency set ids = jsonb_build_object($3::text, $4::uuid) || ids
             where actor = $1 and key = $2 returning (ids ->> $3)::uuid",
        )
        .bind(key.actor.0)
        .bind(&key.key)
        .bind(label)
        .bind(fresh.0)
        .fetch_optional(&self.pool)
        .await?;
        Ok(allotted.map_or(fresh, EntityId))
    }

    /// Removes keys that are no longer remembered.
    pub async fn purge(&self) -> Result<(), CommandError> {
        sqlx::query("delete from idempotency where created_at < now() - make_interval(secs => $1)")
            .bind(KEPT.as_secs_f64())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
