//! Profile, second factor and preferences.

use caravan_commands::identity::Credentials;
use caravan_domain::identity::preferences::{PREFERENCES, Preferences};
use caravan_domain::record::{Change, RecordCommand, Records};
use caravan_event_store::StreamId;
use caravan_wire::krugo::accounts;
use caravan_wire::{Answer, Call, Failure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::sign_up::{UserAttribute, parse};
use super::{Outcome, only_own, person};
use crate::Write;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EditRequest {
    username: String,
    update_attributes: Vec<UserAttribute>,
}

pub(super) async fn edit(call: Call<Write>) -> Outcome {
    let request: EditRequest = call.body()?;
    let details = parse(&request.update_attributes)?;
    let caller = call.state.caller(&call).await?;
    let changed = call.state.commands.edit_profile(person(&call)?, &request.username, details, &caller).await?;
    let account = changed.state.registered().ok_or_else(|| Failure::not_found("no such account"))?;
    let answer = Answer::json(accounts::edited(changed.account, account.registration.provider));
    Ok(answer.etag(changed.revision).position(changed.position))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MfaRequest {
    enable_mfa: bool,
    username: String,
    refresh_token: String,
}

pub(super) async fn switch_mfa(call: Call<Write>) -> Outcome {
    let request: MfaRequest = call.body()?;
    let caller = call.state.caller(&call).await?;
    let shown = Credentials { username: &request.username, refresh_token: &request.refresh_token };
    let changed = call.state.commands.switch_mfa(person(&call)?, shown, request.enable_mfa, &caller).await?;
    let answer = Answer::json(json!({"enableMfa": request.enable_mfa, "username": request.username}));
    Ok(answer.etag(changed.revision).position(changed.position))
}

/// Wire names and the record's, of what may be set.
const PREFERENCE_NAMES: [(&str, &str); 10] = [
    ("eventTypeSportsEnabled", "sports_enabled"),
    ("eventTypeConcertsEnabled", "concerts_enabled"),
    ("eventTypeTheaterEnabled", "theater_enabled"),
    ("tripLength", "trip_length"),
    ("tripStartDay", "trip_start_day"),
    ("tripEndDay", "trip_end_day"),
    ("tripViewRange", "trip_view_range"),
    ("favoriteCategoryIds", "favorite_category_ids"),
    ("favoriteCityIds", "favorite_city_ids"),
    ("favoritePerformerIds", "favorite_performer_ids"),
];

/// Fields left out, or null, stay as they are.
pub(super) async fn update_preferences(call: Call<Write>) -> Outcome {
    let mut request: Map<String, Value> = call.body()?;
    match request.remove("id") {
        Some(Value::String(id)) => only_own(&call, &id, "id")?,
        Some(_) => return Err(Failure::invalid("id", "is not a string")),
        None => return Err(Failure::invalid("id", "is required")),
    }
    let mut fields = Map::new();
    for (name, value) in request {
        let Some((_, stored)) = PREFERENCE_NAMES.iter().find(|(wire, _)| *wire == name) else {
            return Err(Failure::invalid(name, "is unknown"));
        };
        if !value.is_null() {
            fields.insert((*stored).to_owned(), value);
        }
    }
    let given: Preferences = caravan_wire::typed(&Value::Object(fields), "body").map_err(in_wire_names)?;
    let fields = match json!(given) {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    };
    let account = call.account()?;
    let caller = call.state.caller(&call).await?;
    let put = RecordCommand { record: &PREFERENCES, id: account, change: Change::Put(fields) };
    let stream = StreamId::new(PREFERENCES.kind.name, account);
    let done = call.state.commands.execute::<Records>(stream, put, &caller).await;
    let done = done.map_err(|error| in_wire_names(crate::failure(error)))?;
    let preferences: Preferences = done.state.get().unwrap_or_default();
    let answer = Answer::json(accounts::updated_preferences(account, &preferences));
    Ok(answer.etag(done.revision).position(done.position))
}

fn in_wire_names(failure: Failure) -> Failure {
    let renamed = failure.field.as_deref().and_then(|field| {
        PREFERENCE_NAMES.iter().find_map(|(wire, stored)| Some(format!("{wire}{}", field.strip_prefix(stored)?)))
    });
    match renamed {
        Some(field) => failure.on(field),
        None => failure,
    }
}
