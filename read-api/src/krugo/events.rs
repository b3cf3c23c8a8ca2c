//! Events by day, trip and performer: the `events` and `eventcount` groups.

use caravan_domain::EntityId;
use caravan_domain::catalogue::event::PublishedEvent;
use caravan_domain::catalogue::performer::{PERFORMER, Performer};
use caravan_domain::catalogue::region::{REGION, Region};
use caravan_projections::Condition;
use caravan_wire::krugo::catalogue as shapes;
use caravan_wire::krugo::day::Day;
use caravan_wire::{Answer, Call, Outcome};
use serde::Deserialize;
use serde_json::json;

use crate::Read;
use crate::catalogue::{ahead, counts, performed_by, scheduled, within};
use crate::reads::{all_existing, existing};

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
    let plan = ahead(call.now)
        .and(Condition::Is("region", vec![json!(region.id)]))
        .and(Condition::Is("day", vec![json!(body.date.0)]));
    Ok(answer(&scheduled(&call, plan).await?))
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
    let days = within(body.start_date.0, body.end_date.0)?;
    let region = existing::<Region>(&call, &REGION, body.region_id, "region_id").await?;
    let plan = ahead(call.now)
        .and(Condition::Is("region", vec![json!(region.id)]))
        .and(days)
        .and(Condition::Not(Box::new(Condition::IdIn(body.excluded_events))));
    Ok(answer(&scheduled(&call, plan).await?))
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
    let counts = counts(&call, &performers).await?;
    let entries = performers.iter().map(|performer| {
        let (count, next) = counts.get(performer).copied().unwrap_or_default();
        shapes::performer_event_count(*performer, count, next)
    });
    Ok(Answer::json(entries.collect()))
}
