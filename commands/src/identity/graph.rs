//! Facebook itself: its Graph API says for which app a token was made, for whom and until when, and who that is.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::provider::{expired, invalid};
use super::{IdentityProvider, Vouched};
use crate::CommandError;

/// An app that is known to Facebook, and where its API is.
#[derive(Clone)]
pub struct GraphSettings {
    pub app_id: String,
    pub app_secret: String,
    /// With the API's version in it: `https://graph.facebook.com/v23.0`.
    pub url: Url,
    /// How long a login waits for Facebook in all.
    pub patience: Duration,
}

impl GraphSettings {
    pub const PATIENCE: Duration = Duration::from_secs(10);
}

pub struct Graph {
    settings: GraphSettings,
    client: Client,
    asking: Semaphore,
}

/// How long a connection may take to be made.
const CONNECTING: Duration = Duration::from_secs(3);

/// Logins that ask at once; more wait for their turn.
const TOGETHER: usize = 32;

/// An answer has some hundred bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A token has some hundred characters.
const LONGEST_TOKEN: usize = 4_096;

/// The codes by which Facebook says that a token serves no longer.
const TOKEN_IS_OVER: [i64; 2] = [102, 190];

/// No more is asked than an account is made of.
const FIELDS: &str = "id,name,email,gender,picture.type(large)";

/// Why Facebook said nothing of use. Neither token nor secret is in it: both stand in addresses that are asked.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("Facebook does not answer in time")]
    Late,
    #[error("Facebook cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("Facebook answers {0}")]
    Status(StatusCode),
    #[error("Facebook refuses with its error {code}")]
    Refused { code: i64 },
    #[error("Facebook's answer is longer than {LONGEST_ANSWER} bytes")]
    TooLong,
    #[error("Facebook's answer is not as its API says")]
    Shape,
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        Fault::Unreachable(error.without_url())
    }
}

impl From<Fault> for CommandError {
    fn from(fault: Fault) -> Self {
        CommandError::ProviderUnavailable(fault.into())
    }
}

impl Graph {
    pub fn new(settings: GraphSettings) -> Result<Graph, reqwest::Error> {
        // Whoever redirects would be shown the secret.
        let client = Client::builder().connect_timeout(CONNECTING).redirect(Policy::none()).build()?;
        Ok(Graph { settings, client, asking: Semaphore::new(TOGETHER) })
    }

    async fn ask(&self, token: &str, now: DateTime<Utc>) -> Result<Vouched, CommandError> {
        let _turn = self.asking.acquire().await.map_err(CommandError::broken)?;
        let user = self.user_of(token, now).await?;
        let profile = self.profile(token).await?;
        // Each answer is about the same token; who says otherwise is not to be believed.
        if profile.id != user {
            return Err(invalid());
        }
        Ok(profile.vouched())
    }

    /// The id of the user whom the token was given, for our app.
    async fn user_of(&self, token: &str, now: DateTime<Utc>) -> Result<String, CommandError> {
        let GraphSettings { app_id, app_secret, .. } = &self.settings;
        let ours = format!("{app_id}|{app_secret}");
        let question = self.client.get(self.url("debug_token", &[("input_token", token), ("access_token", &ours)]));
        // An error is about our own token here, and no reason to turn anybody away.
        let Debugged { data } = answer(question).await?;
        let user = data.user_id.filter(|_| data.is_valid && data.kind.as_deref() == Some("USER"));
        let user = user.filter(|_| data.app_id.as_ref() == Some(app_id)).ok_or_else(invalid)?;
        match data.expires_at {
            0 => Ok(user),
            ends if now.timestamp() < ends => Ok(user),
            _ => Err(expired()),
        }
    }

    /// What Facebook shows of whom the token was given.
    async fn profile(&self, token: &str) -> Result<Profile, CommandError> {
        let proof = self.proof(token);
        let url = self.url("me", &[("fields", FIELDS), ("appsecret_proof", &proof)]);
        match answer::<Profile>(self.client.get(url).bearer_auth(token)).await {
            Ok(profile) if is_id(&profile.id) => Ok(profile),
            Ok(_) => Err(Fault::Shape.into()),
            Err(Fault::Refused { code }) if TOKEN_IS_OVER.contains(&code) => Err(invalid()),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Shows that whoever has the token knows the app's secret too.
    fn proof(&self, token: &str) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.settings.app_secret.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(token.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.settings.url.clone();
        url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
        url.query_pairs_mut().extend_pairs(query);
        url
    }
}

#[async_trait]
impl IdentityProvider for Graph {
    async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Vouched, CommandError> {
        let sound = (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !sound {
            return Err(invalid());
        }
        timeout(self.settings.patience, self.ask(token, now)).await.unwrap_or_else(|_| Err(Fault::Late.into()))
    }
}

async fn answer<T: DeserializeOwned>(question: RequestBuilder) -> Result<T, Fault> {
    let answer = question.send().await?;
    let status = answer.status();
    let body = body(answer).await?;
    if let Ok(Refusal { error }) = serde_json::from_slice(&body) {
        return Err(Fault::Refused { code: error.code });
    }
    if !status.is_success() {
        return Err(Fault::Status(status));
    }
    serde_json::from_slice(&body).map_err(|_| Fault::Shape)
}

async fn body(mut answer: Response) -> Result<Vec<u8>, Fault> {
    let mut body = vec![];
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Fault::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[derive(Deserialize)]
struct Refusal {
    error: ErrorCode,
}

#[derive(Deserialize)]
struct ErrorCode {
    code: i64,
}

#[derive(Deserialize)]
struct Debugged {
    data: Debug,
}

#[derive(Deserialize)]
struct Debug {
    is_valid: bool,
    #[serde(default, deserialize_with = "text")]
    app_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    user_id: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    /// Unix seconds; 0 of a token that does not expire.
    #[serde(default)]
    expires_at: i64,
}

#[derive(Deserialize)]
struct Profile {
    id: String,
    name: Option<String>,
    email: Option<String>,
    gender: Option<String>,
    picture: Option<Picture>,
}

#[derive(Deserialize)]
struct Picture {
    data: PictureData,
}

#[derive(Deserialize)]
struct PictureData {
    url: Option<String>,
    /// Whether it is the one that everybody has who gave none.
    #[serde(default)]
    is_silhouette: bool,
}

impl Profile {
    fn vouched(self) -> Vouched {
        let picture = self.picture.map(|picture| picture.data).filter(|picture| !picture.is_silhouette);
        Vouched {
            id: self.id,
            name: self.name,
            email: self.email,
            gender: self.gender,
            picture: picture.and_then(|picture| picture.url).filter(|url| url.starts_with("https://")),
        }
    }
}

/// Facebook numbers its users.
fn is_id(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An id, which Facebook writes as a text or as a number.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Text(String),
        Number(u64),
    }
    Ok(Option::<Id>::deserialize(deserializer)?.map(|id| match id {
        Id::Text(text) => text,
        Id::Number(number) => number.to_string(),
    }))
}
