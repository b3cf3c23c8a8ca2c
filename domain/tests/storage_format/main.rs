//! Pins the JSON of every event: what is listed here is in somebody's log, so it has to be read, and written, like this
//! for ever. One file per context.

mod catalogue;
mod identity;
mod trips;

use caravan_domain::Decider;
use serde_json::Value;

/// Checks that each event is read from its pinned form and written in it again.
fn pinned<D: Decider>(events: impl IntoIterator<Item = Value>) {
    for stored in events {
        let event: D::Event =
            serde_json::from_value(stored.clone()).unwrap_or_else(|error| panic!("{stored}: {error}"));
        assert_eq!(serde_json::to_value(&event).expect("events serialise"), stored);
    }
}
