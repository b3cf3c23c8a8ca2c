//! What a handler gets and what it gives back.

use std::net::IpAddr;
use std::sync::Arc;

use caravan_domain::EntityId;
use caravan_domain::identity::Person;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Failure, Operation, typed};

/// One request to one operation: routed, authenticated, its parameters and body checked against the contract's types
/// and the general bounds.
pub struct Call<S> {
    pub state: Arc<S>,
    pub operation: &'static Operation,
    /// Who calls; `None` only on operations registered as public.
    pub person: Option<Person>,
    /// Where the client is; of an IPv6 client only its network (/64), in which it can take any address. A proxy in
    /// front that is not trusted hides its clients, which then share their limits.
    pub address: IpAddr,
    /// Query and path parameters by name, as the contract types them.
    pub parameters: Map<String, Value>,
    /// The JSON body; null where the operation documents none.
    pub body: Value,
    pub headers: Headers,
    /// What the client calls this request, or a name made for it; it is in the log and in the answer's header.
    pub request_id: String,
    /// The request id as a UUID, for the metadata of events.
    pub correlation_id: Uuid,
    /// When the request came in.
    pub now: DateTime<Utc>,
}

/// Request headers with a meaning of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// `Idempotency-Key`: 1–255 visible ASCII characters.
    pub idempotency_key: Option<String>,
    /// `If-Match`: the revision that the client has seen; less than -1 for an ETag that no revision has.
    pub if_match: Option<i64>,
    /// `Prefer: respond-async`: answer without waiting for the read models.
    pub respond_async: bool,
    /// `Caravan-After`: the position that the answer must have seen.
    pub after: Option<i64>,
}

impl<S> Call<S> {
    /// The body as a type that has the names of commands; a failure names the field as the client writes it.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        typed::read(&self.body, self.operation.names, "body")
    }

    /// Query and path parameters as a type, likewise.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        typed::read(&Value::Object(self.parameters.clone()), self.operation.names, "query")
    }

    /// Who calls; unauthorised where nobody is known.
    pub fn person(&self) -> Result<Person, Failure> {
        self.person.ok_or_else(|| Failure::unauthorised("a bearer token is needed"))
    }

    /// The account that calls.
    pub fn account(&self) -> Result<EntityId, Failure> {
        Ok(self.person()?.account)
    }
}

/// What a handler answers with: a body in the dialect's shape, and the origin that its headers tell of.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<O = Many> {
    pub body: Value,
    /// The contract's documented success status unless set.
    pub status: Option<StatusCode>,
    /// Whether it carries tokens or codes.
    pub secret: bool,
    origin: O,
}

/// Where an answer comes from. It is part of a handler's type, so that an operation tells the same of it each time,
/// which is what its document says.
pub trait Origin: Send + 'static {
    const TELLS: Tells;
    fn told(self) -> Told;
}

/// What the headers of an operation's success tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tells {
    pub etag: bool,
    pub position: bool,
}

/// What the headers of one answer tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub(crate) etag: Option<i64>,
    pub(crate) position: Option<i64>,
}

/// Many streams, or none: nothing is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Many;

/// Several streams, up to a position of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    position: i64,
}

/// The one stream changed or shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    pub revision: i64,
    /// Global position of its last event.
    pub position: i64,
}

impl Origin for Many {
    const TELLS: Tells = Tells { etag: false, position: false };

    fn told(self) -> Told {
        Told { etag: None, position: None }
    }
}

impl Origin for Log {
    const TELLS: Tells = Tells { etag: false, position: true };

    fn told(self) -> Told {
        Told { etag: None, position: Some(self.position) }
    }
}

impl Origin for Stream {
    const TELLS: Tells = Tells { etag: true, position: true };

    fn told(self) -> Told {
        Told { etag: Some(self.revision), position: Some(self.position) }
    }
}

/// A stream that may not exist: nothing is told of what is shown instead.
impl<O: Origin> Origin for Option<O> {
    const TELLS: Tells = O::TELLS;

    fn told(self) -> Told {
        self.map_or(Many.told(), O::told)
    }
}

impl Answer {
    pub fn json(body: Value) -> Self {
        Answer { body, status: None, secret: false, origin: Many }
    }

    /// Tells the global position of the last event that the answer comes from.
    pub fn at(self, position: i64) -> Answer<Log> {
        self.coming_from(Log { position })
    }

    /// Tells the revision of the one stream changed or shown, as ETag, and the global position of its last event.
    pub fn of(self, revision: i64, position: i64) -> Answer<Stream> {
        self.coming_from(Stream { revision, position })
    }

    pub fn coming_from<O>(self, origin: O) -> Answer<O> {
        Answer { body: self.body, status: self.status, secret: self.secret, origin }
    }
}

impl<O> Answer<O> {
    /// Marks an answer that carries tokens or codes: it is never compressed, as its length would tell of them to
    /// whoever can make it repeat something of theirs.
    pub fn secret(self) -> Self {
        Answer { secret: true, ..self }
    }

    pub fn status(self, status: StatusCode) -> Self {
        Answer { status: Some(status), ..self }
    }
}

impl<O: Origin> Answer<O> {
    /// The same answer, whatever its origin.
    pub(crate) fn told(self) -> Answer<Told> {
        Answer { body: self.body, status: self.status, secret: self.secret, origin: self.origin.told() }
    }
}

impl Answer<Told> {
    pub(crate) fn etag(&self) -> Option<i64> {
        self.origin.etag
    }

    pub(crate) fn position(&self) -> Option<i64> {
        self.origin.position
    }
}
