//! What every role answers besides operations: health, metrics, the documents and the page to read them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde_json::json;

use crate::openapi::Which;
use crate::service::{Metrics, Service, Settings};
use crate::{DIALECTS, Documents, reference};

pub(crate) fn router(settings: &Settings, documents: Documents) -> Router<Arc<Service>> {
    let readiness = settings.readiness.clone();
    let documents = Arc::new(documents);
    let measured = settings.metrics.clone().map_or_else(Router::new, metrics);
    measured
        .merge(reference::router())
        .route("/", get(|| async { Redirect::temporary("/docs") }))
        .route("/openapi.json", get(move |query| async move { document(&documents, query) }))
        .route("/health/live", get(|| async { axum::Json(json!({"status": "live"})) }))
        .route(
            "/health/ready",
            get(move || async move {
                let missing = readiness.missing();
                if missing.is_empty() {
                    (StatusCode::OK, axum::Json(json!({"status": "ready"})))
                } else {
                    let body = json!({"status": "not ready", "missing": missing});
                    (StatusCode::SERVICE_UNAVAILABLE, axum::Json(body))
                }
            }),
        )
}

/// The page that Prometheus asks for.
pub fn metrics<S: Clone + Send + Sync + 'static>(render: Metrics) -> Router<S> {
    let media_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new().route("/metrics", get(move || async move { (media_type, render()) }))
}

fn document(documents: &Documents, Query(which): Query<Which>) -> Response {
    if let Some(document) = documents.find(&which) {
        return ([(header::CONTENT_TYPE, "application/json")], document.to_owned()).into_response();
    }
    let names = DIALECTS.map(|dialect| dialect.name);
    let message = match which.group {
        Some(group) if which.dialect.as_deref().is_some_and(|dialect| names.contains(&dialect)) => {
            format!("group: {group} is none of this dialect")
        }
        _ => format!("dialect: is not one of {}", names.join(", ")),
    };
    (StatusCode::BAD_REQUEST, axum::Json(json!({"message": message}))).into_response()
}
