//! The demo: open data, moved to come, brought into an empty log once.

use anyhow::Result;
use caravan_commands::catalogue::imports;
use caravan_commands::{Caller, Commands};
use caravan_event_store::EventStore;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::geonames::GeoNames;
use crate::input::Input;
use crate::intake::Intake;
use crate::matching::{Matching, Source};
use crate::reading::Format;
use crate::report::Summary;

const NAME: &str = "demo";

/// Source, form and content of what the demo holds.
const FILES: [(&str, Format, &[u8]); 2] = [
    ("events", Format::Csv, include_bytes!("../../demo/events.csv")),
    ("toronto", Format::Jsonld, include_bytes!("../../demo/toronto.jsonld")),
];

/// The names of its files and whom their records name.
const SOURCES: [&str; 5] = ["events", "toronto", "conferences", "football", "motorsport"];

/// Loads the demo into an empty log, its dates moved to come after `now`. Goes on where an earlier start was cut off;
/// does nothing once it is in, or where the log already holds something else.
pub async fn load_demo(commands: &Commands, store: &dyn EventStore, now: DateTime<Utc>) -> Result<()> {
    let asking = commands.asked_by(Caller::system(now, Uuid::new_v4()));
    let import = match imports::progress(commands, NAME).await? {
        Some(import) if import.finished_at.is_some() => return Ok(()),
        Some(import) => import,
        None if store.head().await? > 0 => return Ok(()),
        None => imports::begin(&asking, NAME).await?,
    };
    tracing::info!("loading the demo");
    for (source, summary) in put(commands, import.started_at).await? {
        tracing::info!("demo: {source}: {summary}");
    }
    imports::finish(&asking.step("finish"), import).await?;
    Ok(())
}

/// Undoes what an import under one of the demo's sources has changed of its events: above all their dates, which its
/// files have as they were.
pub async fn repair_demo(commands: &Commands) -> Result<()> {
    let Some(import) = imports::progress(commands, NAME).await?.filter(|import| import.finished_at.is_some()) else {
        return Ok(());
    };
    for (source, summary) in put(commands, import.started_at).await? {
        if summary.new + summary.changed > 0 {
            tracing::info!("demo repaired: {source}: {summary}");
        }
    }
    Ok(())
}

/// Sources whose events are the demo's, and not for others to change; none where it was never loaded.
pub async fn demo_sources(commands: &Commands) -> Result<&'static [&'static str]> {
    Ok(if imports::progress(commands, NAME).await?.is_some() { &SOURCES } else { &[] })
}

/// Puts all of it, with the dates that were to come at `moment`.
async fn put(commands: &Commands, moment: DateTime<Utc>) -> Result<Vec<(&'static str, Summary)>> {
    let gazetteer = GeoNames::embedded()?;
    let mut summaries = vec![];
    for (source, format, content) in FILES {
        let matching = Matching {
            gazetteer: &gazetteer,
            source: Source::Presumed(source),
            guarded: &[],
            city: None,
            time_zone: None,
            ahead_of: Some(moment),
        };
        let intake = Intake { commands, matching, now: moment, is_rehearsal: false };
        let mut summary = Summary::default();
        intake.take(format, &Input::Bytes(content), &mut summary).await?;
        summaries.push((source, summary));
    }
    Ok(summaries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_sources_are_its_files_and_whom_these_name() {
        let mut sources: Vec<String> = FILES.iter().map(|(source, ..)| (*source).to_owned()).collect();
        for (_, format, content) in FILES {
            let mut sink = |_, record: crate::announcement::Record| {
                sources.extend(record.ok().and_then(|announcement| announcement.source));
                true
            };
            format.read(content, &mut sink).unwrap();
        }
        sources.sort();
        sources.dedup();
        let mut expected = SOURCES.to_vec();
        expected.sort_unstable();
        assert_eq!(sources, expected);
    }
}
