//! Logging in with Facebook, and the phone number of who does.

use caravan_commands::identity::facebook;
use caravan_wire::krugo::accounts;
use caravan_wire::{Answer, Call, Log};
use serde::Deserialize;
use serde_json::json;

use super::{Outcome, logged_in, registered};
use crate::{Write, answer, asking};

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
    answer(&changed, json!({"id": id, "phoneNumber": phone_number}))
}

#[derive(Deserialize)]
struct ResendRequest {
    id: String,
}

pub(super) async fn resend_code(call: Call<Write>) -> Outcome {
    let ResendRequest { id } = call.body()?;
    let sent = facebook::resend_code(&asking(&call).await?, call.person()?, &id).await?;
    let phone = registered(&sent.state)?.phone_to_prove()?;
    answer(&sent, accounts::code_sent(phone))
}

#[derive(Deserialize)]
struct VerifyRequest {
    id: String,
    code: String,
}

pub(super) async fn verify_code(call: Call<Write>) -> Outcome<Log> {
    let VerifyRequest { id, code } = call.body()?;
    let proven = facebook::verify_code(&asking(&call).await?, call.person()?, &id, &code).await?;
    let verified = accounts::code_verified(proven.id, registered(&proven.state)?);
    Ok(Answer::json(verified).at(proven.position))
}
