//! Changing the phone number, and proving it or an address.

use caravan_commands::identity::{contacts, sessions::Credentials};
use caravan_wire::{Answer, Call, Log};
use serde::Deserialize;
use serde_json::json;

use super::Outcome;
use crate::{Write, answer, asking};

#[derive(Deserialize)]
struct EditRequest {
    username: String,
    phone_number: String,
    refresh_token: String,
}

pub(super) async fn edit(call: Call<Write>) -> Outcome {
    let request: EditRequest = call.body()?;
    let shown = Credentials { username: &request.username, refresh_token: &request.refresh_token };
    let changed = contacts::edit_phone(&asking(&call).await?, call.person()?, shown, &request.phone_number).await?;
    answer(&changed, json!({"id": call.account()?, "username": request.username, "phoneNumber": request.phone_number}))
}

#[derive(Deserialize)]
struct VerifyRequest {
    code: String,
    access_token: String,
}

/// Answers with a bare string, as documented.
pub(super) async fn verify(call: Call<Write>) -> Outcome<Log> {
    let request: VerifyRequest = call.body()?;
    let changed = contacts::verify(&asking(&call).await?, call.person()?, &request.access_token, &request.code).await?;
    Ok(Answer::json(json!("verified")).at(changed.position))
}
