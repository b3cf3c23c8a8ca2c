//! Trips by how many like them.

use std::collections::HashMap;

use caravan_domain::EntityId;
use caravan_domain::catalogue::discover::TripWindow;
use caravan_event_store::Position;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::TALLIES;
use crate::{ReadError, ReadModels, bookkeeping};

/// How many of a trip's events are shown, the soonest.
const SHOWN_EVENTS: usize = 50;

/// How many of them are looked at, and counted: a year of a large region has thousands, and many trips are asked for
/// at once.
const COUNTED_EVENTS: i64 = 500;

/// The moment as of which trips are ranked: by the likes up to a position, and among those that had events ahead at a
/// time. Positions of the last day are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    pub position: Position,
    pub time: DateTime<Utc>,
}

/// A trip in its place among the most liked: by likes, then the sooner, then by its region's id, then the shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RankedTrip {
    pub trip: TripWindow,
    /// As of the moment of the ranking.
    pub likes: i64,
}

/// A trip as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct LikedTrip {
    pub trip: TripWindow,
    pub likes: i64,
    /// `None` of one that nobody has ever liked.
    pub last_like_at: Option<DateTime<Utc>>,
    /// That lie ahead, up to `COUNTED_EVENTS`.
    pub event_count: i64,
    /// The first `SHOWN_EVENTS` of them, the soonest first.
    pub events: Vec<EntityId>,
}

#[derive(FromRow)]
struct Window {
    region: Uuid,
    first_day: NaiveDate,
    last_day: NaiveDate,
}

impl Window {
    fn trip(&self) -> TripWindow {
        TripWindow { region: EntityId(self.region), first_day: self.first_day, last_day: self.last_day }
    }
}

/// The first day on which something may lie ahead. Days begin at other times elsewhere; whether an event does is asked
/// of it itself.
fn day_before(time: DateTime<Utc>) -> NaiveDate {
    (time - TimeDelta::days(1)).date_naive()
}

impl ReadModels {
    /// Where the tallies stand.
    pub async fn tallied(&self) -> Result<Position, ReadError> {
        let mut connection = self.finding().acquire().await?;
        Ok(bookkeeping::position(&mut connection, TALLIES).await?)
    }

    /// The last like before a time, if it was within the day in which likes are told apart; else 0.
    pub async fn last_liked(&self, before: DateTime<Utc>) -> Result<Position, ReadError> {
        let mut connection = self.finding().acquire().await?;
        let last = sqlx::query_scalar(
            "select position from tally_trip_change where at < $1 order by at desc, position desc limit 1",
        );
        let last: Option<Position> = last.bind(before).fetch_optional(&mut *connection).await?;
        Ok(last.unwrap_or_default())
    }

    /// The most liked trips that have events ahead, as of a moment: `count` of them after the one given.
    ///
    /// Trips that nobody has liked since are read in the order of their index; of the others, what they had then is
    /// what they have now without the likes since. So a page costs what it shows and what was liked since the first.
    pub async fn top_liked(
        &self,
        as_of: AsOf,
        after: Option<RankedTrip>,
        count: usize,
    ) -> Result<Vec<RankedTrip>, ReadError> {
        #[derive(FromRow)]
        struct Row {
            #[sqlx(flatten)]
            window: Window,
            likes: i64,
        }
        let last = after.map(|last| last.trip);
        let mut connection = self.finding().acquire().await?;
        let rows: Vec<Row> = sqlx::query_as(
            "with unchanged as (
                 select region, first_day, last_day, likes from tally_trip
                 where position <= $1 and likes > 0 and last_day >= $3
                   and ($4::bigint is null or likes <= $4 and (-likes, first_day, region, last_day) > (-$4, $5, $6, $7))
                   and exists (select from tally_event e where e.scheduled and e.region = tally_trip.region
                               and e.day between first_day and last_day and e.starts_at > $2)
                 order by likes desc, first_day, region, last_day limit $8
             ), since as (
                 select region, first_day, last_day, sum(likes)::bigint as since from tally_trip_change
                 where position > $1 group by region, first_day, last_day
             ), changed as (
                 select region, first_day, last_day, likes - since as likes from since
                 join tally_trip using (region, first_day, last_day)
                 where likes - since > 0 and last_day >= $3
                   and ($4::bigint is null or (since - likes, first_day, region, last_day) > (-$4, $5, $6, $7))
                   and exists (select from tally_event e where e.scheduled and e.region = since.region
                               and e.day between first_day and last_day and e.starts_at > $2)
             )
             select * from unchanged union all select * from changed
             order by likes desc, first_day, region, last_day limit $8",
        )
        .bind(as_of.position)
        .bind(as_of.time)
        .bind(day_before(as_of.time))
        .bind(after.map(|last| last.likes))
        .bind(last.map(|trip| trip.first_day))
        .bind(last.map(|trip| trip.region.0))
        .bind(last.map(|trip| trip.last_day))
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_all(&mut *connection)
        .await?;
        Ok(rows.iter().map(|row| RankedTrip { trip: row.window.trip(), likes: row.likes }).collect())
    }

    /// These trips as they are now, in their order.
    pub async fn liked_trips(&self, trips: &[TripWindow], now: DateTime<Utc>) -> Result<Vec<LikedTrip>, ReadError> {
        #[derive(FromRow)]
        struct Row {
            #[sqlx(flatten)]
            window: Window,
            likes: i64,
            last_like_at: Option<DateTime<Utc>>,
            event_count: i64,
            events: Vec<Uuid>,
        }
        if trips.is_empty() {
            return Ok(vec![]);
        }
        let mut connection = self.finding().acquire().await?;
        let rows: Vec<Row> = sqlx::query_as(
            "select w.region, w.first_day, w.last_day, coalesce(t.likes, 0) as likes, t.last_like_at, e.event_count,
                    e.events
             from unnest($1::uuid[], $2::date[], $3::date[]) as w (region, first_day, last_day)
             left join tally_trip t using (region, first_day, last_day)
             cross join lateral (
                 select count(*) as event_count,
                        coalesce((array_agg(event order by starts_at, event))[1:$5], '{}') as events
                 from (
                     select event, starts_at from tally_event
                     where scheduled and region = w.region and starts_at > $4
                       and day between greatest(w.first_day, $6::date) and w.last_day
                     order by day, starts_at limit $7
                 ) soonest
             ) e",
        )
        .bind(trips.iter().map(|trip| trip.region.0).collect::<Vec<_>>())
        .bind(trips.iter().map(|trip| trip.first_day).collect::<Vec<_>>())
        .bind(trips.iter().map(|trip| trip.last_day).collect::<Vec<_>>())
        .bind(now)
        .bind(SHOWN_EVENTS as i32)
        .bind(day_before(now))
        .bind(COUNTED_EVENTS)
        .fetch_all(&mut *connection)
        .await?;
        let found: HashMap<TripWindow, LikedTrip> = rows
            .into_iter()
            .map(|row| {
                let trip = row.window.trip();
                let events = row.events.into_iter().map(EntityId).collect();
                let Row { likes, last_like_at, event_count, .. } = row;
                (trip, LikedTrip { trip, likes, last_like_at, event_count, events })
            })
            .collect();
        Ok(trips.iter().filter_map(|trip| found.get(trip).cloned()).collect())
    }
}
