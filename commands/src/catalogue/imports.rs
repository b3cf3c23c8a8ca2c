//! Imports that happen once: begun, and finished, whatever happens in between.

use caravan_domain::catalogue::import::{IMPORT, Import};
use caravan_domain::record::Records;
use caravan_event_store::StreamId;
use chrono::SubsecRound;
use serde_json::{Map, Value};

use super::Known;
use crate::{Caller, CommandError, Commands};

impl Commands {
    /// How far the import of this name has come; `None` when it was never begun.
    pub async fn import(&self, name: &str) -> Result<Option<Import>, CommandError> {
        let Some(id) = self.named(IMPORT.kind.name, name).await? else { return Ok(None) };
        Ok(self.state::<Records>(&StreamId::new(IMPORT.kind.name, id)).await?.state.get())
    }

    /// Notes that an import has begun, now as its caller sees it.
    pub async fn begin_import(&self, name: &str, caller: &Caller) -> Result<Import, CommandError> {
        let import = Import { name: name.to_owned(), started_at: caller.now.trunc_subsecs(3), finished_at: None };
        self.put_import(&import, caller).await?;
        Ok(import)
    }

    /// Notes that an import has brought in everything.
    pub async fn finish_import(&self, import: Import, caller: &Caller) -> Result<(), CommandError> {
        self.put_import(&Import { finished_at: Some(caller.now), ..import }, caller).await
    }

    async fn put_import(&self, import: &Import, caller: &Caller) -> Result<(), CommandError> {
        let fields: Map<String, Value> = match serde_json::to_value(import).map_err(CommandError::broken)? {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        self.put_record(&IMPORT, &import.name, fields, Known::Replace, caller).await.map(|_| ())
    }
}
