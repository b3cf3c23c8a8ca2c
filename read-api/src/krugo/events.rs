//! Events by day, trip and performer: the `events` and `eventcount` groups, and what discover shares with them.

use std::collections::HashMap;

use caravan_domain::EntityId;
use caravan_domain::catalogue::discover::lies_ahead;
use caravan_domain::catalogue::event::{self, EventState, PublishedEvent};
use caravan_domain::catalogue::instant;
use caravan_domain::catalogue::performer::{PERFORMER, Performer};
use caravan_domain::catalogue::region::{REGION, Region};
use caravan_projections::{Condition, Plan};
use caravan_wire::krugo::catalogue as shapes;
use caravan_wire::krugo::day::Day;
use caravan_wire::{Answer, Call, Failure, Outcome};
use chrono::{DateTime, Datelike, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::Read;
use crate::reads::{all_existing, everything, existing};

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

async fn listed(call: &Call<Read>, plan: Plan) -> Result<Vec<(EntityId, PublishedEvent)>, Failure> {
    let found = everything::<EventState>(&call.state, plan).await?;
    let ahead = found.into_iter().filter_map(|document| match document.state {
        EventState::Scheduled(published) if lies_ahead(&published, call.now) => Some((document.id, published)),
        _ => None,
    });
    Ok(ahead.collect())
}

fn answer(events: &[(EntityId, PublishedEvent)]) -> Answer {
    Answer::json(events.iter().map(|(id, published)| shapes::event(*id, published)).collect())
}

#[derive(Deserialize)]
struct ForDate {
    date: Day,
    region_id: EntityId,
}

pub(super) async fn for_date(call: Call<Read>) -> Outcome {
    let body: ForDate = call.body()?;
    let region = existing::<Region>(&call, &REGION, body.region_id, "region_id").await?;
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
    let region = existing::<Region>(&call, &REGION, body.region_id, "region_id").await?;
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
    let performers = all_existing::<Performer>(&call, &PERFORMER, &body.performer_ids, "performer_ids").await?;
    let mut counts: HashMap<EntityId, (usize, Option<DateTime<Utc>>)> = HashMap::new();
    for (_, published) in performed_by(&call, &performers).await? {
        let starts_at = published.details.schedule.starts_at;
        for performer in published.details.performers {
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

async fn performed_by(call: &Call<Read>, performers: &[EntityId]) -> Result<Vec<(EntityId, PublishedEvent)>, Failure> {
    let performers = performers.iter().map(EntityId::to_string).collect();
    listed(call, ahead(call.now, PAGE).and(Condition::Contains("performers", performers))).await
}
