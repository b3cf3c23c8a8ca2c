//! `trending`: what is named most of late, and the feed of what staff put forward and most people like.

use std::collections::HashMap;

use caravan_domain::EntityId;
use caravan_domain::catalogue::performer::{PERFORMER, Performer};
use caravan_domain::catalogue::trending_event::{TRENDING_EVENT, TrendingEvent};
use caravan_domain::record::RecordState;
use caravan_files::pictures::Size;
use caravan_projections::{AsOf, BORN, Condition, Plan, RankedTrip, Sort};
use caravan_wire::krugo::ids::TripId;
use caravan_wire::krugo::pictures::image_url;
use caravan_wire::krugo::trends::{self as shapes, Ahead};
use caravan_wire::{Answer, Call, Failure, Outcome};
use chrono::{DateTime, SubsecRound, TimeDelta};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Read;
use crate::catalogue::{liked, regions_by_id};
use crate::reads::{bounded, existing, listed};

#[derive(Deserialize)]
struct Cities {
    country_codes: Option<String>,
    count: Option<u32>,
}

pub(super) async fn cities(call: Call<Read>) -> Outcome {
    let query: Cities = call.query()?;
    let count = bounded(query.count)?;
    let countries = listed(query.country_codes, "country_codes")?;
    let is_code = |code: &String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if !countries.iter().flatten().all(is_code) {
        return Err(Failure::invalid("country_codes", "has what is no two-letter country code"));
    }
    let models = &call.state.models;
    let trending = models.trending_cities(countries.as_deref(), count, call.now).await?;
    let regions: Vec<EntityId> = trending.iter().map(|trending| trending.city.state.region).collect();
    let regions = regions_by_id(&call, &regions).await?;
    let shapes = trending.iter().map(|trending| {
        let city = &trending.city;
        shapes::trending_city(city.id, &city.state, regions.get(&city.state.region), trending.count)
    });
    Ok(Answer::json(shapes.collect()))
}

#[derive(Deserialize)]
struct Performers {
    category_ids: Option<String>,
    count: Option<u32>,
}

pub(super) async fn performers(call: Call<Read>) -> Outcome {
    let query: Performers = call.query()?;
    let count = bounded(query.count)?;
    let categories = listed(query.category_ids, "category_ids")?;
    let models = &call.state.models;
    let trending = models.trending_performers(categories.as_deref(), count, call.now).await?;
    let ids: Vec<EntityId> = trending.iter().map(|trending| trending.performer).collect();
    let records = models.records::<Performer>(&PERFORMER, &ids).await?;
    let records: HashMap<_, _> = records.into_iter().map(|performer| (performer.id, performer.state)).collect();
    let shapes = trending.iter().filter_map(|trending| {
        let next = trending.next.as_ref();
        let next = next.map(|next| (next.starts_at, next.category.as_str(), next.event_type.as_str()));
        let ahead = Ahead { event_count: trending.event_count, next };
        let id = trending.performer;
        Some(shapes::trending_performer(id, records.get(&id)?, trending.count, ahead))
    });
    Ok(Answer::json(shapes.collect()))
}

/// The feed's two lists, each of which goes on where the page before ended. A request with one key asks for that list
/// alone: the other has ended.
#[derive(Default, Deserialize)]
struct Feed {
    entries_after: Option<EntryKey>,
    trips_after: Option<TripKey>,
}

/// `TrendingStartKey`
#[derive(Deserialize)]
struct EntryKey {
    id: EntityId,
    /// Means nothing here.
    #[serde(rename = "dateCreated")]
    _date_created: Option<f64>,
}

/// `TopLikedStartKey`: the last trip shown, and the moment of the first page, as of which all are ranked.
#[derive(Deserialize)]
struct TripKey {
    trip: TripId,
    likes: i64,
    position: i64,
    /// Unix time in seconds.
    time: i64,
    /// These mean nothing here.
    #[serde(rename = "lastLikeUnix")]
    _last_like: Option<f64>,
    #[serde(rename = "primaryEventTypeId")]
    _primary_event_type: Option<String>,
}

/// Entries of either list on a page.
const PAGE: usize = 20;

pub(super) async fn events(call: Call<Read>) -> Outcome {
    let Feed { entries_after, trips_after } = call.body::<Option<Feed>>()?.unwrap_or_default();
    let begins = entries_after.is_none() && trips_after.is_none();
    let mut page = json!({});
    let mut shown = vec![];
    if begins || entries_after.is_some() {
        entries(&call, entries_after, &mut page, &mut shown).await?;
    }
    if begins || trips_after.is_some() {
        trips(&call, trips_after, &mut page, &mut shown).await?;
    }
    page["trendingEvents"] = Value::from(shown);
    Ok(Answer::json(page))
}

/// The latest first: what is put forward later comes before the first page.
async fn entries(
    call: &Call<Read>,
    after: Option<EntryKey>,
    page: &mut Value,
    shown: &mut Vec<Value>,
) -> Result<(), Failure> {
    let mut plan = Plan::all(&TRENDING_EVENT.kind, PAGE);
    plan.sort = vec![Sort::desc(BORN)];
    if let Some(key) = after {
        let last = existing::<TrendingEvent>(call, &TRENDING_EVENT, key.id, "entries_after.id").await?;
        plan = plan.and(Condition::Between(BORN, None, Some(json!(last.stamps()?.born))));
    }
    let found = call.state.models.find(&plan).await?;
    let more = found.next.is_some();
    let mut last = None;
    let ids: Vec<EntityId> = found.documents.iter().map(|document| document.id).collect();
    let pictures = call.state.models.first_pictures(&ids).await?;
    for document in found.states::<RecordState>()? {
        let created_at = document.stamps()?.created_at;
        let Some(event) = document.state.get::<TrendingEvent>() else { continue };
        let picture = pictures.get(&document.id);
        let picture = picture.map(|picture| image_url(*picture, Size::Medium.name(), &call.state.public_url));
        shown.push(shapes::trending_event(document.id, &event, created_at, picture));
        last = Some(json!({"id": document.id, "dateCreated": created_at.timestamp()}));
    }
    if let (true, Some(key)) = (more, last) {
        page["exclusiveStartTrendingKey"] = key;
    }
    Ok(())
}

async fn trips(
    call: &Call<Read>,
    after: Option<TripKey>,
    page: &mut Value,
    shown: &mut Vec<Value>,
) -> Result<(), Failure> {
    let models = &call.state.models;
    let (as_of, last) = match after {
        // Keys tell the time in whole seconds.
        None => (AsOf { position: models.tallied().await?, time: call.now.trunc_subsecs(0) }, None),
        Some(key) => {
            let (as_of, last) = key.read(call).await?;
            (as_of, Some(last))
        }
    };
    let mut ranked = models.top_liked(as_of, last, PAGE + 1).await?;
    let more = ranked.len() > PAGE;
    ranked.truncate(PAGE);
    let windows: Vec<_> = ranked.iter().map(|ranked| ranked.trip).collect();
    let liked = liked(call, &windows).await?;
    if let (true, Some(last), Some(shown)) = (more, ranked.last(), liked.last()) {
        page["exclusiveStartTopLikedKey"] = shapes::top_liked_key(shown, last.likes, as_of.position, as_of.time);
    }
    let regions: Vec<EntityId> = windows.iter().map(|trip| trip.region).collect();
    let regions = regions_by_id(call, &regions).await?;
    let shapes = liked.into_iter().filter_map(|liked| {
        let zone = regions.get(&liked.trip.region)?.time_zone;
        Some(shapes::trending_trip(liked, zone))
    });
    shown.extend(shapes);
    Ok(())
}

impl TripKey {
    /// The moment of the first page, and the last trip shown.
    async fn read(&self, call: &Call<Read>) -> Result<(AsOf, RankedTrip), Failure> {
        /// Likes are told apart for a day.
        const GOOD_FOR: TimeDelta = TimeDelta::hours(1);
        /// The tallies may have been so far behind the log.
        const LAG: TimeDelta = TimeDelta::minutes(5);
        let time = DateTime::from_timestamp(self.time, 0).filter(|time| (call.now - *time).abs() <= GOOD_FOR);
        let time = time.ok_or_else(|| Failure::invalid("trips_after.time", "is over: begin with the first page"))?;
        // All likes since are looked at: no more than a key that we gave leaves.
        let since = call.state.models.last_liked(call.now - GOOD_FOR - LAG).await?;
        for (field, least, number) in [("position", since.max(1), self.position), ("likes", 1, self.likes)] {
            if number < least {
                return Err(Failure::invalid(format!("trips_after.{field}"), "is not where a page ended"));
            }
        }
        let as_of = AsOf { position: self.position, time };
        Ok((as_of, RankedTrip { trip: self.trip.0, likes: self.likes }))
    }
}
