//! A request sent again under its key because an answer of the log was lost, whichever: it comes to what one
//! undisturbed request comes to, and stores nothing twice.

#[path = "support/failing_log.rs"]
mod failing_log;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use caravan_commands::identity::sessions::Credentials;
use caravan_commands::identity::sign_up::SignUpForm;
use caravan_commands::identity::{LoggedIn, Next, Tokens, contacts, profile, sessions, sign_up};
use caravan_commands::trips::crews::{self, NewInvite};
use caravan_commands::trips::{bookings, ideas};
use caravan_commands::{Asking, Caller, CommandError, Commands, records};
use caravan_domain::catalogue::city::CITY;
use caravan_domain::identity::{CodeIssued, Person, details};
use caravan_domain::record::Change;
use caravan_domain::trips::booking::NewBooking;
use caravan_domain::trips::crew::NewCrew;
use caravan_domain::trips::trip_idea::Suggestion;
use caravan_domain::{Actor, EntityId};
use caravan_event_store::{Direction, EventStore, Filter, Position};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use uuid::Uuid;

use failing_log::FailingLog;
use support::{Databases, write_side};

struct World {
    databases: Databases,
    commands: Commands,
    log: Arc<dyn EventStore>,
    now: DateTime<Utc>,
}

struct Somebody {
    username: String,
    person: Person,
    tokens: Tokens,
}

impl Somebody {
    fn shown(&self) -> Credentials<'_> {
        Credentials { username: &self.username, refresh_token: &self.tokens.refresh_token }
    }
}

impl World {
    async fn new() -> World {
        let databases = Databases::new().await;
        let log = caravan_event_store::open("database", &databases.main, databases.clock.clone()).unwrap();
        let commands = databases.process(None).await;
        World { databases, commands, log, now: Utc::now() }
    }

    /// A process whose append of this number is lost.
    async fn losing(&self, until: i64, stored: bool) -> Commands {
        let until = AtomicI64::new(until);
        let log = FailingLog {
            log: self.log.clone(),
            fails_append: Box::new(move || (until.fetch_sub(1, Ordering::SeqCst) == 0).then_some(stored)),
            hides: Box::new(|_| false),
        };
        write_side(Arc::new(log), &self.databases.main, self.databases.vault().await, None)
    }

    fn by(&self, commands: &Commands, actor: Actor) -> Asking {
        commands.asked_by(Caller::new(actor, self.now, Uuid::new_v4(), "krugo"))
    }

    async fn code(&self, to: &str) -> String {
        let filter = Filter { categories: vec![], event_types: vec!["CodeIssued".to_owned()] };
        let page = self.log.read_all(Position::MAX, Direction::Backwards, &filter, 20).await.unwrap();
        for recorded in page.events {
            let code: CodeIssued = recorded.data.read().unwrap();
            if self.commands.vault().open_text(&code.to).await.unwrap() == to {
                return self.commands.vault().code(code.nonce);
            }
        }
        panic!("no code was sent to {to}");
    }

    /// Somebody signed up by phone.
    async fn somebody(&self) -> Somebody {
        let (username, phone) = (format!("user-{}", Uuid::new_v4()), number());
        let anyone = || self.by(&self.commands, Actor::Anonymous);
        let details = details::parse([("phone_number", phone.as_str())]).unwrap();
        let password = "correct horse battery".to_owned();
        let form = SignUpForm { username: username.clone(), password: password.clone(), details };
        sign_up::begin(&anyone(), form).await.unwrap();
        let code = self.code(&phone).await;
        let LoggedIn { next: Next::Session(tokens), .. } =
            sign_up::confirm(&anyone(), &username, &password, &code).await.unwrap()
        else {
            panic!("a session is open")
        };
        let person = sessions::authenticate(&self.commands, &tokens.access_token, self.now).await.unwrap();
        Somebody { username, person, tokens }
    }

    async fn city(&self) -> EntityId {
        let id = self.commands.vault().new_id("city").await.unwrap();
        let fields = json!({"name": "Toronto", "country": "CA", "region": EntityId(Uuid::new_v4()),
            "place": {"lat": 43.7, "lon": -79.4}, "time_zone": "America/Toronto", "population": 2_794_356});
        let change = Change::Put(fields.as_object().unwrap().clone());
        records::change(&self.by(&self.commands, Actor::System), &CITY, id, change).await.unwrap();
        id
    }

    async fn crew(&self, of: EntityId) -> EntityId {
        crews::create(&self.by(&self.commands, Actor::Person(of)), new_crew(of)).await.unwrap().id
    }
}

fn number() -> String {
    format!("+1416{:07}", Uuid::new_v4().as_u128() % 10_000_000)
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2030, 5, day).unwrap()
}

fn new_crew(admin: EntityId) -> NewCrew {
    NewCrew { name: "Weekend".into(), description: None, has_image: false, admin_ids: vec![admin] }
}

/// Sends a request of somebody's undisturbed, then others of its kind with each of their appends lost in either way:
/// repeated, they store as many events as the undisturbed one, and a further repeat stores none.
async fn holds<G>(
    world: &World,
    given: impl AsyncFn() -> (EntityId, G),
    flow: impl AsyncFn(&Asking, &G) -> Result<(), CommandError>,
) {
    let request = async |commands: &Commands, person: EntityId| {
        world.by(commands, Actor::Person(person)).under_key(person, "key", b"request").await.unwrap()
    };
    let (person, some) = given().await;
    let before = world.log.head().await.unwrap();
    flow(&request(&world.commands, person).await, &some).await.unwrap();
    let undisturbed = world.log.head().await.unwrap() - before;
    for stored in [false, true] {
        for lost in 0.. {
            let (person, some) = given().await;
            let before = world.log.head().await.unwrap();
            let losing = world.losing(lost, stored).await;
            match flow(&request(&losing, person).await, &some).await {
                Ok(()) => {
                    assert!(lost > 0, "something was lost");
                    break;
                }
                Err(CommandError::Unavailable(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
            for repeat in 1..=2 {
                flow(&request(&world.commands, person).await, &some).await.unwrap();
                let events = world.log.head().await.unwrap() - before;
                assert_eq!(events, undisturbed, "repeat {repeat} where append {lost} was lost, stored: {stored}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_is_made_once() {
    let world = World::new().await;
    let somebody = async || (world.somebody().await.person.account, ());
    holds(&world, somebody, async |asking, ()| crews::create(asking, new_crew(asking.person()?)).await.map(|_| ()))
        .await;
    let city = world.city().await;
    let member = async || {
        let person = world.somebody().await.person.account;
        (person, world.crew(person).await)
    };
    let (start_date, end_date) = (day(1), day(4));
    holds(&world, member, async |asking, crew| {
        let leader_ids = vec![asking.person()?];
        let booking = NewBooking { crew_id: *crew, city_id: city, start_date, end_date, leader_ids };
        bookings::create(asking, booking).await.map(|_| ())
    })
    .await;
    holds(&world, member, async |asking, crew| {
        let (event_ids, liked_user_ids) = (vec![], vec![]);
        let idea = Suggestion { crew_id: *crew, city_id: city, start_date, end_date, event_ids, liked_user_ids };
        ideas::suggest(asking, idea).await.map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_invited_once_whoever_they_are() {
    let world = World::new().await;
    let member = async || {
        let person = world.somebody().await.person.account;
        (person, (world.crew(person).await, [number(), number()]))
    };
    holds(&world, member, async |asking, (crew, numbers)| {
        let invite = |number: &String| NewInvite {
            phone_number: number.clone(),
            first_name: Some("Eli".into()),
            last_name: None,
        };
        crews::invite(asking, *crew, vec![], numbers.iter().map(invite).collect()).await.map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_proven_once_and_the_former_is_free() {
    let world = World::new().await;
    // The new number is a temp member's, who becomes the account's.
    let moving = async || {
        let (somebody, friend, new) = (world.somebody().await, world.somebody().await, number());
        let crew = world.crew(friend.person.account).await;
        let invite = NewInvite { phone_number: new.clone(), first_name: None, last_name: None };
        let by_friend = world.by(&world.commands, Actor::Person(friend.person.account));
        crews::invite(&by_friend, crew, vec![], vec![invite]).await.unwrap();
        let own = world.by(&world.commands, Actor::Person(somebody.person.account));
        contacts::edit_phone(&own, somebody.person, somebody.shown(), &new).await.unwrap();
        let code = world.code(&new).await;
        (somebody.person.account, (somebody, code))
    };
    holds(&world, moving, async |asking, (somebody, code)| {
        contacts::verify(asking, somebody.person, &somebody.tokens.access_token, code).await.map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_given_up_once_and_is_free() {
    let world = World::new().await;
    let reachable = async || {
        let somebody = world.somebody().await;
        let address = format!("{}@example.com", Uuid::new_v4());
        let own = || world.by(&world.commands, Actor::Person(somebody.person.account));
        let email = details::parse([("email", address.as_str())]).unwrap();
        profile::edit(&own(), somebody.person, &somebody.username, email).await.unwrap();
        let code = world.code(&address).await;
        contacts::verify(&own(), somebody.person, &somebody.tokens.access_token, &code).await.unwrap();
        (somebody.person.account, somebody)
    };
    holds(&world, reachable, async |asking, somebody| {
        let none = details::parse([("email", "")]).unwrap();
        profile::edit(asking, somebody.person, &somebody.username, none).await.map(|_| ())
    })
    .await;
}
