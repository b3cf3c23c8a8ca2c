//! Shapes of the settings of `mailing`, `pushnotifications` and `smsnotifications`. The contract's names stand above
//! each function.

use caravan_domain::EntityId;
use caravan_domain::identity::AccountState;
use caravan_domain::identity::account::Registered;
use caravan_domain::identity::notices::NoticeSettings;
use serde_json::{Value, json};

use crate::shape::{sealed, set};

/// `NotificationSettings`
pub fn settings(account: EntityId, settings: &NoticeSettings) -> Value {
    json!({
        "userId": account,
        "purchaseIsMade": settings.purchase_is_made,
        "tripBookingReminders": settings.trip_booking_reminders,
        "crewInvites": settings.crew_invites,
        "tripIsShared": settings.trip_is_shared,
        "tripIsMovedToBooking": settings.trip_is_moved_to_booking,
    })
}

/// `updateUserPushEndpointResponse`: the endpoint that was set last.
pub fn push_endpoint(account: EntityId, state: &AccountState) -> Value {
    let mut shape = json!({"userId": account});
    set(&mut shape, "pushEndpoint", state.registered().and_then(latest_endpoint));
    shape
}

pub(super) fn latest_endpoint(account: &Registered) -> Option<Value> {
    account.push_endpoints.last().map(|latest| sealed(&latest.endpoint))
}
