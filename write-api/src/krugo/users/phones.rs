//! Changing the phone number, and proving it or an address.

use caravan_commands::identity::Credentials;
use caravan_wire::{Answer, Call, Log};
use serde::Deserialize;
use serde_json::json;

use super::Outcome;
use crate::Write;

#[derive(Deserialize)]
struct EditRequest {
    username: String,
    phone_number: String,
    refresh_token: String,
}

pub(super) async fn edit(call: Call<Write>) -> Outcome {
    let request: EditRequest = call.body()?;
    let caller = call.state.caller(&call).await?;
    let shown = Credentials { username: &request.username, refresh_token: &request.refresh_token };
    let changed = call.state.commands.edit_phone(call.person()?, shown, &request.phone_number, &caller).await?;
    let answer = json!({"id": call.account()?, "username": request.username, "phoneNumber": request.phone_number});
    Ok(Answer::json(answer).of(changed.revision, changed.position))
}

#[derive(Deserialize)]
struct VerifyRequest {
    code: String,
    access_token: String,
}

/// Answers with a bare string, as documented.
pub(super) async fn verify(call: Call<Write>) -> Outcome<Log> {
    let request: VerifyRequest = call.body()?;
    let caller = call.state.caller(&call).await?;
    let commands = &call.state.commands;
    let changed = commands.verify_contact(call.person()?, &request.access_token, &request.code, &caller).await?;
    Ok(Answer::json(json!("verified")).at(changed.position))
}
