//! Read models from an operator's side: rebuild, verify, and what was parked.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use caravan_event_store::StreamId;
use caravan_event_store::following::parked;
use caravan_projections::{Difference, Discrepancy, Progress, Renderer, TALLIES};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use crate::node::Node;

#[derive(Args)]
#[group(required = true)]
pub struct Rebuild {
    /// A kind's documents, such as trip_booking; or `opened`, `search` or `tallies`
    name: Option<String>,
    /// Every read model
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

#[derive(Args)]
pub struct Verify {}

#[derive(Subcommand)]
pub enum Parked {
    /// Print follower, stream, position and error of each
    List,
    /// Apply a stream's events again, from the one that failed on
    Retry { follower: String, stream: StreamId },
    /// Give the events up to now up and go on with later ones
    Skip { follower: String, stream: StreamId },
}

impl Rebuild {
    pub async fn run(self, node: &Node) -> Result<()> {
        let shown = Shown::new("folding");
        let progress = |progress| shown.show(progress);
        if let Some(renderer) = node.renderers.iter().find(|renderer| self.name.as_deref() == Some(renderer.name())) {
            return rendered(renderer).await;
        }
        if self.name.as_deref() == Some(TALLIES) {
            return tallies(node, &progress).await;
        }
        let names: Vec<String> = self.name.into_iter().collect();
        let kinds = node.models.kinds();
        if let Some(unknown) = names.iter().find(|name| kinds.iter().all(|kind| kind.name != name.as_str())) {
            let known = kinds.iter().map(|kind| kind.name).chain(node.renderers.iter().map(Renderer::name));
            bail!("there is no read model {unknown}: there are {} and {TALLIES}", known.collect::<Vec<_>>().join(", "));
        }
        let rebuilt = caravan_projections::rebuild(&node.pool, &node.store, kinds, &names, &progress).await?;
        shown.end();
        // A log that came from elsewhere, a backup say, holds numbers that the sequences have not reached.
        for (kind, highest) in rebuilt.highest {
            node.vault.lift(kind, highest).await?;
        }
        eprintln!("{} events folded into {} documents", rebuilt.events, rebuilt.documents);
        if self.all {
            for renderer in &node.renderers {
                rendered(renderer).await?;
            }
            tallies(node, &progress).await?;
        }
        Ok(())
    }
}

async fn rendered(renderer: &Renderer) -> Result<()> {
    let name = renderer.name();
    let documents = renderer.rebuild().await.with_context(|| format!("rebuild {name}"))?;
    eprintln!("{name}: {documents} documents");
    Ok(())
}

async fn tallies(node: &Node, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<()> {
    let events = caravan_projections::rebuild_tallies(&node.pool, &node.store, progress).await;
    eprintln!("{TALLIES}: {} events counted", events.context("rebuild tallies")?);
    Ok(())
}

impl Verify {
    pub async fn run(self, node: &Node) -> Result<()> {
        let shown = Shown::new("comparing");
        let progress = |progress| shown.show(progress);
        let verified = caravan_projections::verify(&node.rendering, &node.renderers, &progress).await?;
        shown.end();
        for difference in &verified.differences {
            println!("{}", line(difference));
        }
        if verified.different > 0 {
            bail!("{} differ from the log up to position {}", verified.different, verified.position);
        }
        eprintln!(
            "{} documents, {} search documents and {} tallies are what the log says up to position {}",
            verified.documents, verified.search_documents, verified.tallies, verified.position
        );
        Ok(())
    }
}

fn line(difference: &Difference) -> String {
    let what = match &difference.what {
        Discrepancy::Missing => "is missing".to_owned(),
        Discrepancy::LeftOver => "is not in the log".to_owned(),
        Discrepancy::Fields(fields) => format!("differs in {}", fields.join(", ")),
    };
    format!("{} {} {what}", difference.read_model, difference.id)
}

impl Parked {
    pub async fn run(self, node: &Node) -> Result<()> {
        match self {
            Parked::List => {
                let parked = parked::list(&node.pool).await?;
                for entry in &parked {
                    println!("{}\t{}\t{}\t{}", entry.follower, entry.stream, entry.position, entry.error);
                }
                if parked.is_empty() {
                    eprintln!("nothing is parked");
                }
                Ok(())
            }
            Parked::Retry { follower, stream } => found(parked::retry(&node.pool, &follower, &stream).await?),
            Parked::Skip { follower, stream } => found(parked::skip(&node.pool, &follower, &stream).await?),
        }
    }
}

fn found(parked: bool) -> Result<()> {
    ensure!(parked, "no such stream is parked for this follower: `caravan parked list` shows what is");
    Ok(())
}

/// Progress through the log: a bar on a terminal, now and then a log line elsewhere.
struct Shown {
    what: &'static str,
    bar: Option<ProgressBar>,
    last: Mutex<Instant>,
}

impl Shown {
    fn new(what: &'static str) -> Self {
        let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} {per_sec} {eta}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(0).with_style(style).with_message(what));
        Shown { what, bar, last: Mutex::new(Instant::now()) }
    }

    fn show(&self, progress: Progress) {
        const PAUSE: Duration = Duration::from_secs(5);
        if let Some(bar) = &self.bar {
            bar.set_length(progress.head.unsigned_abs());
            bar.set_position(progress.position.unsigned_abs());
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.elapsed() > PAUSE {
            *last = Instant::now();
            tracing::info!("{} position {} of {}", self.what, progress.position, progress.head);
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
