//! The one binary: every role and every operator's command.

mod config;

use clap::Parser;

/// Group trips, event ticketing, venue seats and short stays on one event-sourced core.
#[derive(Parser)]
#[command(version, about)]
enum Caravan {
    /// Print the settings in force
    Config,
}

fn main() -> anyhow::Result<()> {
    match Caravan::parse() {
        Caravan::Config => print!("{}", config::describe(&config::Config::load()?)),
    }
    Ok(())
}
