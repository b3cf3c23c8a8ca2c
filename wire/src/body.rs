//! Reads a body within bounds; what exceeds them is refused with the path of the field.

use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::face::MIB;
use crate::{Bounds, Failure, FailureKind, Media, parameters, unique};

/// Bytes beyond what is taken in that are still read and dropped: a sender listens when it has sent all, and one that
/// is cut off before never hears why.
const MAX_DROPPED: usize = 16 * MIB;
/// A body may take this many times as long as it may stop on its way, so that nobody trickles one in for ever.
const MOST_PAUSES: u32 = 10;
/// Objects and lists within each other.
const MAX_NESTING: usize = 32;

/// The bytes of a request's body, `most` of them; `patience` is how long it may stop on its way.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    patience: Duration,
) -> Result<Vec<u8>, Failure> {
    let late = |_| Failure::new(FailureKind::TimedOut, "did not arrive in time").on("body");
    tokio::time::timeout(patience * MOST_PAUSES, collect(headers, body, most, patience)).await.map_err(late)?
}

/// The body of a request as a value: JSON, or a form as an object of texts; null where it is empty, or has parts, which
/// its handler reads.
pub(crate) fn read(headers: &HeaderMap, bytes: &[u8], takes: &[Media], bounds: Bounds) -> Result<Value, Failure> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let value = match Media::of(&media_type).filter(|media| takes.contains(media)) {
        Some(Media::Json) => parse(bytes)?,
        Some(Media::Form) => form(bytes)?,
        Some(Media::Multipart) => Value::Null,
        None => {
            let taken: Vec<&str> = takes.iter().map(|media| media.name()).collect();
            let message = format!("must be {}", taken.join(" or "));
            return Err(Failure::new(FailureKind::MediaType, message).on("Content-Type"));
        }
    };
    check(&value, bounds, &mut Path::default())?;
    Ok(value)
}

async fn collect(headers: &HeaderMap, body: Body, most: usize, patience: Duration) -> Result<Vec<u8>, Failure> {
    let stopped = |_| Failure::new(FailureKind::TimedOut, "stopped on its way").on("body");
    let too_large = || Failure::new(FailureKind::TooLarge, format!("is larger than {} MiB", most / MIB)).on("body");
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let asks_first = headers.contains_key(header::EXPECT);
    if announced.is_some_and(|length| length > MAX_DROPPED || (length > most && asks_first)) {
        return Err(too_large());
    }
    // What is announced need not come.
    let mut bytes = Vec::with_capacity(announced.unwrap_or_default().min(MIB));
    let mut length = 0;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = tokio::time::timeout(patience, chunks.next()).await.map_err(stopped)? {
        let chunk = chunk.map_err(|_| Failure::unreadable("body", "could not be read"))?;
        length += chunk.len();
        if length > MAX_DROPPED {
            break;
        }
        if length <= most {
            bytes.extend_from_slice(&chunk);
        }
    }
    if length > most { Err(too_large()) } else { Ok(bytes) }
}

fn form(bytes: &[u8]) -> Result<Value, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|_| Failure::unreadable("body", "is not UTF-8"))?;
    let mut fields = Map::new();
    for pair in parameters::pairs(text) {
        let (name, value) = pair.map_err(|name| Failure::unreadable(name, "is not UTF-8"))?;
        if fields.contains_key(&name) {
            return Err(Failure::unreadable(name, "is given twice"));
        }
        fields.insert(name, Value::from(value));
    }
    Ok(Value::Object(fields))
}

fn parse(bytes: &[u8]) -> Result<Value, Failure> {
    unique::parse(bytes).map_err(|error| Failure::unreadable("body", format!("is not readable JSON: {error}")))
}

/// Where in the body we are.
#[derive(Default)]
struct Path<'v>(Vec<Step<'v>>);

enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

impl Path<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.0 {
            match step {
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => {
                    text.push('.');
                    text.push_str(key);
                }
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        if text.is_empty() { "body".to_owned() } else { text }
    }
}

fn check<'v>(value: &'v Value, bounds: Bounds, path: &mut Path<'v>) -> Result<(), Failure> {
    let nested = matches!(value, Value::Array(_) | Value::Object(_));
    if nested && path.0.len() >= MAX_NESTING {
        return Err(Failure::unreadable(path.text(), format!("is nested deeper than {MAX_NESTING}")));
    }
    match value {
        Value::String(text) => check_text(text, bounds, path),
        Value::Array(values) => {
            if values.len() > bounds.list {
                return Err(Failure::unreadable(path.text(), format!("has more than {} entries", bounds.list)));
            }
            for (index, value) in values.iter().enumerate() {
                path.0.push(Step::Index(index));
                check(value, bounds, path)?;
                path.0.pop();
            }
            Ok(())
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                check_text(name, bounds, path)?;
                path.0.push(Step::Key(name));
                check(value, bounds, path)?;
                path.0.pop();
            }
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn check_text(text: &str, bounds: Bounds, path: &Path<'_>) -> Result<(), Failure> {
    match fault(text, bounds) {
        Some(message) => Err(Failure::unreadable(path.text(), message)),
        None => Ok(()),
    }
}

/// What is wrong with a text that is too long or holds a NUL character, which Postgres cannot store.
pub(crate) fn fault(text: &str, bounds: Bounds) -> Option<String> {
    if text.contains('\0') {
        return Some("contains a NUL character".to_owned());
    }
    let too_long = text.len() > bounds.text && text.chars().nth(bounds.text).is_some();
    too_long.then(|| format!("is longer than {} characters", bounds.text))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn json(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Failure> {
        read(headers, bytes, &[Media::Json], Bounds::USUAL)
    }

    async fn refused(media_type: &'static str, body: impl Into<Body>) -> (FailureKind, String) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        let received = receive(&headers, body.into(), MIB, PATIENCE).await;
        let failure = received.and_then(|bytes| json(&headers, &bytes)).unwrap_err();
        (failure.kind, failure.text())
    }

    async fn refused_json(value: Value) -> String {
        refused("application/json", value.to_string()).await.1
    }

    #[tokio::test]
    async fn a_body_is_json_of_a_json_type() {
        let mut headers = HeaderMap::new();
        assert_eq!(json(&headers, b"").unwrap(), Value::Null);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("Application/JSON; charset=utf-8"));
        assert_eq!(json(&headers, b"{\"a\": 1}").unwrap(), json!({"a": 1}));
        assert_eq!(refused("text/plain", "{}").await.0, FailureKind::MediaType);
        assert!(refused("application/json", "{").await.1.starts_with("body: is not readable JSON"));
        assert_eq!(refused("application/json", vec![b' '; MIB + 1]).await.0, FailureKind::TooLarge);
    }

    #[test]
    fn a_form_is_an_object_of_texts_and_no_json() {
        let form = |media_type: &'static str, body: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
            let failed = |failure: Failure| (failure.kind, failure.text());
            read(&headers, body.as_bytes(), &[Media::Form], Bounds::USUAL).map_err(failed)
        };
        const FORM: &str = "application/x-www-form-urlencoded";
        assert_eq!(form(FORM, "scope=a+b&x=%C3%A4&empty"), Ok(json!({"scope": "a b", "x": "ä", "empty": ""})));
        let unreadable = |text: &str| Err((FailureKind::Unreadable, text.to_owned()));
        assert_eq!(form(FORM, "a=1&a=2"), unreadable("a: is given twice"));
        assert_eq!(form(FORM, "a=%ff"), unreadable("a: is not UTF-8"));
        assert_eq!(form(FORM, "a=%00"), unreadable("a: contains a NUL character"));
        let told = "Content-Type: must be application/x-www-form-urlencoded".to_owned();
        assert_eq!(form("application/json", "{}"), Err((FailureKind::MediaType, told)));
    }

    #[tokio::test]
    async fn a_large_body_without_a_length_is_refused_too() {
        let chunks = futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024])));
        assert_eq!(refused("application/json", Body::from_stream(chunks)).await.0, FailureKind::TooLarge);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_or_trickles_is_given_up() {
        let begun = tokio::time::Instant::now();
        let stopping = futures::stream::once(async { Ok::<_, std::io::Error>("{") }).chain(futures::stream::pending());
        assert_eq!(refused("application/json", Body::from_stream(stopping)).await.0, FailureKind::TimedOut);
        assert_eq!(begun.elapsed(), PATIENCE);
        let trickling = futures::stream::repeat(" ").then(|piece| async move {
            tokio::time::sleep(PATIENCE / 2).await;
            Ok::<_, std::io::Error>(piece)
        });
        let begun = tokio::time::Instant::now();
        assert_eq!(refused("application/json", Body::from_stream(trickling)).await.0, FailureKind::TimedOut);
        assert_eq!(begun.elapsed(), PATIENCE * MOST_PAUSES);
    }

    #[tokio::test]
    async fn what_exceeds_the_bounds_is_named() {
        let long = "x".repeat(10_001);
        assert_eq!(refused_json(json!({"a": [{"b": long}]})).await, "a[0].b: is longer than 10000 characters");
        assert_eq!(refused_json(json!({"a": "nul\0"})).await, "a: contains a NUL character");
        assert_eq!(refused_json(json!({"a": {"nul\0": 1}})).await, "a: contains a NUL character");
        assert_eq!(refused_json(json!({"a": vec![0; 1_001]})).await, "a: has more than 1000 entries");
        let deep = (0..33).fold(json!(1), |inner, _| json!([inner]));
        assert!(refused_json(deep).await.ends_with("is nested deeper than 32"));
        let hundreds = "[".repeat(500) + &"]".repeat(500);
        assert!(refused("application/json", hundreds).await.1.starts_with("body: is not readable JSON"));
    }
}
