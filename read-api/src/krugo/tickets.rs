//! The `tickets` group: what is offered for an event now, as its source last told.

use caravan_domain::EntityId;
use caravan_domain::catalogue::event::Event;
use caravan_wire::krugo::catalogue;
use caravan_wire::{Answer, Call, Failure, Outcome};
use serde::Deserialize;

use crate::Read;

#[derive(Deserialize)]
struct Offered {
    event_id: EntityId,
    vivid_id: u64,
}

/// The two ids have to be of one event.
pub(super) async fn updated(call: Call<Read>) -> Outcome {
    let Offered { event_id, vivid_id } = call.query()?;
    let found = call.state.models.get::<Event>(event_id).await?;
    let published = found.as_ref().and_then(|event| event.state.published());
    let published = published.ok_or_else(|| Failure::not_found("no such event").on("event_id"))?;
    if published.origin.external_id != vivid_id.to_string() {
        return Err(Failure::not_found("is not this event's").on("vivid_id"));
    }
    Ok(Answer::json(catalogue::updated_tickets(published)))
}
