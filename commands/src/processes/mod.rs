//! Process managers: what follows from an event, elsewhere. Each goes through the log once and keeps what it needs to
//! know in tables of its own, which move together with its checkpoint; deadlines and outgoing messages are rows that
//! a task of their own carries out.

mod absorption;
mod deadlines;
mod departures;
mod measure;
mod messages;
mod reaction;
mod reactions;

use std::sync::Arc;

use caravan_clock::Clock;
use caravan_event_store::following::{Checkpoints, Follower, follow};
use caravan_files::Files;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

pub use absorption::absorption;
pub use deadlines::{Due, deadlines, forget_again};
pub(crate) use departures::DEPARTURES;
pub use departures::departures;
pub(crate) use messages::settings as message_settings;
pub(crate) use messages::{CREW_INVITATION, Reach, TRIP_BOOKING_REMINDER, Template};
pub use messages::{Sender, messages, moved_trips};
pub use reactions::Reactions;

use crate::Commands;
use crate::effects::Carriers;

/// What process managers work with.
#[derive(Clone)]
pub struct Setup {
    pub commands: Commands,
    pub checkpoints: Checkpoints,
    /// What deadlines and messages are due by.
    pub clock: Clock,
    /// The main database.
    pub pool: PgPool,
    pub carriers: Carriers,
    /// What goes with mails.
    pub files: Files,
    /// The address that messages point to.
    pub public_url: Arc<str>,
}

/// All of them by name, and what carries out the rows they leave, each to be run as a task; they end when `stop` is
/// cancelled. Running them in several processes is fine: one at a time gets through.
pub fn all(setup: &Setup, stop: &CancellationToken) -> Vec<(&'static str, BoxFuture<'static, ()>)> {
    measure::begin();
    vec![
        ("messages", following(setup, messages(setup), stop)),
        (messages::MOVED_TRIPS, following(setup, moved_trips(setup), stop)),
        (DEPARTURES, following(setup, departures(setup), stop)),
        ("absorption", following(setup, absorption(setup), stop)),
        ("deadlines", following(setup, deadlines(setup), stop)),
        ("sender", Sender::new(setup).run(stop.clone()).boxed()),
        ("due", Due::new(setup).run(stop.clone()).boxed()),
        ("waiting work", measure::watch(setup.pool.clone(), setup.clock.clone(), stop.clone()).boxed()),
    ]
}

fn following(setup: &Setup, follower: impl Follower, stop: &CancellationToken) -> BoxFuture<'static, ()> {
    follow(setup.commands.store().clone(), setup.checkpoints.clone(), follower, stop.clone()).boxed()
}
