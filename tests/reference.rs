//! The reference page in a real browser: what it shows, that an operation can be tried out, and that nothing leaves it.

mod support;

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};
use support::{Client, Server, Settings};

/// What `clients/reference.mjs` saw.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    /// The URLs of all requests, those included that were not let.
    requests: Vec<String>,
    /// What the page wrote on its console as an error: refusals by the policy, failed requests, exceptions.
    errors: Vec<String>,
    /// Dialect → the text of an operation of it; krugo's is create-crew, with the token given.
    operations: BTreeMap<String, String>,
    /// The request of create-crew that was tried out, and its answer.
    sent: Value,
    /// On a dark screen 375 pixels wide.
    narrow: Value,
    /// What the policy says of a script that asks another origin.
    refused: String,
}

fn visit(url: &str, token: &str, body: &Value) -> Seen {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/reference.mjs");
    let output = Command::new("node").args([script, url, token]).arg(body.to_string()).output();
    let output = output.expect("this test needs Node.js");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs chromium and scripts/clients:\n{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}:\n{said}"))
}

/// What only notes of how a contract was found out say.
const NOTES: [&str; 5] = ["assum", "inferr", "not stated", "the source", "x-source"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_and_tries_out_operations_and_asks_nobody_else() {
    let server = Server::start(Settings::new(env!("CARGO_BIN_EXE_caravan")).with("CARAVAN_DEMO", "no")).await;
    let person = Client::new(server.url(), server.outbox()).person("kim", "+14165550101").await;
    let crew = json!({"name": "Weekenders", "adminIds": [person.id]});
    let seen = visit(&server.url(), &person.token, &crew);

    assert_eq!(seen.errors, [""; 0]);
    let origin = format!("{}/", server.url());
    let elsewhere: Vec<_> = seen.requests.iter().filter(|url| !url.starts_with(&origin)).collect();
    assert_eq!(elsewhere, [""; 0], "requests left");
    assert_eq!(seen.refused, "connect-src");

    let names = caravan_wire::DIALECTS.map(|dialect| dialect.name);
    assert!(names.iter().all(|name| seen.operations.contains_key(*name)), "{:?}", seen.operations.keys());
    for text in seen.operations.values() {
        assert!(text.contains("Test Request") && text.contains("Responses"), "{text}");
        for note in NOTES {
            assert!(!text.to_lowercase().contains(note), "{note} in:\n{text}");
        }
    }
    let create_crew = &seen.operations["krugo"];
    let (curl, token) = (format!("curl {origin}dev/create-crew"), format!("Authorization: Bearer {}", person.token));
    for told in ["Create a crew", "adminIds", "--data", &curl, &token] {
        assert!(create_crew.contains(told), "{told} is missing in:\n{create_crew}");
    }

    let sent = seen.sent;
    assert_eq!(sent["url"], format!("{origin}dev/create-crew"));
    assert_eq!(sent["authorization"], format!("Bearer {}", person.token));
    assert_eq!(sent["optional"], json!([]));
    assert_eq!((&sent["status"], &sent["answer"]["name"]), (&json!(200), &crew["name"]), "{sent}");

    assert_eq!(seen.narrow["width"], 375, "the page is wider than the screen");
    let lightness = |colour: &Value| -> u32 {
        let text = colour.as_str().unwrap_or_default();
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<u32>().ok()).take(3).sum()
    };
    let (text, background) = (lightness(&seen.narrow["text"]), lightness(&seen.narrow["background"]));
    assert!(background < 150 && text > 450, "not dark: {}", seen.narrow);
}
