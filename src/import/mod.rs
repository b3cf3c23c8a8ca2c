//! Bringing in what others publish: `caravan import`, and the demo.

mod announcement;
mod areas;
mod calendar;
mod demo;
mod flat;
mod gazetteer;
mod ids;
mod intake;
mod json_ld;
mod reading;
mod report;

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result};
use caravan_commands::Commands;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

pub use demo::load_demo;

use crate::node::Node;
use gazetteer::Gazetteer;
use intake::Intake;
use reading::Format;
use report::{Report, Summary};

#[derive(Subcommand)]
pub enum Import {
    /// Events of a file. What is not sound is reported with its place and skipped, the rest goes in; the same file
    /// again changes nothing. Exits with 1 when the file cannot be read to its end or nothing of it went in
    Events(Events),
}

#[derive(Args)]
pub struct Events {
    file: PathBuf,
    #[arg(long, value_enum, default_value = "auto")]
    format: Format,
    /// Who publishes the events; by default the file's name without its ending
    #[arg(long)]
    source: Option<String>,
}

impl Import {
    pub async fn run(self, node: &Node) -> Result<()> {
        let Import::Events(events) = self;
        println!("{}", run(events, &node.commands, Utc::now()).await?);
        Ok(())
    }
}

/// Imports a file; reports go to standard error.
pub async fn run(events: Events, commands: &Commands, now: DateTime<Utc>) -> Result<Summary> {
    let Events { file: path, format, source } = events;
    let shown = path.display().to_string();
    let format = format.of(&path);
    let file = File::open(&path).with_context(|| shown.clone())?;
    let metadata = file.metadata().with_context(|| shown.clone())?;
    anyhow::ensure!(!metadata.is_dir(), "{shown} is a directory");
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let source = source.or(stem).unwrap_or_default();
    let gazetteer = Gazetteer::embedded()?;
    let intake = Intake { commands, gazetteer: &gazetteer, source: &source, now, ahead: false };
    let summary = take(&intake, format, file, Report::new(&shown, metadata.len())).await.context(shown)?;
    anyhow::ensure!(summary.taken() > 0, "no event went in: {summary}");
    Ok(summary)
}

/// Reads a file's records on a thread of its own and takes them as they come.
async fn take(
    intake: &Intake<'_>,
    format: Format,
    input: impl Read + Send + 'static,
    mut report: Report,
) -> Result<Summary> {
    const READ_AHEAD: usize = 1024;
    let (sender, records) = tokio::sync::mpsc::channel(READ_AHEAD);
    let input = report.watch(input);
    let reading = tokio::task::spawn_blocking(move || {
        format.read(input, &mut |spot, record| sender.blocking_send((spot, record)).is_ok())
    });
    let taken = intake.take(records, &mut report).await;
    let summary = report.finish();
    taken.context("the catalogue cannot be written; what went in stays, start again to go on")?;
    reading.await?.with_context(|| format!("cannot be read to its end ({summary})"))?;
    Ok(summary)
}
