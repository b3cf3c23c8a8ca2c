//! Numbers of entities, and the ids that carry them.

use std::collections::HashMap;
use std::ops::Range;

use caravan_domain::EntityId;
use sqlx::PgPool;
use tokio::sync::Mutex;

use crate::{Vault, VaultError};

/// How many numbers a process takes from a sequence at a time.
const BLOCK: i64 = 64;

pub(crate) struct Numbers {
    main: PgPool,
    /// What is left of the block of each kind.
    blocks: Mutex<HashMap<String, Range<u64>>>,
}

impl Numbers {
    pub(crate) fn new(main: PgPool) -> Self {
        Numbers { main, blocks: Mutex::default() }
    }

    async fn next(&self, kind: &str) -> Result<u64, VaultError> {
        let mut blocks = self.blocks.lock().await;
        if let Some(number) = blocks.get_mut(kind).and_then(Iterator::next) {
            return Ok(number);
        }
        let last: i64 = sqlx::query_scalar(
            "insert into number_sequences as s (kind, last) values ($1, $2)
             on conflict (kind) do update set last = s.last + excluded.last returning last",
        )
        .bind(kind)
        .bind(BLOCK)
        .fetch_one(&self.main)
        .await?;
        let first = (last - BLOCK + 1) as u64;
        blocks.insert(kind.to_owned(), first + 1..last as u64 + 1);
        Ok(first)
    }

    async fn lift(&self, kind: &str, number: u64) -> Result<(), VaultError> {
        let number = i64::try_from(number).map_err(|_| VaultError::Corrupt(format!("{kind} number {number}")))?;
        let mut blocks = self.blocks.lock().await;
        sqlx::query(
            "insert into number_sequences as s (kind, last) values ($1, $2)
             on conflict (kind) do update set last = greatest(s.last, excluded.last)",
        )
        .bind(kind)
        .bind(number)
        .execute(&self.main)
        .await?;
        if blocks.get(kind).is_some_and(|block| block.start <= number as u64) {
            blocks.remove(kind);
        }
        Ok(())
    }
}

impl Vault {
    /// A new entity's id. Numbers of a kind never repeat, in any process; some are left out.
    pub async fn new_id(&self, kind: &str) -> Result<EntityId, VaultError> {
        Ok(self.id_of(kind, self.0.numbers.next(kind).await?))
    }

    /// The id of the `number`th entity of a kind. Numbers above 48 bits give ids that no entity has.
    pub fn id_of(&self, kind: &str, number: u64) -> EntityId {
        let mac = self.0.secrets.id_key.mac("id", &[kind.as_bytes(), &number.to_be_bytes()]);
        let (tail, _) = mac.split_first_chunk().expect("32 bytes begin with 10");
        EntityId::from_parts(number, *tail)
    }

    /// Makes sure that no number up to `number` is allotted from now on: a rebuild lifts each sequence above the log's
    /// highest.
    pub async fn lift(&self, kind: &str, number: u64) -> Result<(), VaultError> {
        self.0.numbers.lift(kind, number).await
    }
}
