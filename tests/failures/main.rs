//! What happens when something goes wrong: kills, outages, races, bad input, bad connections, somebody curious, and a
//! person who wants to be forgotten.
//! One program for all, one test at a time: each starts a server of its own and some are about time.

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
mod strangers;
mod world;

/// Held by the test that runs.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
