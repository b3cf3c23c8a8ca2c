//! Stores to ask, events to put in, and followers to watch.

use std::sync::Arc;
use std::time::Duration;

use caravan_domain::EntityId;
use caravan_event_store::{
    Append, Appended, Direction, EventStore, Expected, Filter, Json, MemoryStore, Metadata, NewEvent, Position,
    PostgresStore, Recorded, StreamId, Tailed,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

/// A log in a database of its own.
pub struct Database {
    pub url: String,
    pub pool: PgPool,
    pub store: Arc<dyn EventStore>,
}

pub async fn postgres() -> Database {
    let url = caravan_private_postgres::testing::database().await;
    let pool = connect(&url).await;
    caravan_migrations::MAIN.run(&pool).await.unwrap();
    let store = Arc::new(PostgresStore::new(pool.clone()));
    Database { url, pool, store }
}

pub async fn connect(url: &str) -> PgPool {
    PgPoolOptions::new().max_connections(8).connect(url).await.unwrap()
}

impl Database {
    /// Another store on the same log, as another process would have it.
    pub async fn another(&self) -> Arc<dyn EventStore> {
        Arc::new(PostgresStore::new(connect(&self.url).await))
    }

    /// Ends every connection to the database but the one that does so.
    pub async fn kill_connections(&self) {
        // The pool may hand out a connection that was killed just before.
        while sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()",
        )
        .execute(&self.pool)
        .await
        .is_err()
        {}
    }
}

/// Every adapter, each with an empty log, and its name.
pub async fn stores() -> [(&'static str, Arc<dyn EventStore>); 2] {
    [("postgres", postgres().await.store), ("memory", Arc::new(MemoryStore::new()))]
}

pub fn stream(category: &str) -> StreamId {
    StreamId::new(category, EntityId(Uuid::new_v4()))
}

pub fn event(event_type: &str) -> NewEvent {
    let command_id = Uuid::new_v4();
    NewEvent {
        id: Uuid::new_v4(),
        event_type: event_type.to_owned(),
        schema_version: 1,
        data: Json::of(&json!({"note": "Zoë", "count": 3, "nested": {"list": [1.5, null, true]}})).unwrap(),
        metadata: Metadata {
            command_id,
            correlation_id: command_id,
            causation_id: Some(Uuid::new_v4()),
            actor: Some(EntityId(Uuid::new_v4())),
            dialect: "test".into(),
        },
    }
}

pub fn append(stream: &StreamId, expected: Expected, events: Vec<NewEvent>) -> Append {
    Append { stream: stream.clone(), expected, events }
}

/// Appends an event of each type to the end of the stream.
pub async fn put(store: &Arc<dyn EventStore>, stream: &StreamId, event_types: &[&str]) -> Appended {
    let events = event_types.iter().map(|event_type| event(event_type)).collect();
    store.append(append(stream, Expected::Any, events)).await.unwrap()
}

pub async fn everything(store: &Arc<dyn EventStore>) -> Vec<Recorded> {
    let (mut events, mut at) = (vec![], 0);
    loop {
        let page = store.read_all(at, Direction::Forwards, &Filter::default(), 500).await.unwrap();
        events.extend(page.events);
        at = page.next;
        if page.end {
            return events;
        }
    }
}

pub fn positions(events: &[Recorded]) -> Vec<Position> {
    events.iter().map(|event| event.position).collect()
}

/// Takes from a subscription until it has delivered everything up to a position.
pub async fn receive(
    tail: &mut BoxStream<'static, Result<Tailed, caravan_event_store::StoreError>>,
    until: Position,
) -> Vec<Recorded> {
    let mut received = vec![];
    while let Some(tailed) = soon("an event", tail.next()).await {
        if let Tailed::Events { events, up_to } = tailed.unwrap() {
            received.extend(events);
            if up_to >= until {
                return received;
            }
        }
    }
    panic!("the subscription ended");
}

/// Fails the test when something that must happen does not.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// Asks until it is so.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    soon(what, async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
