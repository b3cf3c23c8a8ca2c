//! Process managers on a real Postgres: what follows from an event happens once, whatever breaks off in between.

mod absorption;
mod deadlines;
mod departures;
#[path = "../support/failing_log.rs"]
mod failing_log;
mod invitations;
mod letters;
mod limits;
mod messages;
mod notices;
mod sending;
#[path = "../support/mod.rs"]
mod support;
mod world;
