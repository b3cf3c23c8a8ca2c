//! `trending`: what staff put forward.

use caravan_commands::records;
use caravan_domain::EntityId;
use caravan_domain::catalogue::trending_event::{DiscoverQuery, TRENDING_EVENT, TrendingEvent};
use caravan_wire::krugo::day::Day;
use caravan_wire::{Call, Failure, Outcome, Stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Write, answer, asking};

#[derive(Deserialize)]
struct AddTrendingEvent {
    sort: String,
    action: Option<String>,
    query: Option<Query>,
}

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    performers: Vec<EntityId>,
    #[serde(default)]
    cities: Vec<EntityId>,
    #[serde(default)]
    regions: Vec<EntityId>,
    #[serde(default)]
    venues: Vec<EntityId>,
    #[serde(default)]
    categories: Vec<String>,
    start_date: Option<Day>,
    end_date: Option<Day>,
}

pub(super) async fn add_trending_event(call: Call<Write>) -> Outcome<Stream> {
    let AddTrendingEvent { sort, action, query } = call.body()?;
    let query = query.map(|query| {
        let Query { performers, cities, regions, venues, categories, start_date, end_date } = query;
        let day = |day: Option<Day>| day.map(|Day(day)| day);
        DiscoverQuery {
            performers,
            cities,
            regions,
            venues,
            categories,
            start_date: day(start_date),
            end_date: day(end_date),
        }
    });
    let fields = fields(TrendingEvent { sort, action, query })?;
    let done = records::create(&asking(&call).await?, &TRENDING_EVENT, fields).await?;
    answer(&done, json!({"id": done.id}))
}

fn fields(event: TrendingEvent) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(event) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Failure::broken("a trending event is no object")),
    }
}
