//! What a handler gets.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use axum::body::Bytes;
use caravan_domain::EntityId;
use caravan_domain::identity::Person;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Failure, Operation, Place, typed};

/// One request to one operation, and what its side works on.
pub struct Call<S> {
    pub state: Arc<S>,
    pub(crate) request: Request,
}

/// One request to one operation: routed, authenticated, its parameters and body checked against the contract's types
/// and the general bounds.
pub struct Request {
    pub operation: &'static Operation,
    /// Who calls; `None` only on operations that may be called without a good token.
    pub person: Option<Person>,
    /// The token that the person is known by, for dialects that show it again; it belongs in no log.
    pub token: Option<String>,
    /// Where the client is; of an IPv6 client only its network (/64), in which it can take any address. A proxy in
    /// front that is not trusted hides its clients, which then share their limits.
    pub address: IpAddr,
    /// Query and path parameters by name, as the contract types them.
    pub parameters: Map<String, Value>,
    /// The body: JSON, or an object of a form's texts; null where it has parts or the operation documents none.
    pub body: Value,
    /// The body as it came, for parts and signatures.
    pub bytes: Bytes,
    /// What the client calls the body, with the boundary of its parts; empty where it says nothing.
    pub media_type: String,
    pub headers: Headers,
    /// All of them as they came; they belong in no log.
    pub raw_headers: HeaderMap,
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
    /// `Time-Zone`: where the client's days begin; UTC where it says nothing.
    pub zone: Tz,
}

impl<S> Deref for Call<S> {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.request
    }
}

impl Request {
    /// What the request shows in a place of tokens that the service does not look into: a token of another sort.
    pub fn shown_in(&self, place: Place) -> Option<String> {
        place.in_headers(&self.raw_headers).into_iter().next().map(Cow::into_owned)
    }

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
