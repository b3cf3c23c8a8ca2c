//! How long after its answer a command shows in the Postgres read models, at a steady pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::assign::ASYNC;
use crate::http::Connection;
use crate::report::{Row, percentile};
use crate::world::World;

/// Commands a second.
const PACE: u32 = 500;

const ROUND: Duration = Duration::from_secs(3);

/// How often the checkpoint is looked at: the figures are late by as much at most.
const LOOK: Duration = Duration::from_millis(1);

/// A command that was answered.
struct Answered {
    position: i64,
    at: Instant,
}

pub async fn measure(world: &World, rounds: u32) -> Result<[Row; 2]> {
    let (mut medians, mut tails) = (vec![], vec![]);
    let mut too_few = false;
    for round in 1..=rounds {
        let mut delays = paced(world).await?;
        let (median, tail) = (percentile(&mut delays, 0.5), percentile(&mut delays, 0.99));
        let rate = delays.len() as f64 / ROUND.as_secs_f64();
        eprintln!(
            "committed to visible: round {round} of {rounds}: p50 {median:.1} ms, p99 {tail:.1} ms at {rate:.0}/s"
        );
        too_few |= rate < f64::from(PACE) * 0.98;
        medians.push(median);
        tails.push(tail);
    }
    let row = Row::at_most("committed → visible at 500 commands/s, p99", "ms", &tails, Some(50.0));
    Ok([
        if too_few { row.missed("the pace was not kept") } else { row },
        Row::at_most("committed → visible at 500 commands/s, p50", "ms", &medians, None),
    ])
}

/// Sends at the pace for a round; for each command the time from its answer until its position was passed, in ms.
async fn paced(world: &World) -> Result<Vec<f64>> {
    let (answered, mut answers) = mpsc::unbounded_channel::<Answered>();
    let mut clients = vec![];
    let mut tasks = vec![];
    for booking in &world.bookings {
        let mut connection = Connection::open(world.server.address()).await?;
        let requests = booking.assignments(ASYNC);
        let answered = answered.clone();
        let (client, mut ticks) = mpsc::unbounded_channel::<()>();
        clients.push(client);
        tasks.push(tokio::spawn(async move {
            for request in requests.iter().cycle() {
                if ticks.recv().await.is_none() {
                    break;
                }
                let answer = connection.send(request).await?.success()?;
                let at = Instant::now();
                let position = answer.header("caravan-position").context("no Caravan-Position")?.parse()?;
                let _ = answered.send(Answered { position, at });
            }
            anyhow::Ok(())
        }));
    }
    drop(answered);

    let over = Arc::new(AtomicBool::new(false));
    let mut connection = PgConnection::connect(world.server.program().database_url()).await?;
    let watcher = tokio::spawn({
        let over = over.clone();
        async move {
            let (mut pending, mut delays) = (vec![], vec![]);
            loop {
                let done = over.load(Ordering::Acquire);
                let passed: i64 = sqlx::query_scalar("select position from checkpoints where name = 'postgres'")
                    .fetch_one(&mut connection)
                    .await?;
                let now = Instant::now();
                while let Ok(answered) = answers.try_recv() {
                    pending.push(answered);
                }
                pending.retain(|answered: &Answered| {
                    let visible = answered.position <= passed;
                    if visible {
                        delays.push(now.saturating_duration_since(answered.at).as_secs_f64() * 1_000.0);
                    }
                    !visible
                });
                if done && pending.is_empty() {
                    return anyhow::Ok(delays);
                }
                sleep(LOOK).await;
            }
        }
    });

    let mut pace = interval(Duration::from_secs(1) / PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for turn in 0..(PACE * ROUND.as_secs() as u32) as usize {
        pace.tick().await;
        if let Some(client) = clients.get(turn % clients.len()) {
            let _ = client.send(());
        }
    }
    drop(clients);
    for task in tasks {
        task.await??;
    }
    over.store(true, Ordering::Release);
    watcher.await?
}
