//! Events by day, trip and performer: the `events` and `eventcount` groups, and what discover shares with them.

use std::collections::HashMap;

use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::catalogue::discover::lies_ahead;
use caravan_domain::catalogue::event::{self, EventState, Listing};
use caravan_domain::catalogue::instant;
use caravan_domain::catalogue::performer::{PERFORMER, Performer};
use caravan_domain::catalogue::region::{REGION, Region};
use caravan_domain::{EntityId, Record};
use caravan_projections::{Condition, Plan, Read as Document};
use caravan_wire::krugo::catalogue as shapes;
use caravan_wire::krugo::day::Day;
use caravan_wire::{Answer, Call, Failure, Outcome};
use chrono::{DateTime, Datelike, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::shared::everything;
use crate::Read;

/// Events read at once.
const PAGE: usize = 1_000;

/// Scheduled events that begin from now on, `page` at once.
pub(super) fn ahead(now: DateTime<Utc>, page: usize) -> Plan {
    Plan::all(&event::KIND, page).and(Condition::Is("status", vec![json!("scheduled")])).and(Condition::Between(
        "starts_at",
        Some(json!(instant::text(now))),
        None,
    ))
}

/// Events on these days where they take place; both are included.
pub(super) fn within((Day(first), Day(last)): (Day, Day)) -> Result<Condition, Failure> {
    if last < first {
        return Err(Failure::invalid("end_date", "lies before `start_date`"));
    }
    // Days are compared as text, which has four digits for the year.
    let after = last.succ_opt().filter(|after| after.year() <= 9999);
    Ok(Condition::Between("day", Some(json!(first)), after.map(|after| json!(after))))
}

async fn listed(call: &Call<Read>, plan: Plan) -> Result<Vec<(EntityId, Listing)>, Failure> {
    let found = everything::<EventState>(&call.state, plan).await?;
    let ahead = found.into_iter().filter_map(|document| match document.state {
        EventState::Scheduled(listing) if lies_ahead(&listing, call.now) => Some((document.id, listing)),
        _ => None,
    });
    Ok(ahead.collect())
}

fn answer(events: &[(EntityId, Listing)]) -> Answer {
    Answer::json(events.iter().map(|(id, listing)| shapes::event(*id, listing)).collect())
}

#[derive(Deserialize)]
struct ForDate {
    date: Day,
    region_id: EntityId,
}

pub(super) async fn for_date(call: Call<Read>) -> Outcome {
    let body: ForDate = call.body()?;
    let region = existing_region(&call, body.region_id).await?;
    let plan = ahead(call.now, PAGE)
        .and(Condition::Is("region", vec![json!(region.id)]))
        .and(Condition::Is("day", vec![json!(body.date.0)]));
    Ok(answer(&listed(&call, plan).await?))
}

#[derive(Deserialize)]
struct ForTrip {
    region_id: EntityId,
    start_date: Day,
    end_date: Day,
    #[serde(default)]
    excluded_events: Vec<EntityId>,
}

pub(super) async fn for_trip(call: Call<Read>) -> Outcome {
    let body: ForTrip = call.body()?;
    let days = within((body.start_date, body.end_date))?;
    let region = existing_region(&call, body.region_id).await?;
    let plan = ahead(call.now, PAGE)
        .and(Condition::Is("region", vec![json!(region.id)]))
        .and(days)
        .and(Condition::Not(Box::new(Condition::IdIn(body.excluded_events))));
    Ok(answer(&listed(&call, plan).await?))
}

#[derive(Deserialize)]
struct OfPerformer {
    performer_id: EntityId,
}

pub(super) async fn of_performer(call: Call<Read>) -> Outcome {
    let query: OfPerformer = call.query()?;
    let performer = existing::<Performer>(&call, &PERFORMER, query.performer_id, "performer_id").await?;
    Ok(answer(&performed_by(&call, &[performer.id]).await?))
}

#[derive(Deserialize)]
struct EventCount {
    performer_ids: Vec<EntityId>,
}

/// One entry for each performer, in the order asked.
pub(super) async fn count(call: Call<Read>) -> Outcome {
    let body: EventCount = call.body()?;
    let performers = existing_performers(&call, &body.performer_ids, "performer_ids").await?;
    let mut counts: HashMap<EntityId, (usize, Option<DateTime<Utc>>)> = HashMap::new();
    for (_, listing) in performed_by(&call, &performers).await? {
        let starts_at = listing.details.schedule.starts_at;
        for performer in listing.details.performers {
            let (count, next) = counts.entry(performer).or_default();
            *count += 1;
            *next = Some(next.map_or(starts_at, |next| next.min(starts_at)));
        }
    }
    let entries = performers.iter().map(|performer| {
        let (count, next) = counts.get(performer).copied().unwrap_or_default();
        shapes::performer_event_count(*performer, count, next)
    });
    Ok(Answer::json(entries.collect()))
}

async fn performed_by(call: &Call<Read>, performers: &[EntityId]) -> Result<Vec<(EntityId, Listing)>, Failure> {
    let performers = performers.iter().map(EntityId::to_string).collect();
    listed(call, ahead(call.now, PAGE).and(Condition::Contains("performers", performers))).await
}

pub(super) async fn existing_region(call: &Call<Read>, id: EntityId) -> Result<Document<Region>, Failure> {
    existing(call, &REGION, id, "region_id").await
}

pub(super) async fn existing_cities(call: &Call<Read>, ids: &[EntityId]) -> Result<Vec<EntityId>, Failure> {
    all_existing::<City>(call, &CITY, ids, "cities").await
}

pub(super) async fn existing_performers(
    call: &Call<Read>,
    ids: &[EntityId],
    field: &str,
) -> Result<Vec<EntityId>, Failure> {
    all_existing::<Performer>(call, &PERFORMER, ids, field).await
}

/// The record that an id names; not found, naming `field`, where there is none.
async fn existing<T: DeserializeOwned>(
    call: &Call<Read>,
    record: &Record,
    id: EntityId,
    field: &str,
) -> Result<Document<T>, Failure> {
    let found = call.state.models.record::<T>(record, id).await?;
    found.ok_or_else(|| Failure::not_found(format!("no such {}", record.kind.name)).on(field))
}

/// Ids that all name a record, each once; not found, naming the first that does not.
async fn all_existing<T: DeserializeOwned>(
    call: &Call<Read>,
    record: &Record,
    asked: &[EntityId],
    field: &str,
) -> Result<Vec<EntityId>, Failure> {
    let mut unique: Vec<EntityId> = vec![];
    for id in asked {
        if !unique.contains(id) {
            unique.push(*id);
        }
    }
    let found = call.state.models.records::<T>(record, &unique).await?;
    match asked.iter().position(|id| found.iter().all(|record| record.id != *id)) {
        Some(index) => Err(Failure::not_found(format!("no such {}", record.kind.name)).on(format!("{field}[{index}]"))),
        None => Ok(unique),
    }
}
