//! Changing the phone number, and proving it or an address.

use caravan_commands::identity::Credentials;
use caravan_wire::{Answer, Call};
use serde::Deserialize;
use serde_json::json;

use super::{Outcome, only_own, person};
use crate::Write;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EditRequest {
    id: String,
    username: String,
    phone_number: String,
    refresh_token: String,
}

pub(super) async fn edit(call: Call<Write>) -> Outcome {
    let request: EditRequest = call.body()?;
    only_own(&call, &request.id, "id")?;
    let caller = call.state.caller(&call).await?;
    let shown = Credentials { username: &request.username, refresh_token: &request.refresh_token };
    let changed = call.state.commands.edit_phone(person(&call)?, shown, &request.phone_number, &caller).await?;
    let answer = json!({"id": request.id, "username": request.username, "phoneNumber": request.phone_number});
    Ok(Answer::json(answer).etag(changed.revision).position(changed.position))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct VerifyRequest {
    id: String,
    code: String,
    access_token: String,
}

/// Answers with a bare string, as documented.
pub(super) async fn verify(call: Call<Write>) -> Outcome {
    let request: VerifyRequest = call.body()?;
    only_own(&call, &request.id, "id")?;
    let caller = call.state.caller(&call).await?;
    caller.without_etag()?;
    let commands = &call.state.commands;
    let changed = commands.verify_contact(person(&call)?, &request.access_token, &request.code, &caller).await?;
    Ok(Answer::json(json!("verified")).position(changed.position))
}
