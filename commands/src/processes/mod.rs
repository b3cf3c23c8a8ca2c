//! Process managers: what follows from an event, elsewhere. Each goes through the log once and keeps what it needs to
//! know in tables of its own, which move together with its checkpoint; deadlines and outgoing messages are rows that
//! a task of their own carries out.

mod absorption;
mod composing;
mod deadlines;
mod departures;
mod due;
mod measure;
mod messages;
mod reaction;
mod sender;

use std::sync::Arc;

use caravan_event_store::following::{Checkpoints, Follower, follow};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

pub use absorption::Absorption;
pub use deadlines::Deadlines;
pub(crate) use departures::DEPARTURES;
pub use departures::Departures;
pub use due::Due;
pub use messages::Messages;
pub use sender::Sender;

use crate::Commands;
use crate::effects::Carriers;

/// What process managers work with.
#[derive(Clone)]
pub struct Setup {
    pub commands: Commands,
    pub checkpoints: Checkpoints,
    /// The main database.
    pub pool: PgPool,
    pub carriers: Carriers,
    /// The address that messages point to.
    pub public_url: Arc<str>,
}

/// All of them by name, each to be run as a task; they end when `stop` is cancelled. Running them in several processes
/// is fine: one at a time gets through.
pub fn all(setup: &Setup, stop: &CancellationToken) -> Vec<(&'static str, BoxFuture<'static, ()>)> {
    let Setup { commands, pool, .. } = setup;
    measure::begin();
    vec![
        ("messages", following(setup, Messages::new(commands.clone()), stop)),
        ("departures", following(setup, Departures::new(commands.clone()), stop)),
        ("absorption", following(setup, Absorption::new(commands.clone()), stop)),
        ("deadlines", following(setup, Deadlines, stop)),
        ("sender", Sender::new(setup).run(stop.clone()).boxed()),
        ("due", Due::new(setup).run(stop.clone()).boxed()),
        ("waiting work", measure::watch(pool.clone(), stop.clone()).boxed()),
    ]
}

fn following(setup: &Setup, follower: impl Follower, stop: &CancellationToken) -> BoxFuture<'static, ()> {
    follow(setup.commands.store().clone(), setup.checkpoints.clone(), follower, stop.clone()).boxed()
}
