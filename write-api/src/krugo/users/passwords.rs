//! Changing and resetting passwords.

use caravan_commands::identity::Credentials;
use caravan_wire::{Answer, Call, Log, Many};
use serde::Deserialize;
use serde_json::json;

use super::{Outcome, apart};
use crate::Write;

#[derive(Deserialize)]
struct ChangeRequest {
    username: String,
    old_password: String,
    new_password: String,
    refresh_token: String,
}

pub(super) async fn change(call: Call<Write>) -> Outcome {
    let request: ChangeRequest = call.body()?;
    let caller = call.state.caller(&call).await?;
    let shown = Credentials { username: &request.username, refresh_token: &request.refresh_token };
    let (old, new) = (&request.old_password, &request.new_password);
    let changed = call.state.commands.change_password(call.person()?, shown, old, new, &caller).await?;
    let answer = Answer::json(json!({"username": request.username}));
    Ok(answer.of(changed.revision, changed.position))
}

#[derive(Deserialize)]
struct ForgotRequest {
    username: String,
}

pub(super) async fn forgot(call: Call<Write>) -> Outcome<Many> {
    let request: ForgotRequest = call.body()?;
    let caller = call.state.caller(&call).await?;
    call.state.commands.ask_for_password_reset(&request.username).await?;
    let commands = call.state.commands.clone();
    Ok(apart(&call, async move { commands.send_password_reset(&request.username, &caller).await }))
}

#[derive(Deserialize)]
struct ResetRequest {
    username: String,
    code: String,
    new_password: String,
}

pub(super) async fn reset(call: Call<Write>) -> Outcome<Log> {
    let ResetRequest { username, code, new_password } = call.body()?;
    let caller = call.state.caller(&call).await?;
    let changed = call.state.commands.reset_password(&username, &code, &new_password, &caller).await?;
    Ok(Answer::json(json!({"username": username})).at(changed.position))
}
