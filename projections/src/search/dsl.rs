//! Plans as Elasticsearch requests.

use caravan_domain::kind::{DELETED_AT, FieldType};
use caravan_domain::{Condition, EntityId, Stamps};
use caravan_event_store::{Json, Position, Revision};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::elastic::{Elastic, ElasticError};
use caravan_domain::condition::KEYWORD_CHARACTERS;

use crate::plan::{Comparable, Named, Order, comparable, invalid_cursor, named};
use crate::sql::FORGIVING;
use crate::{Cursor, Document, Found, Plan, ReadError, bookkeeping};

/// What Elasticsearch gives at most in one page, less the one that tells whether there is another.
const PAGE: usize = 9_999;

/// Whether Elasticsearch can answer a plan; what more it asks for, Postgres has.
pub(crate) fn carries(plan: &Plan) -> bool {
    let numbered = plan.skip > 0 || plan.total;
    !numbered
        && !plan.deleted
        && !plan.names_sealed()
        && plan.conditions.iter().all(|condition| is_carried(plan, condition))
}

fn is_carried(plan: &Plan, condition: &Condition) -> bool {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter().all(|condition| is_carried(plan, condition))
        }
        Condition::Not(inner) => is_carried(plan, inner),
        Condition::Is(field, _) | Condition::Contains(field, _) | Condition::Between(field, ..) => {
            *field != DELETED_AT && plan.kind.field(field).is_none_or(|field| field.of != FieldType::Text)
        }
        Condition::IdIn(_) => true,
        Condition::Like(..)
        | Condition::Compare(..)
        | Condition::ParentLives
        | Condition::Linked(..)
        | Condition::Back(..) => false,
    }
}

/// Answers a plan that was checked and that it [`carries`].
pub(crate) async fn find(pool: &PgPool, elastic: &Elastic, plan: &Plan) -> Result<Found, ReadError> {
    // Read first, so that the answer covers at least this.
    let as_of = bookkeeping::position(&mut *pool.acquire().await?, bookkeeping::SEARCH).await?;
    if plan.text.is_some() && plan.words().is_empty() {
        return Ok(Found { documents: vec![], next: None, total: None, as_of });
    }
    let limit = plan.limit.min(PAGE);
    let answer = match elastic.search(plan.kind, plan.search_body()?).await {
        Err(ElasticError::Answered { status: 400, .. }) if plan.after.is_some() => return Err(invalid_cursor()),
        other => other?,
    };
    let Answer { hits: Hits { mut hits } } = serde_json::from_str(&answer).map_err(ReadError::broken)?;
    let more = hits.len() > limit;
    hits.truncate(limit);
    let next = hits.last_mut().filter(|_| more).map(|last| Cursor(std::mem::take(&mut last.sort)));
    let documents = hits.into_iter().map(|hit| hit.source.document()).collect();
    Ok(Found { documents, next, total: None, as_of })
}

impl Plan {
    /// The search that the plan comes to in Elasticsearch.
    pub fn search_body(&self) -> Result<Value, ReadError> {
        let order = self.order()?;
        let mut body = json!({
            "query": query(self, &self.words())?,
            "sort": sort(&order)?,
            "size": self.limit.min(PAGE) + 1,
            "track_total_hits": false,
            "_source": ["id", "revision", "position", "born", "created_at", "created_by", "updated_at", "state"],
        });
        if let Some(Cursor(keys)) = &self.after {
            if keys.len() != order.len() + 2 {
                return Err(invalid_cursor());
            }
            body["search_after"] = json!(keys);
        }
        Ok(body)
    }
}

#[derive(Deserialize)]
struct Answer {
    hits: Hits,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_source")]
    source: Source,
    sort: Vec<Value>,
}

/// A search document, as far as it is asked for.
#[derive(Deserialize)]
struct Source {
    id: EntityId,
    revision: Revision,
    position: Position,
    born: Option<Position>,
    created_at: Option<DateTime<Utc>>,
    created_by: Option<EntityId>,
    updated_at: Option<DateTime<Utc>>,
    state: Box<RawValue>,
}

impl Source {
    fn document(self) -> Document<Json> {
        let Source { id, revision, position, created_by, .. } = self;
        let stamps = match (self.born, self.created_at, self.updated_at) {
            (Some(born), Some(created_at), Some(updated_at)) => {
                Some(Stamps { born, created_at, created_by, updated_at })
            }
            _ => None,
        };
        let state = Json::stored(Box::<str>::from(self.state).into());
        Document { id, revision, position, stamps, state }
    }
}

fn query(plan: &Plan, words: &[String]) -> Result<Value, ReadError> {
    let mut filters = vec![json!({"term": {"deleted": false}})];
    for condition in &plan.conditions {
        filters.push(filter(plan, condition)?);
    }
    if let Some(near) = &plan.near {
        filters.push(json!({"geo_distance": {
            "distance": format!("{}m", near.within_metres),
            path(near.field): {"lat": near.lat, "lon": near.lon},
        }}));
    }
    let words: Vec<Value> = words.iter().map(|word| resembles(word)).collect();
    Ok(json!({"bool": {"filter": filters, "must": words}}))
}

/// The whole word counts most, then one that begins with it, then one that a slip of the pen makes of it.
fn resembles(word: &str) -> Value {
    let mut ways = vec![
        json!({"term": {"words": {"value": word, "boost": 4}}}),
        json!({"prefix": {"words": {"value": word, "boost": 2}}}),
    ];
    if word.chars().count() >= FORGIVING {
        ways.push(json!({"fuzzy": {"words": {"value": word, "fuzziness": "AUTO"}}}));
    }
    json!({"bool": {"should": ways, "minimum_should_match": 1}})
}

fn path(field: &str) -> String {
    format!("fields.{field}")
}

fn path_of(field: Named) -> Result<String, ReadError> {
    Ok(match field {
        Named::Parent => "parent".to_owned(),
        Named::Born => "born".to_owned(),
        Named::Field(field) => path(field.name),
        Named::DeletedAt | Named::Sealed(_) => return Err(not_carried()),
    })
}

fn not_carried() -> ReadError {
    ReadError::broken("a plan that search does not carry was given to it")
}

fn filter(plan: &Plan, condition: &Condition) -> Result<Value, ReadError> {
    Ok(match condition {
        Condition::Not(inner) => json!({"bool": {"must_not": [filter(plan, inner)?]}}),
        Condition::All(conditions) => json!({"bool": {"filter": filters(plan, conditions)?}}),
        Condition::Any(conditions) if conditions.is_empty() => json!({"match_none": {}}),
        Condition::Any(conditions) => {
            json!({"bool": {"should": filters(plan, conditions)?, "minimum_should_match": 1}})
        }
        Condition::Like(..)
        | Condition::Compare(..)
        | Condition::ParentLives
        | Condition::Linked(..)
        | Condition::Back(..) => return Err(not_carried()),
        Condition::IdIn(ids) => json!({"terms": {"id": ids}}),
        Condition::Contains(name, values) => {
            let values: Vec<String> =
                values.iter().map(|value| value.chars().take(KEYWORD_CHARACTERS).collect()).collect();
            json!({"terms": {path(name): values}})
        }
        Condition::Is(name, values) => {
            let field = named(plan.kind, name)?;
            let path = path_of(field)?;
            let present = values
                .iter()
                .filter(|value| !value.is_null())
                .map(|value| comparable(field, name, value).map(json_of))
                .collect::<Result<Vec<Value>, _>>()?;
            let missing = present.len() < values.len();
            let mut ways = vec![json!({"terms": {path.as_str(): present}})];
            if missing {
                ways.push(json!({"bool": {"must_not": [{"exists": {"field": path}}]}}));
            }
            json!({"bool": {"should": ways, "minimum_should_match": 1}})
        }
        Condition::Between(name, from, to) => {
            let field = named(plan.kind, name)?;
            let mut bounds = serde_json::Map::new();
            for (bound, operator) in [(from, "gte"), (to, "lt")] {
                if let Some(bound) = bound {
                    bounds.insert(operator.to_owned(), json_of(comparable(field, name, bound)?));
                }
            }
            let path = path_of(field)?;
            if bounds.is_empty() { json!({"exists": {"field": path}}) } else { json!({"range": {path: bounds}}) }
        }
    })
}

fn filters(plan: &Plan, conditions: &[Condition]) -> Result<Vec<Value>, ReadError> {
    conditions.iter().map(|condition| filter(plan, condition)).collect()
}

fn json_of(value: Comparable) -> Value {
    match value {
        Comparable::Text(text) => json!(text),
        Comparable::Integer(integer) => json!(integer),
        // Elasticsearch reads numbers in text.
        Comparable::Decimal(decimal) => json!(decimal),
        Comparable::Boolean(boolean) => json!(boolean),
        Comparable::Id(id) => json!(id),
    }
}

fn sort(order: &[Order]) -> Result<Vec<Value>, ReadError> {
    let direction = |descending: bool| if descending { "desc" } else { "asc" };
    let mut sort = vec![];
    for order in order {
        sort.push(match order {
            Order::Field(field, descending) => {
                let mut options = json!({"order": direction(*descending), "missing": "_last"});
                if matches!(field.of, FieldType::Instant | FieldType::Day) {
                    options["numeric_type"] = json!("date");
                }
                json!({path(field.name): options})
            }
            Order::Sealed(..) => return Err(not_carried()),
            Order::Parent(descending) => json!({"parent": {"order": direction(*descending), "missing": "_last"}}),
            Order::Born(descending) => json!({"born": direction(*descending)}),
            Order::Distance(near) => json!({"_geo_distance": {
                path(near.field): {"lat": near.lat, "lon": near.lon}, "order": "asc", "unit": "m",
            }}),
            Order::Relevance => json!({"_score": "desc"}),
        });
    }
    sort.push(json!({"born": "asc"}));
    sort.push(json!({"id": "asc"}));
    Ok(sort)
}
