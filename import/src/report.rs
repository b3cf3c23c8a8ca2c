//! What an import tells of its records.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use caravan_commands::catalogue::Outcome;

use crate::announcement::Spot;
use crate::fault::Fault;

/// Is told what becomes of each record.
pub trait Report: Send {
    fn took(&mut self, outcome: Outcome);

    /// A record that would be taken, if this were not a rehearsal; and whether the catalogue knows its event.
    fn would_take(&mut self, is_known: bool);

    fn skipped(&mut self, spot: Spot, fault: &Fault);

    /// Something that a record that was taken had to leave out.
    fn left_out(&mut self, spot: Spot, fault: &Fault);

    /// How far the input was read by now: it is read twice, in bytes as it is stored.
    fn read(&mut self, bytes: u64);
}

/// The counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    /// Known and not looked at further, in a rehearsal.
    pub known: u64,
    pub skipped: u64,
    /// How many records were skipped, by reason.
    pub reasons: BTreeMap<Cow<'static, str>, u64>,
    /// How many records left something out, by reason.
    pub left_out: BTreeMap<Cow<'static, str>, u64>,
}

impl Summary {
    /// Records that are in the catalogue, or would be.
    pub fn taken(&self) -> u64 {
        self.new + self.changed + self.unchanged + self.known
    }

    /// The reasons, one a line, the most frequent first.
    pub fn reasons(&self) -> Vec<String> {
        let lines = |verb: &str, reasons: &BTreeMap<Cow<'static, str>, u64>| {
            let mut reasons: Vec<_> = reasons.iter().collect();
            reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            reasons.iter().map(|(reason, count)| format!("{count} {verb}: {reason}")).collect::<Vec<_>>()
        };
        [lines("skipped", &self.reasons), lines("taken in part", &self.left_out)].concat()
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

    fn would_take(&mut self, is_known: bool) {
        if is_known {
            self.known += 1;
        } else {
            self.new += 1;
        }
    }

    fn skipped(&mut self, _: Spot, fault: &Fault) {
        self.skipped += 1;
        *self.reasons.entry(fault.reason.clone()).or_default() += 1;
    }

    fn left_out(&mut self, _: Spot, fault: &Fault) {
        *self.left_out.entry(fault.reason.clone()).or_default() += 1;
    }

    fn read(&mut self, _: u64) {}
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { new, changed, unchanged, known, skipped, .. } = self;
        match known {
            0 => write!(f, "{new} new, {changed} changed, {unchanged} unchanged, {skipped} skipped"),
            _ => write!(f, "{new} new, {known} known, {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_and_reasons_summed_up() {
        let mut summary = Summary::default();
        summary.took(Outcome::New);
        summary.took(Outcome::Unchanged);
        for spot in 3..6 {
            summary.skipped(Spot::Line(spot), &Fault::told("is bad", format!("is bad: {spot}")));
        }
        summary.skipped(Spot::Line(7), &Fault::new("has no name"));
        summary.left_out(Spot::Line(8), &Fault::new("ends before it starts"));
        assert_eq!(summary.to_string(), "1 new, 0 changed, 1 unchanged, 4 skipped");
        assert_eq!(summary.taken(), 2);
        assert_eq!(
            summary.reasons(),
            ["3 skipped: is bad", "1 skipped: has no name", "1 taken in part: ends before it starts"]
        );
    }
}
