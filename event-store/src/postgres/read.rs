//! Reading the log.

use std::collections::BTreeSet;

use caravan_domain::EntityId;
use sqlx::postgres::PgRow;
use sqlx::{Error, PgConnection, PgPool, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::event::{Position, Recorded, Revision, StreamId};
use crate::json::Json;
use crate::port::{Direction, Filter, Page};

/// What makes up a [`Recorded`], in the order in which [`recorded`] takes it.
const COLUMNS: &str = "position, revision, time, stream_id, id, schema_version, category, event_type, data, metadata";

/// How many positions one statement goes through, so that a filter that leaves out almost all cannot make it endless.
const WINDOW: i64 = 100_000;

/// Categories that are read each by itself at most.
const MANY: usize = 16;

pub(super) async fn head(pool: &PgPool) -> Result<Position, Error> {
    sqlx::query_scalar("select coalesce(max(position), 0) from events").fetch_one(pool).await
}

pub(super) async fn stream(
    pool: &PgPool,
    stream: &StreamId,
    from: Revision,
    direction: Direction,
    max: usize,
) -> Result<Vec<Recorded>, Error> {
    let (compared, order) = match direction {
        Direction::Forwards => (">=", ""),
        Direction::Backwards => ("<=", " desc"),
    };
    let mut query = QueryBuilder::<Postgres>::new(format!("select {COLUMNS} from events where stream_id = "));
    query.push_bind(stream.id.0).push(" and category = ").push_bind(&stream.category);
    query.push(format!(" and revision {compared} ")).push_bind(from);
    query.push(format!(" order by revision{order} limit ")).push_bind(rows(max));
    query.build().try_map(|row| recorded(&row, 0)).fetch_all(pool).await
}

/// What each stream has after a revision, in the order asked.
pub(super) async fn tails(
    connection: &mut PgConnection,
    tails: &[&(StreamId, Revision)],
) -> Result<Vec<Vec<Recorded>>, Error> {
    let streams: Vec<Uuid> = tails.iter().map(|(stream, _)| stream.id.0).collect();
    let categories: Vec<&str> = tails.iter().map(|(stream, _)| stream.category.as_str()).collect();
    let revisions: Vec<i64> = tails.iter().map(|(_, revision)| *revision).collect();
    let rows = sqlx::query(
        "select asked.n, e.* from unnest($1::uuid[], $2::text[], $3::bigint[])
             with ordinality asked (stream, category, revision, n)
         cross join lateral (
             select position, revision, time, stream_id, id, schema_version, category, event_type, data, metadata
             from events
             where stream_id = asked.stream and category = asked.category and revision > asked.revision
             order by revision) e
         order by asked.n, e.revision",
    );
    let rows = rows.bind(streams).bind(categories).bind(revisions).fetch_all(connection).await?;
    let mut read = vec![vec![]; tails.len()];
    for row in rows {
        let number: i64 = row.try_get(0)?;
        if let Some(tail) = usize::try_from(number - 1).ok().and_then(|index| read.get_mut(index)) {
            tail.push(recorded(&row, 1)?);
        }
    }
    Ok(read)
}

pub(super) async fn all(
    pool: &PgPool,
    from: Position,
    direction: Direction,
    filter: &Filter,
    max: usize,
) -> Result<Page, Error> {
    // One statement, so that the last position and the page come from the same moment.
    let mut query =
        QueryBuilder::<Postgres>::new("with log as (select coalesce(max(position), 0) as head from events)");
    query.push(" select log.head, page.* from log left join lateral (select * from (");
    // A branch per category: each is read in order from its index, and no further than the page can need. Whoever wants
    // many reads what there is: planning so many branches costs more than passing over the rest.
    let categories: BTreeSet<&String> = filter.categories.iter().collect();
    let branches: Vec<Vec<&String>> = match categories.len() {
        0 => vec![vec![]],
        1..=MANY => categories.into_iter().map(|category| vec![category]).collect(),
        _ => vec![categories.into_iter().collect()],
    };
    let order = match direction {
        Direction::Forwards => " order by position limit ",
        Direction::Backwards => " order by position desc limit ",
    };
    for (index, categories) in branches.into_iter().enumerate() {
        query
            .push(if index == 0 { "(select " } else { " union all (select " })
            .push(COLUMNS)
            .push(" from events where ");
        match direction {
            Direction::Forwards => {
                query.push("position > ").push_bind(from);
                query.push(" and position <= ").push_bind(from.saturating_add(WINDOW));
            }
            Direction::Backwards => {
                query.push("position < least(log.head + 1, ").push_bind(from);
                query.push(") and position >= least(log.head + 1, ").push_bind(from).push(") - ").push_bind(WINDOW);
            }
        }
        match categories.as_slice() {
            [] => {}
            [category] => drop(query.push(" and category = ").push_bind(*category)),
            several => drop(query.push(" and category = any(").push_bind(several.to_vec()).push(")")),
        }
        if !filter.event_types.is_empty() {
            query.push(" and event_type = any(").push_bind(&filter.event_types).push(")");
        }
        query.push(order).push_bind(rows(max)).push(")");
    }
    query.push(") matching").push(order).push_bind(rows(max)).push(") page on true");
    let rows = query.build().fetch_all(pool).await?;

    let mut head = 0;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        head = row.try_get(0)?;
        if row.try_get::<Option<Position>, _>(1)?.is_some() {
            events.push(recorded(row, 1)?);
        }
    }
    let full = events.len() >= max;
    let last = events.last().map_or(from, |event| event.position);
    Ok(match direction {
        Direction::Forwards => {
            let next = if full { last } else { head.min(from.saturating_add(WINDOW)).max(from) };
            Page { end: next >= head, next, events }
        }
        Direction::Backwards => {
            let next = if full { last } else { (from.min(head + 1) - WINDOW).max(1) };
            Page { end: next <= 1, next, events }
        }
    })
}

fn rows(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

/// An event from the [`COLUMNS`] that begin at `first`.
fn recorded(row: &PgRow, first: usize) -> Result<Recorded, Error> {
    Ok(Recorded {
        position: row.try_get(first)?,
        revision: row.try_get(first + 1)?,
        time: row.try_get(first + 2)?,
        stream: StreamId { id: EntityId(row.try_get(first + 3)?), category: row.try_get(first + 6)? },
        id: row.try_get(first + 4)?,
        schema_version: row.try_get(first + 5)?,
        event_type: row.try_get(first + 7)?,
        data: json(row, first + 8)?,
        metadata: json(row, first + 9)?,
    })
}

/// A column of type json as its text, which sqlx would only hand out parsed.
fn json(row: &PgRow, column: usize) -> Result<Json, Error> {
    row.try_get_unchecked(column).map(Json::stored)
}
