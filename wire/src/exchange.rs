//! A request and how it ended, and the response that this makes.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use caravan_domain::identity::Person;
use chrono::{DateTime, Utc};
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::arrival::Arrival;
use crate::contract::EVENT_STREAM;
use crate::{Answer, Content, Dialect, Failure, FailureKind, Operation, Told};

/// A request and how it ended: all that a dialect's face makes a response of.
pub struct Exchange {
    /// Whose failures it is answered with; none outside of all dialects.
    pub(crate) dialect: Option<&'static Dialect>,
    pub reached: Reached,
    pub caller: Option<Person>,
    pub request_id: String,
    pub arrived: DateTime<Utc>,
    pub elapsed: Duration,
    pub outcome: Result<Answer<Told>, Failure>,
    /// The methods that the path takes, where it takes others.
    pub(crate) allow: Vec<Method>,
    pub(crate) respond_async: bool,
    /// Whether the client takes an event of a stream.
    pub(crate) takes_events: bool,
    /// Whether something of the request's body was not read.
    pub(crate) unread: bool,
}

/// How far a request came.
#[derive(Debug, Clone, Copy)]
pub enum Reached {
    /// What it asks for is no operation.
    Nothing,
    /// It was stopped before it was handled.
    Operation(&'static Operation),
    /// It was trusted and read, and its handler decided.
    Handler(&'static Operation),
}

impl Reached {
    pub fn operation(self) -> Option<&'static Operation> {
        match self {
            Reached::Nothing => None,
            Reached::Operation(operation) | Reached::Handler(operation) => Some(operation),
        }
    }
}

/// Marks a response that stays as it is.
#[derive(Clone, Copy)]
pub(crate) struct Uncompressed;

impl Exchange {
    /// What is known when it arrives.
    pub(crate) fn of(arrival: &Arrival) -> Exchange {
        Exchange {
            dialect: None,
            reached: Reached::Nothing,
            caller: None,
            request_id: arrival.request_id.clone(),
            arrived: arrival.now,
            elapsed: Duration::ZERO,
            outcome: Err(Failure::broken("no outcome")),
            allow: vec![],
            respond_async: false,
            takes_events: false,
            unread: false,
        }
    }

    pub fn status(&self) -> StatusCode {
        match (&self.outcome, self.dialect) {
            (Ok(answer), _) => answer.status.or(self.reached.operation().map(|o| o.success)).unwrap_or(StatusCode::OK),
            (Err(failure), Some(dialect)) => (dialect.face.status)(failure.kind, self.reached),
            (Err(failure), None) => failure.kind.status(),
        }
    }

    /// The JSON of a success as its handler made it, or what is made of a failure.
    pub(crate) fn plain(&self, failed: impl FnOnce(&Failure) -> Value) -> Cow<'_, Value> {
        match &self.outcome {
            Ok(Answer { content: Content::Json(body), .. }) => Cow::Borrowed(body),
            Ok(_) => Cow::Owned(Value::Null),
            Err(failure) => Cow::Owned(failed(failure)),
        }
    }

    /// Media type and body.
    fn body(&self) -> (Option<&str>, Body) {
        if let Ok(Answer { content: Content::Raw { media_type, bytes }, .. }) = &self.outcome {
            return (Some(media_type), Body::from(bytes.clone()));
        }
        if let Ok(Answer { content: Content::Empty, .. }) = &self.outcome {
            return (None, Body::empty());
        }
        let succeeded = self.reached.operation().filter(|_| self.outcome.is_ok());
        let documented = succeeded.and_then(|operation| operation.json.as_deref());
        match self.dialect {
            // JSON has no line breaks but where it is printed for people.
            Some(dialect) if self.takes_events && succeeded.is_some_and(|operation| operation.streamed) => {
                (Some(EVENT_STREAM), Body::from(format!("data: {}\n\n", (dialect.face.body)(self))))
            }
            Some(dialect) => {
                let face = &dialect.face;
                (Some(documented.unwrap_or(face.media_type)), Body::from((face.body)(self).to_string()))
            }
            None => (Some("application/problem+json"), Body::from(self.plain(problem).to_string())),
        }
    }

    /// A failure of ours goes to the log, once.
    pub(crate) fn record(&self) {
        let status = self.status();
        if let Err(failure) = &self.outcome
            && status.is_server_error()
            && !matches!(failure.kind, FailureKind::NotServed | FailureKind::Overloaded)
        {
            tracing::error!(status = status.as_u16(), error = chain(failure), "a request failed");
        }
    }

    pub(crate) fn respond(self) -> Response {
        let (media_type, body) = self.body();
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        let mut set = |name: &'static str, value: String| {
            // All values are ASCII: ours, or a request id that was checked.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        };
        if let Some(media_type) = media_type {
            set("content-type", media_type.to_owned());
        }
        set("cache-control", "no-store".to_owned());
        set("x-content-type-options", "nosniff".to_owned());
        set("x-request-id", self.request_id);
        if self.unread {
            set("connection", "close".to_owned());
        }
        match self.outcome {
            Ok(answer) => {
                if let Some(revision) = answer.etag() {
                    set("etag", format!("\"{revision}\""));
                }
                if let Some(position) = answer.position() {
                    set("caravan-position", position.to_string());
                }
                if self.respond_async && self.reached.operation().is_some_and(|operation| operation.command) {
                    set("preference-applied", "respond-async".to_owned());
                }
                if answer.secret {
                    response.extensions_mut().insert(Uncompressed);
                }
                response.headers_mut().extend(answer.headers);
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

/// A failure outside of all dialects.
fn problem(failure: &Failure) -> Value {
    let status = failure.kind.status();
    let title = status.canonical_reason().unwrap_or("Error");
    json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": failure.text()})
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
