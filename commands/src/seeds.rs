//! Planting what an installation begins with.

use caravan_domain::platform::seeds::{Seed, seeds};
use caravan_domain::record::Change;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::processes::message_settings;
use crate::{Caller, CommandError, Commands, records};

/// Makes what was never made. Safe to run from several processes at once, and again.
pub async fn plant(commands: &Commands, now: DateTime<Utc>) -> Result<(), CommandError> {
    for seed in seeds().into_iter().chain(message_settings()) {
        plant_one(commands, seed, now).await?;
    }
    Ok(())
}

/// All that is planted, as this version of the program has it.
pub fn content() -> impl Serialize {
    let seeds = seeds().into_iter().chain(message_settings());
    let content = |seed: Seed| (seed.record.kind.name, seed.number, seed.fields, seed.leads, seed.kept);
    seeds.map(content).collect::<Vec<_>>()
}

async fn plant_one(commands: &Commands, seed: Seed, now: DateTime<Utc>) -> Result<(), CommandError> {
    let Seed { record, number, fields, leads, kept } = seed;
    let id = commands.vault().id_of(record.kind.name, number);
    let mut fields: Map<String, Value> = serde_json::from_value(fields).map_err(CommandError::broken)?;
    let present = commands.record(record, id).await?.state;
    if present.exists {
        fields.retain(|name, value| kept.contains(&name.as_str()) && present.fields.get(name) != Some(value));
        if fields.is_empty() || present.deleted_at.is_some() {
            return Ok(());
        }
        let asking = commands.asked_by(Caller::system(now, Uuid::new_v4()));
        return records::change(&asking, record, id, Change::Patch(fields)).await.map(drop);
    }
    commands.vault().lift(record.kind.name, number).await?;
    fields.extend(
        leads.into_iter().map(|(field, kind, other)| (field.to_owned(), json!(commands.vault().id_of(kind, other)))),
    );
    let asking = commands.asked_by(Caller::system(now, Uuid::new_v5(&id.0, b"seed")));
    records::change(&asking, record, id, Change::Put(fields)).await.map(drop)
}
