//! Logging in and out. The token goes to the client in the body, in a header and in a cookie.

use std::time::Duration;

use caravan_commands::Asking;
use caravan_commands::identity::daily::{self, Entry, Needed, Opened};
use caravan_domain::identity::Channel;
use caravan_wire::rentals::sessions::{COOKIE, TOKEN, session};
use caravan_wire::{Answer, Call, Failure, Log, Stream};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::json;

use crate::{Write, asking, close_session};

#[derive(Deserialize)]
struct LoginRequest {
    /// The address; goes before `email`.
    username: Option<String>,
    email: Option<String>,
    password: String,
}

pub(super) async fn log_in(call: Call<Write>) -> Result<Answer<Log>, Failure> {
    let LoginRequest { username, email, password } = call.body()?;
    let address = username.or(email).ok_or_else(|| Failure::mistyped("username", "is required"))?;
    let asking = asking(&call).await?;
    let entry = daily::log_in(&asking, &address, &password).await?;
    let (account, needed) = match entry {
        Entry::Open(opened) => return with_token(&asking, &opened),
        Entry::Outstanding { account, needed } => (account, needed),
    };
    let needs = |what: &str| Failure::forbidden(what).telling("userId", json!(account));
    Err(match needed {
        Needed::ProvenAddress => needs("EmailVerificationNeeded"),
        Needed::OtherPassword => needs("PasswordResetNeeded"),
        Needed::SecondFactor { login, channel } => {
            let factor = match channel {
                Channel::Mail => "EmailTwoFactorNeeded",
                Channel::Sms => "MobileTwoFactorNeeded",
            };
            needs(factor).telling("sessionId", json!(login))
        }
    })
}

pub(super) async fn relogin(call: Call<Write>) -> Result<Answer<Log>, Failure> {
    let asking = asking(&call).await?;
    let opened = daily::relogin(&asking, call.person()?).await?;
    with_token(&asking, &opened)
}

/// Whoever asks has no session afterwards, had they one or not.
pub(super) async fn log_out(call: Call<Write>) -> Result<Answer<Option<Stream>>, Failure> {
    let closed = close_session(&call).await?;
    Ok(Answer::json(json!({"status": "OK"})).cookie(COOKIE, "", Duration::ZERO).coming_from(closed))
}

/// A session that was opened just now.
fn with_token(asking: &Asking, opened: &Opened) -> Result<Answer<Log>, Failure> {
    let account = opened.state.registered().ok_or_else(|| Failure::unauthorised("this session has ended"))?;
    let access = daily::public_token(asking, opened)?;
    let token = &access.token;
    let mut shape = session(opened.account, account, &opened.session, token);
    // In whole seconds, as the token has it.
    let life = Duration::from_secs((access.expires_at.timestamp() - asking.now().timestamp()).max(0).unsigned_abs());
    shape["expiresIn"] = json!(life.as_secs());
    let answer = Answer::json(shape).cookie(COOKIE, token, life);
    let header = HeaderValue::from_str(token).map_err(Failure::broken)?;
    Ok(answer.header(HeaderName::from_static(TOKEN), header).at(opened.position))
}
