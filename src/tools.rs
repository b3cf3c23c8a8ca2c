//! What the program puts when it starts: what an installation begins with, and the catalogue of tools for AI agents,
//! which is what this program serves.

use std::error::Error;
use std::time::Duration;

use anyhow::Result;
use caravan_clock::Clock;
use caravan_commands::catalogue::{Known, put_record};
use caravan_commands::{Caller, CommandError, Commands, seeds};
use caravan_domain::platform::tool::{TOOL, Tool};
use caravan_wire::rentals::tools::tool;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Pause before it is tried again.
const PAUSE: Duration = Duration::from_secs(10);

/// Plants what an installation begins with, and puts all tools; what is there already stores nothing.
pub async fn put(commands: Commands, clock: Clock, stop: CancellationToken) -> Result<()> {
    let served = caravan_write_api::registrations().into_iter().chain(caravan_read_api::registrations());
    while let Err(error) = seeds::plant(&commands, clock.now()).await {
        tracing::warn!(error = &error as &dyn Error, "what an installation begins with could not be planted");
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    for tool in served.filter_map(|registration| tool(registration.operation)) {
        while let Err(error) = put_one(&commands, &clock, &tool).await {
            tracing::warn!(error = &error as &dyn Error, tool = tool.tool_name, "a tool could not be put");
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
    stop.cancelled().await;
    Ok(())
}

async fn put_one(commands: &Commands, clock: &Clock, tool: &Tool) -> Result<(), CommandError> {
    let asking = commands.asked_by(Caller::system(clock.now(), Uuid::new_v4()));
    let Ok(Value::Object(fields)) = serde_json::to_value(tool) else { return Ok(()) };
    put_record(&asking, &TOOL, &tool.tool_name, fields, Known::Replace).await.map(drop)
}
