//! A request's path from end to end, on handlers of the tests' own.

mod answers;
mod bodies;
mod failures;
mod tokens;

use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, to_bytes};
use caravan_domain::{EntityId, Rejection, Sealed};
use chrono::{DateTime, Utc};
use serde_json::json;
use tower::ServiceExt;
use uuid::Uuid;

use super::*;
use caravan_domain::identity::{Person, Role, Roles};

use crate::{Call, Documents, Routes, Shown, Side, Stream, krugo};

struct Writes {
    waited: AtomicBool,
    finished: Arc<AtomicBool>,
}

impl Side for Writes {
    const COMMANDS: bool = true;

    async fn authenticate(&self, token: &str, _: DateTime<Utc>) -> Result<Person, Failure> {
        let person = Person { account: EntityId(Uuid::nil()), session: 1, login: Uuid::nil(), roles: Roles::NONE };
        match token {
            "good" => Ok(person),
            "staff" => Ok(Person { roles: Roles::NONE.with(Role::Admin), ..person }),
            _ => Err(Failure::unauthorised("this token is no good")),
        }
    }

    async fn open(&self, sealed: &[&Sealed]) -> Result<Vec<String>, Failure> {
        Ok(sealed.iter().map(|sealed| sealed.cipher.to_uppercase()).collect())
    }

    fn explain(error: Box<dyn std::error::Error + Send + Sync>) -> Failure {
        match error.downcast::<std::fmt::Error>() {
            Ok(_) => Failure::conflict("explained"),
            Err(error) => Failure::broken(error),
        }
    }

    async fn passed(&self, shown: Shown, position: i64, _: Duration) -> Result<(), Failure> {
        assert_eq!((shown, position), (Shown::Documents, 7));
        self.waited.store(true, Ordering::SeqCst);
        Err(Failure::new(FailureKind::Late, "not there yet"))
    }
}

struct Reads;

impl Side for Reads {
    const COMMANDS: bool = false;

    async fn authenticate(&self, _: &str, _: DateTime<Utc>) -> Result<Person, Failure> {
        Ok(Person { account: EntityId(Uuid::nil()), session: 1, login: Uuid::nil(), roles: Roles::NONE })
    }

    async fn open(&self, sealed: &[&Sealed]) -> Result<Vec<String>, Failure> {
        Ok(sealed.iter().map(|sealed| sealed.cipher.to_uppercase()).collect())
    }

    fn explain(error: Box<dyn std::error::Error + Send + Sync>) -> Failure {
        match error.downcast::<std::fmt::Error>() {
            Ok(_) => Failure::conflict("explained"),
            Err(error) => Failure::broken(error),
        }
    }

    async fn passed(&self, shown: Shown, position: i64, _: Duration) -> Result<(), Failure> {
        assert_eq!(shown, Shown::Documents);
        if position > 5 { Err(Failure::new(FailureKind::Late, "5 behind")) } else { Ok(()) }
    }
}

async fn assign(call: Call<Writes>) -> Result<Answer<Stream>, Failure> {
    let account = call.account()?;
    Ok(Answer::json(json!({"body": call.body, "account": account, "id": call.request_id})).of(3, 7))
}

async fn slow(call: Call<Writes>) -> Result<Answer, Failure> {
    tokio::time::sleep(2 * LIMIT).await;
    call.state.finished.store(true, Ordering::SeqCst);
    Ok(Answer::json(json!({})))
}

async fn panics(_: Call<Writes>) -> Result<Answer, Failure> {
    panic!("a defect")
}

async fn refuses(_: Call<Writes>) -> Result<Answer, Failure> {
    Err(Rejection::conflict("so-already", "already so").on("tickets[0].event_id"))?
}

async fn explained(_: Call<Writes>) -> Result<Answer, Failure> {
    Err(std::fmt::Error)?
}

async fn balances(call: Call<Reads>) -> Result<Answer, Failure> {
    Ok(Answer::json(json!(call.parameters)))
}

struct Api {
    router: Router,
    writes: Arc<Writes>,
}

fn settings() -> Settings {
    Settings {
        cors_origins: vec![HeaderValue::from_static("https://app.example")],
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        body_read_timeout: Duration::from_secs(30),
        readiness: Readiness::of(&["writes"]),
        clock: Clock::default(),
        metrics: Some(Arc::new(|| "metrics".to_owned())),
        adopt_trace: None,
        tasks: TaskTracker::new(),
    }
}

fn api() -> Api {
    let finished = Arc::new(AtomicBool::new(false));
    let writes = Arc::new(Writes { waited: AtomicBool::new(false), finished });
    let commands = Routes::new(&krugo::DIALECT)
        .on("assign-ticket", assign)
        .on("add-ticket", assign)
        .on("create-crew", slow)
        .on("update-crew", panics)
        .on("update-ticket", refuses)
        .on("delete-crew", explained)
        .public("signup", |_: Call<Writes>| async { Ok(Answer::json(json!("welcome"))) })
        .public("refreshsession", |call: Call<Writes>| async move { Ok(Answer::json(call.body.clone()).secret()) })
        .public("login", |call: Call<Writes>| async move { Ok(Answer::json(json!(call.address))) });
    let queries = Routes::new(&krugo::DIALECT).on("payment-balances", balances);
    let documents = Documents::new(commands.registrations().chain(queries.registrations()));
    let endpoints = vec![commands.serve(writes.clone()), queries.serve(Arc::new(Reads))];
    Api { router: router(endpoints, documents, settings()), writes }
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header("host", "caravan.test")
}

/// A body that names who acts.
fn by(actor: Uuid) -> Body {
    Body::from(json!({"userId": actor}).to_string())
}

fn command(path: &str) -> http::request::Builder {
    request("POST", path).header("authorization", "Bearer good").header("content-type", "application/json")
}

async fn send(router: &Router, request: Request) -> (StatusCode, http::HeaderMap, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 1 << 24).await.unwrap();
    (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_command_is_answered_with_its_revision_and_position() {
    let api = api();
    let sent = command("/dev/assign-ticket").header("x-request-id", "r-1").body(Body::from("{\"a\": 1}")).unwrap();
    let (status, headers, body) = send(&api.router, sent).await;
    assert_eq!((status, &body["body"], &body["id"]), (StatusCode::OK, &json!({"a": 1}), &json!("r-1")));
    assert_eq!(headers["etag"], "\"3\"");
    assert_eq!(headers["caravan-position"], "7");
    assert_eq!(headers["x-request-id"], "r-1");
    assert!(api.writes.waited.load(Ordering::SeqCst));
    assert!(!headers.contains_key("preference-applied"));
}

#[tokio::test]
async fn long_answers_are_compressed_when_asked_but_not_secret_ones() {
    let router = api().router;
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(2_000));
    for (path, asked, encoding) in [
        ("/dev/assign-ticket", "gzip", Some("gzip")),
        ("/dev/assign-ticket", "br, zstd", Some("zstd")),
        ("/dev/assign-ticket", "br", None),
        ("/dev/refreshsession", "gzip", None),
    ] {
        let sent = command(path).header("accept-encoding", asked).body(Body::from(long.clone())).unwrap();
        let response = router.clone().oneshot(sent).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let got = response.headers().get("content-encoding").map(|value| value.to_str().unwrap());
        assert_eq!(got, encoding, "{path} {asked}");
        let mut vary = response.headers().get_all("vary").iter();
        let varies = vary.any(|value| value.to_str().unwrap().contains("accept-encoding"));
        assert_eq!(varies, path != "/dev/refreshsession", "{path} {asked}");
    }
}

#[tokio::test]
async fn respond_async_skips_the_wait() {
    let api = api();
    let sent = command("/dev/assign-ticket").header("prefer", "respond-async").body(Body::from("{}")).unwrap();
    let (status, headers, _) = send(&api.router, sent).await;
    assert_eq!((status, &headers["preference-applied"]), (StatusCode::OK, &HeaderValue::from_static("respond-async")));
    assert!(!api.writes.waited.load(Ordering::SeqCst));
}

#[tokio::test]
async fn nobody_gets_in_without_a_good_token_but_to_public_operations() {
    let api = api();
    for sent in [
        request("POST", "/dev/assign-ticket").body(Body::from("{}")).unwrap(),
        request("POST", "/dev/assign-ticket").header("authorization", "Bearer bad").body(Body::from("{}")).unwrap(),
        request("POST", "/dev/assign-ticket").header("authorization", "Basic good").body(Body::from("{}")).unwrap(),
    ] {
        let (status, headers, body) = send(&api.router, sent).await;
        assert_eq!((status, &body["statusCode"]), (StatusCode::UNAUTHORIZED, &json!(401)));
        assert_eq!(headers["www-authenticate"], "Bearer");
    }
    let sent = request("POST", "/dev/signup").header("content-type", "application/json").body(Body::from("{}"));
    assert_eq!(send(&api.router, sent.unwrap()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named() {
    let api = api();
    let ask = async |sent: http::request::Builder, body: &str| {
        let (status, _, body) = send(&api.router, sent.body(Body::from(body.to_owned())).unwrap()).await;
        (status.as_u16(), body["message"].as_str().unwrap_or_default().to_owned())
    };
    let (status, message) = ask(command("/dev/assign-ticket"), "").await;
    assert_eq!((status, message.as_str()), (400, "body: is required"));
    let (status, message) = ask(command("/dev/assign-ticket?x=1"), "{}").await;
    assert_eq!((status, message.as_str()), (400, "x: is not a known parameter"));
    let (status, message) = ask(command("/dev/assign-ticket").header("if-match", "3"), "{}").await;
    assert_eq!((status, message.as_str()), (400, "If-Match: is not one quoted ETag"));
    let (status, message) = ask(command("/dev/create-crew").header("if-match", "\"3\""), "{}").await;
    assert_eq!((status, message.as_str()), (400, "If-Match: this operation's answer has no ETag to match"));
    let (status, message) = ask(command("/dev/assign-ticket"), &"x".repeat(1 << 21)).await;
    assert_eq!((status, message.as_str()), (413, "body: is larger than 1 MiB"));
    let plain = request("POST", "/dev/assign-ticket").header("authorization", "Bearer good");
    assert_eq!(ask(plain, "{}").await.0, 400);
}

#[tokio::test]
async fn a_query_waits_for_its_follower_or_is_late() {
    let api = api();
    let sent = |after: &str| {
        request("GET", "/dev/payment-balances?id=1")
            .header("authorization", "Bearer good")
            .header("caravan-after", after)
            .body(Body::empty())
            .unwrap()
    };
    let (status, _, body) = send(&api.router, sent("5")).await;
    assert_eq!((status, body), (StatusCode::OK, json!({"id": "1"})));
    let (status, _, body) = send(&api.router, sent("6")).await;
    assert_eq!((status, &body["message"]), (StatusCode::GATEWAY_TIMEOUT, &json!("5 behind")));
}

#[tokio::test(start_paused = true)]
async fn a_command_runs_to_its_end_when_its_client_no_longer_waits() {
    let api = api();
    let sent = command("/dev/create-crew").body(Body::from("{}")).unwrap();
    let (status, headers, _) = send(&api.router, sent).await;
    assert_eq!((status, &headers["retry-after"]), (StatusCode::SERVICE_UNAVAILABLE, &HeaderValue::from_static("1")));
    tokio::time::sleep(2 * LIMIT).await;
    assert!(api.writes.finished.load(Ordering::SeqCst), "the command was cancelled");
}

#[tokio::test]
async fn a_defect_answers_500_without_telling_what() {
    let api = api();
    let sent = command("/dev/update-crew").header("x-request-id", "r-2").body(by(Uuid::nil())).unwrap();
    let (status, headers, body) = send(&api.router, sent).await;
    assert_eq!(
        (status, body),
        (StatusCode::INTERNAL_SERVER_ERROR, json!({"message": "internal error", "statusCode": 500}))
    );
    assert_eq!(headers["x-request-id"], "r-2");
}

#[tokio::test]
async fn a_refusal_and_an_error_below_come_out_as_what_they_mean() {
    let api = api();
    let ask = async |path: &str| send(&api.router, command(path).body(by(Uuid::nil())).unwrap()).await;
    let (status, _, body) = ask("/dev/update-ticket").await;
    assert_eq!((status, &body["message"]), (StatusCode::CONFLICT, &json!("tickets[0].eventId: already so")));
    let (status, _, body) = ask("/dev/delete-crew").await;
    assert_eq!((status, &body["message"]), (StatusCode::CONFLICT, &json!("explained")));
}

#[tokio::test]
async fn who_acts_is_who_the_token_says_and_no_handler_sees_the_claim() {
    let api = api();
    let ask = async |path: &str, body: Body| {
        let (status, _, body) = send(&api.router, command(path).body(body).unwrap()).await;
        (status.as_u16(), body)
    };
    let message = |text: &str, status: u16| (status, json!({"message": text, "statusCode": status}));
    assert_eq!(ask("/dev/add-ticket", by(Uuid::nil())).await.1["body"], json!({}));
    let other = ask("/dev/add-ticket", by(Uuid::from_u128(1))).await;
    assert_eq!(other, message("userId: is not your account", 403));
    assert_eq!(ask("/dev/add-ticket", Body::from("{}")).await, message("userId: is required", 400));
    assert_eq!(ask("/dev/add-ticket", Body::from(r#"{"userId": 7}"#)).await, message("userId: must be a string", 400));
    // Where it names who is meant, it stays.
    let body = json!({"userId": Uuid::from_u128(1)});
    assert_eq!(ask("/dev/assign-ticket", Body::from(body.to_string())).await.1["body"], body);
}

#[tokio::test]
async fn a_handler_knows_for_whom_a_trusted_proxy_asks() {
    let api = api();
    let from = async |peer: &str| {
        let sent = command("/dev/login").header("x-forwarded-for", "1.1.1.1, 203.0.113.7");
        let peer: SocketAddr = peer.parse().unwrap();
        send(&api.router, sent.extension(ConnectInfo(peer)).body(Body::from("{}")).unwrap()).await.2
    };
    assert_eq!(from("127.0.0.1:4711").await, "203.0.113.7");
    assert_eq!(from("127.0.0.2:4711").await, "127.0.0.2");
}

#[tokio::test]
async fn what_is_not_served_says_so_in_the_dialects_shape() {
    let api = api();
    let ask =
        async |method: &str, path: &str| send(&api.router, request(method, path).body(Body::empty()).unwrap()).await;
    let (status, _, body) = ask("POST", "/dev/logout").await;
    assert_eq!((status, &body["statusCode"]), (StatusCode::NOT_IMPLEMENTED, &json!(501)));
    let (status, headers, body) = ask("GET", "/v1/events").await;
    assert_eq!((status, &body["errors"][0]["status"]), (StatusCode::NOT_IMPLEMENTED, &json!("501")));
    assert_eq!(headers["content-type"], "application/vnd.api+json");
    let (status, _, body) = ask("GET", "/api/nowhere").await;
    assert_eq!((status, &body["statusCode"]), (StatusCode::NOT_FOUND, &json!(404)));
    let (status, _, body) = ask("GET", "/auth-api/nowhere").await;
    assert_eq!((status, &body["errCode"]), (StatusCode::NOT_FOUND, &json!(404)));
    let (status, _, body) = ask("GET", "/v1/Nowhere").await;
    assert_eq!((status, &body["SimpleResult"]["error_type"]), (StatusCode::NOT_FOUND, &json!(2)));
    let (status, headers, body) = ask("PUT", "/dev/signup").await;
    assert_eq!((status, &body["statusCode"]), (StatusCode::METHOD_NOT_ALLOWED, &json!(405)));
    assert_eq!(headers["allow"], "POST, OPTIONS");
    let (status, headers, body) = ask("GET", "/nowhere").await;
    assert_eq!((status, &body["status"]), (StatusCode::NOT_FOUND, &json!(404)));
    assert_eq!(headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_single_role_says_who_serves_the_rest() {
    let writes = Arc::new(Writes { waited: AtomicBool::new(false), finished: Arc::default() });
    let commands = Routes::new(&krugo::DIALECT).on("assign-ticket", assign).serve(writes);
    let write_api = router(vec![commands], Documents::new([]), settings());
    let sent = request("GET", "/dev/payment-balances?id=1").body(Body::empty()).unwrap();
    let (status, _, body) = send(&write_api, sent).await;
    assert_eq!(
        (status, &body["message"]),
        (StatusCode::NOT_FOUND, &json!("queries are served by the read API, not here"))
    );
}

#[tokio::test]
async fn browsers_may_call_from_configured_origins() {
    let api = api();
    let preflight = |origin: &str| {
        request("OPTIONS", "/dev/assign-ticket")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .body(Body::empty())
            .unwrap()
    };
    let (status, headers, _) = send(&api.router, preflight("https://app.example")).await;
    assert_eq!(
        (status, &headers["access-control-allow-origin"]),
        (StatusCode::OK, &HeaderValue::from_static("https://app.example"))
    );
    let (status, headers, _) = send(&api.router, preflight("https://evil.example")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(!headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn health_metrics_and_documents_are_there() {
    let parts = settings();
    let readiness = parts.readiness.clone();
    let router = router(vec![], Documents::new([]), parts);
    let ask = async |path: &str| send(&router, request("GET", path).body(Body::empty()).unwrap()).await;
    assert_eq!(ask("/health/live").await.0, StatusCode::OK);
    let (status, _, body) = ask("/health/ready").await;
    assert_eq!((status, &body["missing"]["writes"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("is starting")));
    readiness.ready("writes");
    assert_eq!(ask("/health/ready").await.0, StatusCode::OK);
    assert_eq!(ask("/metrics").await.0, StatusCode::OK);
    assert_eq!(ask("/openapi.json?dialect=krugo").await.2["servers"][0]["url"], "/dev");
    assert_eq!(ask("/openapi.json?dialect=x").await.0, StatusCode::BAD_REQUEST);
    let auth = ask("/openapi.json?dialect=rentals&group=auth").await.2;
    assert_eq!(auth["paths"].as_object().unwrap().keys().filter(|path| !path.starts_with("/auth-api/")).count(), 0);
    let (status, _, body) = ask("/openapi.json?dialect=rentals&group=x").await;
    assert_eq!((status, &body["message"]), (StatusCode::BAD_REQUEST, &json!("group: x is none of this dialect")));
    assert_eq!(ask("/openapi.json?group=auth").await.0, StatusCode::BAD_REQUEST);
    let (status, _, body) = ask("/dev/trip-booking").await;
    assert_eq!((status, &body["message"]), (StatusCode::NOT_FOUND, &json!("this process serves no operations")));
}

#[tokio::test]
async fn the_page_comes_with_its_policy_and_its_script_once() {
    let router = router(vec![], Documents::new([]), settings());
    let ask = async |path: &str, known: &str| {
        let sent = request("GET", path).header("if-none-match", known).body(Body::empty()).unwrap();
        let (parts, body) = router.clone().oneshot(sent).await.unwrap().into_parts();
        (parts.status, parts.headers, to_bytes(body, 1 << 22).await.unwrap())
    };
    for (path, media_type) in [("/docs", "text/html"), ("/docs/start.js", "text/javascript")] {
        let (status, headers, body) = ask(path, "\"another\"").await;
        assert_eq!((status, body.is_empty()), (StatusCode::OK, false), "{path}");
        assert!(headers["content-type"].to_str().unwrap().starts_with(media_type), "{path}");
        assert!(headers["content-security-policy"].to_str().unwrap().contains("connect-src 'self';"), "{path}");
    }
    let (.., start) = ask("/docs/start.js?dialect=rentals&group=auth", "").await;
    let start = String::from_utf8(start.to_vec()).unwrap();
    assert_eq!(start.matches("/openapi.json?").count(), 1);
    assert!(start.contains("/openapi.json?dialect=rentals&group=auth"), "{start}");
    let (status, headers, script) = ask("/docs/scalar.js", "\"another\"").await;
    assert_eq!((status, &script[..2]), (StatusCode::OK, &b"\x1f\x8b"[..]));
    assert_eq!(headers["content-encoding"], "gzip");
    let (status, headers, script) = ask("/docs/scalar.js", headers["etag"].to_str().unwrap()).await;
    assert_eq!((status, script.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(headers["cache-control"], "no-cache");
}

#[tokio::test]
async fn the_documents_say_where_a_token_is_needed() {
    let api = api();
    let ask = async |path: &str| send(&api.router, request("GET", path).body(Body::empty()).unwrap()).await.2;
    let krugo = ask("/openapi.json?dialect=krugo").await;
    assert_eq!(krugo["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert_eq!(krugo["paths"]["/payment-balances"]["get"]["security"], json!([{"bearer": []}]));
    assert_eq!(krugo["paths"]["/login"]["post"]["security"], json!([]));
    assert_eq!(krugo["paths"]["/crews"]["get"]["security"], Value::Null, "is not served");
    let merged = ask("/openapi.json").await;
    assert_eq!(merged["paths"]["/dev/payment-balances"]["get"]["security"], json!([{"krugo.bearer": []}]));
}

fn routes() -> Routes<Reads> {
    Routes::new(&krugo::DIALECT)
}

#[test]
#[should_panic(expected = "the contract of krugo has no operation no-such")]
fn an_unknown_operation_stops_the_start() {
    routes().on("no-such", balances);
}

#[test]
#[should_panic(expected = "create-crew is a command: the other side serves it")]
fn an_operation_of_the_other_side_stops_the_start() {
    routes().on("create-crew", balances);
}

#[test]
#[should_panic(expected = "registered twice")]
fn an_operation_registered_twice_stops_the_start() {
    routes().on("trip-booking", balances).on("trip-booking", balances);
}
