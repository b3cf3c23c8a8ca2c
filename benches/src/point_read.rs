//! `trip-booking` by id over HTTP, with authentication.

use std::time::Instant;

use anyhow::Result;
use futures::future::try_join_all;

use crate::SLICE;
use crate::cluster::Cluster;
use crate::http::{Connection, Request};
use crate::limit::Pgbench;
use crate::report::{Pair, Row};
use crate::world::World;

const CLIENTS: usize = 16;

pub async fn measure(cluster: &Cluster, world: &World, rounds: u32) -> Result<Row> {
    let pgbench = Pgbench::prepare(cluster).await?;
    let requests: Vec<Request> = world
        .bookings
        .iter()
        .map(|booking| {
            let query = format!("crewId={}&userId={}&id={}", booking.crew, booking.leader.id, booking.id);
            Request::get(&format!("/dev/trip-booking?{query}"), &booking.leader.token)
        })
        .collect();
    read(world, &requests).await?;
    let mut pairs = vec![];
    for round in 1..=rounds {
        let limit = pgbench.selects(CLIENTS as u32, SLICE).await?;
        let ours = read(world, &requests).await?;
        eprintln!("trip-booking: round {round} of {rounds}: {ours:.0}/s, pgbench -S {limit:.0}/s");
        pairs.push(Pair { ours, limit });
    }
    Ok(Row::rate("trip-booking by id over HTTP, 16 clients", "s", &pairs, 0.25))
}

/// Reads with all clients side by side for one slice, each going through all bookings; answers a second.
async fn read(world: &World, requests: &[Request]) -> Result<f64> {
    let mut connections = vec![];
    for _ in 0..CLIENTS {
        connections.push(Connection::open(world.server.address()).await?);
    }
    let started = Instant::now();
    let tasks = connections.into_iter().enumerate().map(|(index, mut connection)| {
        let requests = requests.to_vec();
        tokio::spawn(async move {
            let mut count = 0;
            for request in requests.iter().cycle().skip(index * requests.len() / CLIENTS) {
                if started.elapsed() >= SLICE {
                    break;
                }
                connection.send(request).await?.success()?;
                count += 1;
            }
            anyhow::Ok(count)
        })
    });
    let counts = try_join_all(tasks.collect::<Vec<_>>()).await?;
    let total: u32 = counts.into_iter().sum::<Result<u32>>()?;
    Ok(f64::from(total) / started.elapsed().as_secs_f64())
}
