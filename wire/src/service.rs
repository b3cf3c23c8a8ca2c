//! The path of a request: route, authenticate, check, run in a task of its own, render, and say what went wrong.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::{Extension, Router};
use caravan_clock::Clock;
use caravan_domain::EntityId;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use ipnet::IpNet;
use serde_json::{Map, Value, json};
use tokio_util::task::TaskTracker;
use tower_http::compression::predicate::SizeAbove;
use tower_http::compression::{CompressionLayer, Predicate};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;

use crate::exchange::{self, Arrival};
use crate::routes::{Endpoint, Endpoints};
use crate::table::{Found, Table};
use crate::{
    Answer, Call, Dialect, Documents, Failure, FailureKind, Headers, Operation, Readiness, Told, body, pages,
    parameters, request,
};

/// How long a command's answer waits for the read models, and a query for its follower.
const WAIT: Duration = Duration::from_secs(2);

/// How long one request may take, besides arriving, before its client is told to try again.
const LIMIT: Duration = Duration::from_secs(30);

/// Bytes of a body up to which compressing it is not worth the while.
const SHORT: u64 = 1_024;

/// Renders the metrics in Prometheus' text format.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What a process decides about its HTTP side.
#[derive(Clone)]
pub struct Settings {
    /// Web origins that browsers may call from: `https://app.example`.
    pub cors_origins: Vec<HeaderValue>,
    /// Proxies that are believed when they say for whom they ask.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a request's body may stop on its way.
    pub body_read_timeout: Duration,
    pub readiness: Readiness,
    /// What requests take to be now.
    pub clock: Clock,
    /// Where the metrics are served among everything else.
    pub metrics: Option<Metrics>,
    /// Goes on with the trace that a trusted proxy's header names.
    pub adopt_trace: Option<fn(&tracing::Span, &HeaderMap)>,
    /// Handlers at work. A command outlives its client; whoever shuts down closes this and waits for it.
    pub tasks: TaskTracker,
}

/// Everything a process answers: the operations given, and health, metrics, the documents and their page.
///
/// Needs `into_make_service_with_connect_info::<SocketAddr>()` to know its clients' addresses.
pub fn router(endpoints: Vec<Endpoints>, documents: Documents, settings: Settings) -> Router {
    let sides = endpoints.iter().map(|side| side.commands).collect();
    let served = endpoints.into_iter().flat_map(|side| side.served);
    let served = served.map(|(operation, endpoint)| (operation.key(), endpoint));
    let served: HashMap<_, _> = served.collect();
    let pages = pages::router(&settings, documents);
    let cors = cors(settings.cors_origins.clone());
    exchange::begin(served.keys().copied());
    let Settings { trusted_proxies, body_read_timeout, adopt_trace, tasks, clock, .. } = settings;
    let service =
        Service { table: Table::new(), served, sides, trusted_proxies, body_read_timeout, adopt_trace, tasks };
    pages
        .fallback(answer)
        .with_state(Arc::new(service))
        .layer(compression())
        .layer(cors)
        .layer(from_fn_with_state(clock, exchange::observe))
}

/// Marks a response that stays as it is.
#[derive(Clone, Copy)]
struct Uncompressed;

/// What is asked for in gzip or zstd comes so, unless it is short or secret.
fn compression() -> CompressionLayer<impl Predicate> {
    let open = |_: StatusCode, _: Version, _: &HeaderMap, marks: &Extensions| marks.get::<Uncompressed>().is_none();
    CompressionLayer::new().compress_when(SizeAbove::new(SHORT).and(open))
}

fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    let own = ["if-match", "idempotency-key", "prefer", "caravan-after", "x-request-id"];
    let exposed = ["etag", "caravan-position", "x-request-id", "retry-after", "preference-applied"];
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([&[header::AUTHORIZATION, header::CONTENT_TYPE], &own.map(HeaderName::from_static)[..]].concat())
        .expose_headers(exposed.map(HeaderName::from_static))
}

pub(crate) struct Service {
    table: Table,
    served: HashMap<(&'static str, &'static str), Arc<dyn Endpoint>>,
    /// Which sides this process serves: commands (`true`), queries (`false`), both or none.
    sides: HashSet<bool>,
    trusted_proxies: Vec<IpNet>,
    body_read_timeout: Duration,
    adopt_trace: Option<fn(&tracing::Span, &HeaderMap)>,
    tasks: TaskTracker,
}

/// How a request ended, for rendering and the log.
struct Ending {
    dialect: Option<&'static Dialect>,
    operation: Option<&'static Operation>,
    result: Result<Answer<Told>, Failure>,
    allow: Vec<Method>,
    respond_async: bool,
    /// Whether something of the request's body was not read.
    unread: bool,
}

async fn answer(
    State(service): State<Arc<Service>>,
    Extension(arrival): Extension<Arc<Arrival>>,
    request: Request,
) -> Response {
    let span = tracing::info_span!("request", request_id = arrival.request_id, operation = tracing::field::Empty);
    let ending = service.end(&arrival, request).instrument(span.clone()).await;
    let status = ending.status(&arrival);
    span.in_scope(|| ending.record(status));
    ending.render(&arrival)
}

/// Who is at the other end of a request's connection.
fn peer(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip())
}

/// What a request waits for, within [`LIMIT`].
async fn in_time<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let late = |elapsed| Failure::unavailable("took too long; a command may still be carried out", elapsed);
    tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

impl Service {
    async fn end(&self, arrival: &Arrival, request: Request) -> Ending {
        // Until it has been read: what is left of it would be taken for the next request.
        let mut unread = !request.body().is_end_stream();
        let failed = |dialect, failure| Ending {
            dialect,
            operation: None,
            result: Err(failure),
            allow: vec![],
            respond_async: false,
            unread,
        };
        match self.table.find(request.method(), request.uri().path()) {
            Err(_) => failed(None, Failure::invalid("path", "is not UTF-8")),
            Ok(Found::Nothing { dialect }) => failed(dialect, Failure::not_found("there is nothing at this path")),
            Ok(Found::OtherMethods { dialect, methods }) => {
                let failure = Failure::new(FailureKind::MethodNotAllowed, "this path does not take this method");
                Ending { allow: methods, ..failed(Some(dialect), failure) }
            }
            Ok(Found::Operation { operation, values }) => {
                tracing::Span::current().record("operation", &operation.id);
                let headers = request::read(request.headers());
                let respond_async = headers.as_ref().is_ok_and(|headers| headers.respond_async);
                let endpoint = self.endpoint(operation);
                let trace = arrival.is_for(operation, endpoint.is_ok());
                self.go_on_with(&trace, &request);
                let work = async { self.run(arrival, endpoint?, headers, values, request, &mut unread).await };
                let result = work.instrument(trace).await;
                let dialect = Some(operation.dialect);
                Ending { dialect, operation: Some(operation), result, allow: vec![], respond_async, unread }
            }
        }
    }

    /// Makes a request's span part of the trace that a trusted proxy names. Whoever may name one also decides whether it
    /// is kept.
    fn go_on_with(&self, trace: &tracing::Span, request: &Request) {
        if let (Some(adopt), false) = (self.adopt_trace, trace.is_disabled())
            && request::is_one_of(peer(request.extensions()), &self.trusted_proxies)
        {
            adopt(trace, request.headers());
        }
    }

    async fn run(
        &self,
        arrival: &Arrival,
        endpoint: Arc<dyn Endpoint>,
        headers: Result<Headers, Failure>,
        values: Map<String, Value>,
        request: Request,
        unread: &mut bool,
    ) -> Result<Answer<Told>, Failure> {
        let registration = endpoint.registration();
        let operation = registration.operation;
        let (parts, body) = request.into_parts();
        if parts.version == Version::HTTP_11 && !parts.headers.contains_key(header::HOST) {
            return Err(Failure::invalid("Host", "is missing"));
        }
        let headers = headers?;
        let person = match (registration.public, request::bearer(&parts.headers)) {
            (true, _) => None,
            (false, Some(token)) => Some(in_time(endpoint.authenticate(token, arrival.now)).await?),
            (false, None) => return Err(Failure::unauthorised("a bearer token is needed")),
        };
        if operation.command && headers.if_match.is_some() && !registration.takes_if_match() {
            return Err(Failure::invalid("If-Match", "this operation's answer has no ETag to match"));
        }
        let mut parameters = parameters::read(operation, values, parts.uri.query().unwrap_or_default())?;
        let mut body = match operation.body {
            Some(documented) => {
                let bytes = body::receive(&parts.headers, body, self.body_read_timeout).await?;
                *unread = false;
                match body::read(&parts.headers, &bytes)? {
                    Value::Null if documented.required => return Err(Failure::invalid("body", "is required")),
                    body => body,
                }
            }
            None => Value::Null,
        };
        if let (Some(person), Some(field)) = (person, operation.actor) {
            let named = match &mut body {
                Value::Object(fields) => fields.remove(field),
                Value::Null => parameters.remove(field),
                _ => return Err(Failure::invalid("body", "must be an object")),
            };
            check_actor(operation, field, named, person.account)?;
        }
        let call = Call {
            state: Arc::new(()),
            operation,
            person,
            address: request::client(peer(&parts.extensions), &parts.headers, &self.trusted_proxies),
            parameters,
            body,
            headers,
            request_id: arrival.request_id.clone(),
            correlation_id: request::correlation_id(&arrival.request_id),
            now: arrival.now,
        };
        in_time(self.carry_out(arrival, endpoint, call)).await
    }

    async fn carry_out(
        &self,
        arrival: &Arrival,
        endpoint: Arc<dyn Endpoint>,
        call: Call<()>,
    ) -> Result<Answer<Told>, Failure> {
        let (command, respond_async) = (call.operation.command, call.headers.respond_async);
        if let (false, Some(position)) = (command, call.headers.after) {
            endpoint.passed(position, WAIT).await?;
        }
        // A task of its own: a client that hangs up does not stop a command half-way.
        let work = endpoint.run(call).instrument(arrival.trace()).instrument(tracing::Span::current());
        let task = self.tasks.spawn(work);
        let answer = task.await.map_err(Failure::broken)??;
        if let (true, false, Some(position)) = (command, respond_async, answer.position()) {
            // What was stored is answered with success, whether or not the read models have seen it in time.
            if let Err(failure) = endpoint.passed(position, WAIT).await {
                tracing::debug!(%failure, "answered before the read models have it");
            }
        }
        Ok(answer)
    }

    fn endpoint(&self, operation: &'static Operation) -> Result<Arc<dyn Endpoint>, Failure> {
        if let Some(endpoint) = self.served.get(&operation.key()) {
            return Ok(endpoint.clone());
        }
        let (what, side) = if operation.command { ("commands", "write API") } else { ("queries", "read API") };
        Err(if self.sides.is_empty() {
            Failure::not_found("this process serves no operations")
        } else if self.sides.contains(&operation.command) {
            Failure::new(FailureKind::NotServed, format!("{} is documented, but not served yet", operation.id))
        } else {
            Failure::not_found(format!("{what} are served by the {side}, not here"))
        })
    }
}

/// Whoever a request names as acting must be who the token says. A body has to name them, a query where its parameter
/// is required.
fn check_actor(operation: &Operation, field: &str, named: Option<Value>, caller: EntityId) -> Result<(), Failure> {
    match named {
        Some(Value::String(named)) if named.parse() == Ok(caller) => Ok(()),
        Some(Value::String(_)) => Err(Failure::forbidden("is not your account").on(field)),
        None if operation.body.is_none() => Ok(()),
        None | Some(Value::Null) => Err(Failure::invalid(field, "is required")),
        Some(_) => Err(Failure::invalid(field, "must be a string")),
    }
}

impl Ending {
    /// Status and body in the dialect's shape; problem JSON outside of all dialects.
    fn failure(&self, failure: &Failure, arrival: &Arrival) -> (StatusCode, Value) {
        match self.dialect {
            Some(dialect) => (dialect.face.failure)(failure, arrival.now),
            None => {
                let status = failure.kind.status();
                let title = status.canonical_reason().unwrap_or("Error");
                let body = json!({"type": "about:blank", "title": title, "status": status.as_u16(),
                    "detail": failure.text()});
                (status, body)
            }
        }
    }

    fn status(&self, arrival: &Arrival) -> StatusCode {
        match &self.result {
            Ok(answer) => answer.status.or(self.operation.map(|o| o.success)).unwrap_or(StatusCode::OK),
            Err(failure) => self.failure(failure, arrival).0,
        }
    }

    /// A failure of ours goes to the log, once.
    fn record(&self, status: StatusCode) {
        if let Err(failure) = &self.result
            && status.is_server_error()
            && !matches!(failure.kind, FailureKind::NotServed | FailureKind::Overloaded)
        {
            tracing::error!(status = status.as_u16(), error = chain(failure), "a request failed");
        }
    }

    fn render(self, arrival: &Arrival) -> Response {
        let status = self.status(arrival);
        let media_type = self.dialect.map_or("application/problem+json", |dialect| dialect.face.media_type);
        let body = match &self.result {
            Ok(answer) => answer.body.to_string(),
            Err(failure) => self.failure(failure, arrival).1.to_string(),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        if matches!(&self.result, Ok(answer) if answer.secret) {
            response.extensions_mut().insert(Uncompressed);
        }
        let mut set = |name: &'static str, value: String| {
            // All values are ASCII: ours, or a request id that was checked.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        };
        set("content-type", media_type.to_owned());
        set("cache-control", "no-store".to_owned());
        set("x-content-type-options", "nosniff".to_owned());
        set("x-request-id", arrival.request_id.clone());
        if self.unread {
            set("connection", "close".to_owned());
        }
        match &self.result {
            Ok(answer) => {
                if let Some(revision) = answer.etag() {
                    set("etag", format!("\"{revision}\""));
                }
                if let Some(position) = answer.position() {
                    set("caravan-position", position.to_string());
                }
                if self.respond_async && self.operation.is_some_and(|operation| operation.command) {
                    set("preference-applied", "respond-async".to_owned());
                }
            }
            Err(failure) => {
                if let Some(wait) = failure.retry_after {
                    set("retry-after", wait.as_secs_f64().ceil().max(1.0).to_string());
                }
                if failure.kind == FailureKind::Unauthorised {
                    set("www-authenticate", "Bearer".to_owned());
                }
                if !self.allow.is_empty() {
                    let methods: Vec<&str> = self.allow.iter().map(Method::as_str).chain(["OPTIONS"]).collect();
                    set("allow", methods.join(", "));
                }
            }
        }
        response
    }
}

/// A failure and what led to it, in one line.
fn chain(failure: &Failure) -> String {
    let mut text = failure.text();
    let mut source = failure.source.as_deref().map(|source| source as &dyn std::error::Error);
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
