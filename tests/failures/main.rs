//! What happens when something goes wrong: kills, outages, races, bad input, bad connections, somebody curious, a
//! person who wants to be forgotten, and messages under way.
//! One program for all, one test at a time: each starts a server of its own and some are about time.

#[path = "../../commands/tests/support/mail_server.rs"]
mod mail_server;
#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod buyer;
mod connections;
mod crash;
mod forget;
mod numbers;
mod outage;
mod purge;
mod race;
mod receiver;
mod strangers;
mod told;
mod world;

/// Held by the test that runs.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
