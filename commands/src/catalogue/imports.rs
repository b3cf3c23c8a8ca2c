//! Imports that happen once: begun, and finished, whatever happens in between.

use caravan_domain::catalogue::import::{IMPORT, Import};
use chrono::SubsecRound;
use serde_json::{Map, Value};

use super::{Known, named, put_record};
use crate::{Asking, CommandError, Commands};

/// How far the import of this name has come; `None` when it was never begun.
pub async fn progress(commands: &Commands, name: &str) -> Result<Option<Import>, CommandError> {
    let Some(id) = named(commands, IMPORT.kind.name, name).await? else { return Ok(None) };
    Ok(commands.record(&IMPORT, id).await?.state.get())
}

/// Notes that an import has begun, now as its caller sees it.
pub async fn begin(asking: &Asking, name: &str) -> Result<Import, CommandError> {
    let import = Import { name: name.to_owned(), started_at: asking.now().trunc_subsecs(3), finished_at: None };
    put(asking, &import).await?;
    Ok(import)
}

/// Notes that an import has brought in everything.
pub async fn finish(asking: &Asking, import: Import) -> Result<(), CommandError> {
    put(asking, &Import { finished_at: Some(asking.now()), ..import }).await
}

async fn put(asking: &Asking, import: &Import) -> Result<(), CommandError> {
    let fields: Map<String, Value> = match serde_json::to_value(import).map_err(CommandError::broken)? {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    put_record(asking, &IMPORT, &import.name, fields, Known::Replace).await.map(|_| ())
}
