//! Logging in with Facebook itself, whose part a local server takes that speaks its Graph API: faults included.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use caravan_commands::CommandError;
use caravan_commands::identity::{Graph, GraphSettings, IdentityProvider, Vouched, facebook};
use caravan_domain::identity::Attribute;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::{join_all, pending};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::support::Databases;
use crate::world::{World, limited, unauthorised};

const APP: &str = "123456";
const SECRET: &str = "abcdef0123456789";
const USER: &str = "10150";

/// A Graph API that answers by what the token is called.
struct StandIn {
    settings: GraphSettings,
    asked: Arc<Mutex<Asked>>,
}

#[derive(Default)]
struct Asked {
    tokens: Vec<String>,
    proofs: Vec<String>,
    at_once: usize,
    most_at_once: usize,
}

type Shared = State<Arc<Mutex<Asked>>>;

impl StandIn {
    async fn start() -> StandIn {
        let asked = Arc::<Mutex<Asked>>::default();
        let routes = Router::new()
            .route("/v23.0/debug_token", get(debug_token))
            .route("/v23.0/me", get(me))
            .route("/v23.0/elsewhere", get(|| async { Json(json!({"data": data("good"), "id": USER})) }))
            .with_state(asked.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v23.0", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let (app_id, app_secret) = (APP.to_owned(), SECRET.to_owned());
        StandIn { settings: GraphSettings { app_id, app_secret, url, patience: Duration::from_secs(2) }, asked }
    }

    fn provider(&self) -> Graph {
        Graph::new(self.settings.clone()).unwrap()
    }

    async fn verify(&self, token: &str) -> Result<Vouched, CommandError> {
        self.provider().verify(token, now()).await
    }

    fn tokens(&self) -> Vec<String> {
        self.asked.lock().unwrap().tokens.clone()
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// What `debug_token` says of a token.
fn data(token: &str) -> Value {
    let ends = match token {
        "lasting" => 0,
        "expired" => now().timestamp(),
        _ => Utc::now().timestamp().max(now().timestamp()) + 3_600,
    };
    let mut data = json!({
        "app_id": APP, "type": "USER", "application": "Caravan", "is_valid": true, "user_id": USER,
        "expires_at": ends, "scopes": ["email", "public_profile"],
    });
    match token {
        "of-another-app" => data["app_id"] = json!("654321"),
        "of-an-app" => {
            data["type"] = json!("APP");
            data.as_object_mut().unwrap().remove("user_id");
        }
        "of-a-page" => data["type"] = json!("PAGE"),
        "in-numbers" => (data["app_id"], data["user_id"]) = (json!(123_456), json!(10_150)),
        invalid if invalid.starts_with("invalid") => {
            data = json!({"error": {"code": 190, "message": "Cannot parse access token"}, "is_valid": false, "scopes": []});
        }
        _ => {}
    }
    data
}

#[derive(Deserialize)]
struct DebugQuery {
    input_token: String,
    access_token: String,
}

async fn debug_token(State(asked): Shared, Query(query): Query<DebugQuery>) -> Response {
    let token = query.input_token;
    {
        let mut asked = asked.lock().unwrap();
        asked.tokens.push(token.clone());
        asked.at_once += 1;
        asked.most_at_once = asked.most_at_once.max(asked.at_once);
    }
    if query.access_token != format!("{APP}|{SECRET}") {
        return refusal(StatusCode::BAD_REQUEST, 190);
    }
    let answer = match faulty(token.strip_prefix("debug-").unwrap_or_default()).await {
        Some(fault) => fault,
        None => Json(json!({"data": data(&token)})).into_response(),
    };
    asked.lock().unwrap().at_once -= 1;
    answer
}

#[derive(Deserialize)]
struct MeQuery {
    fields: String,
    appsecret_proof: String,
}

async fn me(State(asked): Shared, Query(query): Query<MeQuery>, headers: HeaderMap) -> Response {
    assert_eq!(query.fields, "id,name,email,gender,picture.type(large)");
    asked.lock().unwrap().proofs.push(query.appsecret_proof);
    let token = headers[header::AUTHORIZATION].to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    if let Some(fault) = faulty(token.strip_prefix("me-").unwrap_or_default()).await {
        return fault;
    }
    let picture = match token.as_str() {
        "plain-picture" => json!({"url": "http://img.example.com/u1.jpg", "is_silhouette": false}),
        "silhouette" => json!({"url": "https://img.example.com/nobody.jpg", "is_silhouette": true}),
        _ => json!({"url": "https://img.example.com/u1.jpg", "is_silhouette": false, "height": 200}),
    };
    let id = if token == "of-two" { "10151" } else { USER };
    let name = if token == "long-name" { "x".repeat(5_000) } else { "Dana Reyes".to_owned() };
    Json(json!({"id": id, "name": name, "email": "dana@example.com", "picture": {"data": picture}})).into_response()
}

fn refusal(status: StatusCode, code: i64) -> Response {
    (status, Json(json!({"error": {"message": "Error", "type": "OAuthException", "code": code}}))).into_response()
}

async fn faulty(how: &str) -> Option<Response> {
    match how {
        "broken" => Some(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        "hangs" => pending().await,
        "slow" => {
            sleep(Duration::from_millis(200)).await;
            None
        }
        "huge" => Some(Json(json!({"data": "x".repeat(10 << 20), "id": USER})).into_response()),
        "redirects" => Some(Redirect::temporary("/v23.0/elsewhere").into_response()),
        "mumbles" => Some("<html>".into_response()),
        "empty" => Some(Json(json!({})).into_response()),
        "odd-id" => Some(Json(json!({"id": "../10150"})).into_response()),
        "revoked" => Some(refusal(StatusCode::BAD_REQUEST, 190)),
        "busy" => Some(refusal(StatusCode::BAD_REQUEST, 4)),
        _ => None,
    }
}

#[tokio::test]
async fn facebook_says_whose_a_token_is() {
    let stand_in = StandIn::start().await;
    let vouched = stand_in.verify("good").await.unwrap();
    assert_eq!(vouched.id, USER);
    assert_eq!(vouched.name.as_deref(), Some("Dana Reyes"));
    assert_eq!(vouched.email.as_deref(), Some("dana@example.com"));
    assert_eq!(vouched.gender, None);
    assert_eq!(vouched.picture.as_deref(), Some("https://img.example.com/u1.jpg"));
    // Made with Python: hmac.new(secret, b"good", sha256).hexdigest().
    assert_eq!(stand_in.asked.lock().unwrap().proofs, [PROOF]);
    for token in ["lasting", "in-numbers"] {
        assert_eq!(stand_in.verify(token).await.unwrap().id, USER, "{token}");
    }
    for token in ["plain-picture", "silhouette"] {
        assert_eq!(stand_in.verify(token).await.unwrap().picture, None, "{token}");
    }
}

const PROOF: &str = "80f27aa5ff43aee76d17b586ee8cc98e38eab690530ef2def38b920bb3706319";

#[tokio::test]
async fn a_token_that_does_not_vouch_for_a_user_of_our_app_is_refused() {
    let stand_in = StandIn::start().await;
    for token in ["of-another-app", "of-an-app", "of-a-page", "expired", "invalid", "of-two", "me-revoked"] {
        let outcome = stand_in.verify(token).await.map(|vouched| vouched.id);
        assert!(matches!(outcome, Err(CommandError::Unauthorised(_))), "{token}: {outcome:?}");
    }
    let asked = stand_in.tokens().len();
    for token in ["", "two words", "go\u{f6}d", "line\nbreak", &"x".repeat(5_000)] {
        unauthorised(stand_in.verify(token).await);
    }
    assert_eq!(stand_in.tokens().len(), asked, "Facebook is not asked about what is no token");
    let later = stand_in.provider().verify("good", Utc::now() + TimeDelta::days(9_999)).await;
    unauthorised(later);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_as_it_should_is_no_refusal_and_shows_no_secret() {
    let stand_in = StandIn::start().await;
    let faults = ["broken", "hangs", "huge", "redirects", "mumbles", "empty", "busy"];
    let tokens = ["debug", "me"].into_iter().flat_map(|at| faults.map(|fault| format!("{at}-{fault}")));
    let tokens: Vec<_> = tokens.chain(["debug-revoked".to_owned(), "me-odd-id".to_owned()]).collect();
    let began = Instant::now();
    for (token, outcome) in tokens.iter().zip(join_all(tokens.iter().map(|token| stand_in.verify(token))).await) {
        unavailable(token, outcome);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());

    let settings = GraphSettings { app_secret: "0123".into(), ..stand_in.settings.clone() };
    unavailable("good", Graph::new(settings).unwrap().verify("good", now()).await);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{closed}/v23.0").parse().unwrap();
    let away = Graph::new(GraphSettings { url, ..stand_in.settings.clone() }).unwrap();
    unavailable("a-token", away.verify("a-token", now()).await);
}

#[track_caller]
fn unavailable(token: &str, outcome: Result<Vouched, CommandError>) {
    let error = outcome.map(|vouched| vouched.id).unwrap_err();
    assert!(matches!(error, CommandError::ProviderUnavailable(_)), "{token}: {error:?}");
    let mut told = format!("{error:?}");
    let mut source: Option<&dyn Error> = Some(&error);
    while let Some(error) = source {
        told += &format!(" {error} {error:?}");
        source = error.source();
    }
    assert!(!told.contains(token) && !told.contains(SECRET) && !told.contains(APP), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_ask_at_once_and_others_wait_for_their_turn() {
    let stand_in = StandIn::start().await;
    let provider = stand_in.provider();
    let logins = (0..80).map(|_| provider.verify("debug-slow", now()));
    for outcome in join_all(logins).await {
        outcome.unwrap();
    }
    assert_eq!(stand_in.asked.lock().unwrap().most_at_once, 32);
}

impl World {
    async fn with_facebook(stand_in: &StandIn) -> World {
        let databases = Databases::new().await;
        let commands = databases.process(Some(Arc::new(stand_in.provider()))).await;
        World { commands, pool: databases.main, now: now() }
    }

    async fn log_in_with(&self, token: &str, address: &str) -> Result<(), CommandError> {
        facebook::log_in(&self.from(address), token).await.map(drop)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_facebook_vouches_for_has_an_account_and_what_is_unsound_is_left_out() {
    let stand_in = StandIn::start().await;
    let world = World::with_facebook(&stand_in).await;
    let login = facebook::log_in(&world.anyone(), "long-name").await.unwrap();
    let registration = login.state.registered().unwrap().registration.clone();
    assert!(!registration.attributes.contains_key(&Attribute::Name));
    assert!(registration.attributes.contains_key(&Attribute::Picture));
    assert!(registration.email.is_some_and(|email| !email.proven));
    let again = facebook::log_in(&world.anyone(), "good").await.unwrap();
    assert_eq!(again.account, login.account);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_bad_tokens_from_an_address_does_not_reach_facebook() {
    let stand_in = StandIn::start().await;
    let world = World::with_facebook(&stand_in).await;
    // What Facebook fails with is nobody's failure, and neither is a good token.
    for token in ["me-busy", "good"] {
        let _ = world.log_in_with(token, "192.0.2.1").await;
    }
    for round in 0..30 {
        let tokens: Vec<String> = (0..10).map(|number| format!("invalid-{round}-{number}")).collect();
        for outcome in join_all(tokens.iter().map(|token| world.log_in_with(token, "192.0.2.1"))).await {
            unauthorised(outcome);
        }
    }
    let asked = stand_in.tokens().len();
    for token in ["invalid", "good"] {
        limited(world.log_in_with(token, "192.0.2.1").await);
    }
    assert_eq!((stand_in.tokens().len(), asked), (asked, 302));
    world.log_in_with("good", "192.0.2.2").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_asks_facebook_a_hundred_times_an_hour() {
    let stand_in = StandIn::start().await;
    let world = World::with_facebook(&stand_in).await;
    for number in 0..100 {
        world.log_in_with("good", &format!("192.0.2.{number}")).await.unwrap();
    }
    limited(world.log_in_with("good", "192.0.2.200").await);
    assert_eq!(stand_in.tokens().len(), 100);
    world.log_in_with("long-name", "192.0.2.200").await.unwrap();
}
