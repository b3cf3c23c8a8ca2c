//! How long what several ask for side by side takes each time.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Result;
use futures::future::try_join_all;

use crate::SLICE;
use crate::http::{Connection, Request};
use crate::report::percentile;

/// Asks for the same again and again, on a connection of its own.
pub trait Asker: Send + 'static {
    fn ask(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// Milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub median: f64,
    pub p99: f64,
}

/// All ask side by side for one slice.
pub async fn of(askers: Vec<impl Asker>) -> Result<Times> {
    let started = Instant::now();
    let tasks = askers.into_iter().map(|mut asker| {
        tokio::spawn(async move {
            let mut times = vec![];
            while started.elapsed() < SLICE {
                let sent = Instant::now();
                asker.ask().await?;
                times.push(sent.elapsed().as_secs_f64() * 1_000.0);
            }
            anyhow::Ok(times)
        })
    });
    let times = try_join_all(tasks.collect::<Vec<_>>()).await?;
    let mut all: Vec<f64> = times.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    Ok(Times { median: percentile(&mut all, 0.5), p99: percentile(&mut all, 0.99) })
}

/// A client of the server.
pub struct Client {
    connection: Connection,
    request: Request,
}

impl Asker for Client {
    async fn ask(&mut self) -> Result<()> {
        self.connection.send(&self.request).await?.success()?;
        Ok(())
    }
}

pub async fn clients(count: usize, address: SocketAddr, request: &Request) -> Result<Vec<Client>> {
    let clients = (0..count)
        .map(async |_| anyhow::Ok(Client { connection: Connection::open(address).await?, request: request.clone() }));
    try_join_all(clients).await
}
