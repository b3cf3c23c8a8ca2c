//! What this process tells of its work as it goes: log lines, and traces where a collector is named.
//!
//! A span that says its `otel.kind` is one of a trace; every other span, and every event, is for the log.

use std::io::{IsTerminal, Read};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::{Config, LogFormat};
use crate::roles::Role;

/// Where spans go; both as OpenTelemetry defines them.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// How long a collector may take for one batch of spans.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the last spans may take to get out when the process stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// Bytes of a collector's answer that are read.
const LONGEST_ANSWER: u64 = 1 << 20;

/// What has to be ended.
pub struct Telemetry(Option<SdkTracerProvider>);

/// Log lines to standard error; spans of a role to the collector that the environment names. Outside of any runtime:
/// the collector is written to from a thread of its own.
pub fn start(config: &Config, role: Option<Role>) -> Result<Telemetry> {
    let provider = role.map(collector).transpose()?.flatten();
    let for_the_log = filter_fn(|metadata| !is_of_a_trace(metadata)).with_max_level_hint(LevelFilter::TRACE);
    let terminal = std::io::stderr().is_terminal();
    // Where nobody reads the lines any more, that cannot be said either.
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(terminal).log_internal_errors(false);
    let lines = match config.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let traces = provider.as_ref().map(|provider| {
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("caravan"));
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
        layer.with_level(false).with_target(false).with_filter(filter_fn(is_of_a_trace))
    });
    registry().with(lines.with_filter(config.log_filter()?.and(for_the_log))).with(traces).init();
    Ok(Telemetry(provider))
}

fn is_of_a_trace(metadata: &Metadata) -> bool {
    metadata.is_span() && metadata.fields().field("otel.kind").is_some()
}

impl Telemetry {
    /// Sends what has not been sent.
    pub fn end(self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown_with_timeout(FAREWELL)) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the last spans did not get out");
        }
    }
}

/// Goes on with the trace that a request's headers name.
pub fn adopt(span: &Span, headers: &HeaderMap) {
    let upstream = TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
    if upstream.span().span_context().is_valid() {
        // A span that cannot take a parent begins a trace of its own.
        let _ = span.set_parent(upstream);
    }
}

/// What takes spans to the collector; none where none is named.
fn collector(role: Role) -> Result<Option<SdkTracerProvider>> {
    let given = |names: [&'static str; 2]| {
        names.into_iter().find_map(|name| Some((name, std::env::var(name).ok().filter(|value| !value.is_empty())?)))
    };
    let Some((name, _)) = given(ENDPOINTS) else { return Ok(None) };
    if let Some((name, protocol)) = given(PROTOCOLS) {
        ensure!(protocol == "http/protobuf", "{name}: {protocol} is not spoken here: expected http/protobuf");
    }
    let client = reqwest::blocking::Client::builder().timeout(PATIENCE).build()?;
    let exporter = SpanExporter::builder().with_http().with_http_client(Collector(client)).build().context(name)?;
    let named = std::env::var("OTEL_SERVICE_NAME").is_ok_and(|name| !name.is_empty());
    let resource = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("caravan.role", role.name()));
    let resource = if named { resource } else { resource.with_service_name("caravan") };
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build());
    Ok(Some(provider.build()))
}

/// The HTTP client that the rest of the program has, as exporters want it.
#[derive(Debug)]
struct Collector(reqwest::blocking::Client);

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.0.execute(request.try_into()?)?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let mut body = vec![];
        answer.take(LONGEST_ANSWER).read_to_end(&mut body)?;
        Ok(response.body(body.into())?)
    }
}
