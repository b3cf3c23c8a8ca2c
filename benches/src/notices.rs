//! Notices to a webhook, from the moment that all are stored to the last that is acknowledged, beside a bare client
//! that posts the same bodies to the same receiver.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use futures::future::try_join_all;
use serde_json::json;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::SLICE;
use crate::assign::ASYNC;
use crate::cluster::Cluster;
use crate::http::{Connection, Request};
use crate::report::{Pair, Row};
use crate::world::World;

/// Purchases of a round in each booking: every one is told to its other member.
const PURCHASES: usize = 16;

/// Whoever asks here signs: so do we.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How long a round may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn measure(cluster: &Cluster, rounds: u32) -> Result<Row> {
    let mut world = World::make(cluster).await?;
    let receiver = Receiver::start().await?;
    let settings = [("CARAVAN_SMS", receiver.url.as_str()), ("CARAVAN_WEBHOOK_SECRET", SECRET)];
    let pool = PgPool::connect(world.server.program().database_url()).await?;
    // Nothing of how the world was made is left to be told.
    until_waiting(&pool, |waiting| waiting == 0).await?;
    world.server.restart_with(&settings).await?;
    let mut pairs = vec![];
    for round in 1..=rounds {
        let (ours, bodies) = notices(&world, &receiver, &pool).await?;
        let limit = bare(&receiver, &bodies).await?;
        eprintln!("notices: round {round} of {rounds}: {ours:.0}/s, a bare client {limit:.0}/s");
        pairs.push(Pair { ours, limit });
    }
    Ok(Row::rate("notices to a webhook, of a bare client's posts", "s", &pairs, 0.2))
}

/// Has a round of notices sent; how many a second, and their bodies.
async fn notices(world: &World, receiver: &Receiver, pool: &PgPool) -> Result<(f64, Vec<Bytes>)> {
    let count = world.bookings.len() * PURCHASES;
    // What comes meanwhile is received, but not acknowledged before all are stored.
    receiver.hold();
    buy(world).await?;
    // Of how the world was made, something may still have come to be told.
    until_waiting(pool, |waiting| waiting >= count as i64).await?;
    let started = Instant::now();
    receiver.release();
    let bodies = tokio::time::timeout(PATIENCE, receiver.until(count)).await.context("not all notices came")?;
    let rate = count as f64 / started.elapsed().as_secs_f64();
    until_waiting(pool, |waiting| waiting == 0).await?;
    Ok((rate, bodies))
}

/// A round of purchases, in all bookings side by side.
async fn buy(world: &World) -> Result<()> {
    let buyers = world.bookings.iter().map(async |booking| {
        let mut connection = Connection::open(world.server.address()).await?;
        let bundle = json!({"eventId": world.event, "purchaserId": booking.leader.id, "tripBookingId": booking.id,
            "tickets": [{}], "purchase": {"amount": 90.5, "currency": "EUR", "date": 1_900_000_000}});
        let request = Request::post("/dev/add-ticket-bundle", &booking.leader.token, ASYNC, &bundle);
        for _ in 0..PURCHASES {
            connection.send(&request).await?.success()?;
        }
        anyhow::Ok(())
    });
    try_join_all(buyers).await?;
    Ok(())
}

/// Waits until so many messages are stored that are not settled.
async fn until_waiting(pool: &PgPool, enough: impl Fn(i64) -> bool) -> Result<()> {
    let started = Instant::now();
    loop {
        let waiting = sqlx::query_scalar("select count(*) from outgoing_messages where outcome is null");
        let waiting: i64 = waiting.fetch_one(pool).await?;
        if enough(waiting) {
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "{waiting} messages wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A client posts the bodies again and again for a slice, one after another; how many a second.
async fn bare(receiver: &Receiver, bodies: &[Bytes]) -> Result<f64> {
    let (client, started) = (reqwest::Client::new(), Instant::now());
    let mut count = 0;
    for body in bodies.iter().cycle() {
        if started.elapsed() >= SLICE {
            break;
        }
        let request = client.post(&receiver.url).header("content-type", "application/json").body(body.clone());
        request.send().await?.error_for_status()?;
        count += 1;
    }
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}

struct Receiver {
    url: String,
    desk: Arc<Desk>,
}

struct Desk {
    holding: watch::Sender<bool>,
    /// Since the last round began.
    received: Mutex<Vec<Bytes>>,
    acknowledged: AtomicUsize,
    /// Told of each that is acknowledged.
    progress: tokio::sync::Notify,
}

impl Receiver {
    async fn start() -> Result<Receiver> {
        let desk = Arc::new(Desk {
            holding: watch::Sender::new(false),
            received: Mutex::default(),
            acknowledged: AtomicUsize::new(0),
            progress: tokio::sync::Notify::new(),
        });
        let routes = Router::new().route("/", post(receive)).with_state(desk.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Receiver { url, desk })
    }

    /// Begins a round.
    fn hold(&self) {
        self.desk.holding.send_replace(true);
        self.desk.acknowledged.store(0, Ordering::SeqCst);
        self.desk.lock().clear();
    }

    fn release(&self) {
        self.desk.holding.send_replace(false);
    }

    /// The bodies, once so many are acknowledged.
    async fn until(&self, count: usize) -> Vec<Bytes> {
        while self.desk.acknowledged.load(Ordering::SeqCst) < count {
            self.desk.progress.notified().await;
        }
        std::mem::take(&mut self.desk.lock())
    }
}

impl Desk {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Bytes>> {
        self.received.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn receive(State(desk): State<Arc<Desk>>, body: Bytes) -> StatusCode {
    desk.lock().push(body);
    if desk.holding.subscribe().wait_for(|holding| !holding).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    desk.acknowledged.fetch_add(1, Ordering::SeqCst);
    desk.progress.notify_one();
    StatusCode::NO_CONTENT
}
