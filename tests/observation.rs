//! What an operator sees of a running installation: metrics and the alerts on them, a line per request, traces.
//! `CARAVAN_UPDATE_DOCS=1` writes the tables of metrics and alerts in `docs/OPERATIONS.md` anew.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use reqwest::StatusCode;
use serde_json::{Value, json};
use support::server::free_port;
use support::tools::tool;
use support::{Client, Server, Settings};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const ALERTS: &str = "docs/operations/alerts.yml";

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut promtool = Command::new(tool("promtool"));
    promtool.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    let running = promtool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut running = running.expect("promtool can be started");
    // What it does not read, it does not want.
    let _ = running.stdin.take().expect("is piped").write_all(input.as_bytes());
    running.wait_with_output().expect("it ends")
}

fn succeeds(output: &Output) {
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    assert!(output.status.success(), "{}", said.concat());
}

/// A table of `docs/OPERATIONS.md`, between its marks, has these lines.
fn documents(mark: &str, lines: &str) {
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock();
    let path = file("docs/OPERATIONS.md");
    let text = std::fs::read_to_string(&path).expect("it is there");
    let (begin, end) = (format!("<!-- {mark}: written by `make docs` -->\n"), format!("<!-- {mark}: end -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("the table of {mark} begins"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("the table of {mark} ends"));
    let due = format!("{before}{begin}{lines}{end}{after}");
    if std::env::var_os("CARAVAN_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &due).expect("it can be written");
    }
    let now = std::fs::read_to_string(&path).expect("it is there");
    assert!(now == due, "the table of {mark} in docs/OPERATIONS.md is not what the program has: run `make docs`");
}

/// A metric as it is exposed.
#[derive(Default)]
struct Metric {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

/// The exposition by name of metric.
fn metrics(text: &str) -> BTreeMap<String, Metric> {
    let mut metrics: BTreeMap<String, Metric> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            metrics.entry(name.to_owned()).or_default().help = help.to_owned();
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            metrics.entry(name.to_owned()).or_default().kind = kind.to_owned();
        } else {
            let (name, rest) = line.split_at(line.find(['{', ' ']).expect("a sample has a value"));
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|part| {
                let family = name.strip_suffix(part)?;
                metrics.contains_key(family).then(|| family.to_owned())
            });
            let metric = metrics.entry(family.unwrap_or_else(|| name.to_owned())).or_default();
            let labels =
                rest.strip_prefix('{').and_then(|rest| rest.rsplit_once("} ")).map_or("", |(labels, _)| labels);
            metric.labels.extend(labels.split("\",").filter_map(|label| Some(label.split_once("=\"")?.0.to_owned())));
            metric.labels.remove("le");
        }
    }
    metrics
}

/// The value of one series, as it is written.
fn value<'t>(text: &'t str, series: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

/// The rules for alerts.
fn alerts() -> Vec<Value> {
    let text = std::fs::read_to_string(file(ALERTS)).expect("it is there");
    let rules: Value = serde_yaml_ng::from_str(&text).expect("it is YAML");
    rules["groups"][0]["rules"].as_array().expect("it has rules").clone()
}

/// What an expression names that could be a metric of ours.
fn named(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| ["caravan_", "process_"].iter().any(|prefix| word.starts_with(prefix)))
}

#[test]
fn every_alert_fires_when_it_should_and_says_what_to_do() {
    succeeds(&promtool(&["check", "rules", ALERTS], ""));
    succeeds(&promtool(&["test", "rules", "tests/cases/alerts.yml"], ""));
    let cases = std::fs::read_to_string(file("tests/cases/alerts.yml")).expect("it is there");
    let mut lines = "| alert | what to do |\n|---|---|\n".to_owned();
    for rule in alerts() {
        let (name, annotations) = (rule["alert"].as_str().expect("it has a name"), &rule["annotations"]);
        assert!(cases.contains(&format!("alertname=\"{name}\"")), "{name} is never seen to fire");
        let text = |of: &str| annotations[of].as_str().unwrap_or_else(|| panic!("{name} has no {of}")).to_owned();
        assert!(!text("summary").is_empty());
        let (document, anchor) = text("runbook").split_once('#').map(|(d, a)| (d.to_owned(), a.to_owned())).expect("#");
        let document = std::fs::read_to_string(file(&document)).expect("the runbook is there");
        let heads = document.lines().filter_map(|line| line.strip_prefix('#'));
        let mut anchors = heads.map(|head| head.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"));
        assert!(anchors.any(|head| head == anchor), "{name}: {anchor} is no heading");
        lines.push_str(&format!("| `{name}` | {} |\n", text("action")));
    }
    documents("alerts", &lines);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_installation_is_measured_noted_and_traced() {
    let (endpoint, received) = collector().await;
    let metrics_port = free_port();
    let settings = Settings::new(env!("CARGO_BIN_EXE_caravan"))
        .with("CARAVAN_DEMO", "no")
        .with("CARAVAN_METRICS_LISTEN", metrics_port.to_string())
        .with("CARAVAN_TRUSTED_PROXIES", "127.0.0.1")
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    let mut server = Server::start(settings).await;
    let client = Client::new(server.url(), server.outbox());
    let ask = async |url: String| {
        let answer = client.http.get(url).send().await.expect("it answers");
        (answer.status(), answer.text().await.expect("it has a body"))
    };
    let metrics_url = format!("http://127.0.0.1:{metrics_port}/metrics");

    let (status, before) = ask(metrics_url.clone()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(ask(format!("{}/metrics", server.url())).await.0, StatusCode::NOT_FOUND, "there, and only there");
    for zero in [
        "caravan_http_requests_total{dialect=\"krugo\",operation=\"create-crew\",status=\"5xx\"}",
        "caravan_appends_total{outcome=\"conflict\"}",
        "caravan_messages_total{channel=\"sms\",outcome=\"failed\"}",
        "caravan_follower_parked_total{follower=\"messages\"}",
        "caravan_http_connections_refused_total",
    ] {
        assert_eq!(value(&before, zero), Some("0"), "{zero}");
    }

    let anna = client.person("annabel", "+14165550155").await;
    let crew = client.command("/create-crew", &anna, json!({"adminIds": [anna.id], "name": "Quiet ones"})).await;
    let forwarded = json!({"operationId": "create-crew", "body": {"adminIds": [anna.id], "name": "Loud ones"}});
    client.command("/route", &anna, forwarded).await;
    let traced = client.http.get(format!("{}/dev/crews?userId={}", server.url(), anna.id)).bearer_auth(&anna.token);
    let traced = traced.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(traced.header("x-request-id", "seen-7").send().await.expect("it answers").status(), StatusCode::OK);
    assert_eq!(ask(format!("{}/dev/secret/annabel", server.url())).await.0, StatusCode::NOT_FOUND);

    leave_before_the_answer(&server, &anna.username).await;
    let (_, after) = ask(metrics_url).await;
    let created = "caravan_http_requests_total{dialect=\"krugo\",operation=\"create-crew\",status=\"2xx\"}";
    assert_eq!(value(&after, created), Some("2"), "asked for, and forwarded");
    assert_eq!(value(&after, "caravan_ready{part=\"log\"}"), Some("1"));
    assert_eq!(value(&after, "caravan_follower_active{follower=\"postgres\"}"), Some("1"));
    succeeds(&promtool(&["check", "metrics"], &after));
    are_documented(&metrics(&after));

    // Everything that is known of the first request has been written by the time that the last is answered.
    let log = server.log();
    let noted: Vec<&str> = log.lines().filter(|line| line.contains("caravan::access")).collect();
    let seen = noted.iter().filter(|line| line.contains("request_id=\"seen-7\"")).collect::<Vec<_>>();
    let [line] = seen[..] else { panic!("one line: {seen:?}") };
    for part in ["method=\"GET\"", "operation=\"crews\"", "dialect=\"krugo\"", "status=200", "duration_ms=", "bytes="] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert_eq!(noted.iter().filter(|line| line.contains("operation=\"create-crew\"")).count(), 2);

    server.stop();
    let requests = received.lock().expect("nobody panicked").clone();
    let spans: Vec<Span> = requests.iter().flat_map(|request| &request.resource_spans).flat_map(spans_of).collect();
    are_traces(&spans);
    let told = format!("{requests:?}{}", noted.concat());
    for person in ["annabel", "14165550155", "Quiet ones", &anna.token, &anna.id, "127.0.0.1", "secret"] {
        assert!(!told.contains(person), "{person} is told");
    }
    assert!(!told.contains(crew["id"].as_str().expect("a crew has an id")));
}

/// Logs in, which takes a while, and is gone meanwhile. Returns when that has been noted.
async fn leave_before_the_answer(server: &Server, username: &str) {
    let body = json!({"username": username, "password": support::client::PASSWORD}).to_string();
    let request = format!(
        "POST /dev/login HTTP/1.1\r\nHost: caravan.test\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let url = server.url();
    let begun = Instant::now();
    while !server.log().lines().any(|line| line.contains("operation=\"login\" status=499")) {
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody noted it:\n{}", server.log());
        let mut connection = TcpStream::connect(url.trim_start_matches("http://")).await.expect("it takes connections");
        connection.write_all(request.as_bytes()).await.expect("it can be sent");
        // Not before it has begun, and before a password can be verified.
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(connection);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Every metric has its line in `docs/OPERATIONS.md`, and every one that an alert names is there.
fn are_documented(metrics: &BTreeMap<String, Metric>) {
    let mut lines = "| metric | of | labels | what it tells |\n|---|---|---|---|\n".to_owned();
    for (name, Metric { kind, help, labels }) in metrics {
        assert!(!help.is_empty(), "{name} does not say what it is");
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        lines.push_str(&format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", ")));
    }
    documents("metrics", &lines);
    for rule in alerts() {
        let expression = rule["expr"].as_str().expect("it has an expression");
        assert!(named(expression).next().is_some(), "{expression} names none of our metrics");
        for name in named(expression) {
            let family = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(metrics.contains_key(family), "{} names {name}, which there is not", rule["alert"]);
        }
    }
}

fn attribute(span: &Span, key: &str) -> String {
    let value = span.attributes.iter().find(|attribute| attribute.key == key).and_then(|found| found.value.clone());
    format!("{:?}", value.and_then(|value| value.value))
}

/// The spans of a command hang together, and a trusted proxy's trace goes on.
fn are_traces(spans: &[Span]) {
    let find = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("{name} in {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>()))
    };
    let request = find("POST /dev/create-crew");
    assert_eq!(request.kind, SpanKind::Server as i32);
    assert!(request.parent_span_id.is_empty());
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/dev/create-crew"),
        ("http.response.status_code", "200"),
        ("caravan.operation", "create-crew"),
    ] {
        assert!(attribute(request, key).contains(value), "{key}: {}", attribute(request, key));
    }
    let within = |parent: &Span, name: &str| {
        let found = spans.iter().find(|span| span.parent_span_id == parent.span_id && span.name == name);
        found.unwrap_or_else(|| panic!("{name} within {}", parent.name)).clone()
    };
    let append = within(&within(request, "command on crew"), "append");
    assert_eq!((append.kind, &append.trace_id), (SpanKind::Client as i32, &request.trace_id));
    assert!(attribute(&append, "caravan.outcome").contains("stored"));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let upstream = find("GET /dev/crews");
    assert_eq!(hex(&upstream.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&upstream.parent_span_id), "b7ad6b7169203331");
    find("deliver message");
}

fn spans_of(resource: &opentelemetry_proto::tonic::trace::v1::ResourceSpans) -> Vec<Span> {
    let service = resource.resource.as_ref().map(|resource| format!("{:?}", resource.attributes));
    assert!(service.is_some_and(|service| service.contains("service.name") && service.contains("\"caravan\"")));
    resource.scope_spans.iter().flat_map(|scope| scope.spans.clone()).collect()
}

type Received = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// A collector that takes OTLP over HTTP, and what it took.
async fn collector() -> (String, Received) {
    let received = Received::default();
    let take = async |State(received): State<Received>, body: Bytes| {
        let request = ExportTraceServiceRequest::decode(body).expect("it is OTLP");
        received.lock().expect("nobody panicked").push(request);
    };
    let router = Router::new().route("/v1/traces", post(take)).with_state(received.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let endpoint = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (endpoint, received)
}
