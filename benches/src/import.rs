//! Importing new events, beside the store's append by one client.

use std::fmt::Write;
use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use crate::append::OneClient;
use crate::cluster::Cluster;
use crate::report::{Pair, Row};
use crate::server::Program;

/// New events of one import.
const EVENTS: usize = 2_000;

pub async fn measure(cluster: &Cluster, rounds: u32) -> Result<Row> {
    let program = Program::fresh(cluster, "bench_import").await?;
    let mut client = OneClient::new(cluster).await?;
    let file = cluster.dir().join("import.ndjson");
    let path = file.to_string_lossy().into_owned();
    let mut pairs = vec![];
    // The first round makes the databases, and is not counted.
    for round in 0..=rounds {
        std::fs::write(&file, lines(round))?;
        let limit = client.rate().await?;
        let started = Instant::now();
        program.run(&["import", "events", &path]).await?;
        let ours = EVENTS as f64 / started.elapsed().as_secs_f64();
        eprintln!("import: round {round} of {rounds}: {ours:.0}/s, store append, 1 client {limit:.0}/s");
        if round > 0 {
            pairs.push(Pair { ours, limit });
        }
    }
    Ok(Row::rate("import of new events, beside store append with 1 client", "s", &pairs, 0.15))
}

/// As a city publishes them: halls that many share, bands that play more than once.
fn lines(round: u32) -> String {
    let cities = ["Toronto", "Montréal", "Vancouver", "Ottawa", "Calgary", "Halifax", "Winnipeg", "Québec"];
    let mut lines = String::new();
    for number in 0..EVENTS {
        let event = json!({
            "@type": "MusicEvent",
            "@id": format!("https://example.com/{round}/{number}"),
            "name": format!("Concert {number}"),
            "startDate": format!("2031-{:02}-{:02}T20:00", 1 + number % 12, 1 + number % 28),
            "location": {
                "@type": "Place",
                "name": format!("Hall {}", number % 300),
                "address": {"addressLocality": cities[number % cities.len()], "addressCountry": "CA"},
            },
            "performer": [{"@type": "MusicGroup", "name": format!("Band {}", number % 500)}],
            "offers": {"price": "25.00", "priceCurrency": "CAD"},
        });
        let _ = writeln!(lines, "{event}");
    }
    lines
}
