//! What the queries of all dialects ask of the read models.

use caravan_domain::{EntityId, Record};
use caravan_projections::{Document, Plan};
use caravan_wire::{Call, Failure};
use serde::de::DeserializeOwned;

use crate::Read;

/// All that a plan finds, page by page, for lists that come complete.
pub(crate) async fn everything<S: DeserializeOwned>(read: &Read, mut plan: Plan) -> Result<Vec<Document<S>>, Failure> {
    let mut all = vec![];
    loop {
        let found = read.models.find(&plan).await?;
        plan.after = found.next.clone();
        all.extend(found.states::<S>()?);
        if plan.after.is_none() {
            return Ok(all);
        }
    }
}

/// The record that an id names; not found, naming `field`, where there is none.
pub(crate) async fn existing<T: DeserializeOwned>(
    call: &Call<Read>,
    record: &Record,
    id: EntityId,
    field: &str,
) -> Result<Document<T>, Failure> {
    let found = call.state.models.record::<T>(record, id).await?;
    found.ok_or_else(|| Failure::not_found(format!("no such {}", record.kind.name)).on(field))
}

/// Ids that all name a record, each once; not found, naming the first that does not.
pub(crate) async fn all_existing<T: DeserializeOwned>(
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

/// How many entries an answer is to have: from one to a hundred, 20 where nobody says.
pub(crate) fn bounded(count: Option<u32>) -> Result<usize, Failure> {
    match count.unwrap_or(20) {
        count @ 1..=100 => Ok(count as usize),
        _ => Err(Failure::invalid("count", "is not between 1 and 100")),
    }
}

/// What a parameter lists, with commas in between; blanks say nothing.
pub(crate) fn listed(text: Option<String>, field: &str) -> Result<Option<Vec<String>>, Failure> {
    /// More are nobody's choice.
    const MOST: usize = 250;
    let Some(text) = text else { return Ok(None) };
    let parts: Vec<String> =
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    match parts.len() {
        0 => Ok(None),
        1..=MOST => Ok(Some(parts)),
        _ => Err(Failure::invalid(field, format!("names more than {MOST}"))),
    }
}
