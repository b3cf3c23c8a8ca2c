//! A process manager as its context writes it: what to do about each event of each aggregate, for one follower of the
//! log.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use caravan_clock::Clock;
use caravan_domain::Decider;
use caravan_event_store::following::{FollowError, Follower};
use caravan_event_store::{Filter, Recorded, codec};
use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use strum::{IntoDiscriminant, IntoEnumIterator};

use super::Setup;
use super::reaction::{Pace, Reaction};
use crate::Commands;

/// Events in one transaction: each may send commands, and whoever dies meanwhile repeats them all.
const BATCH: usize = 100;

/// Follows the events that something reacts to, and no others: whoever reads all of an aggregate's takes many times as
/// long, and from whoever appends.
pub struct Reactions {
    name: &'static str,
    commands: Commands,
    clock: Clock,
    pace: Pace,
    no_older_than: Option<TimeDelta>,
    /// By category and event type.
    on: HashMap<(&'static str, &'static str), Erased>,
}

/// A reaction to one kind of event.
pub(super) type Handler<E> =
    Box<dyn for<'a> Fn(Reaction<'a>, E) -> BoxFuture<'a, Result<(), FollowError>> + Send + Sync>;

type Erased = Box<dyn for<'a> Fn(Reaction<'a>) -> BoxFuture<'a, Result<(), FollowError>> + Send + Sync>;

/// What [`by`] takes: `async fn(Reaction<'_>, E) -> Result<(), FollowError>`. A trait only because the future of such a
/// function has no name, and has to be [`Send`].
pub(super) trait React<'a, E>: Copy + Send + Sync + 'static {
    fn react(self, reaction: Reaction<'a>, event: E) -> impl Future<Output = Result<(), FollowError>> + Send + 'a;
}

impl<'a, E, F, Reacting> React<'a, E> for F
where
    F: Fn(Reaction<'a>, E) -> Reacting + Copy + Send + Sync + 'static,
    Reacting: Future<Output = Result<(), FollowError>> + Send + 'a,
{
    fn react(self, reaction: Reaction<'a>, event: E) -> impl Future<Output = Result<(), FollowError>> + Send + 'a {
        self(reaction, event)
    }
}

/// The reaction that a function is.
pub(super) fn by<E: 'static>(react: impl for<'a> React<'a, E>) -> Option<Handler<E>> {
    Some(Box::new(move |reaction, event| react.react(reaction, event).boxed()))
}

impl Reactions {
    /// `name` is that of its checkpoint. It begins with the log, whenever it is first run.
    pub(super) fn new(name: &'static str, setup: &Setup) -> Self {
        let (commands, clock) = (setup.commands.clone(), setup.clock.clone());
        Reactions { name, commands, clock, pace: Pace::default(), no_older_than: None, on: HashMap::new() }
    }

    /// Sends at most so many commands a second: for what one event may cause thousands of.
    pub(super) fn rate(self, commands: u32) -> Self {
        Reactions { pace: Pace::of(Duration::from_secs(1) / commands), ..self }
    }

    /// Passes over events that are older by the time they are seen.
    pub(super) fn no_older_than(self, age: TimeDelta) -> Self {
        Reactions { no_older_than: Some(age), ..self }
    }

    /// Reacts to the events of an aggregate. `to` says to each kind what follows, if anything: it names all of them, so
    /// that a new one does not compile until somebody has thought of it.
    pub(super) fn on<D: Decider>(mut self, to: fn(Kind<D>) -> Option<Handler<D::Event>>) -> Self
    where
        D::Event: IntoDiscriminant,
        Kind<D>: IntoEnumIterator + Into<&'static str> + Copy,
    {
        for kind in Kind::<D>::iter() {
            if let Some(handler) = to(kind) {
                self.on.insert((D::CATEGORY, kind.into()), erased::<D>(handler));
            }
        }
        self
    }
}

/// An event of an aggregate without its data.
type Kind<D> = <<D as Decider>::Event as IntoDiscriminant>::Discriminant;

fn erased<D: Decider>(handler: Handler<D::Event>) -> Erased {
    Box::new(move |reaction| match codec::decode::<D>(reaction.recorded) {
        Ok(event) => handler(reaction, event),
        Err(error) => {
            let poison = FollowError::poison(reaction.recorded, error.to_string());
            futures::future::ready(Err(poison)).boxed()
        }
    })
}

#[async_trait]
impl Follower for Reactions {
    fn name(&self) -> &str {
        self.name
    }

    fn filter(&self) -> Filter {
        let sorted = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
        Filter {
            categories: sorted(self.on.keys().map(|(category, _)| *category).collect()),
            event_types: sorted(self.on.keys().map(|(_, event_type)| *event_type).collect()),
        }
    }

    fn durable(&self) -> bool {
        true
    }

    fn batch(&self) -> usize {
        BATCH
    }

    async fn apply(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<(), FollowError> {
        let Reactions { commands, clock, pace, .. } = &*self;
        let oldest = self.no_older_than.map(|age| clock.now() - age);
        for recorded in batch.iter().filter(|recorded| oldest.is_none_or(|oldest| recorded.time > oldest)) {
            // The filter lets through what has the type of one category and is of another.
            let key = (recorded.stream.category.as_str(), recorded.event_type.as_str());
            if let Some(react) = self.on.get(&key) {
                react(Reaction { tx: &mut *tx, recorded, commands, clock, pace }).await?;
            }
        }
        Ok(())
    }
}
