//! Discovering trips among 100,000 events, beside the very statement or search that it comes to, sent straight to the
//! engine: of both, the text is what the read API makes of the same plan.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use caravan_projections::Plan;
use caravan_read_api::discovered;
use chrono::{Days, NaiveDate, Utc};
use futures::future::try_join_all;
use serde_json::{Value, json};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Postgres};

use crate::cluster::Cluster;
use crate::elasticsearch::Elasticsearch;
use crate::http::{Connection, Request};
use crate::report::{Pair, Row};
use crate::times::{self, Asker, Times};
use crate::world::World;

/// A hundred on each of a thousand days: one page of events holds all that make the first trips.
const DAYS: u64 = 1_000;
const A_DAY: usize = 100;
const EVENTS: usize = DAYS as usize * A_DAY;

/// Where they are: the largest city of so many regions.
const CITIES: usize = 100;

const CLIENTS: usize = 16;

/// Trips that an answer holds.
const TRIPS: usize = 50;

/// How long followers may take.
const PATIENCE: Duration = Duration::from_secs(120);

const PATH: &str = "/dev/discoverAny";

/// What the names of our indexes begin with.
const PREFIX: &str = "bench";

pub async fn measure(cluster: &Cluster, rounds: u32) -> Result<Vec<Row>> {
    let mut world = World::make(cluster).await?;
    eprintln!("importing {EVENTS} events");
    let file = cluster.dir().join("discover.ndjson");
    std::fs::write(&file, lines()?)?;
    world.server.program().run(&["import", "events", &file.display().to_string()]).await?;
    std::fs::remove_file(&file)?;
    let token = world.bookings.first().context("there is somebody")?.leader.token.clone();
    let request = Request::post(PATH, &token, "", &json!({}));
    let pool = PgPoolOptions::new().max_connections(CLIENTS as u32);
    let pool = pool.connect(world.server.program().database_url()).await?;
    until_known(&pool).await?;
    // As autovacuum leaves it some time after an import.
    sqlx::query("vacuum analyze doc_event_v1").execute(&pool).await?;
    let mut rows = vec![];

    until_found(&world, &request).await?;
    let mut pairs = Pairs::default();
    for round in 1..=rounds {
        let clients =
            (0..CLIENTS).map(async |_| anyhow::Ok(Statement { connection: pool.acquire().await?, plan: plan() }));
        let limit = times::of(try_join_all(clients).await?).await?;
        let ours = times::of(times::clients(CLIENTS, world.server.address(), &request).await?).await?;
        pairs.add("Postgres", round, rounds, ours, limit);
    }
    rows.extend(pairs.rows("Postgres"));

    let elasticsearch = Elasticsearch::start(PREFIX).await?;
    let search = format!("{}/{PREFIX}", elasticsearch.url());
    world.server.restart_with(&[("CARAVAN_SEARCH", &search)]).await?;
    until_found(&world, &request).await?;
    let http = reqwest::Client::new();
    let url = format!("{}/{PREFIX}-{}/_search", elasticsearch.url(), plan().kind.name);
    let body = plan().search_body()?.to_string();
    let mut pairs = Pairs::default();
    // The first round is not counted: Java becomes fast on the way.
    for round in 0..=rounds {
        let searches = (0..CLIENTS).map(|_| Search { http: http.clone(), url: url.clone(), body: body.clone() });
        let limit = times::of(searches.collect()).await?;
        let ours = times::of(times::clients(CLIENTS, world.server.address(), &request).await?).await?;
        if round > 0 {
            pairs.add("Elasticsearch", round, rounds, ours, limit);
        }
    }
    rows.extend(pairs.rows("Elasticsearch"));
    elasticsearch.stop().await?;
    Ok(rows)
}

/// As the read API asks.
fn plan() -> Plan {
    discovered(Utc::now())
}

struct Statement {
    connection: PoolConnection<Postgres>,
    plan: Plan,
}

impl Asker for Statement {
    async fn ask(&mut self) -> Result<()> {
        let rows = self.plan.statement()?.build().fetch_all(&mut *self.connection).await?;
        ensure!(rows.len() == self.plan.limit + 1, "{} rows were found", rows.len());
        Ok(())
    }
}

struct Search {
    http: reqwest::Client,
    url: String,
    body: String,
}

impl Asker for Search {
    async fn ask(&mut self) -> Result<()> {
        let request = self.http.post(&self.url).header("content-type", "application/json").body(self.body.clone());
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        ensure!(!answer.is_empty(), "nothing was found");
        Ok(())
    }
}

#[derive(Default)]
struct Pairs {
    medians: Vec<Pair>,
    p99s: Vec<Pair>,
}

impl Pairs {
    fn add(&mut self, engine: &str, round: u32, rounds: u32, ours: Times, limit: Times) {
        eprintln!(
            "discover, {engine}: round {round} of {rounds}: {:.2} ms, p99 {:.2} ms; straight {:.2} ms, p99 {:.2} ms",
            ours.median, ours.p99, limit.median, limit.p99
        );
        self.medians.push(Pair { ours: ours.median, limit: limit.median });
        self.p99s.push(Pair { ours: ours.p99, limit: limit.p99 });
    }

    fn rows(&self, engine: &str) -> [Row; 2] {
        let what = format!("discover-any of 100,000 events over HTTP, {engine}, {CLIENTS} clients");
        [
            Row::time(&format!("{what}, median"), &self.medians, Some(2.0)),
            Row::time(&format!("{what}, p99"), &self.p99s, Some(2.0)),
        ]
    }
}

/// Waits until the read models have all that was imported.
async fn until_known(pool: &PgPool) -> Result<()> {
    let started = Instant::now();
    loop {
        let known: i64 = sqlx::query_scalar("select count(*) from doc_event").fetch_one(pool).await?;
        if known >= EVENTS as i64 {
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "{known} events are known");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until the first trips are found.
async fn until_found(world: &World, request: &Request) -> Result<()> {
    let (mut connection, started) = (Connection::open(world.server.address()).await?, Instant::now());
    loop {
        let answer = connection.send(request).await?;
        let (status, trips): (u16, Value) = (answer.status, answer.json()?);
        if status == 200 && trips.as_array().is_some_and(|trips| trips.len() == TRIPS) {
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "status {status}: {trips}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The events, as their cities would publish them.
fn lines() -> Result<String> {
    let cities = cities()?;
    let first = NaiveDate::from_ymd_opt(2028, 1, 1).context("is a day")?;
    let mut lines = String::new();
    for number in 0..EVENTS {
        let day = first.checked_add_days(Days::new((number / A_DAY) as u64)).context("is a day")?;
        let city = &cities[number % CITIES];
        let event = json!({
            "@type": "MusicEvent",
            "@id": format!("https://example.com/discover/{number}"),
            "name": format!("Concert {number}"),
            "startDate": format!("{day}T{:02}:00", 12 + number % 12),
            "location": {
                "@type": "Place",
                "name": format!("Hall {}", number % 1_000),
                "address": {"addressLocality": city.name, "addressCountry": city.country},
                "geo": {"latitude": city.latitude, "longitude": city.longitude},
            },
            "performer": [{"@type": "MusicGroup", "name": format!("Band {}", number % 5_000)}],
            "offers": {"price": "25.00", "priceCurrency": "EUR"},
        });
        writeln!(lines, "{event}")?;
    }
    Ok(lines)
}

#[derive(serde::Deserialize)]
struct City {
    name: String,
    country: String,
    region_code: String,
    latitude: f64,
    longitude: f64,
    population: u32,
}

fn cities() -> Result<Vec<City>> {
    let mut cities: Vec<City> = csv::Reader::from_reader(&include_bytes!("../../demo/cities.csv")[..])
        .deserialize()
        .collect::<Result<_, _>>()?;
    cities.sort_by_key(|city| std::cmp::Reverse(city.population));
    let mut regions = HashSet::new();
    cities.retain(|city| regions.insert((city.country.clone(), city.region_code.clone())));
    cities.truncate(CITIES);
    Ok(cities)
}
