//! `caravan import images`.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use caravan_commands::catalogue::Outcome;
use caravan_commands::catalogue::pictures::{self, NewPicture};
use caravan_commands::{Caller, CommandError};
use caravan_domain::catalogue::picture::Motif;
use caravan_files::pictures::{Fault, LARGEST, Pictures, md5};
use clap::Args;
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::report;
use crate::node::Node;

#[derive(Args)]
pub struct Images {
    /// The directory: `<id>.jpg`, or `<id>/<name>.jpg` where there are several of one thing
    dir: PathBuf,
    /// Who made them, as it is to be published with each
    #[arg(long)]
    author: Option<String>,
}

/// One file, and what it is a picture of.
struct Found {
    file: PathBuf,
    motif: String,
    name: String,
}

#[derive(Default)]
struct Counts {
    new: u64,
    changed: u64,
    unchanged: u64,
    refused: u64,
}

impl Images {
    pub async fn run(self, node: &Node, stop: &CancellationToken) -> Result<()> {
        let found = self.found()?;
        let bar = report::bar(found.len() as u64, "{bar:30} {pos}/{len} {eta}");
        let mut counts = Counts::default();
        let outcome = tokio::select! {
            outcome = self.take_all(node, &found, &bar, &mut counts) => outcome,
            () = stop.cancelled() => Err(anyhow::anyhow!("interrupted; start again to go on")),
        };
        bar.finish_and_clear();
        let Counts { new, changed, unchanged, refused } = counts;
        println!("{new} new, {changed} changed, {unchanged} unchanged, {refused} refused");
        outcome?;
        ensure!(new + changed + unchanged > 0, "no image went in");
        Ok(())
    }

    async fn take_all(&self, node: &Node, found: &[Found], bar: &ProgressBar, counts: &mut Counts) -> Result<()> {
        let kept = Pictures::new(node.files.clone());
        let mut taken = HashSet::new();
        for found in found {
            match self.take(node, &kept, found, &mut taken).await {
                Ok(Outcome::New) => counts.new += 1,
                Ok(Outcome::Changed) => counts.changed += 1,
                Ok(Outcome::Unchanged) => counts.unchanged += 1,
                Err(Refusal::Skipped(why)) => {
                    counts.refused += 1;
                    bar.suspend(|| eprintln!("{}: {why}", found.file.display().to_string().escape_debug()));
                }
                Err(Refusal::Ends(error)) => return Err(error).with_context(|| found.file.display().to_string()),
            }
            bar.inc(1);
        }
        Ok(())
    }

    /// The files, in the order of their names; those whose names begin with a point are nobody's.
    fn found(&self) -> Result<Vec<Found>> {
        let mut found = vec![];
        for path in entries(&self.dir)? {
            if path.is_dir() {
                let motif = text(path.file_name());
                let files = entries(&path)?.into_iter().filter(|file| file.is_file());
                found.extend(files.map(|file| Found { motif: motif.clone(), name: text(file.file_stem()), file }));
            } else {
                let name = text(path.file_stem());
                found.push(Found { motif: name.clone(), name, file: path });
            }
        }
        if found.is_empty() {
            bail!("{}: there is no file in it", self.dir.display());
        }
        Ok(found)
    }

    async fn take(
        &self,
        node: &Node,
        kept: &Pictures,
        found: &Found,
        taken: &mut HashSet<(String, String)>,
    ) -> Result<Outcome, Refusal> {
        let Found { file, motif, name } = found;
        let motif = Motif::named(motif).map_err(|rejection| Refusal::Skipped(rejection.to_string()))?;
        let unread = |error: std::io::Error| Refusal::Skipped(error.to_string());
        let what = tokio::fs::metadata(file).await.map_err(unread)?;
        if !what.is_file() {
            return Err(Refusal::Skipped("is no file".to_owned()));
        }
        if what.len() > LARGEST as u64 {
            return Err(Refusal::Skipped(Fault::TooLarge.to_string()));
        }
        let bytes = tokio::fs::read(file).await.map_err(unread)?;
        if !taken.insert((found.motif.clone(), md5(&bytes))) {
            return Err(Refusal::Skipped("is the same picture as one before it".to_owned()));
        }
        let picture = NewPicture {
            motif,
            name: name.clone(),
            author: self.author.clone(),
            bytes,
            called: file.extension().map(|ending| ending.to_string_lossy().into_owned()),
        };
        let asking = node.commands.asked_by(Caller::system(node.clock.now(), Uuid::new_v4()));
        match pictures::put(&asking, kept, picture, Uuid::new_v4()).await {
            Ok((_, outcome)) => Ok(outcome),
            Err(CommandError::Rejected(rejection)) => Err(Refusal::Skipped(rejection.to_string())),
            Err(error) => Err(Refusal::Ends(error.into())),
        }
    }
}

/// Why a file did not go in: because of itself, or because none does now.
enum Refusal {
    Skipped(String),
    Ends(anyhow::Error),
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| !text(path.file_name()).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn text(name: Option<&std::ffi::OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}
