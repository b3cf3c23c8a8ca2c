//! Signing up.

use std::collections::BTreeMap;

use caravan_commands::identity::sign_up::{self, SignUpForm};
use caravan_domain::identity::account::Provider;
use caravan_domain::identity::{Attribute, Details, details};
use caravan_wire::krugo::accounts::{self, Profile};
use caravan_wire::{Answer, Call, Failure, Log, Many};
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, apart, tokens, with_session};
use crate::{Write, asking};

#[derive(Deserialize)]
pub(super) struct UserAttribute {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Value")]
    value: String,
}

/// The details that name and value pairs give.
pub(super) fn parse(pairs: &[UserAttribute]) -> Result<Details, Failure> {
    let details = details::parse(pairs.iter().map(|pair| (pair.name.as_str(), pair.value.as_str())));
    // A refusal names the attribute as it was given.
    details.map_err(|rejection| Failure::rejected(rejection).whose_field_is_written())
}

#[derive(Deserialize)]
struct SignUpRequest {
    username: String,
    password: String,
    firstname: Option<String>,
    lastname: Option<String>,
    #[serde(default)]
    attributes: Vec<UserAttribute>,
}

pub(super) async fn sign_up(call: Call<Write>) -> Outcome<Log> {
    let request: SignUpRequest = call.body()?;
    let mut details = parse(&request.attributes)?;
    for (name, field, given) in
        [(Attribute::GivenName, "firstname", request.firstname), (Attribute::FamilyName, "lastname", request.lastname)]
    {
        let Some(given) = given else { continue };
        let parsed = details::parse([(name.name(), given.as_str())]);
        for (attribute, value) in parsed.map_err(|rejection| rejection.on(field))? {
            details.entry(attribute).or_insert(value);
        }
    }
    let form = SignUpForm { username: request.username, password: request.password, details };
    let signed_up = sign_up::begin(&asking(&call).await?, form).await?;
    let texts = signed_up.details.into_iter().map(|(attribute, text)| (attribute, Value::from(text)));
    let mut attributes: BTreeMap<_, _> = texts.collect();
    let profile = Profile {
        id: signed_up.attempt,
        provider: Provider::Password,
        confirmed: false,
        facebook_id: None,
        email: attributes.remove(&Attribute::Email),
        phone: attributes.remove(&Attribute::PhoneNumber),
        phone_proven: false,
        attributes,
    };
    Ok(Answer::json(accounts::signed_up(&profile)).at(signed_up.position))
}

#[derive(Deserialize)]
struct ResendRequest {
    username: String,
}

pub(super) async fn resend(call: Call<Write>) -> Outcome<Many> {
    let request: ResendRequest = call.body()?;
    let asking = asking(&call).await?;
    sign_up::ask_to_resend(&asking, &request.username).await?;
    Ok(apart(&call, async move { sign_up::resend_code(&asking, &request.username).await }))
}

#[derive(Deserialize)]
struct ConfirmRequest {
    username: String,
    password: String,
    code: String,
}

pub(super) async fn confirm(call: Call<Write>) -> Outcome<Log> {
    let request: ConfirmRequest = call.body()?;
    let ConfirmRequest { username, password, code } = request;
    let login = sign_up::confirm(&asking(&call).await?, &username, &password, &code).await?;
    with_session(&login, tokens(&login)?, accounts::confirmed)
}
