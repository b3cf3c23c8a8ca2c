//! Comparing search documents with what the documents render to now.

use std::collections::{HashMap, HashSet};

use caravan_domain::Kind;
use caravan_event_store::Position;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::follower::CHUNK;
use super::render::Rendered;
use super::{Place, Search, SearchError, opened, render};
use crate::bookkeeping::{self, SEARCH};
use crate::verify::{Discrepancy, Verified, fields_that_differ};
use crate::{RebuildError, schema};

impl Search {
    /// Notes what differs. Documents that changed after the follower's checkpoint are not its fault yet.
    pub(crate) async fn verify(&self, verified: &mut Verified) -> Result<(), RebuildError> {
        let mut connection = self.pool.acquire().await?;
        for (kind, place) in self.places() {
            self.verify_kind(&mut connection, kind, place, verified).await?;
        }
        Ok(())
    }

    async fn verify_kind(
        &self,
        connection: &mut PgConnection,
        kind: &'static Kind,
        place: Place<'_>,
        verified: &mut Verified,
    ) -> Result<(), SearchError> {
        let name = format!("search of {}", kind.name);
        let reached = bookkeeping::position(connection, SEARCH).await?;
        let mut after = Uuid::nil();
        loop {
            let documents = render::read_on(connection, kind, after, CHUNK as i64).await?;
            let last_page = documents.len() < CHUNK;
            let up_to = if last_page { Uuid::max() } else { documents.last().map_or(Uuid::max(), |last| last.id) };
            let expected = render::render(&self.vault, kind, documents, &HashSet::new()).await?;
            let mut found = kept(connection, kind, place, after, up_to).await?;
            verified.search_documents += found.len() as u64;
            for document in expected {
                match found.remove(&document.id) {
                    None if document.position <= reached => verified.note(&name, document.id, Discrepancy::Missing),
                    None => {}
                    Some((position, _)) if position > document.position => {}
                    Some((position, _)) if position < document.position && document.position > reached => {}
                    Some((_, content)) => {
                        let fields = fields_that_differ("document", &expected_of(&document, place), &content);
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
}

/// What is kept of documents with ids in (after, up to]: position and content.
async fn kept(
    connection: &mut PgConnection,
    kind: &Kind,
    place: Place<'_>,
    after: Uuid,
    up_to: Uuid,
) -> Result<HashMap<Uuid, (Position, Value)>, SearchError> {
    match place {
        Place::Opened => {
            let rows = opened::between(connection, kind, after, up_to).await?;
            Ok(rows
                .into_iter()
                .map(|(id, (position, words, subjects))| (id, (position, text(&words, &subjects))))
                .collect())
        }
        Place::Index(elastic) => {
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
}

fn expected_of(document: &Rendered, place: Place<'_>) -> Value {
    match place {
        Place::Index(_) => document.source.clone(),
        Place::Opened => text(&document.words, &document.subjects),
    }
}

fn text(words: &str, subjects: &[Uuid]) -> Value {
    let mut subjects = subjects.to_vec();
    subjects.sort_unstable();
    json!({"words": words, "subjects": subjects})
}
