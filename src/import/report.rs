//! What an import shows: a bar on a terminal, lines elsewhere, every record that was not taken or not wholly, and the
//! reasons in sum.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use caravan_commands::catalogue::Outcome;
use caravan_import::{Fault, Report, Spot, Summary};
use indicatif::{ProgressBar, ProgressStyle};

/// How often an import without a terminal says how far it is.
const EVERY: Duration = Duration::from_secs(5);

/// A bar on a terminal, nothing elsewhere.
pub fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(length) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

pub struct Shown {
    file: String,
    bar: ProgressBar,
    told: Instant,
    summary: Summary,
}

impl Shown {
    /// A report on a file of `bytes` bytes.
    pub fn new(file: &str, bytes: u64) -> Shown {
        let bar = bar(bytes, "{prefix} {bar:30} {bytes}/{total_bytes} {msg} {eta}");
        bar.set_prefix(file.to_owned());
        Shown { file: file.to_owned(), bar, told: Instant::now(), summary: Summary::default() }
    }

    /// Tells the reasons in sum; the counts are the caller's to tell.
    pub fn finish(self) -> Summary {
        self.bar.finish_and_clear();
        for line in self.summary.reasons() {
            eprintln!("{}: {line}", self.file);
        }
        self.summary
    }

    fn went_on(&mut self) {
        if !self.bar.is_hidden() {
            self.bar.set_message(self.summary.to_string());
        } else if self.told.elapsed() > EVERY {
            self.told = Instant::now();
            tracing::info!("{}: {}", self.file, self.summary);
        }
    }

    fn tell(&self, spot: Spot, what: &str) {
        self.bar.suspend(|| eprintln!("{}: {spot}: {what}", self.file));
    }
}

impl Report for Shown {
    fn took(&mut self, outcome: Outcome) {
        self.summary.took(outcome);
        self.went_on();
    }

    fn would_take(&mut self, is_known: bool) {
        self.summary.would_take(is_known);
        self.went_on();
    }

    fn skipped(&mut self, spot: Spot, fault: &Fault) {
        self.summary.skipped(spot, fault);
        self.tell(spot, &fault.to_string());
    }

    fn left_out(&mut self, spot: Spot, fault: &Fault) {
        self.summary.left_out(spot, fault);
        self.tell(spot, &format!("taken in part: {fault}"));
    }

    fn read(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
    }
}
