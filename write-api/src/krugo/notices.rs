//! Settings of `mailing`, `pushnotifications` and `smsnotifications`: which notices somebody wants by which medium, and
//! the devices that push messages go to.

use caravan_commands::identity::devices;
use caravan_commands::records;
use caravan_domain::identity::Medium;
use caravan_domain::identity::notices::NoticeSettings;
use caravan_domain::record::Change;
use caravan_wire::krugo::notices;
use caravan_wire::{Call, Outcome, Stream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{Write, answer, asking};

/// Flags left out, or null, stay as they are.
#[derive(Deserialize, Serialize)]
struct UpdateSettings {
    purchase_is_made: Option<bool>,
    trip_booking_reminders: Option<bool>,
    crew_invites: Option<bool>,
    trip_is_shared: Option<bool>,
    trip_is_moved_to_booking: Option<bool>,
}

pub(super) async fn update(call: Call<Write>, medium: Medium) -> Outcome<Stream> {
    let given: UpdateSettings = call.body()?;
    let fields = match json!(given) {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    };
    let account = call.account()?;
    let done = records::change(&asking(&call).await?, medium.settings(), account, Change::Put(fields)).await?;
    let settings: NoticeSettings = done.state.get().unwrap_or_default();
    answer(&done, notices::settings(account, &settings))
}

#[derive(Deserialize)]
struct UpdateEndpoint {
    push_endpoint: String,
}

pub(super) async fn update_user_push_endpoint(call: Call<Write>) -> Outcome<Stream> {
    let UpdateEndpoint { push_endpoint } = call.body()?;
    let done = devices::set_endpoint(&asking(&call).await?, call.person()?, &push_endpoint).await?;
    answer(&done, notices::push_endpoint(done.id, &done.state))
}
