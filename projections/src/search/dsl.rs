//! Plans as Elasticsearch requests.

use caravan_domain::kind::FieldType;
use caravan_domain::{Condition, EntityId, Stamps};
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
    !numbered && !plan.deleted && plan.conditions.iter().all(|condition| is_carried(plan, condition))
}

fn is_carried(plan: &Plan, condition: &Condition) -> bool {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter().all(|condition| is_carried(plan, condition))
        }
        Condition::Not(inner) => is_carried(plan, inner),
        Condition::Is(field, _) | Condition::Contains(field, _) | Condition::Between(field, ..) => {
            plan.kind.field(field).is_none_or(|field| field.of != FieldType::Text)
        }
        Condition::IdIn(_) => true,
        Condition::Like(..) | Condition::ParentLives | Condition::Linked(..) | Condition::Back(..) => false,
    }
}

/// Answers a plan that was checked and that it [`carries`].
pub(crate) async fn find(pool: &PgPool, elastic: &Elastic, plan: &Plan) -> Result<Found, ReadError> {
    // Read first, so that the answer covers at least this.
    let as_of = bookkeeping::position(&mut *pool.acquire().await?, bookkeeping::SEARCH).await?;
    let order = plan.order()?;
    let words = plan.words();
    if plan.text.is_some() && words.is_empty() {
        return Ok(Found { documents: vec![], next: None, total: None, as_of });
    }
    let limit = plan.limit.min(PAGE);
    let mut body = json!({
        "query": query(plan, &words)?,
        "sort": sort(&order),
        "size": limit + 1,
        "track_total_hits": false,
        "_source": ["id", "revision", "position", "born", "created_at", "created_by", "updated_at", "state"],
    });
    if let Some(Cursor(keys)) = &plan.after {
        if keys.len() != order.len() + 2 {
            return Err(invalid_cursor());
        }
        body["search_after"] = json!(keys);
    }
    let answer = match elastic.search(plan.kind, body).await {
        Err(ElasticError::Answered { status: 400, .. }) if plan.after.is_some() => return Err(invalid_cursor()),
        other => other?,
    };
    let hits = answer.pointer("/hits/hits").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let page = &hits[..hits.len().min(limit)];
    let next = match page.last() {
        Some(last) if hits.len() > limit => last["sort"].as_array().cloned().map(Cursor),
        _ => None,
    };
    let documents = page.iter().map(|hit| document(&hit["_source"])).collect::<Option<_>>();
    let documents = documents.ok_or_else(|| ReadError::broken("a search document lacks its id or position"))?;
    Ok(Found { documents, next, total: None, as_of })
}

fn document(source: &Value) -> Option<Document> {
    Some(Document {
        id: source["id"].as_str()?.parse::<EntityId>().ok()?,
        revision: source["revision"].as_i64()?,
        position: source["position"].as_i64()?,
        stamps: stamps(source),
        state: source["state"].clone(),
    })
}

fn stamps(source: &Value) -> Option<Stamps> {
    let time = |name: &str| source[name].as_str()?.parse().ok();
    Some(Stamps {
        born: source["born"].as_i64()?,
        created_at: time("created_at")?,
        created_by: source["created_by"].as_str().and_then(|id| id.parse().ok()),
        updated_at: time("updated_at")?,
    })
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

fn path_of(field: Named) -> String {
    match field {
        Named::Parent => "parent".to_owned(),
        Named::Born => "born".to_owned(),
        Named::Field(field) => path(field.name),
    }
}

fn filter(plan: &Plan, condition: &Condition) -> Result<Value, ReadError> {
    Ok(match condition {
        Condition::Not(inner) => json!({"bool": {"must_not": [filter(plan, inner)?]}}),
        Condition::All(conditions) => json!({"bool": {"filter": filters(plan, conditions)?}}),
        Condition::Any(conditions) if conditions.is_empty() => json!({"match_none": {}}),
        Condition::Any(conditions) => {
            json!({"bool": {"should": filters(plan, conditions)?, "minimum_should_match": 1}})
        }
        Condition::Like(..) | Condition::ParentLives | Condition::Linked(..) | Condition::Back(..) => {
            return Err(ReadError::broken("a plan that search does not carry was given to it"));
        }
        Condition::IdIn(ids) => json!({"terms": {"id": ids}}),
        Condition::Contains(name, values) => {
            let values: Vec<String> =
                values.iter().map(|value| value.chars().take(KEYWORD_CHARACTERS).collect()).collect();
            json!({"terms": {path(name): values}})
        }
        Condition::Is(name, values) => {
            let field = named(plan.kind, name)?;
            let path = path_of(field);
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
            let path = path_of(field);
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

fn sort(order: &[Order]) -> Vec<Value> {
    let direction = |descending: bool| if descending { "desc" } else { "asc" };
    let mut sort: Vec<Value> = order
        .iter()
        .map(|order| match order {
            Order::Field(field, descending) => {
                let mut options = json!({"order": direction(*descending), "missing": "_last"});
                if matches!(field.of, FieldType::Instant | FieldType::Day) {
                    options["numeric_type"] = json!("date");
                }
                json!({path(field.name): options})
            }
            Order::Parent(descending) => json!({"parent": {"order": direction(*descending), "missing": "_last"}}),
            Order::Born(descending) => json!({"born": direction(*descending)}),
            Order::Distance(near) => json!({"_geo_distance": {
                path(near.field): {"lat": near.lat, "lon": near.lon}, "order": "asc", "unit": "m",
            }}),
            Order::Relevance => json!({"_score": "desc"}),
        })
        .collect();
    sort.push(json!({"born": "asc"}));
    sort.push(json!({"id": "asc"}));
    sort
}
