//! Resident memory of `serve`; Postgres is a process of its own and not counted.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::report::Row;
use crate::world::World;

/// Most that may be resident, in MiB.
const IDLE: f64 = 150.0;
const UNDER_LOAD: f64 = 400.0;

/// Restarts the server and lets it settle; its resident MiB.
pub async fn idle(world: &mut World) -> Result<f64> {
    world.server.restart().await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    resident(world, "VmRSS")
}

/// `idle`, and the most that the server has had resident since, after all its load.
pub async fn measure(world: &World, idle: f64) -> Result<[Row; 2]> {
    Ok([
        Row::at_most("resident memory of serve, idle", "MiB", &[idle], Some(IDLE)),
        Row::at_most(
            "resident memory of serve, peak under this load",
            "MiB",
            &[resident(world, "VmHWM")?],
            Some(UNDER_LOAD),
        ),
    ])
}

/// A line of the server's status, in MiB.
fn resident(world: &World, name: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.server.pid()?))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib: f64 = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).context(name.to_owned())?;
    Ok(kib / 1024.0)
}
