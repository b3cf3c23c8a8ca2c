//! The command machinery on a real Postgres: queues, conflicts, preconditions, idempotency keys.

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use caravan_commands::{Asking, Caller, CommandError, Commands, Setup, Snapshot, Snapshots};
use caravan_domain::{Actor, Context, Decider, EntityId, Rejection, RejectionKind};
use caravan_event_store::{Direction, StoreError, StreamId};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use support::Databases;

/// Seats that can be taken while there are some.
enum Seats {}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct State {
    taken: u32,
}

#[derive(Clone)]
enum Command {
    Take { of: u32 },
    Free,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum Event {
    SeatTaken { number: u32 },
    SeatsFreed { at: DateTime<Utc> },
}

impl Decider for Seats {
    const CATEGORY: &'static str = "seats";
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: Command, context: &Context) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Take { of } if state.taken >= of => Err(Rejection::conflict("no-seat-left", "no seat left")),
            Command::Take { .. } => Ok(vec![Event::SeatTaken { number: state.taken + 1 }]),
            Command::Free if state.taken == 0 => Ok(vec![]),
            Command::Free => Ok(vec![Event::SeatsFreed { at: context.now }]),
        }
    }

    fn evolve(_: State, event: &Event) -> State {
        match event {
            Event::SeatTaken { number } => State { taken: *number },
            Event::SeatsFreed { .. } => State { taken: 0 },
        }
    }
}

fn id() -> EntityId {
    EntityId(Uuid::new_v4())
}

fn caller() -> Caller {
    Caller::system(Utc::now(), Uuid::new_v4())
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_two_processes_on_one_stream_all_count_once() {
    let databases = Databases::new().await;
    let (one, two) = (databases.process(None).await, databases.process(None).await);
    let id = id();
    let takers: Vec<_> = (0..40)
        .map(|index| {
            let commands = if index % 2 == 0 { one.clone() } else { two.clone() };
            tokio::spawn(async move { commands.asked_by(caller()).send::<Seats>(id, Command::Take { of: 30 }).await })
        })
        .collect();
    let (mut taken, mut refused) = (0, 0);
    for taker in takers {
        match taker.await.unwrap() {
            Ok(done) => {
                assert_eq!(done.events.len(), 1);
                taken += 1;
            }
            Err(error) if error.is_rejection(RejectionKind::Conflict) => refused += 1,
            Err(CommandError::Busy) => panic!("a second is enough for forty commands"),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!((taken, refused), (30, 10));
    let stored = one.store().read_stream(&StreamId::new("seats", id), 0, Direction::Forwards, 100).await.unwrap();
    assert_eq!(stored.len(), 30);
}

/// A document that holds everything but a stream's future.
struct Whole(State);

#[async_trait]
impl Snapshots for Whole {
    async fn load(&self, _: &StreamId, _: i32) -> Result<Option<Snapshot>, StoreError> {
        let state = serde_json::to_value(&self.0).unwrap();
        Ok(Some(Snapshot { revision: 0, position: 1, state }))
    }
}

#[tokio::test]
async fn now_is_never_before_the_streams_last_event() {
    let databases = Databases::new().await;
    let (warm, cold) = (databases.process(None).await, databases.process(None).await);
    let from_snapshot = Commands::new(Setup {
        store: warm.store().clone(),
        vault: warm.vault().clone(),
        pool: databases.main.clone(),
        limits: warm.limits().clone(),
        snapshots: Arc::new(Whole(State { taken: 1 })),
        cache_bytes: 1024,
        identity_provider: None,
    });
    for (whose, commands) in [("cached", &warm), ("loaded", &cold), ("from a document", &from_snapshot)] {
        let id = id();
        let tomorrow = Caller { now: Utc::now() + TimeDelta::days(1), ..caller() };
        warm.asked_by(tomorrow.clone()).send::<Seats>(id, Command::Take { of: 1 }).await.unwrap();
        let stored =
            warm.store().read_stream(&StreamId::new("seats", id), 0, Direction::Forwards, 1).await.unwrap()[0].time;
        let yesterday = Caller { now: Utc::now() - TimeDelta::days(1), ..caller() };
        let freed = commands.asked_by(yesterday).send::<Seats>(id, Command::Free).await.unwrap();
        let Event::SeatsFreed { at } = freed.events[0] else { panic!("{:?}", freed.events) };
        // Who decided the last one knows what it took to be now; others know the log's time.
        assert_eq!(at, if whose == "cached" { tomorrow.now } else { stored }, "{whose}");
        assert_eq!((freed.revision, freed.state.taken), (1, 0), "{whose}");
    }
}

#[tokio::test]
async fn a_refusal_on_a_stale_state_is_not_final() {
    let databases = Databases::new().await;
    let (one, two) = (databases.process(None).await, databases.process(None).await);
    let id = id();
    one.asked_by(caller()).send::<Seats>(id, Command::Take { of: 1 }).await.unwrap();
    two.asked_by(caller()).send::<Seats>(id, Command::Free).await.unwrap();
    // `one` still believes that the seat is taken.
    let done = one.asked_by(caller()).send::<Seats>(id, Command::Take { of: 1 }).await.unwrap();
    assert_eq!((done.state.taken, done.revision), (1, 2));
    // And the other way round: "nothing to do" is checked too.
    two.asked_by(caller()).send::<Seats>(id, Command::Free).await.unwrap();
    one.asked_by(caller()).send::<Seats>(id, Command::Take { of: 1 }).await.unwrap();
    assert_eq!(two.state::<Seats>(id).await.unwrap().state.taken, 1);
    assert_eq!(two.asked_by(caller()).send::<Seats>(id, Command::Free).await.unwrap().events.len(), 1);
}

#[tokio::test]
async fn if_match_holds_once_and_is_never_retried() {
    let databases = Databases::new().await;
    let (one, two) = (databases.process(None).await, databases.process(None).await);
    let id = id();
    let first = one.asked_by(caller()).send::<Seats>(id, Command::Take { of: 9 }).await.unwrap();
    let matching = || Caller { if_match: Some(first.revision), ..caller() };
    two.asked_by(matching()).send::<Seats>(id, Command::Take { of: 9 }).await.unwrap();
    let stale = one.asked_by(matching()).send::<Seats>(id, Command::Take { of: 9 }).await;
    assert!(matches!(stale, Err(CommandError::PreconditionFailed)));
    assert_eq!(one.state::<Seats>(id).await.unwrap().state.taken, 2);
}

/// A request with a key, as one process takes it down.
async fn keyed(commands: &Commands, actor: EntityId, key: &str, request: &[u8]) -> Result<Asking, CommandError> {
    let caller = Caller::new(Actor::Person(actor), Utc::now(), Uuid::new_v4(), "test");
    commands.asked_by(caller).under_key(actor, key, request).await
}

#[tokio::test]
async fn a_key_repeated_gives_the_same_result_however_far_the_stream_has_gone() {
    let databases = Databases::new().await;
    let (one, two) = (databases.process(None).await, databases.process(None).await);
    let actor = EntityId(Uuid::new_v4());
    let asking = keyed(&one, actor, "k", b"take").await.unwrap();
    let id = asking.new_id::<Seats>().await.unwrap();
    let first = asking.send::<Seats>(id, Command::Take { of: 2 }).await.unwrap();
    one.asked_by(caller()).send::<Seats>(id, Command::Take { of: 2 }).await.unwrap();
    for commands in [&one, &two] {
        let again = keyed(commands, actor, "k", b"take").await.unwrap();
        assert_eq!(again.new_id::<Seats>().await.unwrap(), id);
        // Decided anew it would be refused: both seats are taken by now.
        let done = again.send::<Seats>(id, Command::Take { of: 2 }).await.unwrap();
        assert_eq!((done.revision, done.position, done.state.taken), (first.revision, first.position, 1));
        assert_eq!(done.events, first.events);
    }
    let other = keyed(&one, actor, "k", b"something else").await;
    assert!(matches!(other, Err(CommandError::KeyReused)));
    assert!(keyed(&one, EntityId(Uuid::new_v4()), "k", b"something else").await.is_ok(), "keys are an actor's own");
}

#[tokio::test]
async fn a_key_that_found_nothing_to_do_does_nothing_later() {
    let databases = Databases::new().await;
    let (one, two) = (databases.process(None).await, databases.process(None).await);
    let (id, actor) = (id(), EntityId(Uuid::new_v4()));
    let free = async |commands: &Commands| {
        let asking = keyed(commands, actor, "k", b"free").await.unwrap();
        asking.send::<Seats>(id, Command::Free).await.unwrap()
    };
    let first = free(&one).await;
    assert_eq!((first.revision, first.events.len()), (-1, 0));
    one.asked_by(caller()).send::<Seats>(id, Command::Take { of: 2 }).await.unwrap();
    for commands in [&one, &two] {
        let again = free(commands).await;
        assert_eq!((again.revision, again.events.len(), again.state.taken), (-1, 0, 0));
    }
    assert_eq!(two.state::<Seats>(id).await.unwrap().state.taken, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sent_to_two_processes_at_once_counts_once() {
    let databases = Databases::new().await;
    let (one, two) = (databases.process(None).await, databases.process(None).await);
    let actor = EntityId(Uuid::new_v4());
    for round in 0..20 {
        let id = id();
        let key = format!("k{round}");
        let send = async |commands: &Commands| {
            let asking = keyed(commands, actor, &key, b"take").await?;
            asking.send::<Seats>(id, Command::Take { of: 5 }).await
        };
        let (a, b) = tokio::join!(send(&one), send(&two));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!((a.revision, a.events), (b.revision, b.events));
        assert_eq!(one.state::<Seats>(id).await.unwrap().state.taken, 1);
    }
}

#[tokio::test]
async fn a_second_command_of_a_request_needs_a_name() {
    let databases = Databases::new().await;
    let asking = databases.process(None).await.asked_by(caller());
    asking.send::<Seats>(id(), Command::Take { of: 1 }).await.unwrap();
    let nameless = asking.send::<Seats>(id(), Command::Take { of: 1 }).await;
    assert!(matches!(nameless, Err(CommandError::Broken(_))));
    asking.step("further").send::<Seats>(id(), Command::Take { of: 1 }).await.unwrap();
}
