//! What went wrong with a request, before a dialect gives it a shape.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use caravan_domain::{Rejection, RejectionKind};
use http::StatusCode;
use serde_json::{Map, Value};

use crate::face::Names;

/// A request that is not answered with success. Not an error itself, so that `?` turns every error into one.
#[derive(Debug)]
pub struct Failure {
    pub kind: FailureKind,
    /// What is at fault: mostly one thing, never nothing.
    pub faults: Vec<Fault>,
    /// The rule of the domain that refused, by which a dialect may have a text or key of its own.
    pub rule: Option<&'static str>,
    /// When trying again makes sense.
    pub retry_after: Option<Duration>,
    /// What the client needs to go on, by the names it has in the dialect that shows it.
    pub besides: Map<String, Value>,
    /// For the log only.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// One thing that is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The part of the input: `users[0].phone_number`, a parameter, a header.
    pub field: Option<String>,
    /// Whether the field is as the client writes it; else it is a command's, which the dialect spells.
    written: bool,
    /// For the client, continuing the field ("is required"); names no other person and no internals. Other fields in it
    /// stand between backticks, "lies before `start_date`", until they are spelled.
    pub message: String,
}

impl Fault {
    /// A field as commands call it.
    pub fn of(field: impl Into<String>, message: impl Into<String>) -> Self {
        Fault { field: Some(field.into()), written: false, message: message.into() }
    }

    /// Field and message as one sentence.
    pub fn text(&self) -> String {
        match &self.field {
            Some(field) => format!("{field}: {}", self.message),
            None => self.message.clone(),
        }
    }
}

/// The nature of a [`Failure`]; a dialect gives it a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The request cannot be read: no JSON, a header or parameter that is none, more than we take in.
    Unreadable,
    /// A value is of the wrong shape: missing, unknown, a text instead of a number.
    Mistyped,
    /// A value is not allowed.
    Invalid,
    /// No token, or one that proves nobody.
    Unauthorised,
    Forbidden,
    NotFound,
    /// The path is documented, but not for this method.
    MethodNotAllowed,
    /// The state forbids it.
    Conflict,
    /// It existed and has ended for good.
    Gone,
    /// `If-Match` names another revision.
    PreconditionFailed,
    TooLarge,
    /// The body stopped on its way.
    TimedOut,
    /// The body is of a type that the operation does not take.
    MediaType,
    /// The idempotency key was used for another request.
    KeyReused,
    TooMany,
    /// Documented, but not served yet.
    NotServed,
    /// More is asked at the moment than we can do: no defect, so nothing for the log.
    Overloaded,
    /// A server behind cannot be reached now.
    Unavailable,
    /// A read model has not come as far as the query demands.
    Late,
    /// A defect, ours.
    Broken,
}

impl FailureKind {
    pub const ALL: [FailureKind; 20] = [
        FailureKind::Unreadable,
        FailureKind::Mistyped,
        FailureKind::Invalid,
        FailureKind::Unauthorised,
        FailureKind::Forbidden,
        FailureKind::NotFound,
        FailureKind::MethodNotAllowed,
        FailureKind::Conflict,
        FailureKind::Gone,
        FailureKind::PreconditionFailed,
        FailureKind::TooLarge,
        FailureKind::TimedOut,
        FailureKind::MediaType,
        FailureKind::KeyReused,
        FailureKind::TooMany,
        FailureKind::NotServed,
        FailureKind::Overloaded,
        FailureKind::Unavailable,
        FailureKind::Late,
        FailureKind::Broken,
    ];

    /// Whether it may be gone when the client tries again, so that the answer says when.
    pub fn passes(self) -> bool {
        use FailureKind::{Late, Overloaded, TooMany, Unavailable};
        matches!(self, TooMany | Overloaded | Unavailable | Late)
    }

    /// What a client is told that it means, as a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            FailureKind::Unreadable | FailureKind::Mistyped | FailureKind::Invalid => {
                "The input is wrong; the text names the field."
            }
            FailureKind::Unauthorised => "No bearer token, or one that proves nobody.",
            FailureKind::Forbidden => "The caller may not.",
            FailureKind::NotFound => "Something that the request names is not there.",
            FailureKind::MethodNotAllowed => "This path does not take this method.",
            FailureKind::Conflict => "The state forbids it.",
            FailureKind::Gone => "It has ended for good.",
            FailureKind::PreconditionFailed => "It was changed since the revision in `If-Match`.",
            FailureKind::TooLarge => "The body is larger than this operation takes.",
            FailureKind::TimedOut => "The body stopped on its way.",
            FailureKind::MediaType => "The body is not by its `Content-Type` what this operation takes.",
            FailureKind::KeyReused => "The `Idempotency-Key` was used for another request.",
            FailureKind::TooMany => "Too many attempts: try again after `Retry-After`.",
            FailureKind::NotServed => "Documented, but not served yet.",
            FailureKind::Overloaded => "Too many ask at once: try again after `Retry-After`.",
            FailureKind::Unavailable => {
                "A server behind cannot be reached now: try again after `Retry-After`; a command that was cut short may \
                 have been carried out."
            }
            FailureKind::Late => {
                "The read models have not come as far as `Caravan-After`: try again after `Retry-After`."
            }
            FailureKind::Broken => "A defect, ours; the log has it under the `X-Request-Id`.",
        }
    }

    /// The status, where a dialect does not say otherwise.
    pub fn status(self) -> StatusCode {
        match self {
            FailureKind::Unreadable | FailureKind::Mistyped | FailureKind::Invalid => StatusCode::BAD_REQUEST,
            FailureKind::Unauthorised => StatusCode::UNAUTHORIZED,
            FailureKind::Forbidden => StatusCode::FORBIDDEN,
            FailureKind::NotFound => StatusCode::NOT_FOUND,
            FailureKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            FailureKind::Conflict => StatusCode::CONFLICT,
            FailureKind::Gone => StatusCode::GONE,
            FailureKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            FailureKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            FailureKind::TimedOut => StatusCode::REQUEST_TIMEOUT,
            FailureKind::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            FailureKind::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            FailureKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
            FailureKind::NotServed => StatusCode::NOT_IMPLEMENTED,
            FailureKind::Overloaded | FailureKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            FailureKind::Late => StatusCode::GATEWAY_TIMEOUT,
            FailureKind::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Failure {
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let fault = Fault { field: None, written: false, message: message.into() };
        Failure { kind, faults: vec![fault], rule: None, retry_after: None, besides: Map::new(), source: None }
    }

    /// Several things are at fault; nothing where there are none.
    pub fn of(kind: FailureKind, faults: Vec<Fault>) -> Option<Self> {
        let any = !faults.is_empty();
        any.then_some(Failure { kind, faults, rule: None, retry_after: None, besides: Map::new(), source: None })
    }

    /// A part of the request cannot be read: `field`, and `message` continuing it ("is not a position").
    pub fn unreadable(field: impl Into<String>, message: impl Into<String>) -> Self {
        Failure::new(FailureKind::Unreadable, message).on(field)
    }

    /// A value is of the wrong shape.
    pub fn mistyped(field: impl Into<String>, message: impl Into<String>) -> Self {
        Failure::new(FailureKind::Mistyped, message).on(field)
    }

    /// A value is not allowed: `field`, as commands call it, and `message` continuing it ("lies before `start_date`").
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Failure::new(FailureKind::Invalid, message).on(field)
    }

    /// The same failure, with each field that is not written yet where `place` has it.
    pub(crate) fn placed(mut self, place: impl Fn(&str) -> String) -> Self {
        for fault in self.faults.iter_mut().filter(|fault| !fault.written) {
            if let Some(field) = &mut fault.field {
                *field = place(field);
                fault.written = true;
            }
        }
        self
    }

    pub fn unauthorised(message: impl Into<String>) -> Self {
        Failure::new(FailureKind::Unauthorised, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Failure::new(FailureKind::Forbidden, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Failure::new(FailureKind::NotFound, message)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Failure::new(FailureKind::Conflict, message)
    }

    pub fn too_many(retry_after: Duration) -> Self {
        let failure = Failure::new(FailureKind::TooMany, "too many attempts, try again later");
        Failure { retry_after: Some(retry_after), ..failure }
    }

    /// Too much is asked at the moment; the client may try again in a second.
    pub fn overloaded() -> Self {
        let failure = Failure::new(FailureKind::Overloaded, "too many ask at once, try again");
        Failure { retry_after: Some(Duration::from_secs(1)), ..failure }
    }

    /// A server behind cannot be reached now; the client may try again in a second.
    pub fn unavailable(message: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let failure = Failure::new(FailureKind::Unavailable, message);
        Failure { retry_after: Some(Duration::from_secs(1)), source: Some(source.into()), ..failure }
    }

    /// The read models are `lag` positions behind what the query has to see.
    pub fn late(lag: i64) -> Self {
        let failure = Failure::new(FailureKind::Late, format!("the read models are {lag} positions behind"));
        Failure { retry_after: Some(Duration::from_secs(1)), ..failure }
    }

    /// The read models do not show yet what the query needs.
    pub fn behind(message: impl Into<String>) -> Self {
        let failure = Failure::new(FailureKind::Unavailable, message);
        Failure { retry_after: Some(Duration::from_secs(1)), ..failure }
    }

    /// A defect: the source goes to the log, the client learns only that it is ours.
    pub fn broken(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let failure = Failure::new(FailureKind::Broken, "internal error");
        Failure { source: Some(source.into()), ..failure }
    }

    /// A business rule refused.
    pub fn rejected(rejection: Rejection) -> Self {
        let kind = match rejection.kind {
            RejectionKind::NotFound => FailureKind::NotFound,
            RejectionKind::Forbidden => FailureKind::Forbidden,
            RejectionKind::Conflict => FailureKind::Conflict,
            RejectionKind::Invalid => FailureKind::Invalid,
            RejectionKind::Gone => FailureKind::Gone,
        };
        let faults = rejection.faults.into_iter().map(|fault| Fault {
            field: fault.field.map(String::from),
            written: false,
            message: fault.message,
        });
        let rule = Some(rejection.rule);
        Failure { kind, faults: faults.collect(), rule, retry_after: None, besides: Map::new(), source: None }
    }

    /// The same failure, telling something that the client needs to go on.
    pub fn telling(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.besides.insert(name.to_owned(), value.into());
        self
    }

    /// The same failure, naming the field at fault.
    pub fn on(mut self, field: impl Into<String>) -> Self {
        let field = field.into();
        self.faults.iter_mut().for_each(|fault| fault.field = Some(field.clone()));
        self
    }

    /// The same failure, whose fields are as the client writes them.
    pub fn whose_field_is_written(mut self) -> Self {
        self.faults.iter_mut().for_each(|fault| fault.written = true);
        self
    }

    /// The same failure, its fields as the client writes them.
    pub(crate) fn spelled(mut self, names: Names) -> Self {
        for fault in self.faults.iter_mut().filter(|fault| !fault.written) {
            fault.field = fault.field.as_deref().map(|field| names.path(field));
            fault.message = names.message(&fault.message);
        }
        self.whose_field_is_written()
    }

    /// The first thing at fault, where a dialect has room for one.
    pub fn text(&self) -> String {
        self.faults.first().map(Fault::text).unwrap_or_default()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// What handlers get from the crates below, with `?`. A rejection is understood here; what any other error means to the
/// client, [`crate::Side::explain`] says when the handler has ended.
impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: Box<dyn Error + Send + Sync> = Box::new(error);
        match error.downcast::<Rejection>() {
            Ok(rejection) => Failure::rejected(*rejection),
            Err(error) => Failure::broken(error),
        }
    }
}
