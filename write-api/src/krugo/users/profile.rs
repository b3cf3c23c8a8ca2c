//! Profile, second factor and preferences.

use caravan_commands::identity::{profile, sessions::Credentials};
use caravan_commands::records;
use caravan_domain::identity::preferences::{PREFERENCES, Preferences};
use caravan_domain::record::Change;
use caravan_wire::Call;
use caravan_wire::krugo::accounts;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::sign_up::{UserAttribute, parse};
use super::{Outcome, registered};
use crate::{Write, answer, asking};

#[derive(Deserialize)]
struct EditRequest {
    username: String,
    update_attributes: Vec<UserAttribute>,
}

pub(super) async fn edit(call: Call<Write>) -> Outcome {
    let request: EditRequest = call.body()?;
    let details = parse(&request.update_attributes)?;
    let changed = profile::edit(&asking(&call).await?, call.person()?, &request.username, details).await?;
    let provider = registered(&changed.state)?.registration.provider;
    answer(&changed, accounts::edited(changed.id, provider))
}

#[derive(Deserialize)]
struct MfaRequest {
    on: bool,
    username: String,
    refresh_token: String,
}

pub(super) async fn switch_mfa(call: Call<Write>) -> Outcome {
    let request: MfaRequest = call.body()?;
    let shown = Credentials { username: &request.username, refresh_token: &request.refresh_token };
    let changed = profile::switch_mfa(&asking(&call).await?, call.person()?, shown, request.on).await?;
    answer(&changed, json!({"enableMfa": request.on, "username": request.username}))
}

/// Fields left out, or null, stay as they are.
pub(super) async fn update_preferences(call: Call<Write>) -> Outcome {
    let given: Preferences = call.body()?;
    let fields = match json!(given) {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    };
    let account = call.account()?;
    let done = records::change(&asking(&call).await?, &PREFERENCES, account, Change::Put(fields)).await?;
    let preferences: Preferences = done.state.get().unwrap_or_default();
    answer(&done, accounts::updated_preferences(account, &preferences))
}
