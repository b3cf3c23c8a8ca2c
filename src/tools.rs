//! What the program puts when it starts: what an installation begins with, and the catalogue of tools for AI agents,
//! which is what this program serves. Where it was put before as it is now, nothing is looked at.

use std::error::Error;
use std::time::Duration;

use anyhow::Result;
use caravan_clock::Clock;
use caravan_commands::catalogue::{Known, put_record};
use caravan_commands::planted::{Form, Planted};
use caravan_commands::{Caller, CommandError, Commands, seeds};
use caravan_domain::platform::tool::{TOOL, Tool};
use caravan_wire::rentals::tools::tool;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Pause before it is tried again.
const PAUSE: Duration = Duration::from_secs(10);

/// Plants what an installation begins with, and puts all tools; what is there already stores nothing.
pub async fn put(commands: Commands, planted: Planted, clock: Clock, stop: CancellationToken) -> Result<()> {
    while let Err(error) = put_all(&commands, &planted, &clock).await {
        tracing::warn!(error = &error as &dyn Error, "what an installation begins with could not be put");
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    stop.cancelled().await;
    Ok(())
}

async fn put_all(commands: &Commands, planted: &Planted, clock: &Clock) -> Result<(), CommandError> {
    let form = Form::of("seeds", &seeds::content())?;
    if !planted.has(form).await? {
        seeds::plant(commands, clock.now()).await?;
        planted.note(form).await?;
    }
    let served = caravan_write_api::registrations().into_iter().chain(caravan_read_api::registrations());
    let mut tools: Vec<Tool> = served.filter_map(|registration| tool(registration.operation)).collect();
    // As routes come in no order.
    tools.sort_by(|one, other| one.tool_name.cmp(&other.tool_name));
    let form = Form::of("tools", &tools)?;
    if !planted.has(form).await? {
        for tool in &tools {
            put_one(commands, clock, tool).await?;
        }
        planted.note(form).await?;
    }
    Ok(())
}

async fn put_one(commands: &Commands, clock: &Clock, tool: &Tool) -> Result<(), CommandError> {
    let asking = commands.asked_by(Caller::system(clock.now(), Uuid::new_v4()));
    let Ok(Value::Object(fields)) = serde_json::to_value(tool) else { return Ok(()) };
    put_record(&asking, &TOOL, &tool.tool_name, fields, Known::Replace).await.map(drop)
}
