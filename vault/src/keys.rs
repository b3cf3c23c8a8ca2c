//! Personal keys: one per person, cached while that is certain to be right, gone when the person is forgotten.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use caravan_domain::EntityId;
use lru::LruCache;
use sqlx::PgPool;
use uuid::Uuid;

use crate::secrets::Secret;
use crate::{Vault, VaultError};

/// Keys kept in memory, about 100 bytes each.
const CACHED: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();
/// How often each process looks for people that others have forgotten.
const POLL: Duration = Duration::from_millis(300);
/// How long after a look a cached key still counts; then the database is asked.
const FRESH: Duration = Duration::from_secs(1);
/// How far back each look goes: longer than any forgetting takes to commit.
const OVERLAP: Duration = Duration::from_secs(60);
/// Serialises linking and forgetting.
pub(crate) const LOCK: i64 = 0x6b65_7973;

pub(crate) struct Keys {
    pool: PgPool,
    master: Secret,
    cache: Mutex<Cache>,
}

struct Cache {
    known: LruCache<EntityId, PersonalKey>,
    /// When the last successful look for forgotten people began.
    looked: Instant,
}

#[derive(Clone)]
enum PersonalKey {
    Held(Secret),
    Forgotten,
}

impl Keys {
    pub(crate) async fn open(pool: PgPool, master: Secret) -> Result<Arc<Self>, VaultError> {
        let cache = Cache { known: LruCache::new(CACHED), looked: Instant::now() };
        let keys = Arc::new(Keys { pool, master, cache: Mutex::new(cache) });
        tokio::spawn(watch(Arc::downgrade(&keys)));
        Ok(keys)
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The person's key, made if they have none yet.
    pub(crate) async fn obtain(&self, subject: EntityId) -> Result<Secret, VaultError> {
        loop {
            match self.cached(subject) {
                Some(PersonalKey::Held(key)) => return Ok(key),
                Some(PersonalKey::Forgotten) => return Err(VaultError::Forgotten),
                None => {}
            }
            match self.load(&[subject]).await?.remove(&subject) {
                Some(PersonalKey::Held(key)) => return Ok(key),
                Some(PersonalKey::Forgotten) => return Err(VaultError::Forgotten),
                None => {}
            }
            let fresh = Secret::random()?;
            let made =
                sqlx::query("insert into personal_keys (subject, wrapped) values ($1, $2) on conflict do nothing")
                    .bind(subject.0)
                    .bind(self.master.wrap(&fresh, &name(subject))?)
                    .execute(&self.pool)
                    .await?;
            if made.rows_affected() == 1 {
                self.lock().known.put(subject, PersonalKey::Held(fresh.clone()));
                return Ok(fresh);
            }
            // Another process made it, or forgot the person, in the meantime: the next round finds the row.
        }
    }

    /// The keys of those who have one; forgotten and unknown people are left out.
    pub(crate) async fn find(&self, subjects: &[EntityId]) -> Result<HashMap<EntityId, Secret>, VaultError> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        for &subject in subjects {
            match self.cached(subject) {
                Some(key) => drop(found.insert(subject, key)),
                None => missing.push(subject),
            }
        }
        if !missing.is_empty() {
            found.extend(self.load(&missing).await?);
        }
        let held = found.into_iter().filter_map(|(subject, key)| match key {
            PersonalKey::Held(key) => Some((subject, key)),
            PersonalKey::Forgotten => None,
        });
        Ok(held.collect())
    }

    async fn load(&self, subjects: &[EntityId]) -> Result<HashMap<EntityId, PersonalKey>, VaultError> {
        let subjects: Vec<Uuid> = subjects.iter().map(|subject| subject.0).collect();
        let rows: Vec<(Uuid, Option<Vec<u8>>)> =
            sqlx::query_as("select subject, wrapped from personal_keys where subject = any($1)")
                .bind(subjects)
                .fetch_all(&self.pool)
                .await?;
        let mut loaded = HashMap::new();
        for (subject, wrapped) in rows {
            let subject = EntityId(subject);
            let key = match wrapped {
                Some(wrapped) => PersonalKey::Held(
                    self.master
                        .unwrap(&wrapped, &name(subject))
                        .ok_or_else(|| VaultError::Corrupt(format!("the key of {subject}")))?,
                ),
                None => PersonalKey::Forgotten,
            };
            loaded.insert(subject, key);
        }
        let mut cache = self.lock();
        for (subject, key) in &loaded {
            cache.known.put(*subject, key.clone());
        }
        Ok(loaded)
    }

    /// A cached key, if it certainly still counts. Being forgotten is for ever.
    fn cached(&self, subject: EntityId) -> Option<PersonalKey> {
        let mut cache = self.lock();
        let fresh = cache.looked.elapsed() < FRESH;
        cache.known.get(&subject).filter(|key| fresh || matches!(key, PersonalKey::Forgotten)).cloned()
    }

    async fn known(&self, subject: EntityId) -> Result<Option<PersonalKey>, VaultError> {
        match self.cached(subject) {
            Some(key) => Ok(Some(key)),
            None => Ok(self.load(&[subject]).await?.remove(&subject)),
        }
    }

    async fn has_key(&self, subject: EntityId) -> Result<bool, VaultError> {
        Ok(self.known(subject).await?.is_some_and(|key| !matches!(key, PersonalKey::Forgotten)))
    }

    async fn is_forgotten(&self, subject: EntityId) -> Result<bool, VaultError> {
        Ok(matches!(self.known(subject).await?, Some(PersonalKey::Forgotten)))
    }

    async fn link(&self, from: EntityId, into: EntityId) -> Result<(), VaultError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
        sqlx::query("insert into links (subject, person) values ($1, $2) on conflict do nothing")
            .bind(from.0)
            .bind(into.0)
            .execute(&mut *transaction)
            .await?;
        let forgotten: bool = sqlx::query_scalar(
            "select exists (select from personal_keys where subject = $1 and forgotten_at is not null)",
        )
        .bind(into.0)
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        if forgotten {
            self.forget(from).await?;
        }
        Ok(())
    }

    async fn forget(&self, subject: EntityId) -> Result<Vec<EntityId>, VaultError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
        let forgotten: Vec<Uuid> = sqlx::query_scalar(
            "with recursive person (subject) as (
                 select $1::uuid union select l.subject from links l join person p on l.person = p.subject
             )
             insert into personal_keys as k (subject, forgotten_at) select subject, clock_timestamp() from person
             on conflict (subject) do update
             set wrapped = null, forgotten_at = coalesce(k.forgotten_at, excluded.forgotten_at)
             returning subject",
        )
        .bind(subject.0)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let mut forgotten: Vec<EntityId> = forgotten.into_iter().map(EntityId).collect();
        forgotten.sort();
        self.evict(&forgotten);
        Ok(forgotten)
    }

    fn evict(&self, forgotten: &[EntityId]) {
        let mut cache = self.lock();
        for subject in forgotten {
            cache.known.put(*subject, PersonalKey::Forgotten);
        }
    }

    /// Evicts the keys of people whom any process has forgotten lately.
    async fn look(&self) -> Result<(), VaultError> {
        let began = Instant::now();
        let forgotten: Vec<Uuid> = sqlx::query_scalar(
            "select subject from personal_keys where forgotten_at > now() - make_interval(secs => $1)",
        )
        .bind(OVERLAP.as_secs_f64())
        .fetch_all(&self.pool)
        .await?;
        if self.lock().looked.elapsed() > OVERLAP / 2 {
            // Some may have been forgotten before this look's reach.
            self.lock().known.clear();
        }
        self.evict(&forgotten.into_iter().map(EntityId).collect::<Vec<_>>());
        self.lock().looked = began;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        // No holder leaves the cache half changed.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks for forgotten people as long as the keys are used and their database is not closed.
async fn watch(keys: Weak<Keys>) {
    let mut unreachable = false;
    loop {
        tokio::time::sleep(POLL).await;
        let Some(keys) = keys.upgrade() else { return };
        match keys.look().await {
            Ok(()) => unreachable = false,
            Err(_) if keys.pool.is_closed() => return,
            Err(error) if !unreachable => {
                unreachable = true;
                tracing::warn!(error = &error as &dyn std::error::Error, "the keys database does not answer");
            }
            Err(_) => {}
        }
    }
}

/// What a personal key's wrapping is bound to, so that rows cannot be swapped.
fn name(subject: EntityId) -> String {
    format!("personal key {subject}")
}

impl Vault {
    /// From now on the values of `from` are forgotten together with the person `into`; at once if they are already.
    pub async fn link(&self, from: EntityId, into: EntityId) -> Result<(), VaultError> {
        self.0.keys.link(from, into).await
    }

    /// Deletes the keys of a person and of all subjects linked to them, which are returned, and refuses new ones.
    /// Within a second no process opens their values any more. A repeat returns the same.
    pub async fn forget(&self, subject: EntityId) -> Result<Vec<EntityId>, VaultError> {
        self.0.keys.forget(subject).await
    }

    /// Whether something was sealed for this person and can be opened.
    pub async fn has_key(&self, subject: EntityId) -> Result<bool, VaultError> {
        self.0.keys.has_key(subject).await
    }

    pub async fn is_forgotten(&self, subject: EntityId) -> Result<bool, VaultError> {
        self.0.keys.is_forgotten(subject).await
    }
}
