//! The page of all operations, `/docs`: Scalar's, with the documents of this process, and nothing from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::openapi::Which;
use crate::service::Service;
use crate::{Answer, DIALECTS, Operation};

/// Nothing is loaded from or sent to another origin, whatever the script would do. Styles may be inline: Scalar writes
/// style attributes by the hundred, which no nonce and no hash can allow. Scripts may not, and none is evaluated.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What all parts of the page come with. Browsers keep them, and ask each time whether they are still the same.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
];

const SCRIPT: (HeaderName, &str) = (header::CONTENT_TYPE, "text/javascript; charset=utf-8");

/// Scalar's script, in gzip.
const SCALAR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scalar.js.gz"));

const SCALAR_TAG: &str = concat!("\"", env!("SCALAR_TAG"), "\"");

pub(crate) fn router() -> Router<Arc<Service>> {
    Router::new()
        .route("/docs", get(Html(include_str!("reference.html"))))
        .route("/docs/start.js", get(async |Query(which): Query<Which>| ([SCRIPT], start(&which))))
        .route("/docs/scalar.js", get(scalar))
        .layer(map_response(async |mut response: Response| {
            response.headers_mut().extend(HEADERS);
            response
        }))
}

/// A page of the operations of one group, of which the one given is one.
pub fn reference_of(operation: &Operation) -> Answer {
    let which = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("dialect", operation.dialect.name), ("group", &operation.group)])
        .finish();
    let start = format!("/docs/start.js?{}", which.replace('&', "&amp;"));
    let page = include_str!("reference.html").replace("/docs/start.js", &start);
    let answer = Answer::raw("text/html; charset=utf-8", page);
    HEADERS.into_iter().fold(answer, |answer, (name, value)| answer.header(name, value))
}

/// What starts Scalar: a file of its own, since an inline script would have to be allowed.
fn start(which: &Which) -> String {
    let source = |dialect: &str, query: String| json!({"title": dialect, "slug": dialect, "url": format!("/openapi.json?{query}")});
    let sources: Vec<Value> = match which {
        Which { dialect: Some(dialect), group: Some(group) } => {
            let which = [("dialect", dialect), ("group", group)];
            vec![source(dialect, form_urlencoded::Serializer::new(String::new()).extend_pairs(which).finish())]
        }
        _ => DIALECTS.iter().map(|dialect| source(dialect.name, format!("dialect={}", dialect.name))).collect(),
    };
    let configuration = json!({
        "sources": sources,
        "withDefaultFonts": false,
        "telemetry": false,
        // Unset, it may be a proxy of Scalar's.
        "proxyUrl": "",
        "agent": {"disabled": true},
        "mcp": {"disabled": true},
        "hideClientButton": true,
        "showDeveloperTools": "never",
        "documentDownloadType": "direct",
        "showOperationId": true,
        "authentication": {"preferredSecurityScheme": "bearer"},
    });
    format!("Scalar.createApiReference(\"#reference\", {configuration});\n")
}

/// In gzip for everybody: only browsers run it, and each of them unpacks that.
async fn scalar(asked: HeaderMap) -> Response {
    let tag = [(header::ETAG, SCALAR_TAG)];
    if asked.get(header::IF_NONE_MATCH).is_some_and(|known| known == SCALAR_TAG) {
        return (StatusCode::NOT_MODIFIED, tag).into_response();
    }
    (tag, [SCRIPT, (header::CONTENT_ENCODING, "gzip")], SCALAR).into_response()
}
