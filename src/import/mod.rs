//! `caravan import`.

mod images;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use caravan_commands::Commands;
use caravan_import::{Format, GeoNames, Input, Intake, Matching, Source, demo_sources, named_city, zone};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::node::Node;
use images::Images;
use report::Shown;

#[derive(Subcommand)]
pub enum Import {
    /// Events of a file. What is not sound is reported with its place and skipped, the rest goes in; the same file
    /// again changes nothing. Exits with 1 when the file cannot be read to its end or nothing of it went in
    Events(Events),
    /// Images of what is in the catalogue, and of an app: JPEG, PNG or WebP. What is no such file is reported and
    /// skipped; the same files again change nothing. Exits with 1 when nothing went in
    Images(Images),
}

#[derive(Args)]
pub struct Events {
    /// What to read, also if compressed with gzip; `-` is standard input
    file: PathBuf,
    #[arg(long, value_enum, default_value = "auto")]
    format: Format,
    /// Who publishes the events; by default whom each record names, else the file's name without its endings
    #[arg(long)]
    source: Option<String>,
    /// Where events take place that do not say, such as those of a conference's calendar: "Toronto", "Portland, ME,
    /// USA"
    #[arg(long)]
    city: Option<String>,
    /// The time zone of times that name none, such as America/Toronto
    #[arg(long)]
    time_zone: Option<String>,
    /// Tell what would go in and what not, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    /// Prints the totals, also where `stop` comes before the end.
    pub async fn run(self, node: &Node, stop: &CancellationToken) -> Result<()> {
        match self {
            Import::Events(events) => events.run(&node.commands, node.clock.now(), stop).await,
            Import::Images(images) => images.run(node, stop).await,
        }
    }
}

impl Events {
    async fn run(self, commands: &Commands, now: DateTime<Utc>, stop: &CancellationToken) -> Result<()> {
        let shown = self.file.display().to_string();
        let gazetteer = GeoNames::embedded()?;
        let city = match &self.city {
            Some(name) => Some(
                named_city(&gazetteer, name).with_context(|| format!("--city: {name:?} is no city that is known"))?,
            ),
            None => None,
        };
        let time_zone = match &self.time_zone {
            Some(name) => Some(zone(name).with_context(|| format!("--time-zone: {name:?} is none that is known"))?),
            None => None,
        };
        let path = self.file.clone();
        let input = tokio::select! {
            input = tokio::task::spawn_blocking(move || Input::open(&path)) => input?.with_context(|| shown.clone())?,
            () = stop.cancelled() => bail!("interrupted"),
        };
        let stem = stem(&self.file);
        let (source, guarded) = match &self.source {
            Some(source) => (Source::Stated(source), [].as_slice()),
            None => (Source::Presumed(&stem), demo_sources(commands).await?),
        };
        let matching = Matching { gazetteer: &gazetteer, source, guarded, city, time_zone, ahead_of: None };
        let intake = Intake { commands, matching, now, is_rehearsal: self.dry_run };
        let mut report = Shown::new(&shown, input.bytes()?);
        let format = self.format.of(&self.file);
        let taken = tokio::select! {
            taken = intake.take(format, &input, &mut report) => Some(taken),
            () = stop.cancelled() => None,
        };
        let summary = report.finish();
        println!("{summary}{}", if self.dry_run { "; nothing was written" } else { "" });
        match taken {
            Some(taken) => taken.with_context(|| format!("{shown}: {summary}"))?,
            None => bail!("interrupted; start again to go on"),
        }
        ensure!(summary.taken() > 0, "no event went in: {summary}");
        Ok(())
    }
}

/// A file's name without its endings: `events` of `events.ics.gz`.
fn stem(file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
