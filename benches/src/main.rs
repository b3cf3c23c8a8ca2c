//! What `make bench` runs: our figures beside the limit of the same moment, on one Postgres with durable commits.
//!
//! Absolute figures swing widely between seconds on shared machines, so slices of ours and of the limit alternate and
//! only their ratio counts. Each row has a file; [`report`] prints them as one table. [`against`] has the program of an
//! earlier commit measure in turn with this one.

mod against;
mod amenities;
mod append;
mod assign;
mod cluster;
mod discover;
mod elasticsearch;
mod http;
mod import;
mod limit;
mod log;
mod long_stream;
mod memory;
mod notices;
mod point_read;
mod rebuild;
mod report;
mod server;
mod times;
mod visible;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

use cluster::Cluster;
use log::Log;
use report::Report;
use world::World;

/// How long one slice lasts.
const SLICE: Duration = Duration::from_secs(2);

/// The least rounds beside an earlier commit: a ratio's median says little of fewer.
const ROUNDS_AGAINST: u32 = 7;

/// Measures Caravan against the limits of this machine. Exits with 1 where a required ratio is missed.
#[derive(Parser)]
struct Arguments {
    /// Rows to measure; all of them if none is named
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Rounds of slices for each row: 5 if not said; against an earlier commit 7, and not fewer
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// A checkout of an earlier commit, with its programs built: measures its rows and ours in turn, instead of the
    /// limits
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    #[command(subcommand)]
    worker: Option<Worker>,
}

/// What this program starts itself as.
#[derive(clap::Subcommand)]
enum Worker {
    /// Appends to a log as one of two processes
    #[command(hide = true)]
    Append(append::Appending),
}

/// A part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Store append, 64 clients in one process
    Append,
    /// Store append, two processes of 32 clients
    AppendTwoProcesses,
    /// Store append, one client
    AppendOneClient,
    /// The whole log, read through the port
    ReadLog,
    /// A stream of ten events, read through the port
    ReadStream,
    /// Import of new events
    Import,
    /// assign-ticket over HTTP
    AssignTicket,
    /// Rebuild of the trip bookings over 1,000,000 events
    Rebuild,
    /// trip-booking by id over HTTP
    TripBooking,
    /// A plain resource: its list over 100,000 records, and its change
    Amenities,
    /// Discovering trips among 100,000 events, in Postgres and in Elasticsearch
    Discover,
    /// Notices to a webhook
    Notices,
    /// Committed until visible, at 500 commands a second
    Visible,
    /// A command on a long stream against a short one
    LongStream,
    /// Resident memory of `serve`
    Memory,
}

/// The parts that read one [`Log`].
const OF_THE_LOG: [Part; 2] = [Part::ReadLog, Part::ReadStream];

/// The parts over HTTP, on one [`World`].
const OF_THE_WORLD: [Part; 5] = [Part::AssignTicket, Part::TripBooking, Part::Visible, Part::LongStream, Part::Memory];

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(Worker::Append(appending)) = arguments.worker {
        appending.run().await?;
        return Ok(ExitCode::SUCCESS);
    }
    let parts = if arguments.only.is_empty() { Part::value_variants() } else { &arguments.only };
    let report = match &arguments.against {
        Some(dir) => {
            let rounds = arguments.rounds.unwrap_or(ROUNDS_AGAINST);
            ensure!(rounds >= ROUNDS_AGAINST, "--against takes at least {ROUNDS_AGAINST} rounds");
            against::measure(dir, parts, rounds).await?
        }
        None => {
            let cluster = Cluster::start().await?;
            let outcome = measure(&cluster, parts, arguments.rounds.unwrap_or(5)).await;
            cluster.stop().await?;
            outcome?
        }
    };
    print!("\n{report}");
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(cluster: &Cluster, parts: &[Part], rounds: u32) -> Result<Report> {
    let wanted = |part: Part| parts.contains(&part);
    let mut report = Report::beside("limit");
    if wanted(Part::Append) {
        report.add(append::one_process(cluster, rounds).await?);
    }
    if wanted(Part::AppendTwoProcesses) {
        report.add(append::two_processes(cluster, rounds).await?);
    }
    if wanted(Part::AppendOneClient) {
        report.add(append::one_client(cluster, rounds).await?);
    }
    if OF_THE_LOG.into_iter().any(wanted) {
        let log = Log::make(cluster).await?;
        if wanted(Part::ReadLog) {
            report.add(log.whole(rounds).await?);
        }
        if wanted(Part::ReadStream) {
            report.add(log.streams(rounds).await?);
        }
    }
    if wanted(Part::Import) {
        report.add(import::measure(cluster, rounds).await?);
    }
    if OF_THE_WORLD.into_iter().any(wanted) {
        let mut world = World::make(cluster).await?;
        let idle = memory::idle(&mut world).await?;
        // Memory is measured under this load, asked for by itself or not.
        if wanted(Part::AssignTicket) || wanted(Part::Memory) {
            report.extend(assign::measure(cluster, &world, rounds).await?);
        }
        if wanted(Part::TripBooking) {
            report.add(point_read::measure(cluster, &world, rounds).await?);
        }
        if wanted(Part::Visible) {
            report.extend(visible::measure(&world, rounds).await?);
        }
        if wanted(Part::Memory) {
            report.extend(memory::measure(&world, idle).await?);
        }
        if wanted(Part::LongStream) {
            report.extend(long_stream::measure(&mut world, rounds).await?);
        }
    }
    if wanted(Part::Amenities) {
        // A world of its own: the others are measured without its records.
        let world = World::make(cluster).await?;
        report.extend(amenities::measure(&world, rounds).await?);
    }
    if wanted(Part::Discover) {
        report.extend(discover::measure(cluster, rounds).await?);
    }
    if wanted(Part::Notices) {
        report.add(notices::measure(cluster, rounds).await?);
    }
    if wanted(Part::Rebuild) {
        report.add(rebuild::measure(cluster, rounds).await?);
    }
    Ok(report)
}
