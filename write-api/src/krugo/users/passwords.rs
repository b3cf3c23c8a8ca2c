//! Changing and resetting passwords.

use caravan_commands::identity::{passwords, sessions::Credentials};
use caravan_wire::{Answer, Call, Log, Many};
use serde::Deserialize;
use serde_json::json;

use super::{Outcome, apart};
use crate::{Write, answer, asking};

#[derive(Deserialize)]
struct ChangeRequest {
    username: String,
    old_password: String,
    new_password: String,
    refresh_token: String,
}

pub(super) async fn change(call: Call<Write>) -> Outcome {
    let request: ChangeRequest = call.body()?;
    let shown = Credentials { username: &request.username, refresh_token: &request.refresh_token };
    let (old, new) = (&request.old_password, &request.new_password);
    let changed = passwords::change(&asking(&call).await?, call.person()?, shown, old, new).await?;
    answer(&changed, json!({"username": request.username}))
}

#[derive(Deserialize)]
struct ForgotRequest {
    username: String,
}

pub(super) async fn forgot(call: Call<Write>) -> Outcome<Many> {
    let request: ForgotRequest = call.body()?;
    let asking = asking(&call).await?;
    passwords::ask_for_reset(&call.state.commands, &request.username).await?;
    Ok(apart(&call, async move { passwords::send_reset(&asking, &request.username).await }))
}

#[derive(Deserialize)]
struct ResetRequest {
    username: String,
    code: String,
    new_password: String,
}

pub(super) async fn reset(call: Call<Write>) -> Outcome<Log> {
    let ResetRequest { username, code, new_password } = call.body()?;
    let changed = passwords::reset(&asking(&call).await?, &username, &code, &new_password).await?;
    Ok(Answer::json(json!({"username": username})).at(changed.position))
}
