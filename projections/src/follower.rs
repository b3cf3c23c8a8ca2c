//! The `postgres` follower: keeps every document at the log's end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use caravan_domain::Kind;
use caravan_event_store::following::{FollowError, Follower};
use caravan_event_store::{Direction, EventStore, Filter, Recorded, Revision, StreamId};
use lru::LruCache;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::document::{self, Folded, Row};
use crate::{Kinds, bookkeeping, schema, write};

/// The follower that writes the documents of `kinds`; reads streams of `store` again where a document is missing or
/// was folded by other rules.
pub fn postgres_follower(store: Arc<dyn EventStore>, kinds: Kinds) -> impl Follower {
    DocumentFollower {
        store,
        kinds: kinds.iter().map(|kind| (kind.name, *kind)).collect(),
        tables: None,
        cache: Cache::new(CACHE_BYTES),
    }
}

/// JSON bytes of states kept between batches; in memory they take a few times as much.
const CACHE_BYTES: usize = 8 << 20;

type Key = (&'static str, Uuid);

struct DocumentFollower {
    store: Arc<dyn EventStore>,
    kinds: HashMap<&'static str, &'static Kind>,
    /// Table of each kind; read again after a reset, since a rebuild may have switched it.
    tables: Option<HashMap<&'static str, String>>,
    cache: Cache,
}

/// An entity that the batch touches.
struct Touched {
    folded: Folded,
    changed: bool,
}

#[async_trait]
impl Follower for DocumentFollower {
    fn name(&self) -> &str {
        bookkeeping::DOCUMENTS
    }

    fn filter(&self) -> Filter {
        let mut categories: Vec<String> = self.kinds.keys().map(|name| name.to_string()).collect();
        categories.sort();
        Filter { categories, event_types: vec![] }
    }

    /// Whoever sent a command waits for this follower.
    fn pace(&self) -> Duration {
        Duration::from_millis(10)
    }

    async fn apply(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<(), FollowError> {
        // Until all has gone well, the states are out of the cache: an error loses them.
        let touched = self.fold(tx, batch).await?;
        let written = self.write(tx, touched).await?;
        for (key, folded, weight) in written {
            self.cache.put(key, folded, weight);
        }
        Ok(())
    }

    async fn skip(&mut self, tx: &mut PgConnection, stream: &StreamId, event: Revision) -> Result<(), sqlx::Error> {
        bookkeeping::pass(tx, stream, event).await
    }

    fn reset(&mut self) {
        self.tables = None;
        self.cache.clear();
    }
}

impl DocumentFollower {
    async fn fold(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<HashMap<Key, Touched>, FollowError> {
        let mut touched = self.load(tx, batch).await?;
        for event in batch {
            let Some((&name, &kind)) = self.kinds.get_key_value(event.stream.category.as_str()) else { continue };
            let id = event.stream.id.0;
            let fresh = || Touched { folded: Folded::empty(kind, id), changed: false };
            let entity = touched.entry((name, id)).or_insert_with(fresh);
            if event.revision <= entity.folded.revision {
                continue;
            }
            if event.revision > entity.folded.revision + 1 {
                catch_up(&*self.store, tx, &event.stream, &mut entity.folded, event.revision).await?;
            }
            entity.changed = true;
            entity.folded.apply(event).map_err(|message| FollowError::poison(event, message))?;
        }
        Ok(touched)
    }

    /// The entities of the batch that were met before: out of the cache, the rest by one query per kind.
    async fn load(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<HashMap<Key, Touched>, FollowError> {
        let mut touched = HashMap::new();
        let mut missing: HashMap<&'static str, Vec<Uuid>> = HashMap::new();
        let mut met = HashSet::new();
        for event in batch {
            let Some((&name, _)) = self.kinds.get_key_value(event.stream.category.as_str()) else { continue };
            let key = (name, event.stream.id.0);
            if !met.insert(key) {
                continue;
            }
            if let Some(folded) = self.cache.take(&key) {
                touched.insert(key, Touched { folded, changed: false });
            } else if event.revision > 0 {
                missing.entry(name).or_default().push(key.1);
            }
        }
        for (name, ids) in missing {
            let table = self.table(tx, name).await?;
            let documents = read(tx, self.kinds[name], &table, &ids).await?;
            for folded in documents {
                touched.insert((name, folded.id), Touched { folded, changed: false });
            }
        }
        Ok(touched)
    }

    async fn write(
        &mut self,
        tx: &mut PgConnection,
        touched: HashMap<Key, Touched>,
    ) -> Result<Vec<(Key, Folded, usize)>, FollowError> {
        let mut rows: HashMap<&'static str, Vec<Row>> = HashMap::new();
        let mut written = Vec::with_capacity(touched.len());
        for (key, entity) in touched {
            if !entity.changed {
                continue;
            }
            let row = entity.folded.row(self.kinds[key.0]);
            written.push((key, entity.folded, row.state.len()));
            rows.entry(key.0).or_default().push(row);
        }
        for (name, mut rows) in rows {
            rows.sort_unstable_by_key(|row| row.id);
            let table = self.table(tx, name).await?;
            write::upsert(tx, &table, &rows).await?;
        }
        Ok(written)
    }

    async fn table(&mut self, tx: &mut PgConnection, name: &'static str) -> Result<String, FollowError> {
        if self.tables.is_none() {
            let models = bookkeeping::read(tx).await?;
            let table = |kind: &&'static Kind| Some((kind.name, schema::table(kind, models.get(kind.name)?.version)));
            self.tables = Some(self.kinds.values().filter_map(table).collect());
        }
        let table = self.tables.as_ref().and_then(|tables| tables.get(name)).cloned();
        table.ok_or_else(|| FollowError::Transient(format!("there is no table for {name}: run migrate").into()))
    }
}

/// The documents of these ids as far as they are folded.
pub(crate) async fn read(
    connection: &mut PgConnection,
    kind: &Kind,
    table: &str,
    ids: &[Uuid],
) -> Result<Vec<Folded>, sqlx::Error> {
    let sql = format!("select {} from {table} where id = any($1)", document::columns(table));
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(Folded::resume(kind, document::stored(row, 0)?))).collect()
}

/// Events per read of a stream that must be folded again.
const STREAM_PAGE: usize = 1_000;

/// Folds what lies between a state and `until` (exclusive), without the events that an operator has skipped.
async fn catch_up(
    store: &dyn EventStore,
    tx: &mut PgConnection,
    stream: &StreamId,
    folded: &mut Folded,
    until: Revision,
) -> Result<(), FollowError> {
    while folded.revision + 1 < until {
        let page = store
            .read_stream(stream, folded.revision + 1, Direction::Forwards, STREAM_PAGE)
            .await
            .map_err(|error| FollowError::Transient(error.into()))?;
        if page.is_empty() {
            break;
        }
        for event in page.iter().take_while(|event| event.revision < until) {
            match folded.apply(event) {
                Ok(()) => {}
                Err(_) if bookkeeping::was_passed(tx, event).await? => folded.pass(event),
                Err(message) => return Err(FollowError::poison(event, message)),
            }
        }
    }
    Ok(())
}

/// Folded states by recent use, up to a number of JSON bytes.
struct Cache {
    states: LruCache<Key, (Folded, usize)>,
    bytes: usize,
    limit: usize,
}

/// Bytes that a state takes besides its JSON.
const OVERHEAD: usize = 256;

impl Cache {
    fn new(limit: usize) -> Cache {
        Cache { states: LruCache::unbounded(), bytes: 0, limit }
    }

    fn take(&mut self, key: &Key) -> Option<Folded> {
        let (folded, weight) = self.states.pop(key)?;
        self.bytes -= weight;
        Some(folded)
    }

    fn put(&mut self, key: Key, folded: Folded, json_bytes: usize) {
        let weight = json_bytes + OVERHEAD;
        self.bytes += weight;
        if let Some((_, (_, replaced))) = self.states.push(key, (folded, weight)) {
            self.bytes -= replaced;
        }
        while self.bytes > self.limit
            && let Some((_, (_, weight))) = self.states.pop_lru()
        {
            self.bytes -= weight;
        }
    }

    fn clear(&mut self) {
        self.states.clear();
        self.bytes = 0;
    }
}
