//! A database of its own for each test, kinds of our own in it, and followers that run.

pub mod elasticsearch;
pub mod kinds;

use std::sync::Arc;
use std::time::Duration;

use caravan_domain::record::RecordState;
use caravan_domain::{EntityId, Kind};
use caravan_event_store::following::{Checkpoints, follow};
use caravan_event_store::{Append, EventStore, Expected, Json, Metadata, NewEvent, Position, PostgresStore, StreamId};
use caravan_private_postgres::testing;
use caravan_projections::{
    Document, Found, Kinds, Plan, ReadModels, Renderer, Rendering, SearchTarget, Verified, postgres_follower, verify,
};
use caravan_vault::Vault;
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub struct World {
    pub pool: PgPool,
    pub store: Arc<dyn EventStore>,
    pub checkpoints: Checkpoints,
    pub models: ReadModels,
    pub rendering: Rendering,
    pub renderers: Vec<Renderer>,
    pub stop: CancellationToken,
    pub kinds: Kinds,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

const MASTER: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// No numbers.
pub const NONE: [u64; 0] = [];

/// How long anything may take to catch up.
pub const SOON: Duration = Duration::from_secs(20);

/// An empty, migrated database without followers.
pub async fn world(kinds: Kinds, target: SearchTarget) -> World {
    let pool = PgPool::connect(&testing::database().await).await.unwrap();
    let keys = PgPool::connect(&testing::database().await).await.unwrap();
    caravan_migrations::run(&pool, &keys).await.unwrap();
    assert_eq!(ReadModels::migrate(&pool, kinds).await.unwrap(), Vec::<&str>::new());
    let vault = Vault::open(keys, pool.clone(), MASTER, "a token secret for tests").await.unwrap();
    let store: Arc<dyn EventStore> = Arc::new(PostgresStore::new(pool.clone()));
    let checkpoints = Checkpoints::new(pool.clone());
    let models = ReadModels::open(pool.clone(), kinds, target.clone(), checkpoints.clone());
    let rendering = Rendering { pool: pool.clone(), store: store.clone(), kinds, vault };
    let renderers = rendering.renderers(&target);
    World { pool, store, checkpoints, models, rendering, renderers, stop: CancellationToken::new(), kinds }
}

impl World {
    /// Starts the `postgres` follower.
    pub fn follow(&self) -> JoinHandle<()> {
        self.follow_kinds(self.kinds)
    }

    pub fn follow_kinds(&self, kinds: Kinds) -> JoinHandle<()> {
        let follower = postgres_follower(self.store.clone(), kinds);
        tokio::spawn(follow(self.store.clone(), self.checkpoints.clone(), follower, self.stop.clone()))
    }

    /// Starts the followers that render documents.
    pub fn follow_rendering(&self) -> Vec<JoinHandle<()>> {
        let follow = |renderer: &Renderer| renderer.clone().follow(self.checkpoints.clone(), self.stop.clone());
        self.renderers.iter().map(|renderer| tokio::spawn(follow(renderer))).collect()
    }

    /// Renders everything anew; how many documents.
    pub async fn rerender(&self) -> u64 {
        let mut rendered = 0;
        for renderer in &self.renderers {
            rendered += renderer.rebuild().await.unwrap();
        }
        rendered
    }

    /// Waits until all that is rendered is at the end of the log.
    pub async fn rendered(&self) {
        for renderer in &self.renderers {
            self.caught_up(renderer.name()).await;
        }
    }

    /// What is not as the log says.
    pub async fn verified(&self) -> Verified {
        verify(&self.rendering, &self.renderers, &|_| {}).await.unwrap()
    }

    /// Appends events, as (type, data), wherever the stream ends.
    pub async fn append(&self, stream: &StreamId, events: Vec<(&str, Value)>) -> Position {
        append(&*self.store, stream, events).await
    }

    /// As [`World::append`], of what somebody did.
    pub async fn append_by(&self, actor: EntityId, stream: &StreamId, events: Vec<(&str, Value)>) -> Position {
        append_as(&*self.store, Some(actor), stream, events).await
    }

    /// Makes a record.
    pub async fn create(&self, kind: &Kind, number: u64, fields: Value) -> EntityId {
        let id = id(kind, number);
        self.append(&StreamId::new(kind.name, id), vec![created(fields)]).await;
        id
    }

    /// Waits until a follower is at the end of the log.
    pub async fn caught_up(&self, follower: &str) {
        let head = self.store.head().await.unwrap();
        self.checkpoints.wait(follower, head, SOON).await.unwrap();
    }

    pub async fn find(&self, plan: &Plan) -> Found<Value> {
        self.models.find(plan).await.unwrap().read().unwrap()
    }

    /// Ids found, as their numbers.
    pub async fn numbers(&self, plan: &Plan) -> Vec<u64> {
        self.find(plan).await.documents.iter().map(|document| document.id.number()).collect()
    }

    /// All documents of a kind, from all pages.
    pub async fn documents(&self, kind: &'static Kind) -> Vec<Document> {
        let mut plan = Plan::all(kind, 500);
        let mut documents = vec![];
        loop {
            let found = self.find(&plan).await;
            documents.extend(found.documents);
            plan.after = found.next;
            if plan.after.is_none() {
                return documents;
            }
        }
    }

    pub async fn sql(&self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&self.pool).await.unwrap();
    }
}

pub async fn append(store: &dyn EventStore, stream: &StreamId, events: Vec<(&str, Value)>) -> Position {
    append_as(store, None, stream, events).await
}

async fn append_as(
    store: &dyn EventStore,
    actor: Option<EntityId>,
    stream: &StreamId,
    events: Vec<(&str, Value)>,
) -> Position {
    let command_id = Uuid::new_v4();
    let metadata =
        Metadata { command_id, correlation_id: command_id, causation_id: None, actor, dialect: "test".to_owned() };
    let event = |(event_type, data): (&str, Value)| NewEvent {
        id: Uuid::new_v4(),
        event_type: event_type.to_owned(),
        schema_version: 1,
        data: Json::of(&data).unwrap(),
        metadata: metadata.clone(),
    };
    let events = events.into_iter().map(event).collect();
    store.append(Append { stream: stream.clone(), expected: Expected::Any, events }).await.unwrap().position
}

pub fn created(fields: Value) -> (&'static str, Value) {
    ("Created", json!({"fields": fields}))
}

pub fn changed(fields: Value) -> (&'static str, Value) {
    ("Changed", json!({"fields": fields}))
}

/// An event that no fold takes.
pub fn poison() -> (&'static str, Value) {
    ("Changed", json!({"fields": 5}))
}

/// The id of a test entity.
pub fn id(kind: &Kind, number: u64) -> EntityId {
    let mut tail = [0u8; 10];
    for (place, byte) in kind.name.bytes().take(8).enumerate() {
        tail[place + 2] = byte;
    }
    EntityId::from_parts(number, tail)
}

pub fn fields(document: &Document) -> Map<String, Value> {
    serde_json::from_value::<RecordState>(document.state.clone()).unwrap().fields
}
