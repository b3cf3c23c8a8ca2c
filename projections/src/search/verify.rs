//! Comparing what was rendered with what the documents render to now.

use std::collections::{HashMap, HashSet};

use caravan_domain::Kind;
use caravan_event_store::Position;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::follower::CHUNK;
use super::{Place, Renderer, SearchError, opened, render};
use crate::bookkeeping;
use crate::verify::{Discrepancy, Verified, fields_that_differ};
use crate::{RebuildError, schema};

impl Renderer {
    /// Notes what differs. Documents that changed after the follower's checkpoint are not its fault yet.
    pub(crate) async fn verify(&self, verified: &mut Verified) -> Result<(), RebuildError> {
        let mut connection = self.rendering.pool.acquire().await?;
        for kind in self.kinds() {
            if let Place::Opened = self.place
                && opened::shape(&mut connection, kind).await?.is_none()
            {
                // Not rendered yet, as in a restored backup.
                continue;
            }
            self.verify_kind(&mut connection, kind, verified).await?;
        }
        Ok(())
    }

    async fn verify_kind(
        &self,
        connection: &mut PgConnection,
        kind: &'static Kind,
        verified: &mut Verified,
    ) -> Result<(), SearchError> {
        let name = format!("{} of {}", self.name(), kind.name);
        let reached = bookkeeping::position(connection, self.name()).await?;
        let mut after = Uuid::nil();
        loop {
            let documents = render::read_on(connection, kind, after, CHUNK as i64).await?;
            let last_page = documents.len() < CHUNK;
            let up_to = if last_page { Uuid::max() } else { documents.last().map_or(Uuid::max(), |last| last.id) };
            let expected = render::render(&self.rendering.vault, kind, documents, &HashSet::new()).await?;
            let mut found = self.kept(connection, kind, after, up_to).await?;
            verified.search_documents += found.len() as u64;
            for document in expected {
                match found.remove(&document.id) {
                    None if document.position <= reached => verified.note(&name, document.id, Discrepancy::Missing),
                    None => {}
                    Some((position, _)) if position > document.position => {}
                    Some((position, _)) if position < document.position && document.position > reached => {}
                    Some((_, content)) => {
                        let expected = match self.place {
                            Place::Opened => opened::texts(&document.opened),
                            Place::Index(_) => document.source,
                        };
                        let fields = fields_that_differ("document", &expected, &content);
                        if !fields.is_empty() {
                            verified.note(&name, document.id, Discrepancy::Fields(fields));
                        }
                    }
                }
            }
            // Documents that were made since the page was read are there by now.
            let ids: Vec<Uuid> = found.keys().copied().collect();
            let known = schema::existing(connection, kind, &ids).await?;
            for id in ids.into_iter().filter(|id| !known.contains(id)) {
                verified.note(&name, id, Discrepancy::LeftOver);
            }
            if last_page {
                return Ok(());
            }
            after = up_to;
        }
    }

    /// What is kept of documents with ids in (after, up to]: position and content.
    async fn kept(
        &self,
        connection: &mut PgConnection,
        kind: &Kind,
        after: Uuid,
        up_to: Uuid,
    ) -> Result<HashMap<Uuid, (Position, Value)>, SearchError> {
        let elastic = match &self.place {
            Place::Opened => return Ok(opened::between(connection, kind, after, up_to).await?),
            Place::Index(elastic) => elastic,
        };
        let query = json!({"range": {"id": {"gt": after, "lte": up_to}}});
        let mut all = HashMap::new();
        let mut from = None;
        loop {
            let sources = elastic.by_id(kind, None, &query, from, CHUNK, json!(true)).await?;
            let whole = sources.len() < CHUNK;
            for source in sources {
                let id: Option<Uuid> = source["id"].as_str().and_then(|id| id.parse().ok());
                from = id;
                if let Some(id) = id {
                    all.insert(id, (source["position"].as_i64().unwrap_or_default(), source));
                }
            }
            if whole {
                return Ok(all);
            }
        }
    }
}
