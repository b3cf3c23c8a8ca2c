//! Many messages are sent at once, and each is settled as if it were alone.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::http::{StatusCode, header};
use caravan_commands::effects::{Carrier, DeliveryError, Message};
use caravan_commands::platform::letters;
use caravan_commands::processes::{Sender, messages};
use caravan_commands::{Caller, CommandError};
use caravan_domain::EntityId;
use caravan_domain::identity::{Role, Roles};
use caravan_domain::platform::letter::{Draft, StoredFile};
use caravan_domain::trips::booking::{AddAccommodation, NewRoom, Price, TripBookingCommand, TripBookings};
use caravan_files::Files;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::failing_log::FailingLog;
use crate::support::write_side;
use crate::world::World;

const HANGS: &str = "+14165550901";
const REFUSED: &str = "+14165550902";

/// Numbers that nothing is wrong with.
fn phones(numbers: Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("+1416555{number:04}")).collect()
}

/// Takes messages down, and keeps whoever sends some of them waiting.
struct Desk {
    received: Mutex<Vec<Uuid>>,
    holding: watch::Sender<bool>,
    /// Whose answers are held back; everybody's where it is none.
    hangs: Option<&'static str>,
}

impl Desk {
    fn new(hangs: Option<&'static str>) -> Arc<Desk> {
        Arc::new(Desk { received: Mutex::default(), holding: watch::Sender::new(true), hangs })
    }

    fn release(&self) {
        self.holding.send_replace(false);
    }

    /// How often each message came.
    fn received(&self) -> BTreeMap<Uuid, usize> {
        let mut count = BTreeMap::new();
        for id in &*self.received.lock().unwrap() {
            *count.entry(*id).or_default() += 1;
        }
        count
    }
}

#[async_trait]
impl Carrier for Desk {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        self.received.lock().unwrap().push(message.id);
        if message.to == REFUSED {
            return Err(DeliveryError::Refused("not to there".into()));
        }
        if self.hangs.is_none_or(|hangs| message.to == hangs)
            && self.holding.subscribe().wait_for(|holding| !holding).await.is_ok()
            && self.hangs.is_some()
        {
            return Err(DeliveryError::Later("no answer in time".into()));
        }
        Ok(())
    }
}

fn sender(world: &World, desk: &Arc<Desk>) -> Sender {
    let mut setup = world.setup.clone();
    setup.carriers.sms = desk.clone();
    Sender::new(&setup)
}

/// What became of messages, and how many of them.
async fn outcomes(world: &World) -> BTreeMap<String, i64> {
    let count = "select coalesce(outcome, 'waits'), count(*) from outgoing_messages group by 1";
    sqlx::query_as(count).fetch_all(&world.pool).await.unwrap().into_iter().collect()
}

fn are(outcomes: &[(&str, i64)]) -> BTreeMap<String, i64> {
    outcomes.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count)).collect()
}

async fn until(what: &str, seconds: u64, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(seconds), waiting).await.unwrap_or_else(|_| panic!("not yet: {what}"));
}

/// Invitations to these numbers, all due: as many by one person as go out at once.
async fn invite(world: &World, numbers: &[String]) {
    for numbers in numbers.chunks(25) {
        let dana = world.person("Dana", None, None).await;
        let crew = world.crew(dana, &[]).await;
        for number in numbers {
            world.invite(crew, dana, number).await;
        }
    }
    world.follow(messages(&world.setup)).await;
}

/// Brings what is tried again later to now.
async fn hurry(world: &World) {
    sqlx::query("update outgoing_messages set due_at = now() where outcome is null")
        .execute(&world.pool)
        .await
        .unwrap();
}

/// Notices to a member of what another one buys.
async fn buy(world: &World, member: EntityId, count: usize) {
    let dana = world.person("Dana", None, None).await;
    let crew = world.crew(dana, &[member]).await;
    let booking = world.booking(crew, dana, &[member]).await;
    let price = Price { amount: Some("300".into()), currency: Some("CAD".into()), date: None };
    let room = NewRoom { purchase: Some(price), ..NewRoom::default() };
    let add = AddAccommodation { name: "Inn".into(), rooms: vec![room; count], ..AddAccommodation::default() };
    let add = TripBookingCommand::AddAccommodation(add);
    world.by(dana).send::<TripBookings>(booking, add).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_one_message_holds_up_no_other() {
    let world = World::new().await;
    let eli = world.person("Eli", Some("+14165550122"), None).await;
    // Three more than one recipient gets a day.
    buy(&world, eli, 23).await;
    invite(&world, &[HANGS.to_owned(), REFUSED.to_owned()]).await;
    invite(&world, &phones(0..3)).await;
    let broken = "update outgoing_messages set template = 'letter'
                  where id = (select id from outgoing_messages where template = 'purchase-is-made' limit 1)";
    sqlx::query(broken).execute(&world.pool).await.unwrap();

    let (desk, stop) = (Desk::new(Some(HANGS)), CancellationToken::new());
    let running = tokio::spawn(sender(&world, &desk).run(stop.clone()));
    let settled = are(&[("accepted", 20 + 3), ("dropped", 2), ("failed", 2), ("waits", 1)]);
    until("all others are settled while one hangs", 8, async || outcomes(&world).await == settled).await;
    invite(&world, &phones(10..60)).await;
    let settled = are(&[("accepted", 23 + 50), ("dropped", 2), ("failed", 2), ("waits", 1)]);
    until("later ones are too", 8, async || outcomes(&world).await == settled).await;
    desk.release();
    let attempts = "select attempts from outgoing_messages where outcome is null";
    let attempts = async || sqlx::query_scalar::<_, i32>(attempts).fetch_one(&world.pool).await.unwrap();
    until("it is tried again later", 8, async || attempts().await == 1).await;
    assert_eq!(outcomes(&world).await, settled);
    stop.cancel();
    running.await.unwrap();
    let reasons: Vec<String> =
        sqlx::query_scalar("select reason from outgoing_messages where outcome in ('failed', 'dropped') order by 1")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(reasons, ["beyond a limit", "beyond a limit", "cannot be composed", "not to there"]);
    assert!(desk.received().values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_dies_repeats_each_message_under_way_once_under_its_id() {
    let world = World::new().await;
    invite(&world, &phones(0..80)).await;
    let desk = Desk::new(None);
    let dying = tokio::spawn(sender(&world, &desk).run(CancellationToken::new()));
    let other = world.another().await;
    until("all are under way", 8, async || desk.received().len() == 80).await;
    // Nobody sends them meanwhile, however long it takes.
    let stop = CancellationToken::new();
    let standing_by = tokio::spawn(sender(&other, &desk).run(stop.clone()));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    stop.cancel();
    standing_by.await.unwrap();
    assert!(desk.received().values().all(|count| *count == 1), "{:?}", desk.received());
    assert_eq!(outcomes(&world).await, are(&[("waits", 80)]));
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());

    desk.release();
    let next = CancellationToken::new();
    let running = tokio::spawn(sender(&other, &desk).run(next.clone()));
    until("all are accepted", 10, async || outcomes(&world).await == are(&[("accepted", 80)])).await;
    next.cancel();
    running.await.unwrap();
    let received = desk.received();
    assert_eq!(received.len(), 80);
    assert!(received.values().all(|count| *count == 2), "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_now_is_left_as_it_was_and_others_are_settled() {
    let world = World::new().await;
    invite(&world, &phones(1..2)).await;
    let stream: Uuid =
        sqlx::query_scalar("select stream_id from outgoing_messages").fetch_one(&world.pool).await.unwrap();
    invite(&world, &phones(2..6)).await;
    let (away, is_away) = watch::channel(true);
    let log = FailingLog {
        log: world.commands.store().clone(),
        fails_append: Box::new(|| None),
        hides: Box::new(move |read| read.id == EntityId(stream) && *is_away.borrow()),
    };
    let mut setup = world.setup.clone();
    setup.commands = write_side(Arc::new(log), &world.pool, world.commands.vault().clone(), None);
    let sender = Sender::new(&setup);
    let error = sender.send_all().await.unwrap_err();
    assert!(matches!(error, CommandError::Unavailable(_)), "{error:?}");
    assert_eq!(outcomes(&world).await, are(&[("accepted", 4), ("waits", 1)]));
    let attempts = "select attempts from outgoing_messages where outcome is null";
    let attempts: i32 = sqlx::query_scalar(attempts).fetch_one(&world.pool).await.unwrap();
    assert_eq!(attempts, 0);
    away.send_replace(false);
    hurry(&world).await;
    sender.send_all().await.unwrap();
    assert_eq!(outcomes(&world).await, are(&[("accepted", 5)]));
}

/// A bucket with one file, which answers 503 while it is away; its address.
async fn bucket(away: watch::Receiver<bool>) -> String {
    let answer = move || {
        let is_away = *away.borrow();
        async move {
            if is_away {
                return Err(StatusCode::SERVICE_UNAVAILABLE);
            }
            Ok(([(header::LAST_MODIFIED, "Wed, 01 Jan 2025 00:00:00 GMT"), (header::ETAG, "\"1\"")], "%PDF"))
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_file_cannot_be_read_now_goes_out_later() {
    let world = World::new().await;
    let (away, is_away) = watch::channel(false);
    let endpoint = bucket(is_away).await;
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut setup = world.setup.clone();
    setup.files = Files::open("s3://files", variables).unwrap();
    let olga = world.person("Olga", None, None).await;
    let admin: Roles = [Role::Admin].into_iter().collect();
    let write = async || {
        let asking = world.commands.asked_by(Caller { roles: admin, ..world.by(olga).caller().clone() });
        let draft = Draft {
            from: "trips@example.com".into(),
            to: "dana@example.com".into(),
            subject: "Your trip".into(),
            text: Some("See you soon".into()),
            attachment: Some(StoredFile { bucket: "attachments".into(), path: "plan.pdf".into() }),
            ..Draft::default()
        };
        letters::write(&asking, draft, &["trips@example.com".to_owned()], &setup.files).await.unwrap();
    };
    write().await;
    write().await;
    invite(&world, &phones(0..40)).await;

    away.send_replace(true);
    let (sender, stop) = (Sender::new(&setup), CancellationToken::new());
    let running = tokio::spawn(sender.clone().run(stop.clone()));
    let waiting = are(&[("accepted", 40), ("waits", 2)]);
    until("nobody waits for the files", 5, async || outcomes(&world).await == waiting).await;
    let attempts = "select min(attempts) from outgoing_messages where template = 'letter'";
    let attempts = async || sqlx::query_scalar::<_, i32>(attempts).fetch_one(&world.pool).await.unwrap();
    until("that was a try", 15, async || attempts().await == 1).await;
    assert_eq!(outcomes(&world).await, waiting);
    stop.cancel();
    running.await.unwrap();

    // The last try of one of them.
    let last = "update outgoing_messages set attempts = 12
                where id = (select id from outgoing_messages where template = 'letter' order by id limit 1)";
    sqlx::query(last).execute(&world.pool).await.unwrap();
    hurry(&world).await;
    sender.send_all().await.unwrap();
    assert_eq!(outcomes(&world).await, are(&[("accepted", 40), ("failed", 1), ("waits", 1)]));
    let reason: String = sqlx::query_scalar("select reason from outgoing_messages where outcome = 'failed'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(reason, "files cannot be reached");

    away.send_replace(false);
    hurry(&world).await;
    sender.send_all().await.unwrap();
    assert_eq!(outcomes(&world).await, are(&[("accepted", 41), ("failed", 1)]));
    let mails = world.outbox().into_iter().filter(|message| message["template"] == "letter");
    let files: Vec<_> = mails.map(|mail| mail["attachment"]["content"].clone()).collect();
    assert_eq!(files, ["JVBERg=="]);
}
