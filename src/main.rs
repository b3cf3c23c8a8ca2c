//! The one binary: every role and every operator's command.

mod config;
mod data_dir;
mod import;
mod metrics;
mod node;
mod ops;
mod purge;
mod roles;
mod serving;
mod stop;
mod telemetry;
mod tools;

use std::process::ExitCode;

use clap::Parser;

use config::Config;
use roles::Role;

/// A request makes and drops some hundred small values on whichever thread is free, for which this
/// allocator costs least: `assign-ticket` gains a tenth (`make bench`). It asks for no huge pages (`no_thp`): an idle
/// process would hold 23 MiB more than it uses.
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
    /// Copy everything the data directory holds to a directory of its own; `serve` may go on meanwhile
    Backup(ops::Backup),
    /// Fill an empty data directory from a backup
    Restore(ops::Restore),
    /// Accounts
    #[command(subcommand)]
    Account(ops::Account),
    /// Forget a person for good: nothing of theirs can be read afterwards
    Forget(ops::Forget),
    /// Make a further key pair to sign tokens with: it signs half a minute later, the one before verifies for a day
    /// more
    RotateSigningKey,
    /// Sign a token of the development identity provider
    DevToken(ops::DevToken),
    /// Print the settings in force
    Config,
    /// Print the OpenAPI document of one dialect
    Openapi(ops::Openapi),
}

impl Caravan {
    /// What goes on until it is stopped; none where something is done once.
    fn role(&self) -> Option<Role> {
        match self {
            Caravan::Serve => Some(Role::Serve),
            Caravan::WriteApi => Some(Role::WriteApi),
            Caravan::ReadApi => Some(Role::ReadApi),
            Caravan::Project => Some(Role::Project),
            _ => None,
        }
    }
}

fn main() -> ExitCode {
    match run(Caravan::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("caravan: {}", line(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Caravan) -> anyhow::Result<()> {
    let config = Config::load()?;
    match command {
        Caravan::Config => {
            print!("{}", config::describe(&config));
            return Ok(());
        }
        Caravan::Openapi(openapi) => return openapi.run(),
        _ => {}
    }
    config.check()?;
    let role = command.role();
    let telemetry = telemetry::start(&config, role)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        if let Some(role) = role {
            return roles::run(config, role).await;
        }
        match command {
            Caravan::Migrate => node::command(config, async |_| Ok(())).await,
            Caravan::Rebuild(rebuild) => node::command(config, async |node| rebuild.run(node).await).await,
            Caravan::Verify(verify) => node::command(config, async |node| verify.run(node).await).await,
            Caravan::Parked(parked) => node::command(config, async |node| parked.run(node).await).await,
            Caravan::Import(import) => {
                let stop = stop::asked()?;
                node::with(config, node::CACHE_OF_COMMAND, &stop, async |node| import.run(node, &stop).await).await
            }
            Caravan::Replay(replay) => node::command(config, async |node| replay.run(node).await).await,
            Caravan::Backup(backup) => backup.run(config).await,
            Caravan::Restore(restore) => restore.run(config).await,
            Caravan::Account(account) => node::command(config, async |node| account.run(node).await).await,
            Caravan::Forget(forget) => {
                forget.check()?;
                node::command(config, async |node| forget.run(node).await).await
            }
            Caravan::RotateSigningKey => node::command(config, ops::rotate_signing_key).await,
            Caravan::DevToken(token) => node::command(config, async |node| token.run(node).await).await,
            Caravan::Serve | Caravan::WriteApi | Caravan::ReadApi | Caravan::Project => Ok(()),
            Caravan::Config | Caravan::Openapi(_) => Ok(()),
        }
    });
    // A thread may wait for input that never comes.
    runtime.shutdown_background();
    telemetry.end();
    outcome
}

/// An error and what led to it, in one line. What an error's text tells of its cause is not told again.
fn line(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use caravan_commands::CommandError;
    use caravan_domain::identity::account::no_such_account;

    use super::*;

    #[test]
    fn an_error_is_one_line_and_repeats_nothing() {
        let error = anyhow::Error::from(CommandError::Rejected(no_such_account()));
        assert_eq!(line(&error.context("forget")), "forget: rejected: no such account");
        let error = anyhow::Error::new(std::io::Error::other("pg_ctl:\n  no space\n")).context("starting");
        assert_eq!(line(&error), "starting: pg_ctl: no space");
    }
}
