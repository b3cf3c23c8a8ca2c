//! The path of a request: route, authenticate, check, run in a task of its own, render, and say what went wrong.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::{Extension, Router};
use caravan_clock::Clock;
use caravan_domain::access::STAFF;
use caravan_domain::identity::Person;
use caravan_domain::{Context, EntityId};
use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use ipnet::IpNet;
use serde_json::{Map, Value};
use tokio_util::task::TaskTracker;
use tower_http::compression::predicate::SizeAbove;
use tower_http::compression::{CompressionLayer, Predicate};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;

use crate::arrival::{self, Arrival};
use crate::exchange::{Exchange, Reached, Uncompressed};
use crate::routes::{Endpoint, Endpoints, Registration};
use crate::table::{Found, Table};
use crate::{
    Answer, DIALECTS, Dialect, Documents, Failure, FailureKind, Headers, Media, Operation, Place, Readiness, Token,
    Told, body, call, contract, pages, parameters, request, token,
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
    arrival::begin(served.keys().copied());
    let Settings { trusted_proxies, body_read_timeout, adopt_trace, tasks, clock, .. } = settings;
    let service =
        Service { table: Table::new(), served, sides, trusted_proxies, body_read_timeout, adopt_trace, tasks };
    pages
        .fallback(answer)
        .with_state(Arc::new(service))
        .layer(compression())
        .layer(cors)
        .layer(from_fn_with_state(clock, arrival::observe))
}

/// What is asked for in gzip or zstd comes so, unless it is short or secret.
fn compression() -> CompressionLayer<impl Predicate> {
    let open = |_: StatusCode, _: Version, _: &HeaderMap, marks: &Extensions| marks.get::<Uncompressed>().is_none();
    CompressionLayer::new().compress_when(SizeAbove::new(SHORT).and(open))
}

fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    let own = ["if-match", "idempotency-key", "prefer", "caravan-after", "x-request-id"];
    let exposed = ["etag", "caravan-position", "x-request-id", "retry-after", "preference-applied"];
    let of_tokens = DIALECTS.iter().flat_map(|dialect| dialect.face.tokens).filter_map(|place| match place {
        Place::Header(name) => Some(HeaderName::from_static(name)),
        Place::Scheme(_) | Place::Query(_) | Place::Cookie(_) => None,
    });
    let own = own.map(HeaderName::from_static).into_iter().chain(of_tokens);
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE].into_iter().chain(own).collect::<Vec<_>>())
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

async fn answer(
    State(service): State<Arc<Service>>,
    Extension(arrival): Extension<Arc<Arrival>>,
    request: Request,
) -> Response {
    let span = tracing::info_span!("request", request_id = arrival.request_id, operation = tracing::field::Empty);
    let exchange = service.end(&arrival, request).instrument(span.clone()).await;
    span.in_scope(|| exchange.record());
    exchange.respond()
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
    async fn end(&self, arrival: &Arrival, request: Request) -> Exchange {
        let mut exchange = Exchange::of(arrival);
        // Until it has been read: what is left of it would be taken for the next request.
        exchange.unread = !request.body().is_end_stream();
        let outcome = match self.table.find(request.method(), request.uri().path()) {
            Err(_) => Err(Failure::unreadable("path", "is not UTF-8")),
            Ok(Found::Nothing { dialect }) => {
                exchange.dialect = dialect;
                Err(Failure::not_found("there is nothing at this path"))
            }
            Ok(Found::OtherMethods { dialect, methods }) => {
                exchange.dialect = Some(dialect);
                exchange.allow = methods;
                Err(Failure::new(FailureKind::MethodNotAllowed, "this path does not take this method"))
            }
            Ok(Found::Operation { operation, values }) => {
                tracing::Span::current().record("operation", &operation.id);
                exchange.dialect = Some(operation.dialect);
                exchange.reached = Reached::Operation(operation);
                exchange.takes_events = request::takes_events(request.headers());
                let headers = request::read(request.headers());
                exchange.respond_async = headers.as_ref().is_ok_and(|headers| headers.respond_async);
                let endpoint = self.endpoint(operation);
                let trace = arrival.is_for(operation, endpoint.is_ok());
                self.go_on_with(&trace, &request);
                let work = async { self.run(arrival, endpoint?, headers, values, request, &mut exchange).await };
                work.instrument(trace).await
            }
        };
        Exchange { elapsed: arrival.started.elapsed(), outcome, ..exchange }
    }

    /// Makes a request's span part of the trace that a trusted proxy names. Whoever may name one also decides whether
    /// it is kept.
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
        exchange: &mut Exchange,
    ) -> Result<Answer<Told>, Failure> {
        let registration = endpoint.registration();
        let operation = registration.operation;
        let (parts, body) = request.into_parts();
        if parts.version == Version::HTTP_11 && !parts.headers.contains_key(header::HOST) {
            return Err(Failure::unreadable("Host", "is missing"));
        }
        let headers = headers?;
        let (person, token) = caller(endpoint.as_ref(), &parts, arrival.now).await?.unzip();
        exchange.caller = person;
        if operation.command && headers.if_match.is_some() && !registration.takes_if_match() {
            return Err(Failure::unreadable("If-Match", "this operation's answer has no ETag to match"));
        }
        let mut parameters = parameters::read(operation, values, parts.uri.query().unwrap_or_default())?;
        if let Some(name) = operation.dialect.face.request_id
            && let Some(id) = parameters.remove(name)
        {
            let sane = id.as_str().filter(|id| request::is_sane(id));
            exchange.request_id =
                sane.ok_or_else(|| Failure::unreadable(name, "is not 1 to 128 letters, digits, -, _ or ."))?.to_owned();
        }
        let bounds = operation.bounds;
        let is_staff = |Person { account, roles, .. }: Person| {
            STAFF.is_always(&Context { roles, ..Context::by(account, arrival.now) })
        };
        let of_staff = bounds.of_staff > bounds.body && person.is_some_and(is_staff);
        let most = if of_staff { bounds.of_staff } else { bounds.body };
        let (bytes, mut body) = match &operation.body {
            Some(documented) => {
                let bytes = body::receive(&parts.headers, body, most, self.body_read_timeout).await?;
                exchange.unread = false;
                if documented.required && matches!(bytes.trim_ascii(), b"" | b"null") {
                    return Err(Failure::mistyped("body", "is required"));
                }
                let body = body::read(&parts.headers, &bytes, &documented.takes, bounds)?;
                (Bytes::from(bytes), body)
            }
            None => (Bytes::new(), Value::Null),
        };
        let (endpoint, operation) = match registration.forwards {
            true => {
                let forwarded = self.forwarded(operation.dialect, &body)?;
                (parameters, body) = (forwarded.parameters, forwarded.body);
                let registration = forwarded.endpoint.registration();
                exchange.reached = Reached::Operation(registration.operation);
                arrival.is_forwarded_to(registration.operation);
                if headers.if_match.is_some() && !registration.takes_if_match() {
                    return Err(Failure::unreadable("If-Match", "this operation's answer has no ETag to match"));
                }
                (forwarded.endpoint, registration.operation)
            }
            false => (endpoint, operation),
        };
        if let (Some(person), Some(field)) = (person, operation.actor) {
            let named = match &mut body {
                Value::Object(fields) => fields.remove(field),
                Value::Null => parameters.remove(field),
                _ => return Err(Failure::mistyped("body", "must be an object")),
            };
            check_actor(operation, field, named, person.account)?;
        }
        let is_of_foreign_page = token::is_of_foreign_page(&parts);
        let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_owned();
        let request = call::Request {
            operation,
            person,
            token,
            address: request::client(peer(&parts.extensions), &parts.headers, &self.trusted_proxies),
            parameters,
            body,
            bytes,
            media_type,
            headers,
            raw_headers: parts.headers,
            request_id: arrival.request_id.clone(),
            correlation_id: request::correlation_id(&arrival.request_id),
            now: arrival.now,
        };
        exchange.reached = Reached::Handler(operation);
        let mut answer = in_time(self.carry_out(arrival, endpoint, request)).await?;
        if is_of_foreign_page {
            // No other site logs a browser in or out.
            answer.headers.remove(header::SET_COOKIE);
        }
        Ok(answer)
    }

    /// What a body asks of another operation of the dialect. Only those are carried out that ask for a token as this
    /// one does: whoever need not be known has no rights to pass on.
    fn forwarded(&self, dialect: &Dialect, body: &Value) -> Result<Forwarded, Failure> {
        let wish = body.as_object().ok_or_else(|| Failure::mistyped("body", "must be an object"))?;
        if let Some(unknown) = wish.keys().find(|name| !["operationId", "query", "body"].contains(&name.as_str())) {
            return Err(Failure::mistyped(unknown, "is not known"));
        }
        let id = wish.get("operationId").and_then(Value::as_str);
        let id = id.ok_or_else(|| Failure::mistyped("operationId", "must be a text"))?;
        let unknown = || Failure::not_found("is no operation").on("operationId");
        let operation = contract::operation(dialect, id).ok_or_else(unknown)?;
        let endpoint = self.endpoint(operation)?;
        let Registration { token, forwards, .. } = endpoint.registration();
        if token != Token::Required || forwards {
            return Err(Failure::forbidden("is not forwarded").on("operationId"));
        }
        let query = match wish.get("query") {
            None | Some(Value::Null) => String::new(),
            Some(Value::Object(query)) => parameters::query(query)?,
            Some(_) => return Err(Failure::mistyped("query", "must be an object")),
        };
        let parameters = parameters::read(operation, Map::new(), &query)?;
        let body = wish.get("body").cloned().unwrap_or_default();
        match &operation.body {
            Some(documented) if documented.required && body.is_null() => Err(Failure::mistyped("body", "is required")),
            Some(documented) if !body.is_null() && !documented.takes.contains(&Media::Json) => {
                Err(Failure::mistyped("body", "cannot be JSON"))
            }
            None if !body.is_null() => Err(Failure::mistyped("body", "is not taken by this operation")),
            Some(_) | None => Ok(Forwarded { endpoint, parameters, body }),
        }
    }

    async fn carry_out(
        &self,
        arrival: &Arrival,
        endpoint: Arc<dyn Endpoint>,
        request: call::Request,
    ) -> Result<Answer<Told>, Failure> {
        let (command, respond_async) = (request.operation.command, request.headers.respond_async);
        if let (false, Some(position)) = (command, request.headers.after) {
            endpoint.passed(position, WAIT).await?;
        }
        // A task of its own: a client that hangs up does not stop a command half-way.
        let work = endpoint.run(request).instrument(arrival.trace()).instrument(tracing::Span::current());
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

/// Another operation, and what is asked of it.
struct Forwarded {
    endpoint: Arc<dyn Endpoint>,
    parameters: Map<String, Value>,
    body: Value,
}

/// Who calls, as far as the operation asks, and the token that says so.
async fn caller(
    endpoint: &dyn Endpoint,
    request: &Parts,
    now: DateTime<Utc>,
) -> Result<Option<(Person, String)>, Failure> {
    let Registration { operation, token, .. } = endpoint.registration();
    if token == Token::Ignored {
        return Ok(None);
    }
    let found = match token::find(operation, request) {
        Ok(Some(token)) => {
            let person = in_time(endpoint.authenticate(&token, now)).await;
            person.map(|person| Some((person, token.into_owned())))
        }
        Ok(None) if token == Token::Required => Err(Failure::unauthorised("a bearer token is needed")),
        Ok(None) => Ok(None),
        Err(failure) => Err(failure),
    };
    match found {
        Err(failure) if token == Token::Welcome && failure.kind == FailureKind::Unauthorised => Ok(None),
        found => found,
    }
}

/// Whoever a request names as acting must be who the token says. A body has to name them, a query where its parameter
/// is required.
fn check_actor(operation: &Operation, field: &str, named: Option<Value>, caller: EntityId) -> Result<(), Failure> {
    match named {
        Some(Value::String(named)) if named.parse() == Ok(caller) => Ok(()),
        Some(Value::String(_)) => Err(Failure::forbidden("is not your account").on(field)),
        None if operation.body.is_none() => Ok(()),
        None | Some(Value::Null) => Err(Failure::mistyped(field, "is required")),
        Some(_) => Err(Failure::mistyped(field, "must be a string")),
    }
}

#[cfg(test)]
mod tests;
