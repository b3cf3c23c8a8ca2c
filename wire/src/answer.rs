//! What a handler gives back.

use std::time::Duration;

use axum::body::Bytes;
use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::Failure;

/// What a handler answers with: a body, and the origin that its headers tell of.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<O = Many> {
    pub content: Content,
    /// The contract's documented success status unless set.
    pub status: Option<StatusCode>,
    /// Whether it carries tokens or codes.
    pub secret: bool,
    /// Besides those of every answer, which they replace.
    pub(crate) headers: HeaderMap,
    origin: O,
}

/// A cookie that a browser keeps: it comes back over TLS only, and not with what other sites ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrowserCookie {
    name: &'static str,
    /// The paths that it comes back to begin with this.
    path: &'static str,
    /// Whether scripts of the page can read it.
    scripted: bool,
}

impl BrowserCookie {
    /// A cookie that comes back to every path, and which no script can read.
    pub const fn named(name: &'static str) -> BrowserCookie {
        BrowserCookie { name, path: "/", scripted: false }
    }

    /// The same, coming back to what begins with `path`.
    pub const fn path(self, path: &'static str) -> BrowserCookie {
        BrowserCookie { path, ..self }
    }

    /// The same, for scripts.
    pub const fn scripted(self) -> BrowserCookie {
        BrowserCookie { scripted: true, ..self }
    }
}

/// What a handler comes to.
pub type Outcome<O = Many> = Result<Answer<O>, Failure>;

/// The body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// In the dialect's shape, and of the media type that the contract documents.
    Json(Value),
    /// Text or bytes of a media type, sent as they are.
    Raw {
        media_type: &'static str,
        bytes: Bytes,
    },
    Empty,
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
        Answer::of_content(Content::Json(body))
    }

    pub fn empty() -> Self {
        Answer::of_content(Content::Empty)
    }

    /// Text or bytes: `text/markdown; charset=utf-8`, `image/png`.
    pub fn raw(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        Answer::of_content(Content::Raw { media_type, bytes: bytes.into() })
    }

    /// A page that needs nothing from elsewhere and runs no script.
    pub fn html(page: String) -> Self {
        const POLICY: HeaderValue = HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        );
        Answer::raw("text/html; charset=utf-8", page).header(header::CONTENT_SECURITY_POLICY, POLICY)
    }

    fn of_content(content: Content) -> Self {
        Answer { content, status: None, secret: false, headers: HeaderMap::new(), origin: Many }
    }

    /// Tells the global position of the last event that the answer comes from.
    pub fn at(self, position: i64) -> Answer<Log> {
        self.coming_from(Log { position })
    }

    /// Tells the revision of the one stream changed or shown, as ETag, and the global position of its last event.
    pub fn of(self, revision: i64, position: i64) -> Answer<Stream> {
        self.coming_from(Stream { revision, position })
    }
}

impl<O> Answer<O> {
    pub fn coming_from<N>(self, origin: N) -> Answer<N> {
        let Answer { content, status, secret, headers, .. } = self;
        Answer { content, status, secret, headers, origin }
    }

    /// Marks an answer that carries tokens or codes: it is never compressed, as its length would tell of them to
    /// whoever can make it repeat something of theirs.
    pub fn secret(self) -> Self {
        Answer { secret: true, ..self }
    }

    pub fn status(self, status: StatusCode) -> Self {
        Answer { status: Some(status), ..self }
    }

    /// Gives a header, instead of one of the same name.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Lets the browser keep a secret of visible ASCII for as long as `life`, or drop it where that is zero.
    pub fn cookie(mut self, cookie: BrowserCookie, secret: &str, life: Duration) -> Self {
        let BrowserCookie { name, path, scripted } = cookie;
        let cookie = Cookie::build((name, secret)).path(path).secure(true).http_only(!scripted);
        let cookie = cookie.same_site(SameSite::Strict);
        let cookie = cookie.max_age(life.try_into().unwrap_or(cookie::time::Duration::MAX)).build();
        if let Ok(cookie) = HeaderValue::from_str(&cookie.to_string()) {
            self.headers.append(header::SET_COOKIE, cookie);
        }
        self.secret()
    }
}

impl<O: Origin> Answer<O> {
    /// The same answer, whatever its origin.
    pub(crate) fn told(self) -> Answer<Told> {
        let Answer { content, status, secret, headers, origin } = self;
        Answer { content, status, secret, headers, origin: origin.told() }
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
