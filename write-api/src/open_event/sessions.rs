//! Logging in and out, and the next access token. A browser keeps the token for it in a cookie, and a second one that a
//! page's scripts read and send along, so that no foreign page has it renewed.

use std::time::Duration;

use caravan_commands::identity::daily::{Entry, Needed};
use caravan_commands::identity::remembered::{self, Renewal, Shown};
use caravan_vault::AccessToken;
use caravan_wire::{Answer, BrowserCookie, Call, Failure, Log, Place, Stream};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Write, answer, asking, close_session};

const RENEWAL: &str = "refresh_token";
const RENEWAL_COOKIE: BrowserCookie = BrowserCookie::named(RENEWAL).path("/v1/auth");
const PAGE_COOKIE: BrowserCookie = BrowserCookie::named("csrf_refresh_token").scripted();
const PAGE_HEADER: &str = "x-csrf-token";

#[derive(Deserialize)]
struct LoginRequest {
    email: String,
    password: String,
    #[serde(default)]
    remember_me: bool,
    #[serde(default)]
    include_in_response: bool,
}

pub(super) async fn log_in(call: Call<Write>) -> Result<Answer<Log>, Failure> {
    let LoginRequest { email, password, remember_me, include_in_response } = call.body()?;
    let asking = asking(&call).await?;
    let opened = match remembered::log_in(&asking, &email, &password, remember_me).await? {
        Entry::Open(opened) => opened,
        Entry::Outstanding { needed, .. } => return Err(outstanding(needed)),
    };
    let access = remembered::access(&asking, opened.account, &opened.session, true);
    let mut shape = tokens(&access);
    if !remember_me {
        return Ok(Answer::json(shape).secret().at(opened.position));
    }
    let Renewal { token, page_token } = remembered::renewal(&asking, opened.account, &opened.session);
    if include_in_response {
        shape["refresh_token"] = json!(token);
        return Ok(Answer::json(shape).secret().at(opened.position));
    }
    let life = life(call.now, opened.session.expires_at);
    let answer = Answer::json(shape).cookie(RENEWAL_COOKIE, &token, life).cookie(PAGE_COOKIE, &page_token, life);
    Ok(answer.at(opened.position))
}

/// The dialect has no operation for what is missing.
fn outstanding(needed: Needed) -> Failure {
    Failure::forbidden(match needed {
        Needed::ProvenAddress => "the address has to be proven first",
        Needed::OtherPassword => "the password has to be reset first",
        Needed::SecondFactor { .. } => "the account asks for a code, which cannot be given here",
    })
}

pub(super) async fn renew(call: Call<Write>) -> Result<Answer, Failure> {
    let asking = asking(&call).await?;
    let sent = call.shown_in(Place::Scheme("JWT")).or_else(|| call.shown_in(Place::Scheme("Bearer")));
    let (kept, page_token) = (call.shown_in(Place::Cookie(RENEWAL)), call.shown_in(Place::Header(PAGE_HEADER)));
    let access = match (kept, sent) {
        // A page that shows both means the cookie, whatever else it sends with each request.
        (Some(token), sent) if page_token.is_some() || sent.is_none() => {
            let page_token = page_token.unwrap_or_default();
            remembered::renew(&asking, Shown::Kept { token: &token, page_token: &page_token }).await?
        }
        (_, Some(token)) => remembered::renew(&asking, Shown::Sent { token: &token }).await?,
        (_, None) => return Err(Failure::unauthorised("a refresh token is needed")),
    };
    Ok(Answer::json(tokens(&access)).secret())
}

#[derive(Deserialize)]
struct FreshLoginRequest {
    email: String,
    password: String,
}

pub(super) async fn prove_anew(call: Call<Write>) -> Result<Answer, Failure> {
    let FreshLoginRequest { email, password } = call.body()?;
    let access = remembered::prove_anew(&asking(&call).await?, call.person()?, &email, &password).await?;
    Ok(Answer::json(tokens(&access)).secret())
}

#[derive(Deserialize)]
struct PasswordCheckRequest {
    password: String,
}

pub(super) async fn check_password(call: Call<Write>) -> Result<Answer, Failure> {
    let PasswordCheckRequest { password } = call.body()?;
    let result = remembered::is_own_password(&asking(&call).await?, call.person()?, &password).await?;
    Ok(Answer::json(json!({"result": result})))
}

/// Whoever asks has no session afterwards, had they one or not, and a browser no cookies.
pub(super) async fn log_out(call: Call<Write>) -> Result<Answer<Option<Stream>>, Failure> {
    let closed = match (close_session(&call).await?, call.shown_in(Place::Cookie(RENEWAL))) {
        // The access token may have lapsed long before the year is over. No page's token is asked for: the cookie comes
        // from this site alone, and nobody gains by closing.
        (None, Some(token)) => close_remembered(&call, &token).await?,
        (closed, _) => closed,
    };
    let answer = Answer::json(success()).cookie(RENEWAL_COOKIE, "", Duration::ZERO);
    Ok(answer.cookie(PAGE_COOKIE, "", Duration::ZERO).coming_from(closed))
}

/// Closes the session whose renewal is shown, if it is one.
async fn close_remembered(call: &Call<Write>, token: &str) -> Result<Option<Stream>, Failure> {
    let closed = remembered::close(&asking(call).await?, token).await?;
    Ok(closed.map(|done| Stream { revision: done.revision, position: done.position }))
}

pub(super) async fn void(call: Call<Write>) -> Result<Answer<Stream>, Failure> {
    let done = remembered::void(&asking(&call).await?, call.person()?).await?;
    answer(&done, success())
}

fn success() -> Value {
    json!({"success": true})
}

fn tokens(access: &AccessToken) -> Value {
    json!({"access_token": access.token})
}

fn life(now: DateTime<Utc>, until: DateTime<Utc>) -> Duration {
    (until - now).to_std().unwrap_or_default()
}
