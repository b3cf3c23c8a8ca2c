//! What an import shows: a bar on a terminal, lines elsewhere, every record that was not taken, and the counts.

use std::io::{IsTerminal, Read};
use std::time::{Duration, Instant};

use caravan_commands::catalogue::Outcome;
use caravan_import::{Report, Spot, Summary};
use indicatif::{ProgressBar, ProgressStyle};

/// How often an import without a terminal says how far it is.
const EVERY: Duration = Duration::from_secs(5);

pub struct Shown {
    file: String,
    bar: ProgressBar,
    told: Instant,
    pub summary: Summary,
}

impl Shown {
    /// A report on a file of `bytes` bytes.
    pub fn new(file: &str, bytes: u64) -> Shown {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(bytes) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {bytes}/{total_bytes} {msg} {eta}") {
            bar.set_style(style);
        }
        bar.set_prefix(file.to_owned());
        Shown { file: file.to_owned(), bar, told: Instant::now(), summary: Summary::default() }
    }

    /// The input, watched for how far it was read.
    pub fn watch<R: Read>(&self, input: R) -> impl Read + use<R> {
        self.bar.wrap_read(input)
    }
}

impl Report for Shown {
    fn took(&mut self, outcome: Outcome) {
        self.summary.took(outcome);
        self.bar.set_message(self.summary.to_string());
        if self.bar.is_hidden() && self.told.elapsed() > EVERY {
            self.told = Instant::now();
            tracing::info!("{}: {}", self.file, self.summary);
        }
    }

    fn skipped(&mut self, spot: Spot, reason: &str) {
        self.summary.skipped(spot, reason);
        self.bar.suspend(|| eprintln!("{}: {spot}: {reason}", self.file));
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
