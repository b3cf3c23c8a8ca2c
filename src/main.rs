//! The one binary: every role and every operator's command.

mod config;
mod import;
mod node;
mod ops;
mod roles;

use clap::Parser;

use config::Config;
use roles::Role;

/// A request makes and drops some hundred small values on whichever thread is free, for which this
/// allocator costs least: `assign-ticket` gains a tenth (`make bench`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Group trips, event ticketing, venue seats and short stays on one event-sourced core.
#[derive(Parser)]
#[command(version, about)]
enum Caravan {
    /// Run everything on one port: both APIs, projectors and process managers; starts a Postgres of its own if none is
    /// configured
    Serve,
    /// Run the API that changes things
    WriteApi,
    /// Run the API that answers questions
    ReadApi,
    /// Run projectors, process managers and deadlines
    Project,
    /// Bring the databases to this program's version
    Migrate,
    /// Fold the log into new read models and switch to them; queries notice nothing
    Rebuild(ops::Rebuild),
    /// Compare read models and search index with the log; exits with 1 where they differ
    Verify(ops::Verify),
    /// Streams that a follower could not apply
    #[command(subcommand)]
    Parked(ops::Parked),
    /// Bring in what others publish
    #[command(subcommand)]
    Import(import::Import),
    /// Print events as NDJSON, in order; personal values stay sealed
    Replay(ops::Replay),
    /// Accounts
    #[command(subcommand)]
    Account(ops::Account),
    /// Forget a person for good: nothing of theirs can be read afterwards
    Forget(ops::Forget),
    /// Sign a token of the development identity provider
    DevToken(ops::DevToken),
    /// Print the settings in force
    Config,
    /// Print the OpenAPI document of one dialect
    Openapi(ops::Openapi),
}

fn main() -> anyhow::Result<()> {
    let command = Caravan::parse();
    let config = Config::load()?;
    match command {
        Caravan::Config => {
            print!("{}", config::describe(&config));
            return Ok(());
        }
        Caravan::Openapi(openapi) => return openapi.run(),
        _ => {}
    }
    roles::log(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Caravan::Serve => roles::run(config, Role::Serve).await,
            Caravan::WriteApi => roles::run(config, Role::WriteApi).await,
            Caravan::ReadApi => roles::run(config, Role::ReadApi).await,
            Caravan::Project => roles::run(config, Role::Project).await,
            Caravan::Migrate => node::with(config, async |_| Ok(())).await,
            Caravan::Rebuild(rebuild) => node::with(config, async |node| rebuild.run(node).await).await,
            Caravan::Verify(verify) => node::with(config, async |node| verify.run(node).await).await,
            Caravan::Parked(parked) => node::with(config, async |node| parked.run(node).await).await,
            Caravan::Import(import) => node::with(config, async |node| import.run(node).await).await,
            Caravan::Replay(replay) => node::with(config, async |node| replay.run(node).await).await,
            Caravan::Account(account) => node::with(config, async |node| account.run(node).await).await,
            Caravan::Forget(forget) => node::with(config, async |node| forget.run(node).await).await,
            Caravan::DevToken(token) => node::with(config, async |node| token.run(node).await).await,
            Caravan::Config | Caravan::Openapi(_) => Ok(()),
        }
    })
}
