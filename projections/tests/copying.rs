//! A client that keeps a copy, and is cut off at random, ends with exactly what there is.

use std::collections::BTreeMap;

use caravan_domain::EntityId;
use caravan_event_store::{Position, StreamId};
use caravan_projections::{Document, Moment, SearchTarget};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::kinds::{ALL, GIG};
use crate::support::{World, changed, fields, world};

/// Documents in one answer.
const PIECE: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Make,
    Change(usize),
    Delete(usize),
    /// The client asks for the next piece; its answer may get lost.
    Read {
        lost: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Make),
        3 => (0..40usize).prop_map(Step::Change),
        1 => (0..40usize).prop_map(Step::Delete),
        4 => prop::bool::weighted(0.3).prop_map(|lost| Step::Read { lost }),
    ]
}

/// What a client remembers, whenever it is cut off.
#[derive(Default)]
struct Client {
    /// What each document holds.
    copy: BTreeMap<EntityId, Value>,
    /// Up to where all changes are known; taken down before the first piece is read.
    known: Option<Position>,
    /// Up to where it has read all there is; none once it has all.
    reading: Option<Position>,
}

impl Client {
    /// Asks for one piece; whether there was one.
    async fn read(&mut self, world: &World, lost: bool) -> bool {
        let Some(known) = self.known else {
            let latest = world.models.latest(&GIG).await.unwrap();
            self.known = Some(latest.map_or(0, |latest| latest.position));
            self.reading = Some(0);
            return true;
        };
        let (moment, after) = match self.reading {
            Some(read) => (Moment::Made, read),
            None => (Moment::LastChanged, known),
        };
        let piece = world.models.after(&GIG, moment, after, PIECE).await.unwrap();
        if lost {
            return true;
        }
        for document in &piece {
            self.take(document);
        }
        match (piece.last(), moment) {
            (Some(last), Moment::Made) => self.reading = Some(last.stamps.unwrap().born),
            (Some(last), Moment::LastChanged) => self.known = Some(last.position),
            (None, Moment::Made) => self.reading = None,
            (None, Moment::LastChanged) => return false,
        }
        true
    }

    fn take(&mut self, document: &Document) {
        let deleted = document.state["deleted_at"].is_string();
        if deleted {
            self.copy.remove(&document.id);
        } else {
            self.copy.insert(document.id, Value::Object(fields(document)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_cut_off_at_random_is_whole_in_the_end() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.follow();
    let mut runner = TestRunner::deterministic();
    let (mut made, mut client, mut present) = (vec![], Client::default(), BTreeMap::new());
    for round in 0..400u64 {
        match step().new_tree(&mut runner).unwrap().current() {
            Step::Make => {
                let id = world.create(&GIG, round, json!({"title": round})).await;
                made.push(id);
                present.insert(id, json!({"title": round}));
            }
            Step::Change(at) if at < made.len() && present.contains_key(&made[at]) => {
                let state = json!({"title": format!("changed in {round}")});
                world.append(&StreamId::new(GIG.name, made[at]), vec![changed(state.clone())]).await;
                present.insert(made[at], state);
            }
            Step::Delete(at) if at < made.len() && present.contains_key(&made[at]) => {
                let gone = ("Deleted", json!({"at": "2031-01-01T00:00:00Z"}));
                world.append(&StreamId::new(GIG.name, made[at]), vec![gone]).await;
                present.remove(&made[at]);
            }
            Step::Change(_) | Step::Delete(_) => {}
            // Whether or not the documents have come so far.
            Step::Read { lost } => drop(client.read(&world, lost).await),
        }
    }
    world.caught_up("postgres").await;
    while client.read(&world, false).await {}
    assert!(present.len() > 50, "{}", present.len());
    assert_eq!(client.copy, present);
    // Another that begins only now has the same.
    let mut late = Client::default();
    while late.read(&world, false).await {}
    assert_eq!(late.copy, present);
}
