//! `bookingevents`: the booking's events and who attends them.

use caravan_domain::EntityId;
use caravan_domain::trips::booking::TripBookingCommand;
use caravan_wire::krugo::{ids, trips};
use caravan_wire::{Call, Failure};
use serde::Deserialize;
use serde_json::json;

use super::requests::{Changed, Outcome, acting, change, optional_all, refused};
use crate::Write;

/// `addTripBookingEventRequest`, `updateEventAttendeesRequest` and `removeTripBookingEventRequest`
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NameEvent {
    trip_booking_id: String,
    event_id: String,
    user_id: String,
    user_ids: Option<Vec<String>>,
}

struct Named {
    booking: EntityId,
    event: EntityId,
    user_ids: Option<Vec<EntityId>>,
}

fn named(call: &Call<Write>) -> Result<Named, Failure> {
    let request: NameEvent = call.body()?;
    acting(call, "userId", &request.user_id)?;
    Ok(Named {
        booking: ids::parse(&request.trip_booking_id, "tripBookingId")?,
        event: ids::parse(&request.event_id, "eventId")?,
        user_ids: optional_all(request.user_ids.as_ref(), "userIds")?,
    })
}

pub(super) async fn add_trip_booking_event(call: Call<Write>) -> Outcome {
    let Named { booking: id, event, user_ids } = named(&call)?;
    let caller = call.state.caller(&call).await?;
    let done = call.state.commands.add_booking_event(id, event, user_ids, &caller).await.map_err(refused)?;
    attendees(&Changed { id, done }, event)
}

fn attendees(changed: &Changed, event: EntityId) -> Outcome {
    changed.answer(trips::event_attendees(changed.id, changed.booking()?.attendance(event)?))
}

pub(super) async fn update_event_attendees(call: Call<Write>) -> Outcome {
    let Named { booking, event, user_ids } = named(&call)?;
    let user_ids = user_ids.ok_or_else(|| Failure::invalid("userIds", "is required"))?;
    attendees(&change(&call, booking, TripBookingCommand::ChangeAttendees { event, user_ids }).await?, event)
}

pub(super) async fn remove_trip_booking_event(call: Call<Write>) -> Outcome {
    let Named { booking, event, user_ids } = named(&call)?;
    if user_ids.is_some() {
        return Err(Failure::invalid("userIds", "is not a known field"));
    }
    let changed = change(&call, booking, TripBookingCommand::RemoveEvent { event }).await?;
    changed.answer(json!({"eventId": event, "tripBookingId": booking}))
}
