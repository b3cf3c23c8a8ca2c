//! Logging in with Facebook.

use caravan_commands::identity::facebook;
use caravan_wire::krugo::accounts;
use caravan_wire::{Answer, Call, Log};
use serde::Deserialize;
use serde_json::json;

use super::{Outcome, logged_in};
use crate::{Write, asking};

#[derive(Deserialize)]
struct LoginRequest {
    token: String,
}

pub(super) async fn log_in(call: Call<Write>) -> Outcome<Log> {
    let request: LoginRequest = call.body()?;
    let login = facebook::log_in(&asking(&call).await?, &request.token).await?;
    logged_in(&login, accounts::facebook_login)
}

#[derive(Deserialize)]
struct PhoneRequest {
    id: String,
    phone_number: String,
}

pub(super) async fn update_phone(call: Call<Write>) -> Outcome {
    let PhoneRequest { id, phone_number } = call.body()?;
    let changed = facebook::edit_phone(&asking(&call).await?, call.person()?, &id, &phone_number).await?;
    let answer = Answer::json(json!({"id": id, "phoneNumber": phone_number}));
    Ok(answer.of(changed.revision, changed.position))
}
