//! Plans as SQL: one statement, bound parameters only. Nothing of a caller's value becomes part of the text.

use caravan_domain::kind::FieldType;
use caravan_domain::{EntityId, Kind};
use caravan_event_store::{Json, Position};
use caravan_postgres::SidePool;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{Acquire, PgConnection, Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use crate::conditions::{opened, push_condition};
use crate::document::{self, Stored};
use crate::plan::{Order, invalid_cursor};
use crate::read_models::Moment;
use crate::search::ALL;
use crate::{Cursor, Document, Found, Near, Plan, ReadError, schema};

/// How alike a written and a found word must be, of 1: what a slip of the pen leaves of the trigrams of a word of five
/// letters.
const LIKENESS: &str = "0.45";

/// Metres; the sphere that Elasticsearch measures on, too.
const EARTH_RADIUS: f64 = 6_371_008.771_4;

/// Metres per degree of latitude, rounded down, so that a box of degrees is never too small.
const METRES_PER_DEGREE: f64 = 111_000.0;

/// Answers a plan that was checked.
pub(crate) async fn find(pool: &SidePool, plan: &Plan) -> Result<Found, ReadError> {
    let order = plan.order()?;
    let words = plan.words();
    let mut connection = pool.acquire().await?;
    if plan.text.is_some() && words.is_empty() {
        let total = plan.total.then_some(0);
        return Ok(Found { documents: vec![], next: None, total, as_of: as_of(&mut connection, plan).await? });
    }
    let mut query = statement(plan, &order, &words)?;
    let rows = if words.is_empty() {
        query.build().fetch_all(&mut *connection).await?
    } else {
        let mut tx = connection.begin().await?;
        demand_likeness(&mut tx).await?;
        let rows = query.build().fetch_all(&mut *tx).await?;
        tx.commit().await?;
        rows
    };
    page(plan, &order, rows)
}

/// See [`crate::ReadModels::after`].
pub(crate) async fn after(
    pool: &SidePool,
    kind: &Kind,
    moment: Moment,
    position: Position,
    limit: usize,
) -> Result<Vec<Stored>, ReadError> {
    let at = match moment {
        Moment::Made => "d.born",
        Moment::LastChanged => "d.position",
    };
    let mut query = of_kind(kind);
    query.push(format!(" where {at} > ")).push_bind(position);
    query.push(format!(" order by {at} limit ")).push_bind(limit as i64);
    let rows = query.build().fetch_all(&mut *pool.acquire().await?).await?;
    Ok(rows.iter().map(|row| document::stored(row, 0)).collect::<Result<_, _>>()?)
}

/// See [`crate::ReadModels::latest`].
pub(crate) async fn latest(pool: &SidePool, kind: &Kind) -> Result<Option<Stored>, ReadError> {
    let mut query = of_kind(kind);
    query.push(" order by d.position desc limit 1");
    let row = query.build().fetch_optional(&mut *pool.acquire().await?).await?;
    Ok(row.map(|row| document::stored(&row, 0)).transpose()?)
}

fn of_kind(kind: &Kind) -> QueryBuilder<Postgres> {
    QueryBuilder::new(format!("select {} from {} d", document::columns("d"), schema::view(kind)))
}

async fn demand_likeness(tx: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select set_config('pg_trgm.word_similarity_threshold', $1, true)")
        .bind(LIKENESS)
        .execute(tx)
        .await
        .map(drop)
}

/// The position that an answer covers: of all followers whose work it shows.
fn covered(plan: &Plan) -> &'static str {
    if plan.looks_at_opened() {
        "coalesce((select min(position) from checkpoints where name in ('postgres', 'opened')
                   having count(*) = 2), 0)"
    } else {
        "coalesce((select position from checkpoints where name = 'postgres'), 0)"
    }
}

async fn as_of(connection: &mut PgConnection, plan: &Plan) -> Result<Position, ReadError> {
    let mut query = QueryBuilder::<Postgres>::new(format!("select {}", covered(plan)));
    Ok(query.build_query_scalar().fetch_one(connection).await?)
}

impl Plan {
    /// The statement that the plan comes to in Postgres, for whoever measures it. Text is looked for with a setting
    /// beside it.
    pub fn statement(&self) -> Result<QueryBuilder<Postgres>, ReadError> {
        statement(self, &self.order()?, &self.words())
    }
}

/// `as_of`, the total, and one row per document, one more than the page holds; a row of nulls when there is none.
fn statement(plan: &Plan, order: &[Order], words: &[String]) -> Result<QueryBuilder<Postgres>, ReadError> {
    let mut query = QueryBuilder::<Postgres>::new("select covered.as_of, counted.total, ");
    query.push(document::columns("page"));
    for place in 0..order.len() {
        query.push(format!(", page.key{place}::text as cursor{place}"));
    }
    query.push(" from (select ").push(covered(plan)).push(" as as_of) covered cross join lateral (");
    if plan.total {
        query.push("select count(*) as total from (select");
        push_matching(&mut query, plan, &[], words)?;
        query.push(" limit ").push_bind(MOST_COUNTED).push(") counted");
    } else {
        query.push("select null::bigint as total");
    }
    query.push(
        ") counted left join lateral (select * from (\
                    select d.id, d.revision, d.position, d.fold_version, d.state, d.born, d.created_at, d.created_by, \
                           d.updated_at",
    );
    for (place, key) in order.iter().enumerate() {
        query.push(", ");
        push_key(&mut query, key, place, words);
        query.push(format!(" as key{place}"));
    }
    push_matching(&mut query, plan, order, words)?;
    query.push(") found");
    if let Some(after) = &plan.after {
        query.push(" where ");
        push_after(&mut query, order, after)?;
    }
    push_order(&mut query, order, "found");
    query.push(" limit ").push_bind(plan.limit as i64 + 1);
    query.push(" offset ").push_bind(plan.skip as i64);
    query.push(") page on true");
    push_order(&mut query, order, "page");
    Ok(query)
}

/// How many documents are counted at most: whoever pages through more does not look for the last page.
const MOST_COUNTED: i64 = 100_000;

/// The documents that meet the plan, as `d`, with the opened texts that they are ordered by, each as `o` and its place.
fn push_matching(
    query: &mut QueryBuilder<Postgres>,
    plan: &Plan,
    order: &[Order],
    words: &[String],
) -> Result<(), ReadError> {
    query.push(format!(" from {} d", schema::view(plan.kind)));
    for (place, key) in order.iter().enumerate() {
        if let Order::Sealed(sealed, _) = key {
            let row = format!("o{place}");
            query.push(format!(" left join opened {row} on {}", opened(&row, plan.kind, sealed.name, "d")));
        }
    }
    if plan.text.is_some() && !plan.kind.sealed.is_empty() {
        query.push(" join opened s on ").push(opened("s", plan.kind, ALL, "d"));
    } else if !words.is_empty() {
        query.push(" cross join lateral (select d.words) s");
    }
    query.push(if plan.deleted { " where true" } else { " where d.deleted_at is null" });
    for word in words {
        query.push(" and (");
        push_word(query, word);
        query.push(")");
    }
    for condition in &plan.conditions {
        query.push(" and ");
        push_condition(query, plan.kind, "d", condition)?;
    }
    if let Some(near) = &plan.near {
        push_near(query, near);
    }
    Ok(())
}

fn push_order(query: &mut QueryBuilder<Postgres>, order: &[Order], of: &str) {
    query.push(" order by ");
    for (place, key) in order.iter().enumerate() {
        query.push(format!("{of}.key{place} {} nulls last, ", if descends(key) { "desc" } else { "asc" }));
    }
    query.push(format!("{of}.born, {of}.id"));
}

fn descends(order: &Order) -> bool {
    match order {
        Order::Field(_, descending)
        | Order::Sealed(_, descending)
        | Order::Parent(descending)
        | Order::Born(descending) => *descending,
        Order::Relevance => true,
        Order::Distance(_) => false,
    }
}

fn push_key(query: &mut QueryBuilder<Postgres>, key: &Order, place: usize, words: &[String]) {
    match key {
        Order::Field(field, _) => {
            query.push(schema::column(field));
        }
        Order::Sealed(..) => {
            query.push(format!("o{place}.words"));
        }
        Order::Parent(_) => {
            query.push("d.parent");
        }
        Order::Born(_) => {
            query.push("d.born");
        }
        Order::Distance(near) => push_distance(query, near),
        Order::Relevance => {
            // A whole word counts most, then a beginning, then likeness.
            query.push("(0::float8");
            for word in words {
                query.push(" + 4 * (").push(LEXEMES).push(" @@ ").push_bind(word.clone()).push("::tsquery)::int");
                query.push(" + 2 * (").push(LEXEMES).push(" @@ ").push_bind(format!("{word}:*"));
                query.push("::tsquery)::int + word_similarity(").push_bind(word.clone()).push(", s.words)");
            }
            query.push(")");
        }
    }
}

/// As indexed on `words`, whichever table has them.
const LEXEMES: &str = "array_to_tsvector(string_to_array(s.words, ' '))";

/// The shortest word in which a slip of the pen is forgiven, in characters.
pub(crate) const FORGIVING: usize = 3;

fn push_word(query: &mut QueryBuilder<Postgres>, word: &str) {
    query.push(LEXEMES).push(" @@ ").push_bind(format!("{word}:*")).push("::tsquery");
    if word.chars().count() >= FORGIVING {
        query.push(" or ").push_bind(word.to_owned()).push(" <% s.words");
    }
}

fn push_near(query: &mut QueryBuilder<Postgres>, near: &Near) {
    // The box lets the index do most of the work; the distance decides.
    let latitudes = near.within_metres / METRES_PER_DEGREE;
    query.push(" and ").push(schema::latitude(near.field)).push(" between ");
    query.push_bind(near.lat - latitudes).push(" and ").push_bind(near.lat + latitudes);
    query.push(" and ");
    push_distance(query, near);
    query.push(" <= ").push_bind(near.within_metres);
}

/// Great-circle distance in metres (haversine).
fn push_distance(query: &mut QueryBuilder<Postgres>, near: &Near) {
    let (lat, lon) = (schema::latitude(near.field), schema::longitude(near.field));
    query.push(format!("(2 * {EARTH_RADIUS}::float8 * asin(least(1, sqrt(power(sind(({lat} - "));
    query.push_bind(near.lat).push(") / 2), 2) + cosd(").push_bind(near.lat);
    query.push(format!(") * cosd({lat}) * power(sind(({lon} - ")).push_bind(near.lon).push(") / 2), 2)))))");
}

/// Strictly after the cursor in the order: later in the first key, or equal in it and later in the second, and so on.
fn push_after(query: &mut QueryBuilder<Postgres>, order: &[Order], after: &Cursor) -> Result<(), ReadError> {
    let [keys @ .., born, id] = after.0.as_slice() else { return Err(invalid_cursor()) };
    let id: Uuid = id.as_str().and_then(|id| id.parse().ok()).ok_or_else(invalid_cursor)?;
    let born: Position = born.as_str().and_then(|born| born.parse().ok()).ok_or_else(invalid_cursor)?;
    if keys.len() != order.len() || order.iter().any(|key| matches!(key, Order::Sealed(..))) {
        return Err(invalid_cursor());
    }
    query.push("(");
    for later in 0..=order.len() {
        query.push(if later == 0 { "(true" } else { " or (true" });
        for (place, key) in keys.iter().enumerate().take(later) {
            query.push(format!(" and key{place} is not distinct from "));
            push_cursor_key(query, &order[place], key)?;
        }
        if let Some(key) = keys.get(later) {
            let operator = if descends(&order[later]) { "<" } else { ">" };
            if key.is_null() {
                query.push(" and false");
            } else {
                query.push(format!(" and (key{later} is null or key{later} {operator} "));
                push_cursor_key(query, &order[later], key)?;
                query.push(")");
            }
        } else {
            query.push(" and (born, id) > (").push_bind(born).push(", ").push_bind(id).push(")");
        }
        query.push(")");
    }
    query.push(")");
    Ok(())
}

/// A key as Postgres printed it, with the type of its column.
fn push_cursor_key(query: &mut QueryBuilder<Postgres>, order: &Order, key: &Value) -> Result<(), ReadError> {
    let text = match key {
        Value::Null => None,
        Value::String(text) if !text.contains('\0') => Some(text.clone()),
        _ => return Err(invalid_cursor()),
    };
    let parsed = text.as_deref();
    let sound = match (order, parsed) {
        (_, None) => true,
        (Order::Distance(_) | Order::Relevance, Some(text)) => text.parse::<f64>().is_ok(),
        (Order::Parent(_), Some(text)) => text.parse::<Uuid>().is_ok(),
        (Order::Born(_), Some(text)) => text.parse::<Position>().is_ok(),
        (Order::Sealed(..), Some(_)) => false,
        (Order::Field(field, _), Some(text)) => match field.of {
            FieldType::Integer | FieldType::Decimal => text.parse::<f64>().is_ok_and(f64::is_finite),
            FieldType::Boolean => text.parse::<bool>().is_ok(),
            FieldType::Id => text.parse::<Uuid>().is_ok(),
            _ => true,
        },
    };
    if !sound {
        return Err(invalid_cursor());
    }
    let sql_type = match order {
        Order::Distance(_) | Order::Relevance => "float8",
        Order::Parent(_) => "uuid",
        Order::Born(_) => "bigint",
        Order::Sealed(..) => "text",
        Order::Field(field, _) => match field.of {
            FieldType::Integer | FieldType::Decimal => "numeric",
            FieldType::Boolean => "boolean",
            FieldType::Id => "uuid",
            _ => "text",
        },
    };
    query.push_bind(text).push(format!("::text::{sql_type}"));
    Ok(())
}

fn page(plan: &Plan, order: &[Order], mut rows: Vec<PgRow>) -> Result<Found, ReadError> {
    let as_of = rows.first().map_or(Ok(0), |row| row.try_get("as_of"))?;
    let total: Option<i64> = rows.first().map_or(Ok(None), |row| row.try_get("total"))?;
    rows.retain(|row| matches!(row.try_get::<Option<Uuid>, _>("id"), Ok(Some(_))));
    // What is sealed leaves in no cursor: such pages have numbers.
    let more = rows.len() > plan.limit && !order.iter().any(|key| matches!(key, Order::Sealed(..)));
    rows.truncate(plan.limit);
    let documents = rows.iter().map(|row| document::stored(row, BEFORE)).collect::<Result<Vec<_>, _>>()?;
    let next = match (rows.last(), documents.last()) {
        (Some(row), Some(last)) if more => Some(cursor(order, row, last)?),
        _ => None,
    };
    let documents = documents.into_iter().map(unread).collect();
    Ok(Found { documents, next, total: total.map(i64::cast_unsigned), as_of })
}

fn unread(stored: Stored) -> Document<Json> {
    let Stored { id, revision, position, stamps, state, .. } = stored;
    Document { id: EntityId(id), revision, position, stamps, state: Json::stored(state) }
}

/// Columns before those of the document.
const BEFORE: usize = 2;

fn cursor(order: &[Order], row: &PgRow, last: &Stored) -> Result<Cursor, sqlx::Error> {
    let key = |place: usize| row.try_get::<Option<String>, _>(format!("cursor{place}").as_str());
    let mut keys = (0..order.len()).map(key).collect::<Result<Vec<_>, _>>()?;
    keys.push(last.stamps.map(|stamps| stamps.born.to_string()));
    keys.push(Some(last.id.to_string()));
    Ok(Cursor(keys.into_iter().map(|key| key.map_or(Value::Null, Value::String)).collect()))
}
