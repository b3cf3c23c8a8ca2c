//! What every event store promises, asked of each adapter, and what following the log promises on top of it.

mod appending;
mod following;
mod gapless;
mod parking;
mod reading;
mod subscribing;
mod support;
mod waiting;
