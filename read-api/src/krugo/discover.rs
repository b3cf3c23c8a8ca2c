//! Trips that suggest themselves, and trips to be filled: the `discover` and `build` groups.

use std::collections::HashMap;

use caravan_domain::EntityId;
use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::catalogue::discover::{Candidate, TRIP_LENGTH, TripWindow, Trips, lies_ahead};
use caravan_domain::catalogue::event::EventState;
use caravan_domain::catalogue::performer::{PERFORMER, Performer};
use caravan_domain::catalogue::region::{REGION, Region};
use caravan_domain::identity::preferences::{PREFERENCES, Preferences};
use caravan_projections::{Condition, Plan, Sort};
use caravan_wire::krugo::catalogue as shapes;
use caravan_wire::krugo::day::Day;
use caravan_wire::{Answer, Call, Failure, Outcome};
use serde::Deserialize;
use serde_json::{Value, json};

use super::events::{ahead, within};
use crate::Read;
use crate::reads::{all_existing, existing};

/// Events read at once.
const PAGE: usize = 500;

#[derive(Default, Deserialize)]
struct QueryPreferences {
    flexible_date_count: Option<u32>,
}

/// What the discover calls ask for; each takes some of it.
#[derive(Default)]
struct Search {
    cities: Option<Vec<EntityId>>,
    performers: Option<Vec<EntityId>>,
    days: Option<(Day, Day)>,
    preferences: Option<QueryPreferences>,
}

#[derive(Deserialize)]
struct Any {
    query_preferences: Option<QueryPreferences>,
}

pub(super) async fn any(call: Call<Read>) -> Outcome {
    let body: Any = call.body()?;
    trips(&call, Search { preferences: body.query_preferences, ..Search::default() }).await
}

#[derive(Deserialize)]
struct Dates {
    start_date: Day,
    end_date: Day,
    query_preferences: Option<QueryPreferences>,
}

pub(super) async fn dates(call: Call<Read>) -> Outcome {
    let body: Dates = call.body()?;
    let days = Some((body.start_date, body.end_date));
    trips(&call, Search { days, preferences: body.query_preferences, ..Search::default() }).await
}

#[derive(Deserialize)]
struct CitiesByDate {
    cities: Vec<EntityId>,
    start_date: Day,
    end_date: Day,
    query_preferences: Option<QueryPreferences>,
}

pub(super) async fn cities_by_date(call: Call<Read>) -> Outcome {
    let body: CitiesByDate = call.body()?;
    let days = Some((body.start_date, body.end_date));
    let cities = Some(all_existing::<City>(&call, &CITY, &body.cities, "cities").await?);
    trips(&call, Search { cities, days, preferences: body.query_preferences, ..Search::default() }).await
}

#[derive(Deserialize)]
struct OfPerformers {
    performers: Vec<EntityId>,
    query_preferences: Option<QueryPreferences>,
}

pub(super) async fn performers(call: Call<Read>) -> Outcome {
    let body: OfPerformers = call.body()?;
    let performers = Some(all_existing::<Performer>(&call, &PERFORMER, &body.performers, "performers").await?);
    trips(&call, Search { performers, preferences: body.query_preferences, ..Search::default() }).await
}

#[derive(Deserialize)]
struct PerformersInCities {
    performers: Vec<EntityId>,
    cities: Vec<EntityId>,
    query_preferences: Option<QueryPreferences>,
}

pub(super) async fn performers_in_cities(call: Call<Read>) -> Outcome {
    let body: PerformersInCities = call.body()?;
    let performers = Some(all_existing::<Performer>(&call, &PERFORMER, &body.performers, "performers").await?);
    let cities = Some(all_existing::<City>(&call, &CITY, &body.cities, "cities").await?);
    trips(&call, Search { performers, cities, preferences: body.query_preferences, ..Search::default() }).await
}

/// Groups the events ahead that match into trips as long as the caller likes them.
async fn trips(call: &Call<Read>, search: Search) -> Outcome {
    /// Further than this no trip shifts.
    const MOST_FLEXIBLE: u32 = 365;
    let flexible = search.preferences.unwrap_or_default().flexible_date_count.unwrap_or(0);
    if flexible > MOST_FLEXIBLE {
        let message = format!("is more than {MOST_FLEXIBLE} days");
        return Err(Failure::invalid("query_preferences.flexible_date_count", message));
    }
    let models = &call.state.models;
    let preferences = models.record::<Preferences>(&PREFERENCES, call.account()?).await?;
    let length = preferences.and_then(|preferences| preferences.state.trip_length).unwrap_or(TRIP_LENGTH);

    let mut plan = ahead(call.now, PAGE).and(Condition::Not(Box::new(Condition::Is("region", vec![Value::Null]))));
    plan.sort = vec![Sort::asc("day"), Sort::asc("starts_at")];
    if let Some(days) = search.days {
        plan = plan.and(within(days)?);
    }
    if let Some(cities) = search.cities {
        plan = plan.and(Condition::Is("city", cities.iter().map(|city| json!(city)).collect()));
    }
    if let Some(performers) = search.performers {
        plan = plan.and(Condition::Contains("performers", performers.iter().map(EntityId::to_string).collect()));
    }
    let trips = group(call, plan, Trips::new(length, search.days.map(|(_, Day(last))| last))).await?.found();

    let regions: Vec<EntityId> = trips.iter().map(|trip| trip.region).collect();
    let regions = models.records::<Region>(&REGION, &regions).await?;
    let zones: HashMap<_, _> = regions.into_iter().map(|region| (region.id, region.state.time_zone)).collect();
    let shapes = trips.iter().filter_map(|trip| Some(shapes::trip(trip, flexible, *zones.get(&trip.region)?)));
    Ok(Answer::json(shapes.collect()))
}

/// Reads page by page until no later event can matter.
async fn group(call: &Call<Read>, mut plan: Plan, mut trips: Trips) -> Result<Trips, Failure> {
    loop {
        let found = call.state.models.find(&plan).await?;
        plan.after = found.next.clone();
        for document in found.states::<EventState>()? {
            if let EventState::Scheduled(published) = document.state
                && lies_ahead(&published, call.now)
                && !trips.add(Candidate { id: document.id, published })
            {
                return Ok(trips);
            }
        }
        if plan.after.is_none() {
            return Ok(trips);
        }
    }
}

#[derive(Deserialize)]
struct BuildTrip {
    region_id: EntityId,
    start_date: Day,
    end_date: Day,
}

pub(super) async fn build_trip(call: Call<Read>) -> Outcome {
    let body: BuildTrip = call.body()?;
    let days = (body.start_date, body.end_date);
    within(days)?;
    let region = existing::<Region>(&call, &REGION, body.region_id, "region_id").await?;
    let (Day(first_day), Day(last_day)) = days;
    let trip = TripWindow { region: region.id, first_day, last_day };
    Ok(Answer::json(shapes::empty_trip(trip, region.state.time_zone)))
}
