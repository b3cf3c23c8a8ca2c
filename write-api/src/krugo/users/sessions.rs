//! Logging in and out.

use caravan_commands::identity::sessions::{self, Credentials};
use caravan_wire::krugo::accounts;
use caravan_wire::{Answer, Call, Log};
use serde::Deserialize;
use serde_json::json;

use super::{Outcome, logged_in, tokens, with_session};
use crate::{Write, answer, asking};

#[derive(Deserialize)]
struct LoginRequest {
    username: String,
    password: String,
}

pub(super) async fn log_in(call: Call<Write>) -> Outcome<Log> {
    let request: LoginRequest = call.body()?;
    let login = sessions::log_in(&asking(&call).await?, &request.username, &request.password).await?;
    logged_in(&login, accounts::logged_in)
}

#[derive(Deserialize)]
struct MfaRequest {
    username: String,
    code: String,
    login_session: String,
}

pub(super) async fn answer_mfa(call: Call<Write>) -> Outcome<Log> {
    let MfaRequest { username, code, login_session } = call.body()?;
    let login = sessions::answer_mfa(&asking(&call).await?, &username, &login_session, &code).await?;
    logged_in(&login, accounts::logged_in)
}

#[derive(Deserialize)]
struct NewPasswordRequest {
    username: String,
    new_password: String,
    login_session: String,
}

pub(super) async fn answer_new_password(call: Call<Write>) -> Outcome<Log> {
    let NewPasswordRequest { username, new_password, login_session } = call.body()?;
    let changed =
        sessions::answer_new_password(&asking(&call).await?, &username, &login_session, &new_password).await?;
    Ok(Answer::json(json!({"username": username})).at(changed.position))
}

#[derive(Deserialize)]
struct SessionRequest {
    username: String,
    refresh_token: String,
}

impl SessionRequest {
    fn shown(&self) -> Credentials<'_> {
        Credentials { username: &self.username, refresh_token: &self.refresh_token }
    }
}

pub(super) async fn refresh(call: Call<Write>) -> Outcome<Log> {
    let request: SessionRequest = call.body()?;
    let login = sessions::refresh(&asking(&call).await?, request.shown()).await?;
    with_session(&login, tokens(&login)?, accounts::refreshed)
}

pub(super) async fn log_out(call: Call<Write>) -> Outcome {
    let request: SessionRequest = call.body()?;
    let changed = sessions::log_out(&asking(&call).await?, call.person()?, request.shown()).await?;
    answer(&changed, json!({"username": request.username}))
}
