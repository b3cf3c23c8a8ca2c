//! Shapes of what people like and what is trending. The contract's names stand above each function.

use caravan_domain::EntityId;
use caravan_domain::catalogue::city::City;
use caravan_domain::catalogue::discover::Liked;
use caravan_domain::catalogue::event::{Category, EventType};
use caravan_domain::catalogue::performer::Performer;
use caravan_domain::catalogue::region::Region;
use caravan_domain::catalogue::trending_event::{DiscoverQuery, TrendingEvent};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::catalogue;
use super::ids::TripId;
use crate::shape::set;

/// `LikedTrip`: of the viewer's own likes it says whose.
pub fn liked_trip(liked: &Liked, viewer: Option<EntityId>) -> Value {
    let events: Vec<Value> = liked.events.iter().map(|event| catalogue::event(event.id, &event.published)).collect();
    let mut shape = json!({
        "tripId": TripId(liked.trip),
        "startDate": liked.trip.first_day,
        "endDate": liked.trip.last_day,
        "likes": liked.likes,
        "eventCount": liked.event_count,
        "events": events,
    });
    let soonest = liked.events.first().map(|event| &event.published.details);
    set(&mut shape, "lastLikeUnix", liked.last_like_at.map(|at| at.timestamp()));
    set(&mut shape, "userId", viewer);
    set(&mut shape, "cityId", soonest.and_then(|details| details.location.city));
    set(&mut shape, "primaryEventTypeId", liked.primary_event_type().map(EventType::name));
    set(
        &mut shape,
        "primaryCategoryId",
        soonest.and_then(|details| Category::levels(&details.category.category).next()),
    );
    shape
}

/// `TrendingEvent`: what was put forward, and where its picture is.
pub fn trending_event(id: EntityId, event: &TrendingEvent, created_at: DateTime<Utc>, image: Option<String>) -> Value {
    let mut shape = json!({"id": id, "type": event.sort, "dateCreated": created_at.timestamp()});
    set(&mut shape, "imageUrl", image);
    set(&mut shape, "action", event.action.as_ref());
    if let Some(query) = &event.query {
        set(&mut shape, "discoverQuery", Some(discover_query(query)));
        set(&mut shape, "discoverQueryType", query_type(query));
        set(&mut shape, "performerId", only(&query.performers));
        set(&mut shape, "categoryId", only(&query.categories));
    }
    shape
}

/// `DiscoverQuery`
fn discover_query(query: &DiscoverQuery) -> Value {
    let mut shape = json!({});
    let ids = |ids: &[EntityId]| (!ids.is_empty()).then(|| json!(ids));
    set(&mut shape, "performers", ids(&query.performers));
    set(&mut shape, "cities", ids(&query.cities));
    set(&mut shape, "regions", ids(&query.regions));
    set(&mut shape, "venues", ids(&query.venues));
    set(&mut shape, "categories", (!query.categories.is_empty()).then_some(&query.categories));
    set(&mut shape, "startDate", query.start_date);
    set(&mut shape, "endDate", query.end_date);
    shape
}

/// By what a query searches: the first that it gives.
fn query_type(query: &DiscoverQuery) -> Option<&'static str> {
    let given = [
        ("performers", !query.performers.is_empty()),
        ("cities", !query.cities.is_empty()),
        ("regions", !query.regions.is_empty()),
        ("venues", !query.venues.is_empty()),
        ("categories", !query.categories.is_empty()),
        ("dates", query.start_date.is_some() || query.end_date.is_some()),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
}

fn only<T>(list: &[T]) -> Option<&T> {
    match list {
        [one] => Some(one),
        _ => None,
    }
}

/// `TrendingEvent`: one of the most liked trips.
pub fn trending_trip(liked: Liked, zone: Tz) -> Value {
    let Liked { trip, last_like_at, event_count, events, .. } = liked;
    let mut shape = json!({"id": TripId(trip), "type": "trip", "action": "trip"});
    set(&mut shape, "dateCreated", last_like_at.map(|at| at.timestamp()));
    shape["trip"] = catalogue::trip(trip, &events, 0, zone);
    shape["trip"]["eventCount"] = json!(event_count);
    shape
}

/// `TopLikedStartKey`: the last trip of a page with its likes at the moment, position and time, of the first page.
pub fn top_liked_key(last: &Liked, likes: i64, position: i64, time: DateTime<Utc>) -> Value {
    let mut shape =
        json!({"tripId": TripId(last.trip), "likes": likes, "position": position, "time": time.timestamp()});
    set(&mut shape, "lastLikeUnix", last.last_like_at.map(|at| at.timestamp()));
    set(&mut shape, "primaryEventTypeId", last.primary_event_type().map(EventType::name));
    shape
}

/// `TrendingCity`
pub fn trending_city(id: EntityId, city: &City, region: Option<&Region>, count: f64) -> Value {
    let mut shape = catalogue::city(city);
    set(&mut shape, "id", Some(id));
    set(&mut shape, "searchCount", Some(whole(count)));
    set(&mut shape, "state", region.and_then(|region| region.code.split_once('-')).map(|(_, division)| division));
    shape
}

/// What is ahead of a performer.
#[derive(Debug, Clone, Copy)]
pub struct Ahead<'a> {
    pub event_count: i64,
    /// When the soonest begins, its category from broad to narrow, separated by `/`, and its sort.
    pub next: Option<(DateTime<Utc>, &'a str, &'a str)>,
}

/// `TrendingPerformer`
pub fn trending_performer(id: EntityId, performer: &Performer, count: f64, ahead: Ahead<'_>) -> Value {
    let mut shape = json!({
        "id": id,
        "name": performer.name,
        "searchCount": whole(count),
        "eventCount": ahead.event_count,
    });
    if let Some((starts_at, category, event_type)) = ahead.next {
        let mut levels = Category::levels(category);
        set(&mut shape, "nextEventDate", Some(starts_at.timestamp()));
        set(&mut shape, "eventTypeId", Some(event_type));
        set(&mut shape, "primaryCategoryId", levels.next());
        set(&mut shape, "secondaryCategoryId", levels.next());
    }
    shape
}

/// A count that fades is shown whole: the same state is then told the same for a while.
fn whole(count: f64) -> i64 {
    count.round() as i64
}
