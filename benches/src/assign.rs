//! `assign-ticket` over HTTP, with authentication, everything following along.

use std::time::Instant;

use anyhow::Result;
use futures::future::try_join_all;

use crate::SLICE;
use crate::cluster::Cluster;
use crate::http::{Connection, Request};
use crate::limit::Pgbench;
use crate::report::{Pair, Row};
use crate::world::World;

/// Skips waiting for the read models.
pub const ASYNC: &str = "prefer: respond-async\r\n";

pub async fn measure(cluster: &Cluster, world: &World, rounds: u32) -> Result<[Row; 2]> {
    let pgbench = Pgbench::prepare(cluster).await?;
    let clients = u32::try_from(world.bookings.len())?;
    let mut at_once = clients_of(world, ASYNC).await?;
    let mut waiting = clients_of(world, "").await?;
    load(&mut at_once).await?;
    let (mut pairs, mut pairs_waiting) = (vec![], vec![]);
    for round in 1..=rounds {
        let limit = pgbench.inserts(clients, SLICE).await?;
        let ours = load(&mut at_once).await?;
        let ours_waiting = load(&mut waiting).await?;
        eprintln!(
            "assign-ticket: round {round} of {rounds}: {ours:.0}/s, waiting {ours_waiting:.0}/s, pgbench {limit:.0}/s"
        );
        pairs.push(Pair { ours, limit });
        pairs_waiting.push(Pair { ours: ours_waiting, limit });
    }
    Ok([
        Row::rate("assign-ticket over HTTP, 64 clients, respond-async", "s", &pairs, 0.5),
        Row::reported_rate("assign-ticket over HTTP, 64 clients, waiting", "s", &pairs_waiting),
    ])
}

/// A kept connection and the two commands it alternates.
pub struct Client {
    pub connection: Connection,
    pub requests: [Request; 2],
}

pub async fn clients_of(world: &World, headers: &str) -> Result<Vec<Client>> {
    let clients = world.bookings.iter().map(|booking| async {
        let connection = Connection::open(world.server.address()).await?;
        anyhow::Ok(Client { connection, requests: booking.assignments(headers) })
    });
    try_join_all(clients).await
}

/// Sends with all clients side by side for one slice; commands a second.
pub async fn load(clients: &mut Vec<Client>) -> Result<f64> {
    let started = Instant::now();
    let tasks = clients.drain(..).map(|mut client| {
        tokio::spawn(async move {
            let mut count = 0;
            while started.elapsed() < SLICE {
                for request in &client.requests {
                    client.connection.send(request).await?.success()?;
                    count += 1;
                }
            }
            anyhow::Ok((client, count))
        })
    });
    let mut total = 0;
    for outcome in try_join_all(tasks.collect::<Vec<_>>()).await? {
        let (client, count) = outcome?;
        clients.push(client);
        total += count;
    }
    Ok(f64::from(total) / started.elapsed().as_secs_f64())
}
