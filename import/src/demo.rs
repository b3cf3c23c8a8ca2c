//! The demo: open data, moved to come, brought into an empty log once.

use anyhow::Result;
use caravan_commands::{Caller, Commands};
use caravan_event_store::EventStore;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::geonames::GeoNames;
use crate::intake::Intake;
use crate::reading::Format;
use crate::report::Summary;

const NAME: &str = "demo";

/// Source, form and content of what the demo holds.
const FILES: [(&str, Format, &[u8]); 2] = [
    ("events", Format::Csv, include_bytes!("../../demo/events.csv")),
    ("toronto", Format::Jsonld, include_bytes!("../../demo/toronto.jsonld")),
];

/// Loads the demo into an empty log, its dates moved to come after `now`. Goes on where an earlier start was cut off;
/// does nothing once it is in, or where the log already holds something else.
pub async fn load_demo(commands: &Commands, store: &dyn EventStore, now: DateTime<Utc>) -> Result<()> {
    let caller = Caller::system(now, Uuid::new_v4());
    let import = match commands.import(NAME).await? {
        Some(import) if import.finished_at.is_some() => return Ok(()),
        Some(import) => import,
        None if store.head().await? > 0 => return Ok(()),
        None => commands.begin_import(NAME, &caller).await?,
    };
    tracing::info!("loading the demo");
    let gazetteer = GeoNames::embedded()?;
    for (source, format, content) in FILES {
        let intake = Intake { commands, gazetteer: &gazetteer, source, now: import.started_at, ahead: true };
        let mut summary = Summary::default();
        intake.take(format, content, &mut summary).await?;
        tracing::info!("demo: {source}: {summary}");
    }
    commands.finish_import(import, &caller.step("finish")).await?;
    Ok(())
}
