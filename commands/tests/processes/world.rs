//! Processes on databases of their own, people and trips in them, and followers that break off.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use caravan_clock::Clock;
use caravan_commands::effects::{CarrierSettings, Carriers};
use caravan_commands::processes::{self, Due, Sender};
use caravan_commands::trips::crews::NewInvite;
use caravan_commands::trips::{bookings, crews};
use caravan_commands::{Asking, Caller, Commands, records};
use caravan_domain::catalogue::city::CITY;
use caravan_domain::catalogue::region::REGION;
use caravan_domain::identity::account::{Provider, Registration};
use caravan_domain::identity::{Account, AccountCommand, Attribute, Claim, ClaimCommand, Contact};
use caravan_domain::record::Change;
use caravan_domain::trips::booking::{NewBooking, NewMember, TripBookingState, TripBookings};
use caravan_domain::trips::crew::{Crew, CrewCommand, Crews, NewCrew};
use caravan_domain::{Actor, EntityId};
use caravan_event_store::following::{Checkpoints, FollowError, Follower, follow};
use caravan_event_store::{Direction, EventStore, Filter, Recorded};
use caravan_files::Files;
use chrono::NaiveDate;
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use sqlx::{PgConnection, PgPool};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::Databases;

/// One process; [`World::another`] is a further one on the same databases.
pub struct World {
    pub commands: Commands,
    pub pool: PgPool,
    keys: PgPool,
    pub setup: processes::Setup,
    checkpoints: Checkpoints,
    dir: Arc<TempDir>,
    pub clock: Clock,
}

impl World {
    pub async fn new() -> World {
        World::on(Databases::new().await, Arc::new(tempfile::tempdir().unwrap())).await
    }

    async fn on(databases: Databases, dir: Arc<TempDir>) -> World {
        let commands = databases.process(None).await;
        let Databases { main: pool, keys, clock } = databases;
        let checkpoints = Checkpoints::new(pool.clone());
        let setup = processes::Setup {
            commands: commands.clone(),
            checkpoints: checkpoints.clone(),
            clock: clock.clone(),
            pool: pool.clone(),
            carriers: Carriers::open(CarrierSettings {
                mail: "outbox",
                mail_from: "Caravan <caravan@localhost>",
                sms: "outbox",
                push: "outbox",
                webhook_secret: "",
                outbox: &dir.path().join("outbox"),
            })
            .unwrap(),
            files: Files::open(dir.path().join("files").to_str().unwrap(), []).unwrap(),
            public_url: "https://caravan.test".into(),
        };
        World { commands, pool, keys, setup, checkpoints, dir, clock }
    }

    pub async fn another(&self) -> World {
        let databases = Databases { main: self.pool.clone(), keys: self.keys.clone(), clock: self.clock.clone() };
        World::on(databases, self.dir.clone()).await
    }

    pub fn sender(&self) -> Sender {
        Sender::new(&self.setup)
    }

    pub fn due(&self) -> Due {
        Due::new(&self.setup)
    }

    pub fn by(&self, person: EntityId) -> Asking {
        self.asking(Actor::Person(person))
    }

    pub fn system(&self) -> Asking {
        self.asking(Actor::System)
    }

    pub fn anyone(&self) -> Asking {
        self.asking(Actor::Anonymous)
    }

    fn asking(&self, actor: Actor) -> Asking {
        self.commands.asked_by(Caller::new(actor, self.clock.now(), Uuid::new_v4(), "krugo"))
    }

    /// Follows until nothing new comes.
    pub async fn follow(&self, follower: impl Follower) {
        let name = follower.name().to_owned();
        let stop = CancellationToken::new();
        let store: Arc<dyn EventStore> = self.commands.store().clone();
        let following = tokio::spawn(follow(store.clone(), self.checkpoints.clone(), follower, stop.clone()));
        loop {
            let head = store.head().await.unwrap();
            self.checkpoints.wait(&name, head, Duration::from_secs(20)).await.expect("the follower gets there");
            if store.head().await.unwrap() == head {
                break;
            }
        }
        stop.cancel();
        following.await.unwrap();
        let parked: i64 =
            sqlx::query_scalar("select count(*) from parked_streams").fetch_one(&self.pool).await.unwrap();
        assert_eq!(parked, 0, "nothing is parked");
    }

    /// Follows in a process that dies after everything was done, and before its checkpoint has moved.
    pub async fn follow_and_die(&self, follower: impl Follower) {
        let deaths = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        let dying = Dying { inner: follower, deaths: deaths.clone() };
        let following =
            tokio::spawn(follow(self.commands.store().clone(), self.checkpoints.clone(), dying, stop.clone()));
        let died = async {
            while deaths.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), died).await.expect("the follower has something to do");
        stop.cancel();
        following.await.unwrap();
    }

    pub async fn events(&self, event_type: &str) -> Vec<Recorded> {
        let filter = Filter { categories: vec![], event_types: vec![event_type.to_owned()] };
        self.commands.store().read_all(0, Direction::Forwards, &filter, 1_000).await.unwrap().events
    }

    /// Somebody with an account, a first name and contacts they have proven.
    pub async fn person(&self, name: &str, phone: Option<&str>, email: Option<&str>) -> EntityId {
        let vault = self.commands.vault();
        let id = vault.new_id("account").await.unwrap();
        let contact = async |text: Option<&str>| match text {
            Some(text) => Some(Contact { value: vault.seal(id, text).await.unwrap(), proven: true }),
            None => None,
        };
        let registration = Registration {
            provider: Provider::Facebook,
            sign_up: None,
            username: vault.seal(id, &format!("user-{id}")).await.unwrap(),
            password_hash: None,
            facebook_id: None,
            email: contact(email).await,
            phone: contact(phone).await,
            attributes: [(Attribute::GivenName, vault.seal(id, name).await.unwrap())].into(),
        };
        self.account(id, AccountCommand::Register(Box::new(registration))).await;
        id
    }

    /// As whoever has proven a number does.
    pub async fn claim_phone(&self, person: EntityId, phone: &str) {
        let claimed = self.commands.vault().claim_id("phone", phone);
        let claim = ClaimCommand::Claim { owner: person, held: false };
        self.system().send::<Claim>(claimed, claim).await.unwrap();
    }

    pub async fn account(&self, id: EntityId, command: AccountCommand) {
        self.system().send::<Account>(id, command).await.unwrap();
    }

    pub async fn city(&self) -> EntityId {
        let id = self.commands.vault().new_id("city").await.unwrap();
        let fields = json!({"name": "Toronto", "country": "CA", "region": id, "place": {"lat": 43.7, "lon": -79.4},
            "time_zone": "America/Toronto", "population": 2_794_356});
        let change = Change::Put(fields.as_object().unwrap().clone());
        records::change(&self.system(), &CITY, id, change).await.unwrap();
        id
    }

    pub async fn region(&self) -> EntityId {
        let id = self.commands.vault().new_id("region").await.unwrap();
        let region = json!({"code": "CA-08", "name": "Toronto", "country": "CA", "time_zone": "America/Toronto"});
        let change = Change::Create(region.as_object().cloned().unwrap());
        records::change(&self.system(), &REGION, id, change).await.unwrap();
        id
    }

    pub async fn crew(&self, admin: EntityId, others: &[EntityId]) -> EntityId {
        let new = NewCrew { name: "Weekend".into(), description: None, has_image: false, admin_ids: vec![admin] };
        let crew = crews::create(&self.by(admin), new).await.unwrap().id;
        for person in others {
            self.change_crew(crew, admin, CrewCommand::AddMember { person: *person }).await;
        }
        crew
    }

    pub async fn change_crew(&self, crew: EntityId, actor: EntityId, command: CrewCommand) {
        self.by(actor).send::<Crews>(crew, command).await.unwrap();
    }

    pub async fn remove_from_crew(&self, crew: EntityId, actor: EntityId, person: EntityId) {
        crews::remove_member(&self.by(actor), crew, person).await.unwrap();
    }

    pub async fn crew_state(&self, crew: EntityId) -> Crew {
        self.commands.state::<Crews>(crew).await.unwrap().state.crew().unwrap().clone()
    }

    /// Invites a number to a crew.
    pub async fn invite(&self, crew: EntityId, actor: EntityId, phone: &str) -> EntityId {
        let invite =
            NewInvite { phone_number: phone.into(), first_name: Some("Eli".into()), last_name: Some("Stone".into()) };
        let invited = crews::invite(&self.by(actor), crew, vec![], vec![invite]).await.unwrap();
        invited.people[0].0
    }

    pub async fn booking(&self, crew: EntityId, leader: EntityId, others: &[EntityId]) -> EntityId {
        let (start_date, end_date) = (day(1), day(4));
        let city_id = self.city().await;
        let new = NewBooking { crew_id: crew, city_id, start_date, end_date, leader_ids: vec![leader] };
        let booking = bookings::create(&self.by(leader), new).await.unwrap().id;
        for person in others {
            self.add_member(booking, leader, *person).await;
        }
        booking
    }

    pub async fn add_member(&self, booking: EntityId, actor: EntityId, person: EntityId) {
        let member = NewMember { person, leader: false, start_date: None, end_date: None, availability: None };
        bookings::add_member(&self.by(actor), booking, member).await.unwrap();
    }

    pub async fn booking_state(&self, booking: EntityId) -> TripBookingState {
        let current = self.commands.state::<TripBookings>(booking).await.unwrap();
        TripBookingState::clone(&current.state)
    }

    pub async fn booking_members(&self, booking: EntityId) -> Vec<EntityId> {
        self.booking_state(booking).await.booking().unwrap().members.clone()
    }

    pub fn outbox_dir(&self) -> PathBuf {
        self.dir.path().join("outbox")
    }

    pub fn files_dir(&self) -> PathBuf {
        self.dir.path().join("files")
    }

    /// The messages in the outbox, by receiver.
    pub fn outbox(&self) -> Vec<Value> {
        let Ok(files) = std::fs::read_dir(self.outbox_dir()) else { return vec![] };
        let mut messages: Vec<Value> =
            files.map(|file| serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap()).collect();
        messages.sort_by_key(|message| message["to"].to_string());
        messages
    }

    pub async fn send_all(&self) {
        self.sender().send_all().await.unwrap();
    }
}

/// A database in which nothing is.
pub async fn empty() -> PgPool {
    PgPool::connect(&caravan_private_postgres::testing::database().await).await.unwrap()
}

/// Runs the migrations of the main database up to a number.
pub async fn migrate(pool: &PgPool, up_to: i64) {
    let known = caravan_migrations::MAIN.iter().filter(|one| one.version <= up_to).cloned();
    Migrator::with_migrations(known.collect()).run(pool).await.unwrap();
}

pub fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2030, 5, day).unwrap()
}

/// Takes everything in and then fails, as a process that is killed before it commits.
struct Dying<F> {
    inner: F,
    deaths: Arc<AtomicUsize>,
}

#[async_trait]
impl<F: Follower> Follower for Dying<F> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn filter(&self) -> Filter {
        self.inner.filter()
    }

    fn durable(&self) -> bool {
        self.inner.durable()
    }

    async fn apply(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<(), FollowError> {
        self.inner.apply(tx, batch).await?;
        self.deaths.fetch_add(1, Ordering::SeqCst);
        Err(FollowError::Transient("killed".into()))
    }
}
