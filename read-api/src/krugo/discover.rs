//! Trips that suggest themselves, and trips to be filled: the `discover` and `build` groups.

use caravan_domain::EntityId;
use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::catalogue::discover::TripWindow;
use caravan_domain::catalogue::performer::{PERFORMER, Performer};
use caravan_domain::catalogue::region::{REGION, Region};
use caravan_wire::krugo::catalogue as shapes;
use caravan_wire::krugo::day::Day;
use caravan_wire::{Answer, Call, Failure, Outcome};
use serde::Deserialize;

use crate::Read;
use crate::catalogue::{TripSearch, find_trips, regions_by_id, within};
use crate::reads::{all_existing, existing};

#[derive(Default, Deserialize)]
struct QueryPreferences {
    flexible_date_count: Option<u32>,
}

#[derive(Deserialize)]
struct Any {
    query_preferences: Option<QueryPreferences>,
}

pub(super) async fn any(call: Call<Read>) -> Outcome {
    let body: Any = call.body()?;
    trips(&call, TripSearch::default(), body.query_preferences).await
}

#[derive(Deserialize)]
struct Dates {
    start_date: Day,
    end_date: Day,
    query_preferences: Option<QueryPreferences>,
}

pub(super) async fn dates(call: Call<Read>) -> Outcome {
    let body: Dates = call.body()?;
    let days = Some((body.start_date.0, body.end_date.0));
    trips(&call, TripSearch { days, ..TripSearch::default() }, body.query_preferences).await
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
    let days = Some((body.start_date.0, body.end_date.0));
    let cities = Some(all_existing::<City>(&call, &CITY, &body.cities, "cities").await?);
    trips(&call, TripSearch { cities, days, performers: None }, body.query_preferences).await
}

#[derive(Deserialize)]
struct OfPerformers {
    performers: Vec<EntityId>,
    query_preferences: Option<QueryPreferences>,
}

pub(super) async fn performers(call: Call<Read>) -> Outcome {
    let body: OfPerformers = call.body()?;
    let performers = Some(all_existing::<Performer>(&call, &PERFORMER, &body.performers, "performers").await?);
    trips(&call, TripSearch { performers, ..TripSearch::default() }, body.query_preferences).await
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
    trips(&call, TripSearch { performers, cities, days: None }, body.query_preferences).await
}

async fn trips(call: &Call<Read>, search: TripSearch, preferences: Option<QueryPreferences>) -> Outcome {
    /// Further than this no trip shifts.
    const MOST_FLEXIBLE: u32 = 365;
    let flexible = preferences.unwrap_or_default().flexible_date_count.unwrap_or(0);
    if flexible > MOST_FLEXIBLE {
        let message = format!("is more than {MOST_FLEXIBLE} days");
        return Err(Failure::invalid("query_preferences.flexible_date_count", message));
    }
    let trips = find_trips(call, search).await?;
    let regions: Vec<EntityId> = trips.iter().map(|(window, _)| window.region).collect();
    let regions = regions_by_id(call, &regions).await?;
    let shape = trips.iter().filter_map(|(window, events)| {
        Some(shapes::trip(*window, events, flexible, regions.get(&window.region)?.time_zone))
    });
    Ok(Answer::json(shape.collect()))
}

#[derive(Deserialize)]
struct BuildTrip {
    region_id: EntityId,
    start_date: Day,
    end_date: Day,
}

pub(super) async fn build_trip(call: Call<Read>) -> Outcome {
    let body: BuildTrip = call.body()?;
    let (Day(first_day), Day(last_day)) = (body.start_date, body.end_date);
    within(first_day, last_day)?;
    let region = existing::<Region>(&call, &REGION, body.region_id, "region_id").await?;
    let trip = TripWindow { region: region.id, first_day, last_day };
    Ok(Answer::json(shapes::empty_trip(trip, region.state.time_zone)))
}
