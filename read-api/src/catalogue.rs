//! What the catalogue holds, as queries of all dialects find it: events ahead, the trips they make, likes of trips.

use std::collections::HashMap;

use caravan_domain::EntityId;
use caravan_domain::catalogue::discover::{
    Candidate, Liked, Occasion, TRIP_LENGTH, Trip, TripWindow, Trips, lies_ahead,
};
use caravan_domain::catalogue::event::{self, Event, EventState, PublishedEvent};
use caravan_domain::catalogue::instant;
use caravan_domain::catalogue::region::{REGION, Region};
use caravan_domain::identity::preferences::{PREFERENCES, Preferences};
use caravan_projections::{Condition, Plan, Sort};
use caravan_wire::{Call, Failure};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::Read;
use crate::reads::everything;

/// Events read at once.
const PAGE: usize = 1_000;

/// The same where they make trips, which are enough before the end.
const PAGE_OF_TRIPS: usize = 500;

/// Scheduled events that begin from now on.
pub(crate) fn ahead(now: DateTime<Utc>) -> Plan {
    let plan = Plan::all(&event::KIND, PAGE).and(Condition::Is("status", vec![json!("scheduled")]));
    plan.and(Condition::Between("starts_at", Some(json!(instant::text(now))), None))
}

/// Events on these days where they take place; both are included.
pub(crate) fn within(first: NaiveDate, last: NaiveDate) -> Result<Condition, Failure> {
    if last < first {
        return Err(Failure::invalid("end_date", "lies before `start_date`"));
    }
    // Days are compared as text, which has four digits for the year.
    let after = last.succ_opt().filter(|after| after.year() <= 9999);
    Ok(Condition::Between("day", Some(json!(first)), after.map(|after| json!(after))))
}

fn by_performers(performers: &[EntityId]) -> Condition {
    Condition::Contains("performers", performers.iter().map(EntityId::to_string).collect())
}

/// All events ahead that a plan finds.
pub(crate) async fn scheduled(call: &Call<Read>, plan: Plan) -> Result<Vec<(EntityId, PublishedEvent)>, Failure> {
    let found = everything::<EventState>(&call.state, plan).await?;
    let ahead = found.into_iter().filter_map(|document| match document.state {
        EventState::Scheduled(published) if lies_ahead(published.details.schedule.starts_at, call.now) => {
            Some((document.id, published))
        }
        _ => None,
    });
    Ok(ahead.collect())
}

/// All events ahead of these performers.
pub(crate) async fn performed_by(
    call: &Call<Read>,
    performers: &[EntityId],
) -> Result<Vec<(EntityId, PublishedEvent)>, Failure> {
    scheduled(call, ahead(call.now).and(by_performers(performers))).await
}

/// How many events each of these performers has ahead, and when the next begins.
pub(crate) async fn counts(
    call: &Call<Read>,
    performers: &[EntityId],
) -> Result<HashMap<EntityId, (usize, Option<DateTime<Utc>>)>, Failure> {
    let mut counts: HashMap<EntityId, (usize, Option<DateTime<Utc>>)> = HashMap::new();
    for (_, published) in performed_by(call, performers).await? {
        let starts_at = published.details.schedule.starts_at;
        for performer in published.details.performers {
            let (count, next) = counts.entry(performer).or_default();
            *count += 1;
            *next = Some(next.map_or(starts_at, |next| next.min(starts_at)));
        }
    }
    Ok(counts)
}

/// Which events make the trips that are looked for.
#[derive(Default)]
pub(crate) struct TripSearch {
    pub cities: Option<Vec<EntityId>>,
    pub performers: Option<Vec<EntityId>>,
    /// First and last.
    pub days: Option<(NaiveDate, NaiveDate)>,
}

/// Events ahead of which trips can be made, soonest first: all that is found where nothing is asked for.
pub fn discovered(now: DateTime<Utc>) -> Plan {
    let somewhere = Condition::Not(Box::new(Condition::Is("region", vec![Value::Null])));
    let mut plan = Plan { limit: PAGE_OF_TRIPS, ..ahead(now) }.and(somewhere);
    plan.sort = vec![Sort::asc("day"), Sort::asc("starts_at")];
    plan
}

/// Groups the events ahead that match into trips as long as the caller likes them, soonest first.
pub(crate) async fn find_trips(
    call: &Call<Read>,
    search: TripSearch,
) -> Result<Vec<(TripWindow, Vec<Candidate>)>, Failure> {
    let preferences = call.state.models.record::<Preferences>(&PREFERENCES, call.account()?).await?;
    let length = preferences.and_then(|preferences| preferences.state.trip_length).unwrap_or(TRIP_LENGTH);
    let mut plan = discovered(call.now);
    if let Some((first, last)) = search.days {
        plan = plan.and(within(first, last)?);
    }
    if let Some(cities) = search.cities {
        plan = plan.and(Condition::Is("city", cities.iter().map(|city| json!(city)).collect()));
    }
    if let Some(performers) = search.performers {
        plan = plan.and(by_performers(&performers));
    }
    let mut trips = Trips::new(length, search.days.map(|(_, last)| last));
    let mut read = HashMap::new();
    // Page by page, until no later event can matter.
    'pages: loop {
        let found = call.state.models.find(&plan).await?;
        plan.after = found.next;
        for document in found.documents {
            let occasion = document.read::<Occasion>()?.state;
            if lies_ahead(occasion.starts_at, call.now) {
                if !trips.add(document.id, occasion) {
                    break 'pages;
                }
                read.insert(document.id, document);
            }
        }
        if plan.after.is_none() {
            break;
        }
    }
    let candidate = |id: &EntityId| -> Result<Option<Candidate>, Failure> {
        let Some(document) = read.get(id) else { return Ok(None) };
        Ok(match document.read::<EventState>()?.state {
            EventState::Scheduled(published) => Some(Candidate { id: *id, published }),
            EventState::Unknown | EventState::Cancelled(_) => None,
        })
    };
    let trips = trips.found().into_iter().map(|Trip { window, events }| {
        let events = events.iter().filter_map(|id| candidate(id).transpose());
        Ok((window, events.collect::<Result<_, _>>()?))
    });
    trips.collect()
}

/// Trips as they are now, with full records of their events, in their order.
pub(crate) async fn liked(call: &Call<Read>, trips: &[TripWindow]) -> Result<Vec<Liked>, Failure> {
    let models = &call.state.models;
    let found = models.liked_trips(trips, call.now).await?;
    let events: Vec<EntityId> = found.iter().flat_map(|liked| liked.events.iter().copied()).collect();
    let events = models.get_many::<Event>(&events).await?;
    let published: HashMap<EntityId, _> =
        events.iter().filter_map(|event| Some((event.id, event.state.published()?))).collect();
    let shown = found.into_iter().map(|liked| {
        let events = liked.events.iter();
        let candidate = |id: &EntityId| Some(Candidate { id: *id, published: (*published.get(id)?).clone() });
        Liked {
            trip: liked.trip,
            likes: liked.likes,
            last_like_at: liked.last_like_at,
            event_count: liked.event_count,
            events: events.filter_map(candidate).collect(),
        }
    });
    Ok(shown.collect())
}

pub(crate) async fn regions_by_id(
    call: &Call<Read>,
    regions: &[EntityId],
) -> Result<HashMap<EntityId, Region>, Failure> {
    let regions = call.state.models.records::<Region>(&REGION, regions).await?;
    Ok(regions.into_iter().map(|region| (region.id, region.state)).collect())
}
