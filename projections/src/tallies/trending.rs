//! Cities and performers by how often they were named of late.

use caravan_domain::EntityId;
use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::catalogue::trend::Trend;
use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use crate::{Document, ReadError, ReadModels, schema};

/// Who or what counts less has faded.
const FADED: f64 = 0.5;

#[derive(Debug, Clone, PartialEq)]
pub struct TrendingCity {
    pub city: Document<City>,
    pub count: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TrendingPerformer {
    pub performer: EntityId,
    pub count: f64,
    /// Events ahead.
    pub event_count: i64,
    pub next: Option<NextEvent>,
}

/// The soonest event of a performer.
#[derive(Debug, Clone, PartialEq)]
pub struct NextEvent {
    pub starts_at: DateTime<Utc>,
    /// From broad to narrow, separated by `/`.
    pub category: String,
    pub event_type: String,
}

impl ReadModels {
    /// The cities that were named most of late; of these countries, where any are given.
    pub async fn trending_cities(
        &self,
        countries: Option<&[String]>,
        count: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<TrendingCity>, ReadError> {
        let country = CITY.kind.field("country").map(schema::column).unwrap_or_default();
        let sql = format!(
            "select t.id, t.level from tally_trend t join {} c on c.id = t.id
             where t.kind = 'city' and t.level >= $1 and ($2::text[] is null or c.{country} = any($2))
             order by t.level desc, t.id limit $3",
            schema::view(&CITY.kind)
        );
        let mut connection = self.finding().acquire().await?;
        let ranked: Vec<(Uuid, f64)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(Trend::counting(FADED, now).level())
            .bind(countries)
            .bind(i64::try_from(count).unwrap_or(i64::MAX))
            .fetch_all(&mut *connection)
            .await?;
        drop(connection);
        let ids: Vec<EntityId> = ranked.iter().map(|(id, _)| EntityId(*id)).collect();
        let cities = self.records::<City>(&CITY, &ids).await?;
        let mut levels = ranked.into_iter();
        // Both come in the order of their levels.
        let counted = cities.into_iter().filter_map(|city| {
            let (_, level) = levels.by_ref().find(|(id, _)| *id == city.id.0)?;
            Some(TrendingCity { city, count: Trend::of_level(level).count(now) })
        });
        Ok(counted.collect())
    }

    /// The performers who were named most of late; of those who have events of these categories ahead, where any are
    /// given: by the path of a category, from its beginning on, or by a sort of events.
    pub async fn trending_performers(
        &self,
        categories: Option<&[String]>,
        count: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<TrendingPerformer>, ReadError> {
        #[derive(FromRow)]
        struct Row {
            id: Uuid,
            level: f64,
            event_count: i64,
            starts_at: Option<DateTime<Utc>>,
            category: Option<String>,
            event_type: Option<String>,
        }
        let mut connection = self.finding().acquire().await?;
        let rows: Vec<Row> = sqlx::query_as(
            "select t.id, t.level, e.event_count, e.starts_at, e.category, e.event_type
             from tally_trend t
             cross join lateral (
                 select count(*) as event_count, min(e.starts_at) as starts_at,
                        (array_agg(e.category order by e.starts_at, e.event))[1] as category,
                        (array_agg(e.event_type order by e.starts_at, e.event))[1] as event_type,
                        bool_or(e.event_type = any($2) or exists (
                            select from unnest($2) asked where e.category = asked or starts_with(e.category, asked || '/')
                        )) as fits
                 from tally_event e where e.scheduled and e.performers @> array[t.id] and e.starts_at > $3
             ) e
             where t.kind = 'performer' and t.level >= $1 and ($2::text[] is null or e.fits)
             order by t.level desc, t.id limit $4",
        )
        .bind(Trend::counting(FADED, now).level())
        .bind(categories)
        .bind(now)
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_all(&mut *connection)
        .await?;
        let trending = rows.into_iter().map(|row| {
            let next = match (row.starts_at, row.category, row.event_type) {
                (Some(starts_at), Some(category), Some(event_type)) => {
                    Some(NextEvent { starts_at, category, event_type })
                }
                _ => None,
            };
            TrendingPerformer {
                performer: EntityId(row.id),
                count: Trend::of_level(row.level).count(now),
                event_count: row.event_count,
                next,
            }
        });
        Ok(trending.collect())
    }
}
