//! What every role answers besides operations: health, metrics, the documents and the page to read them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;

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

#[derive(Deserialize)]
struct Which {
    dialect: Option<String>,
}

fn document(documents: &Documents, Query(which): Query<Which>) -> Response {
    let found = match &which.dialect {
        Some(name) => documents.of(name),
        None => Some(documents.merged()),
    };
    match found {
        Some(document) => ([(header::CONTENT_TYPE, "application/json")], document.to_owned()).into_response(),
        None => {
            let names = DIALECTS.map(|dialect| dialect.name);
            let body = json!({"message": format!("dialect: is not one of {}", names.join(", "))});
            (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
        }
    }
}
