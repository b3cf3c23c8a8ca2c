//! Folding the log into tables of documents, in memory as far as it goes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use caravan_domain::Kind;
use caravan_event_store::{Direction, EventStore, Filter, Page, Position, Recorded, Revision, StoreError, StreamId};
use caravan_postgres::is_transient;
use sqlx::PgConnection;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Progress;
use crate::document::{Folded, Row};
use crate::{RebuildError, bookkeeping, follower, schema, write};

/// Events read at once; the next page is read while this one is folded.
const PAGE: usize = 5_000;

/// JSON bytes of states held in memory, where they take a few times as much. Beyond it all are written and let go.
pub(crate) const STATES_BYTES: usize = 128 << 20;

/// States whose size is measured to tell that of all.
const SAMPLE: usize = 500;

type Key = (&'static str, Uuid);

/// Tables that are being filled from the log.
pub(crate) struct Build {
    store: Arc<dyn EventStore>,
    tables: HashMap<&'static str, Table>,
    filter: Filter,
    states: HashMap<Key, Entry>,
    /// About the JSON bytes in `states`.
    bytes: usize,
    bytes_limit: usize,
    /// Everything up to here is folded.
    pub position: Position,
    pub events: u64,
    pub documents: u64,
    /// The highest number met of each kind.
    pub highest: BTreeMap<&'static str, u64>,
    pub parked: BTreeMap<StreamId, Stuck>,
}

/// Where a stream cannot be folded on, and why.
pub(crate) struct Stuck {
    pub position: Position,
    pub revision: Revision,
    pub error: String,
}

struct Table {
    kind: &'static Kind,
    name: String,
    /// Whether it has its key: then states may be looked up in it and rows replaced.
    keyed: bool,
}

struct Entry {
    folded: Folded,
    /// Whether the table has a row of it.
    stored: bool,
    changed: bool,
}

impl Build {
    /// `tables` are empty ones without a key, one per kind.
    pub(crate) fn new(store: Arc<dyn EventStore>, tables: Vec<(&'static Kind, String)>, bytes_limit: usize) -> Build {
        let mut categories: Vec<String> = tables.iter().map(|(kind, _)| kind.name.to_owned()).collect();
        categories.sort();
        Build {
            store,
            tables: tables.into_iter().map(|(kind, name)| (kind.name, Table { kind, name, keyed: false })).collect(),
            filter: Filter { categories, event_types: vec![] },
            states: HashMap::new(),
            bytes: 0,
            bytes_limit,
            position: 0,
            events: 0,
            documents: 0,
            highest: BTreeMap::new(),
            parked: BTreeMap::new(),
        }
    }

    /// From now on nothing is written but by [`Build::flush`]: what is left to fold is little, and may be lost with
    /// its transaction.
    pub(crate) fn stay_in_memory(&mut self) {
        self.bytes_limit = usize::MAX;
    }

    /// Folds on to exactly `to`, or to the end of the log.
    pub(crate) async fn advance(
        &mut self,
        connection: &mut PgConnection,
        to: Option<Position>,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), RebuildError> {
        let to = to.unwrap_or(Position::MAX);
        if self.position >= to {
            return Ok(());
        }
        let head = self.store.head().await?;
        let mut reading = self.read_on(self.position);
        loop {
            let page = reading.page().await?;
            let last = page.end || page.next >= to;
            if !last {
                reading = self.read_on(page.next);
            }
            let events: Vec<Recorded> = page.events.into_iter().take_while(|event| event.position <= to).collect();
            self.fold(connection, &events).await?;
            self.position = page.next.min(to);
            progress(Progress { position: self.position, head: head.max(self.position), events: self.events });
            if self.bytes > self.bytes_limit && self.measure() > self.bytes_limit / 2 {
                self.flush(connection).await?;
                self.states.clear();
                self.bytes = 0;
                self.make_keys(connection).await?;
            }
            if last {
                return Ok(());
            }
        }
    }

    fn read_on(&self, from: Position) -> Reading {
        let (store, filter) = (self.store.clone(), self.filter.clone());
        Reading(tokio::spawn(async move { store.read_all(from, Direction::Forwards, &filter, PAGE).await }))
    }

    async fn fold(&mut self, connection: &mut PgConnection, events: &[Recorded]) -> Result<(), RebuildError> {
        self.load(connection, events).await?;
        for event in events {
            let Some((&name, table)) = self.tables.get_key_value(event.stream.category.as_str()) else { continue };
            self.events += 1;
            if self.parked.contains_key(&event.stream) {
                continue;
            }
            let id = event.stream.id;
            let entry = self.states.entry((name, id.0)).or_insert_with(|| {
                self.documents += 1;
                let highest = self.highest.entry(name).or_default();
                *highest = id.number().max(*highest);
                Entry { folded: Folded::empty(table.kind, id.0), stored: false, changed: false }
            });
            if event.revision <= entry.folded.revision {
                continue;
            }
            match entry.folded.apply(event) {
                Ok(()) => {}
                Err(_) if bookkeeping::was_passed(connection, event).await? => entry.folded.pass(event),
                Err(message) => {
                    let stuck = Stuck { position: event.position, revision: event.revision, error: message };
                    self.parked.insert(event.stream.clone(), stuck);
                    continue;
                }
            }
            entry.changed = true;
            self.bytes += event.data.text().len();
        }
        Ok(())
    }

    /// States of these events' streams that were written and let go.
    async fn load(&mut self, connection: &mut PgConnection, events: &[Recorded]) -> Result<(), RebuildError> {
        let mut missing: HashMap<&'static str, HashSet<Uuid>> = HashMap::new();
        for event in events.iter().filter(|event| event.revision > 0) {
            let Some((&name, table)) = self.tables.get_key_value(event.stream.category.as_str()) else { continue };
            if table.keyed && !self.states.contains_key(&(name, event.stream.id.0)) {
                missing.entry(name).or_default().insert(event.stream.id.0);
            }
        }
        for (name, ids) in missing {
            let table = &self.tables[name];
            let ids: Vec<Uuid> = ids.into_iter().collect();
            for folded in follower::read(connection, table.kind, &table.name, &ids).await? {
                self.states.insert((name, folded.id), Entry { folded, stored: true, changed: false });
            }
        }
        Ok(())
    }

    /// About the JSON bytes in memory, from a sample: events add up to more than the states they lead to.
    fn measure(&mut self) -> usize {
        let sample: Vec<usize> = self
            .states
            .iter()
            .take(SAMPLE)
            .map(|((name, _), entry)| entry.folded.row(self.tables[name].kind).state.len())
            .collect();
        let average = sample.iter().sum::<usize>() / sample.len().max(1);
        self.bytes = average * self.states.len();
        self.bytes
    }

    /// Writes what has changed; gives what that was. A row that Postgres refuses parks its stream.
    pub(crate) async fn flush(&mut self, connection: &mut PgConnection) -> Result<Flushed, RebuildError> {
        let mut flushed = Vec::new();
        for (&name, table) in &mut self.tables {
            let mut fresh: Vec<&mut Entry> = Vec::new();
            let mut replaced: Vec<Row> = Vec::new();
            for ((of, id), entry) in self.states.iter_mut().filter(|((of, _), entry)| *of == name && entry.changed) {
                flushed.push((*of, *id));
                entry.changed = false;
                if std::mem::replace(&mut entry.stored, true) {
                    replaced.push(entry.folded.row(table.kind));
                } else {
                    fresh.push(entry);
                }
            }
            // In the order of the key, which is then built at its edge.
            fresh.sort_unstable_by_key(|entry| entry.folded.id);
            let kind = table.kind;
            match write::copy(connection, &table.name, fresh.iter_mut().map(|entry| entry.folded.row(kind))).await {
                Ok(()) => {}
                Err(error) if !is_transient(&error) => {
                    replaced.extend(fresh.iter_mut().map(|entry| entry.folded.row(kind)));
                }
                Err(error) => return Err(error.into()),
            }
            if replaced.is_empty() {
                continue;
            }
            table.make_key(connection).await?;
            for (place, error) in write::upsert_or_refuse(connection, &table.name, &replaced).await? {
                let row = &replaced[place];
                let stuck = Stuck { position: row.position, revision: row.revision, error: error.to_string() };
                self.parked.entry(StreamId::new(name, row.id.into())).or_insert(stuck);
            }
        }
        Ok(Flushed(flushed))
    }

    /// What was written is lost with its transaction: it must be written again.
    pub(crate) fn lost(&mut self, Flushed(keys): Flushed) {
        for key in keys {
            if let Some(entry) = self.states.get_mut(&key) {
                entry.changed = true;
            }
        }
    }

    pub(crate) async fn make_keys(&mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        for table in self.tables.values_mut() {
            table.make_key(connection).await?;
        }
        Ok(())
    }
}

impl Table {
    async fn make_key(&mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !std::mem::replace(&mut self.keyed, true) {
            schema::execute(connection, schema::create_key(&self.name)).await?;
        }
        Ok(())
    }
}

/// What a flush wrote.
pub(crate) struct Flushed(Vec<Key>);

/// A page being read beside; given up when dropped.
struct Reading(JoinHandle<Result<Page, StoreError>>);

impl Reading {
    async fn page(&mut self) -> Result<Page, StoreError> {
        (&mut self.0).await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.into())))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use caravan_domain::EntityId;
    use caravan_domain::record::Records;
    use caravan_event_store::{Append, Expected, Json, MemoryStore, Metadata, NewEvent};
    use caravan_private_postgres::testing;
    use serde_json::{Value, json};
    use sqlx::Connection;

    use super::*;

    const THING: Kind = Kind::of::<Records>().named("thing");

    async fn append(store: &MemoryStore, number: u64, events: Vec<(&str, Value)>) {
        let command_id = Uuid::new_v4();
        let metadata = Metadata {
            command_id,
            correlation_id: command_id,
            causation_id: None,
            actor: None,
            dialect: "test".into(),
        };
        let event = |(event_type, data): (&str, Value)| NewEvent {
            id: Uuid::new_v4(),
            event_type: event_type.to_owned(),
            schema_version: 1,
            data: Json::of(&data).unwrap(),
            metadata: metadata.clone(),
        };
        let stream = StreamId::new("thing", EntityId::from_parts(number, [1; 10]));
        let events = events.into_iter().map(event).collect();
        store.append(Append { stream, expected: Expected::Any, events }).await.unwrap();
    }

    /// Folds three pages and more of the log with next to no memory for states, and with plenty.
    async fn folded(bytes_limit: usize) -> Vec<(i64, i64, i64, Value)> {
        let store = MemoryStore::new();
        for number in 0..500 {
            append(&store, number, vec![("Created", json!({"fields": {"sum": 0}}))]).await;
        }
        append(&store, 600, vec![("Created", json!({"fields": {"sum": 0}}))]).await;
        for round in 0..32u64 {
            for number in 0..500 {
                append(&store, number, vec![("Changed", json!({"fields": {format!("f{}", round % 7): round}}))]).await;
            }
        }
        let mut connection = PgConnection::connect(&testing::database().await).await.unwrap();
        schema::execute(&mut connection, schema::create_table(&THING, "things")).await.unwrap();
        schema::execute(&mut connection, "alter table things add check (number <> 600)".into()).await.unwrap();
        // What is parked and passed is looked up.
        schema::execute(
            &mut connection,
            "create table passed_event (category text, stream_id uuid, revision bigint)".into(),
        )
        .await
        .unwrap();
        let mut build = Build::new(Arc::new(store), vec![(&THING, "things".to_owned())], bytes_limit);
        build.advance(&mut connection, Some(7_000), &|_| {}).await.unwrap();
        assert_eq!(build.position, 7_000);
        build.advance(&mut connection, None, &|_| {}).await.unwrap();
        build.flush(&mut connection).await.unwrap();
        assert_eq!((build.events, build.highest["thing"]), (16_501, 600));
        let parked: Vec<u64> = build.parked.keys().map(|stream| stream.id.number()).collect();
        assert_eq!(parked, [600], "Postgres refuses this one; all others go in");
        sqlx::query_as("select number, revision, position, state from things order by number")
            .fetch_all(&mut connection)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn states_that_do_not_fit_are_written_and_taken_up_again() {
        let plenty = folded(STATES_BYTES).await;
        assert_eq!(plenty.len(), 500);
        assert_eq!(plenty[7].1, 32);
        assert_eq!(folded(1_000).await, plenty);
    }
}
