//! `docs/COVERAGE.md`, generated from a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use crate::contract::Contract;
use crate::ledger::Ledger;

const HEAD: &str = "# Coverage

Generated from a conformance run by `make coverage`; do not edit. *Documented*: operations in the contract. *Served*:
answered with more than 501. *Proven*: called with success (the answer valid against the contract and, of a command, its
effect seen), with bad input, and by a caller who may not. *Open to all*: those of the proven that refuse nobody; a forged
token gets, byte for byte, what no token gets.
";

pub fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/COVERAGE.md")
}

/// The whole document.
pub fn render(contracts: &[Contract], ledger: &Ledger) -> String {
    let mut totals = String::new();
    let mut sections = String::new();
    let mut sum = Count::default();
    for contract in contracts {
        let name = contract.dialect.name;
        let served: BTreeSet<&str> = contract.served().into_iter().collect();
        let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
        let operations =
            caravan_wire::contracts().iter().filter(|c| c.dialect.name == name).flat_map(|c| &c.operations);
        for operation in operations.filter(|operation| !operation.added) {
            groups.entry(&operation.group).or_default().take(&operation.id, &served, ledger, name);
        }
        let mut total = Count::default();
        let _ = write!(
            sections,
            "\n## {name}\n\n| group | documented | served | proven | of these open to all |\n|---|---:|---:|---:|---:|\n"
        );
        for (group, Group { count, .. }) in &groups {
            let _ = writeln!(sections, "| {group} {count}");
            total.add(count);
        }
        let proven: Vec<String> = groups.values().flat_map(|group| &group.proven).map(|id| format!("`{id}`")).collect();
        let open: Vec<&String> = groups.values().flat_map(|group| &group.open).collect();
        if !proven.is_empty() {
            let _ = write!(sections, "\nProven: {}.\n", proven.join(", "));
        }
        if !open.is_empty() {
            let open: Vec<String> = open.into_iter().cloned().collect();
            let _ = write!(sections, "\nServed, but not proven: {}.\n", open.join(", "));
        }
        let _ = writeln!(totals, "| {name} {total}");
        sum.add(&total);
    }
    format!(
        "{HEAD}\n| dialect | documented | served | proven | of these open to all |\n|---|---:|---:|---:|---:|\n{totals}| **all** {sum}\n{sections}"
    )
}

/// The operations that a rendered document calls proven, by dialect.
pub fn proven(document: &str) -> BTreeSet<(String, String)> {
    let mut dialect = "";
    let mut proven = BTreeSet::new();
    for line in document.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            dialect = name;
        } else if let Some(ids) = line.strip_prefix("Proven: ") {
            proven.extend(ids.split('`').skip(1).step_by(2).map(|id| (dialect.to_owned(), id.to_owned())));
        }
    }
    proven
}

#[derive(Default)]
struct Group {
    count: Count,
    proven: Vec<String>,
    open: Vec<String>,
}

impl Group {
    fn take(&mut self, id: &str, served: &BTreeSet<&str>, ledger: &Ledger, dialect: &str) {
        self.count.documented += 1;
        if !served.contains(id) {
            return;
        }
        self.count.served += 1;
        let missing = ledger.missing(dialect, id);
        if missing.is_empty() {
            self.count.proven += 1;
            self.count.open += usize::from(ledger.is_open(dialect, id));
            self.proven.push(id.to_owned());
        } else {
            self.open.push(format!("`{id}` ({})", missing.join(", ")));
        }
    }
}

#[derive(Default)]
struct Count {
    documented: usize,
    served: usize,
    proven: usize,
    open: usize,
}

impl Count {
    fn add(&mut self, other: &Count) {
        self.documented += other.documented;
        self.served += other.served;
        self.proven += other.proven;
        self.open += other.open;
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "| {} | {} | {} | {} |", self.documented, self.served, self.proven, self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_proven_is_read_back() {
        let text =
            "## krugo\n\nProven: `a`, `b-c`.\n\nServed, but not proven: `d` (success).\n\n## keyper\n\nProven: `e`.\n";
        let expected = [("krugo", "a"), ("krugo", "b-c"), ("keyper", "e")];
        assert_eq!(proven(text), expected.map(|(dialect, id)| (dialect.to_owned(), id.to_owned())).into());
    }
}
