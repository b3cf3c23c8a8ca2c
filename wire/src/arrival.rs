//! A request from its arrival until its answer has gone out: counted, timed, noted in one line, and traced.
//!
//! No path, query or address is kept, only the documented operation: who calls, and what for, is nobody's business
//! here.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use caravan_clock::Clock;
use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use http_body::{Frame, SizeHint};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use tracing::Span;
use tracing::field::Empty;

use crate::{DIALECTS, Operation, request};

/// The status of a request whose client left before it was answered, as proxies note it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What stands for a dialect outside of all.
const NONE: &str = "none";
/// What stands for an operation where a path is not documented.
const UNKNOWN: &str = "unknown";
/// What stands for an operation that is documented, but not served by this process.
const UNSERVED: &str = "unserved";

/// A request that has arrived.
pub(crate) struct Arrival {
    pub now: DateTime<Utc>,
    pub started: Instant,
    pub request_id: String,
    method: &'static str,
    route: OnceLock<Route>,
    /// What is carried out, where the request named another operation than its path does.
    forwarded: OnceLock<&'static str>,
    trace: OnceLock<Span>,
}

/// Where a request was led.
struct Route {
    dialect: &'static str,
    operation: Cow<'static, str>,
    served: bool,
}

impl Arrival {
    fn of(request: &Request, now: DateTime<Utc>) -> Arrival {
        let (route, forwarded, trace) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        if let Some(page) = request.extensions().get::<MatchedPath>() {
            let page = Cow::Owned(page.as_str().to_owned());
            let _ = route.set(Route { dialect: NONE, operation: page, served: true });
        }
        let request_id = request::request_id(request.headers());
        let method = known(request.method());
        Arrival { now, started: Instant::now(), request_id, method, route, forwarded, trace }
    }

    /// Takes note of which operation is asked for and whether this process serves it. What is done for it happens in
    /// the span that this gives; it is disabled where no traces are kept.
    pub(crate) fn is_for(&self, operation: &'static Operation, served: bool) -> Span {
        let (dialect, id) = operation.key();
        let _ = self.route.set(Route { dialect, operation: id.into(), served });
        // Spans of traces are those that say their kind.
        let span = tracing::info_span!(
            "request",
            otel.kind = "server",
            otel.name = format!("{} {}", self.method, operation.path),
            otel.status_code = Empty,
            http.request.method = self.method,
            http.route = operation.path,
            http.response.status_code = Empty,
            http.response.body.size = Empty,
            "error.type" = Empty,
            url.scheme = "http",
            caravan.dialect = dialect,
            caravan.operation = id,
            caravan.request_id = self.request_id,
        );
        let _ = self.trace.set(span.clone());
        span
    }

    /// Takes note that another operation of the dialect is carried out than the one asked for: it is what counts.
    pub(crate) fn is_forwarded_to(&self, operation: &'static Operation) {
        let _ = self.forwarded.set(&operation.id);
        self.trace().record("caravan.operation", &operation.id);
    }

    /// Its span in the trace.
    pub(crate) fn trace(&self) -> Span {
        self.trace.get().cloned().unwrap_or_else(Span::none)
    }
}

/// A method as it may be shown: clients can make up others.
fn known(method: &Method) -> &'static str {
    const KNOWN: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    static NAMES: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.iter().zip(NAMES).find(|(known, _)| *known == method).map_or("_OTHER", |(_, name)| name)
}

/// Sees a request through.
pub(crate) async fn observe(State(clock): State<Clock>, mut request: Request, next: Next) -> Response {
    let arrival = Arc::new(Arrival::of(&request, clock.now()));
    gauge!("caravan_http_requests_in_flight").increment(1);
    let mut observation = Observation { arrival: arrival.clone(), status: None, bytes: 0 };
    request.extensions_mut().insert(arrival);
    let response = next.run(request).await;
    observation.status = Some(response.status());
    response.map(|body| Body::new(Observed { body, observation }))
}

/// Ends when dropped: with the last of its answer, or when its client has gone.
struct Observation {
    arrival: Arc<Arrival>,
    status: Option<StatusCode>,
    bytes: u64,
}

impl Drop for Observation {
    fn drop(&mut self) {
        let Arrival { started, request_id, method, route, forwarded, trace, .. } = &*self.arrival;
        let (elapsed, bytes) = (started.elapsed(), self.bytes);
        let status = self.status.map_or(CLIENT_CLOSED_REQUEST, |status| status.as_u16());
        let nowhere = Route { dialect: NONE, operation: UNKNOWN.into(), served: true };
        let Route { dialect, operation, served } = route.get().unwrap_or(&nowhere);
        let operation = forwarded.get().map_or_else(|| operation.clone(), |forwarded| Cow::Borrowed(*forwarded));
        let label = if *served { operation.clone() } else { UNSERVED.into() };
        gauge!("caravan_http_requests_in_flight").decrement(1);
        counter!("caravan_http_requests_total", "dialect" => *dialect, "operation" => label.clone(), "status" => class(status))
            .increment(1);
        histogram!("caravan_http_request_duration_seconds", "dialect" => *dialect, "operation" => label)
            .record(elapsed);
        let duration_ms = elapsed.as_micros() as f64 / 1e3;
        tracing::info!(
            target: "caravan::access",
            method, dialect, operation = &*operation, status, duration_ms, bytes, request_id,
        );
        if let Some(trace) = trace.get().filter(|trace| !trace.is_disabled()) {
            trace.record("http.response.status_code", status).record("http.response.body.size", bytes);
            if status >= 500 {
                trace.record("otel.status_code", "ERROR").record("error.type", status.to_string());
            }
        }
    }
}

fn class(status: u16) -> &'static str {
    match status {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

/// Says what is counted, and starts every count at 0.
pub(crate) fn begin<'a>(served: impl Iterator<Item = (&'a str, &'static str)>) {
    describe_counter!(
        "caravan_http_requests_total",
        "Requests by dialect, operation (the one carried out, where a request names another) and class of status; a client \
         that left unanswered counts as 4xx (499)"
    );
    describe_histogram!(
        "caravan_http_request_duration_seconds",
        Unit::Seconds,
        "Time from a request's header to the end of its answer"
    );
    describe_gauge!("caravan_http_requests_in_flight", "Requests that are not answered to the end yet");
    gauge!("caravan_http_requests_in_flight").set(0);
    let dialects = DIALECTS.iter().map(|dialect| dialect.name);
    let others = dialects.map(|dialect| (dialect, UNSERVED)).chain([(NONE, UNKNOWN)]);
    let served = served.map(|(dialect, operation)| (dialect.to_owned(), operation));
    for (dialect, operation) in others.map(|(dialect, operation)| (dialect.to_owned(), operation)).chain(served) {
        for status in ["2xx", "4xx", "5xx"] {
            counter!("caravan_http_requests_total", "dialect" => dialect.clone(), "operation" => operation, "status" => status)
                .increment(0);
        }
    }
}

/// A body on its way out.
struct Observed {
    body: Body,
    observation: Observation,
}

impl HttpBody for Observed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.observation.bytes += data.len() as u64;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
