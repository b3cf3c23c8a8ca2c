//! The Elasticsearch server: requests and what they answer, indexes and their aliases, bulk writes.

use std::sync::Arc;
use std::time::Duration;

use caravan_domain::Kind;
use caravan_domain::kind::FieldType;
use elasticsearch::Elasticsearch;
use elasticsearch::http::Method;
use elasticsearch::http::headers::HeaderMap;
use elasticsearch::http::transport::Transport;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::render::Rendered;
use crate::ReadError;

/// An Elasticsearch and the prefix of our names in it. Cheap to clone.
#[derive(Clone)]
pub struct Elastic(Arc<Inner>);

struct Inner {
    client: Elasticsearch,
    prefix: String,
}

/// A query waits no longer.
const QUERY_LIMIT: Duration = Duration::from_secs(2);

/// Nor does a request that writes.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// Bytes of one bulk request, about.
const BULK_BYTES: usize = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ElasticError {
    #[error("Elasticsearch cannot be reached")]
    Unreachable(#[source] elasticsearch::Error),
    /// It answered, but not with success.
    #[error("Elasticsearch answered {status}: {reason}")]
    Answered { status: u16, reason: String },
    /// It refuses this document as it is.
    #[error("Elasticsearch refuses a document: {reason}")]
    Refused { id: Uuid, reason: String },
}

impl ElasticError {
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, ElasticError::Answered { status: 404, .. })
    }
}

impl From<ElasticError> for ReadError {
    fn from(error: ElasticError) -> Self {
        match error {
            ElasticError::Answered { status: 400, .. } | ElasticError::Refused { .. } => ReadError::broken(error),
            _ => ReadError::search(error),
        }
    }
}

impl Elastic {
    /// `url` as `http(s)://[user:password@]host:port`; all indexes and aliases are named `<prefix>-…`, lower case.
    /// Does not connect yet.
    pub fn new(url: &str, prefix: &str) -> Result<Elastic, ReadError> {
        let transport = Transport::single_node(url).map_err(ReadError::search)?;
        Ok(Elastic(Arc::new(Inner { client: Elasticsearch::new(transport), prefix: prefix.to_owned() })))
    }

    /// Whether it answers queries, by one that finds nothing and asks for no more rights than others do.
    pub(crate) async fn ping(&self) -> Result<(), ElasticError> {
        let nothing = json!({"size": 0, "track_total_hits": false, "query": {"match_none": {}}});
        self.search_in(&format!("{}-*", self.0.prefix), nothing).await.map(drop)
    }

    /// What queries and the follower name; an alias of the current index.
    pub(crate) fn alias(&self, kind: &Kind) -> String {
        format!("{}-{}", self.0.prefix, kind.name)
    }

    /// What a query finds in the kind's current index, as text.
    pub(crate) async fn search(&self, kind: &Kind, body: Value) -> Result<String, ElasticError> {
        self.search_in(&self.alias(kind), body).await
    }

    async fn search_in(&self, index: &str, body: Value) -> Result<String, ElasticError> {
        self.send(Method::Post, &format!("/{index}/_search"), Some(body.to_string()), QUERY_LIMIT).await
    }

    /// The sources of matching documents after an id, by id.
    pub(crate) async fn by_id(
        &self,
        kind: &Kind,
        index: Option<&str>,
        query: &Value,
        after: Option<Uuid>,
        size: usize,
        source: Value,
    ) -> Result<Vec<Value>, ElasticError> {
        let mut body = json!({"query": query, "sort": [{"id": "asc"}], "size": size, "_source": source});
        if let Some(after) = after {
            body["search_after"] = json!([after]);
        }
        let alias = self.alias(kind);
        let answer = read(&self.search_in(index.unwrap_or(&alias), body).await?);
        let hits = answer.pointer("/hits/hits").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(hits.into_iter().map(|mut hit| hit["_source"].take()).collect())
    }

    async fn write(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, ElasticError> {
        self.call(method, path, body.map(|body| body.to_string()), WRITE_LIMIT).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        limit: Duration,
    ) -> Result<Value, ElasticError> {
        Ok(read(&self.send(method, path, body, limit).await?))
    }

    /// The text of a successful answer.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        limit: Duration,
    ) -> Result<String, ElasticError> {
        let no_query: Option<&()> = None;
        let response = self
            .0
            .client
            .send(method, path, HeaderMap::new(), no_query, body, Some(limit))
            .await
            .map_err(ElasticError::Unreachable)?;
        let status = response.status_code().as_u16();
        let text = response.text().await.map_err(ElasticError::Unreachable)?;
        if (200..300).contains(&status) {
            return Ok(text);
        }
        let answer = read(&text);
        let reason = answer.pointer("/error/reason").or_else(|| answer.get("error")).unwrap_or(&Value::Null);
        Err(ElasticError::Answered { status, reason: reason.as_str().unwrap_or("no reason").to_owned() })
    }

    /// The index behind the kind's alias, and the shape that it was made in.
    pub(crate) async fn current(&self, kind: &Kind) -> Result<Option<(String, String)>, ElasticError> {
        let found = match self.write(Method::Get, &format!("/{}/_mapping", self.alias(kind)), None).await {
            Err(error) if error.is_missing() => return Ok(None),
            other => other?,
        };
        let Some((index, mapping)) = found.as_object().and_then(|found| found.iter().next()) else { return Ok(None) };
        let shape = mapping.pointer("/mappings/_meta/shape").and_then(Value::as_str).unwrap_or_default();
        Ok(Some((index.clone(), shape.to_owned())))
    }

    /// Makes a new, empty index of the kind beside the current one; leftovers of earlier attempts are dropped.
    pub(crate) async fn create_beside(&self, kind: &Kind, shape: &str) -> Result<String, ElasticError> {
        let current = self.current(kind).await?.map(|(index, _)| index);
        for index in self.indexes(kind).await? {
            if Some(&index) != current.as_ref() {
                self.write(Method::Delete, &format!("/{index}"), None).await?;
            }
        }
        let number = current.and_then(|index| index.rsplit_once("-v")?.1.parse::<u32>().ok()).unwrap_or(0);
        let index = format!("{}-v{}", self.alias(kind), number + 1);
        self.write(Method::Put, &format!("/{index}"), Some(definition(kind, shape))).await?;
        Ok(index)
    }

    async fn indexes(&self, kind: &Kind) -> Result<Vec<String>, ElasticError> {
        let pattern = format!("/{}-v*/_settings?filter_path=*.settings.index.uuid", self.alias(kind));
        let found = self.write(Method::Get, &pattern, None).await?;
        Ok(found.as_object().map(|found| found.keys().cloned().collect()).unwrap_or_default())
    }

    /// Points the kind's alias to `index` and drops the one before, in one step.
    pub(crate) async fn switch(&self, kind: &Kind, index: &str) -> Result<(), ElasticError> {
        let alias = self.alias(kind);
        let mut actions = vec![json!({"add": {"index": index, "alias": alias, "is_write_index": true}})];
        if let Some((before, _)) = self.current(kind).await? {
            actions.push(json!({"remove_index": {"index": before}}));
        }
        self.write(Method::Post, "/_aliases", Some(json!({"actions": actions}))).await.map(drop)
    }

    /// Writes documents, each unless a newer one is there. Into the alias when no index is named.
    pub(crate) async fn write_all(
        &self,
        kind: &Kind,
        index: Option<&str>,
        documents: &[Rendered],
    ) -> Result<(), ElasticError> {
        let alias = self.alias(kind);
        let target = index.unwrap_or(&alias);
        let require_alias = index.is_none();
        let mut lines = String::new();
        for (place, document) in documents.iter().enumerate() {
            let action = json!({"index": {
                "_index": target, "_id": document.id, "version": document.position, "version_type": "external_gte",
                "require_alias": require_alias,
            }});
            lines.push_str(&action.to_string());
            lines.push('\n');
            lines.push_str(&document.source.to_string());
            lines.push('\n');
            if lines.len() >= BULK_BYTES || place + 1 == documents.len() {
                self.bulk(std::mem::take(&mut lines)).await?;
            }
        }
        Ok(())
    }

    async fn bulk(&self, lines: String) -> Result<(), ElasticError> {
        let answer = self.call(Method::Post, "/_bulk", Some(lines), WRITE_LIMIT).await?;
        if answer["errors"] == json!(false) {
            return Ok(());
        }
        for item in answer["items"].as_array().into_iter().flatten() {
            let item = &item["index"];
            let status = item["status"].as_u64().unwrap_or(500) as u16;
            let reason = item.pointer("/error/reason").and_then(Value::as_str).unwrap_or("no reason").to_owned();
            match status {
                200..300 => {}
                // A newer one is there.
                409 => {}
                400 => {
                    let id = item["_id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
                    return Err(ElasticError::Refused { id, reason });
                }
                _ => return Err(ElasticError::Answered { status, reason }),
            }
        }
        Ok(())
    }

    /// Makes what was written visible to queries.
    pub(crate) async fn refresh(&self, index: &str) -> Result<(), ElasticError> {
        self.write(Method::Post, &format!("/{index}/_refresh"), None).await.map(drop)
    }
}

fn read(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap_or(Value::Null)
}

/// Settings and mapping of a kind's index: core field types only. Text arrives folded, words are split at spaces.
fn definition(kind: &Kind, shape: &str) -> Value {
    let fields: Map<String, Value> = kind
        .fields
        .iter()
        .map(|field| {
            let mapping = match field.of {
                FieldType::Keyword | FieldType::Keywords | FieldType::Text | FieldType::Id => {
                    json!({"type": "keyword"})
                }
                FieldType::Integer => json!({"type": "long"}),
                FieldType::Decimal => json!({"type": "double"}),
                FieldType::Boolean => json!({"type": "boolean"}),
                FieldType::Instant | FieldType::Day => {
                    json!({"type": "date", "format": "strict_date_optional_time"})
                }
                FieldType::Place => json!({"type": "geo_point"}),
            };
            (field.name.to_owned(), mapping)
        })
        .collect();
    json!({
        "settings": {"number_of_replicas": 0, "auto_expand_replicas": "0-1", "refresh_interval": -1},
        "mappings": {
            "_meta": {"shape": shape},
            "dynamic": false,
            "properties": {
                "id": {"type": "keyword"},
                "number": {"type": "long"},
                "parent": {"type": "keyword"},
                "position": {"type": "long"},
                "revision": {"type": "long"},
                "born": {"type": "long"},
                "deleted": {"type": "boolean"},
                "words": {"type": "text", "analyzer": "whitespace"},
                "subjects": {"type": "keyword"},
                "fields": {"type": "object", "dynamic": false, "properties": fields},
                "state": {"type": "object", "enabled": false},
            },
        },
    })
}
