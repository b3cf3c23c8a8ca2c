//! The followers `opened` and `search`: keep what is rendered at what the tables of documents hold.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use caravan_domain::{Kind, identity};
use caravan_event_store::following::{self, Checkpoints, FollowError, Follower};
use caravan_event_store::{Direction, Filter, Position, Recorded};
use serde_json::json;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::elastic::{Elastic, ElasticError};
use super::render::Plain;
use super::{Place, Renderer, SearchError, opened, render};
use crate::bookkeeping::DOCUMENTS;

/// The event after which a person's values are in no search document any more.
const FORGOTTEN: &str = "PersonForgotten";

/// How long a batch waits for the documents to follow before it starts over.
const DOCUMENTS_LIMIT: Duration = Duration::from_secs(5);

/// The longest pause between attempts to reach the search server.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Documents rendered and written at once.
pub(super) const CHUNK: usize = 1_000;

impl Renderer {
    /// Keeps its place up to date until `stop`. Makes indexes that are missing or of another shape; waits for the
    /// search server as long as it takes.
    pub async fn follow(self, checkpoints: Checkpoints, stop: CancellationToken) {
        let mut pause = Duration::from_millis(50);
        while let Err(error) = self.prepare().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "{} cannot be prepared", self.name());
            pause = (pause * 2).min(MAX_PAUSE);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
        let store = self.rendering.store.clone();
        let follower = RenderingFollower { renderer: self, checkpoints: checkpoints.clone() };
        following::follow(store, checkpoints, follower, stop).await;
    }

    /// Renders and writes documents of one kind; into the alias, or a named index.
    pub(super) async fn write(
        &self,
        connection: &mut PgConnection,
        kind: &'static Kind,
        index: Option<&str>,
        ids: &[Uuid],
        forgotten: &HashSet<Uuid>,
    ) -> Result<(), SearchError> {
        for ids in ids.chunks(CHUNK) {
            let documents = render::read(connection, kind, ids).await?;
            self.put(connection, kind, index, documents, forgotten).await?;
        }
        Ok(())
    }

    /// Renders documents into the place.
    pub(super) async fn put(
        &self,
        connection: &mut PgConnection,
        kind: &'static Kind,
        index: Option<&str>,
        documents: Vec<Plain>,
        forgotten: &HashSet<Uuid>,
    ) -> Result<(), SearchError> {
        let rendered = render::render(&self.rendering.vault, kind, documents, forgotten).await?;
        match &self.place {
            Place::Index(elastic) => elastic.write_all(kind, index, &rendered).await?,
            Place::Opened => opened::write(connection, kind, &rendered).await?,
        }
        Ok(())
    }

    /// What holds values of these persons, of one kind.
    pub(super) async fn of_subjects(
        &self,
        connection: &mut PgConnection,
        kind: &Kind,
        index: Option<&str>,
        subjects: &HashSet<Uuid>,
    ) -> Result<Vec<Uuid>, SearchError> {
        if subjects.is_empty() || kind.sealed.is_empty() {
            return Ok(vec![]);
        }
        let subjects: Vec<Uuid> = subjects.iter().copied().collect();
        Ok(match &self.place {
            Place::Opened => opened::of_subjects(connection, kind, &subjects).await?,
            Place::Index(elastic) => indexed_of_subjects(elastic, kind, index, &subjects).await?,
        })
    }

    /// The persons forgotten since a position, up to the log's end.
    pub(super) async fn forgotten_since(&self, mut position: Position) -> Result<HashSet<Uuid>, SearchError> {
        let filter = Filter {
            categories: vec![identity::account::KIND.name.to_owned()],
            event_types: vec![FORGOTTEN.to_owned()],
        };
        let mut forgotten = HashSet::new();
        loop {
            let page = self.rendering.store.read_all(position, Direction::Forwards, &filter, CHUNK).await?;
            forgotten.extend(page.events.iter().map(|event| event.stream.id.0));
            if page.end {
                return Ok(forgotten);
            }
            position = page.next;
        }
    }
}

async fn indexed_of_subjects(
    elastic: &Elastic,
    kind: &Kind,
    index: Option<&str>,
    subjects: &[Uuid],
) -> Result<Vec<Uuid>, ElasticError> {
    let query = json!({"terms": {"subjects": subjects}});
    let mut ids: Vec<Uuid> = Vec::new();
    loop {
        let hits = elastic.by_id(kind, index, &query, ids.last().copied(), CHUNK, json!(["id"])).await?;
        ids.extend(hits.iter().filter_map(|hit| hit["id"].as_str()?.parse::<Uuid>().ok()));
        if hits.len() < CHUNK {
            return Ok(ids);
        }
    }
}

struct RenderingFollower {
    renderer: Renderer,
    checkpoints: Checkpoints,
}

#[async_trait]
impl Follower for RenderingFollower {
    fn name(&self) -> &str {
        self.renderer.name()
    }

    fn filter(&self) -> Filter {
        let mut categories: Vec<String> = self.renderer.kinds().map(|kind| kind.name.to_owned()).collect();
        categories.push(identity::account::KIND.name.to_owned());
        categories.sort();
        categories.dedup();
        Filter { categories, event_types: vec![] }
    }

    async fn apply(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<(), FollowError> {
        let Some(last) = batch.last().filter(|_| self.renderer.kinds().next().is_some()) else { return Ok(()) };
        self.checkpoints
            .wait(DOCUMENTS, last.position, DOCUMENTS_LIMIT)
            .await
            .map_err(|error| FollowError::Transient(error.into()))?;
        match self.render(tx, batch).await {
            Ok(()) => Ok(()),
            Err(SearchError::Sql(error)) => Err(error.into()),
            Err(SearchError::Elastic(ElasticError::Refused { id, reason })) => Err(refused(batch, id, reason)),
            Err(SearchError::Elastic(error)) if error.is_missing() => {
                // Somebody has removed our indexes: all documents go into new ones.
                self.renderer.prepare().await.map_err(|error| FollowError::Transient(error.into()))?;
                Err(FollowError::Transient(error.into()))
            }
            Err(error) => Err(FollowError::Transient(error.into())),
        }
    }
}

impl RenderingFollower {
    async fn render(&self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<(), SearchError> {
        let account = identity::account::KIND.name;
        let forgotten: HashSet<Uuid> = batch
            .iter()
            .filter(|event| event.stream.category == account && event.event_type == FORGOTTEN)
            .map(|event| event.stream.id.0)
            .collect();
        let mut touched: HashMap<&str, HashSet<Uuid>> = HashMap::new();
        for event in batch {
            touched.entry(event.stream.category.as_str()).or_default().insert(event.stream.id.0);
        }
        for kind in self.renderer.kinds() {
            let mut ids = touched.remove(kind.name).unwrap_or_default();
            ids.extend(self.renderer.of_subjects(tx, kind, None, &forgotten).await?);
            if ids.is_empty() {
                continue;
            }
            let ids: Vec<Uuid> = ids.into_iter().collect();
            self.renderer.write(tx, kind, None, &ids, &forgotten).await?;
            if let Place::Index(elastic) = &self.renderer.place {
                elastic.refresh(&elastic.alias(kind)).await?;
            }
        }
        Ok(())
    }
}

/// The stream of a document that Elasticsearch will never take cannot be followed on.
fn refused(batch: &[Recorded], id: Uuid, reason: String) -> FollowError {
    match batch.iter().find(|event| event.stream.id.0 == id) {
        Some(event) => FollowError::poison(event, reason),
        None => FollowError::Transient(reason.into()),
    }
}
