//! What `make bench` runs: our figures beside the limit of the same moment, on one Postgres with durable commits.
//!
//! Absolute figures swing widely between seconds on shared machines, so slices of ours and of the limit alternate and
//! only their ratio counts. Each row has a file; [`report`] prints them as one table.

mod append;
mod assign;
mod cluster;
mod http;
mod import;
mod limit;
mod log;
mod long_stream;
mod memory;
mod point_read;
mod rebuild;
mod report;
mod server;
mod visible;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use cluster::Cluster;
use log::Log;
use report::Report;
use world::World;

/// How long one slice lasts.
const SLICE: Duration = Duration::from_secs(2);

/// Measures Caravan against the limits of this machine. Exits with 1 where a required ratio is missed.
#[derive(Parser)]
struct Arguments {
    /// Rows to measure; all of them if none is named
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Rounds of slices for each row
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
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
    /// Committed until visible, at 500 commands a second
    Visible,
    /// A command on a long stream against a short one
    LongStream,
    /// Resident memory of `serve`
    Memory,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(Worker::Append(appending)) = arguments.worker {
        appending.run().await?;
        return Ok(ExitCode::SUCCESS);
    }
    let cluster = Cluster::start().await?;
    let outcome = measure(&cluster, &arguments).await;
    cluster.stop().await?;
    let report = outcome?;
    print!("\n{report}");
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(cluster: &Cluster, arguments: &Arguments) -> Result<Report> {
    let wanted = |part: Part| arguments.only.is_empty() || arguments.only.contains(&part);
    let rounds = arguments.rounds;
    let mut report = Report::default();
    if wanted(Part::Append) {
        report.add(append::one_process(cluster, rounds).await?);
    }
    if wanted(Part::AppendTwoProcesses) {
        report.add(append::two_processes(cluster, rounds).await?);
    }
    if wanted(Part::AppendOneClient) {
        report.add(append::one_client(cluster, rounds).await?);
    }
    if [Part::ReadLog, Part::ReadStream].into_iter().any(wanted) {
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
    if [Part::AssignTicket, Part::TripBooking, Part::Visible, Part::LongStream, Part::Memory].into_iter().any(wanted) {
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
    if wanted(Part::Rebuild) {
        report.add(rebuild::measure(cluster, rounds).await?);
    }
    Ok(report)
}
