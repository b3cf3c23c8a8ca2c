//! What an import tells: a bar on a terminal, lines elsewhere, every record that was not taken, and the counts.

use std::fmt;
use std::io::{IsTerminal, Read};
use std::time::{Duration, Instant};

use caravan_commands::catalogue::Outcome;
use indicatif::{ProgressBar, ProgressStyle};

use super::announcement::Spot;

/// How often an import without a terminal says how far it is.
const EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub skipped: u64,
}

impl Summary {
    /// Records that are in the catalogue.
    pub fn taken(&self) -> u64 {
        self.new + self.changed + self.unchanged
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { new, changed, unchanged, skipped } = self;
        write!(f, "{new} new, {changed} changed, {unchanged} unchanged, {skipped} skipped")
    }
}

pub struct Report {
    file: String,
    /// Whether skipped records are told one by one.
    verbose: bool,
    bar: ProgressBar,
    told: Instant,
    pub summary: Summary,
}

impl Report {
    /// A report on a file of `bytes` bytes.
    pub fn new(file: &str, bytes: u64) -> Report {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(bytes) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {bytes}/{total_bytes} {msg} {eta}") {
            bar.set_style(style);
        }
        bar.set_prefix(file.to_owned());
        Report { file: file.to_owned(), verbose: true, bar, told: Instant::now(), summary: Summary::default() }
    }

    /// One that only counts.
    pub fn quiet(file: &str) -> Report {
        Report { verbose: false, bar: ProgressBar::hidden(), ..Report::new(file, 0) }
    }

    /// The input, watched for how far it was read.
    pub fn watch<R: Read>(&self, input: R) -> impl Read + use<R> {
        self.bar.wrap_read(input)
    }

    pub fn took(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::New => self.summary.new += 1,
            Outcome::Changed => self.summary.changed += 1,
            Outcome::Unchanged => self.summary.unchanged += 1,
        }
        self.bar.set_message(self.summary.to_string());
        if self.verbose && self.bar.is_hidden() && self.told.elapsed() > EVERY {
            self.told = Instant::now();
            tracing::info!("{}: {}", self.file, self.summary);
        }
    }

    pub fn skipped(&mut self, spot: Spot, reason: &str) {
        self.summary.skipped += 1;
        if self.verbose {
            self.bar.suspend(|| eprintln!("{}: {spot}: {reason}", self.file));
        }
    }

    /// The counts, at the end.
    pub fn finish(self) -> Summary {
        self.bar.finish_and_clear();
        self.summary
    }
}
