//! `caravan import`.

mod report;

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};
use caravan_commands::Commands;
use caravan_import::{Format, GeoNames, Intake, Summary};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use crate::node::Node;
use report::Shown;

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
    let gazetteer = GeoNames::embedded()?;
    let intake = Intake { commands, gazetteer: &gazetteer, source: &source, now, ahead: false };
    let mut report = Shown::new(&shown, metadata.len());
    let input = report.watch(file);
    let taken = intake.take(format, input, &mut report).await;
    let summary = report.summary;
    taken.with_context(|| format!("{shown}: {summary}"))?;
    anyhow::ensure!(summary.taken() > 0, "no event went in: {summary}");
    Ok(summary)
}
