//! What an import tells of its records.

use std::fmt;

use caravan_commands::catalogue::Outcome;

use crate::announcement::Spot;

/// Is told what becomes of each record.
pub trait Report: Send {
    fn took(&mut self, outcome: Outcome);
    fn skipped(&mut self, spot: Spot, reason: &str);
}

/// The counts.
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

impl Report for Summary {
    fn took(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::New => self.new += 1,
            Outcome::Changed => self.changed += 1,
            Outcome::Unchanged => self.unchanged += 1,
        }
    }

    fn skipped(&mut self, _: Spot, _: &str) {
        self.skipped += 1;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { new, changed, unchanged, skipped } = self;
        write!(f, "{new} new, {changed} changed, {unchanged} unchanged, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted() {
        let mut summary = Summary::default();
        summary.took(Outcome::New);
        summary.took(Outcome::Unchanged);
        summary.skipped(Spot::Line(3), "bad");
        assert_eq!(summary.to_string(), "1 new, 0 changed, 1 unchanged, 1 skipped");
        assert_eq!(summary.taken(), 2);
    }
}
