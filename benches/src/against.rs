//! Ours beside an earlier commit: its program and this one measure the same parts in turn, each with the `caravan`
//! built beside it, on a cluster of its own.
//!
//! Of the earlier program only what every one has is used: `--only`, `--rounds` and the table that it prints.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tokio::process::Command;

use crate::cluster::target;
use crate::report::{Figure, Pair, Report, Row, figures};
use crate::{OF_THE_LOG, OF_THE_WORLD, Part};

/// What a row gave in each round; in the order of the table.
struct Compared {
    first: Figure,
    pairs: Vec<Pair>,
}

/// Measures the parts with the programs of the checkout in `dir` and with ours, in each round one after the other.
pub async fn measure(dir: &Path, parts: &[Part], rounds: u32) -> Result<Report> {
    let earlier = Program::of(dir)?;
    let now = Program { path: std::env::current_exe()? };
    let mut report = Report::beside("earlier");
    for part in parts {
        if !earlier.knows(*part).await? {
            eprintln!("{}: the earlier program has no such part", name(*part));
        }
    }
    for group in groups(parts) {
        let mut shared = vec![];
        for part in group {
            if earlier.knows(part).await? {
                shared.push(part);
            }
        }
        if !shared.is_empty() {
            report.extend(compare(&earlier, &now, &shared, rounds).await?);
        }
    }
    Ok(report)
}

async fn compare(earlier: &Program, now: &Program, parts: &[Part], rounds: u32) -> Result<Vec<Row>> {
    let mut rows: Vec<Compared> = vec![];
    for round in 1..=rounds {
        // Who goes first changes, so that a machine that gets slower or faster all the time favours neither.
        let (was, is) = if round % 2 == 0 {
            let is = now.figures(parts).await?;
            (earlier.figures(parts).await?, is)
        } else {
            (earlier.figures(parts).await?, now.figures(parts).await?)
        };
        let was: HashMap<&str, &Figure> = was.iter().map(|figure| (figure.what.as_str(), figure)).collect();
        for figure in is {
            let Some(was) = was.get(figure.what.as_str()) else {
                eprintln!("{}: the earlier program has no such row", figure.what);
                continue;
            };
            eprintln!("round {round} of {rounds}: {}: {figure}, earlier {was}", figure.what);
            let pair = Pair { ours: figure.value, limit: was.value };
            match rows.iter_mut().find(|row| row.first.what == figure.what) {
                Some(row) => row.pairs.push(pair),
                None => rows.push(Compared { first: figure, pairs: vec![pair] }),
            }
        }
    }
    Ok(rows.into_iter().map(|row| Row::against(&row.first, &row.pairs)).collect())
}

/// The parts, those together that work on the same: making that takes longer than measuring.
fn groups(parts: &[Part]) -> Vec<Vec<Part>> {
    let together = |one: Part, other: Part| {
        [&OF_THE_LOG[..], &OF_THE_WORLD].iter().any(|shared| shared.contains(&one) && shared.contains(&other))
    };
    let mut groups: Vec<Vec<Part>> = vec![];
    for part in parts {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| together(*first, *part))) {
            Some(group) => group.push(*part),
            None => groups.push(vec![*part]),
        }
    }
    groups
}

/// A bench program.
struct Program {
    path: PathBuf,
}

impl Program {
    /// The program of a checkout, copied with its `caravan` into a target directory beside ours. Its cluster is ours:
    /// where on the disk one lies makes more of a difference than most commits.
    fn of(checkout: &Path) -> Result<Program> {
        let dir = target()?.join("against");
        let release = dir.join("release");
        std::fs::create_dir_all(&release)?;
        std::fs::write(dir.join("CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55")?;
        std::fs::create_dir_all(target()?.join("bench"))?;
        if !dir.join("bench").exists() {
            std::os::unix::fs::symlink("../bench", dir.join("bench"))?;
        }
        for program in ["caravan", "caravan-bench"] {
            let built = checkout.join("target/release").join(program);
            std::fs::copy(&built, release.join(program)).with_context(|| {
                let build = "cargo build --release --locked -p caravan -p caravan-bench";
                format!("no {}: run `{build}` there", built.display())
            })?;
        }
        Ok(Program { path: release.join("caravan-bench") })
    }

    /// Whether it has the part: asked for help after a part that it does not have, it refuses that.
    async fn knows(&self, part: Part) -> Result<bool> {
        Ok(self.run(&["--only", &name(part), "--help"]).await?.status.success())
    }

    /// One round of the parts.
    async fn figures(&self, parts: &[Part]) -> Result<Vec<Figure>> {
        let only = parts.iter().map(|part| name(*part)).collect::<Vec<_>>().join(",");
        let output = self.run(&["--only", &only, "--rounds", "1"]).await?;
        // It also fails where a limit is missed, which is none of our business.
        let figures = figures(&String::from_utf8_lossy(&output.stdout));
        if figures.is_empty() {
            bail!("{} --only {only}: {}", self.path.display(), String::from_utf8_lossy(&output.stderr));
        }
        Ok(figures)
    }

    async fn run(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.path);
        let output = command.args(arguments).kill_on_drop(true).output().await;
        output.with_context(|| self.path.display().to_string())
    }
}

/// As `--only` takes it.
fn name(part: Part) -> String {
    part.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_work_on_the_same_are_measured_in_one_go() {
        let parts = [Part::Append, Part::ReadLog, Part::TripBooking, Part::Import, Part::ReadStream, Part::Memory];
        let expected = [
            vec![Part::Append],
            vec![Part::ReadLog, Part::ReadStream],
            vec![Part::TripBooking, Part::Memory],
            vec![Part::Import],
        ];
        assert_eq!(groups(&parts), expected);
    }
}
