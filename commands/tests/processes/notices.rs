//! What people want to be told, by which medium it reaches them, and the devices that it goes to.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use caravan_commands::effects::{Carrier, DeliveryError, Message};
use caravan_commands::identity::operator;
use caravan_commands::processes::{Sender, messages, moved_trips};
use caravan_commands::trips::{bookings, ideas};
use caravan_commands::{CommandError, records, seeds};
use caravan_domain::identity::{Account, AccountCommand, Medium};
use caravan_domain::platform::message_setting::MESSAGE_SETTING;
use caravan_domain::record::Change;
use caravan_domain::trips::booking::{NewBooking, TripBookingCommand, TripBookings};
use caravan_domain::trips::trip_idea::Suggestion;
use caravan_domain::{EntityId, RejectionKind};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::world::{World, day};

async fn take_down(world: &World) {
    world.follow(messages(&world.setup)).await;
    world.follow(moved_trips(&world.setup)).await;
}

/// What is in the outbox once all is sent: by which medium, and where to.
async fn sent(world: &World) -> Vec<(String, String)> {
    take_down(world).await;
    world.send_all().await;
    told(world)
}

fn told(world: &World) -> Vec<(String, String)> {
    let text = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
    world.outbox().iter().map(|message| (text(message, "channel"), text(message, "to"))).collect()
}

fn to(messages: &[(&str, &str)]) -> Vec<(String, String)> {
    messages.iter().map(|(channel, to)| ((*channel).to_owned(), (*to).to_owned())).collect()
}

/// How messages ended, and why.
async fn reasons(world: &World) -> Vec<(String, Option<String>)> {
    sqlx::query_as("select outcome, reason from outgoing_messages order by 1, 2").fetch_all(&world.pool).await.unwrap()
}

fn void(reason: &str) -> (String, Option<String>) {
    ("void".to_owned(), Some(reason.to_owned()))
}

fn accepted() -> (String, Option<String>) {
    ("accepted".to_owned(), None)
}

async fn switch(world: &World, person: EntityId, medium: Medium, flag: &str, on: bool) {
    let change = Change::Put(Map::from_iter([(flag.to_owned(), json!(on))]));
    records::change(&world.by(person), medium.settings(), person, change).await.unwrap();
}

/// Logs somebody in on a device; gives the session.
async fn device(world: &World, person: EntityId, endpoint: &str) -> u32 {
    let log_in = AccountCommand::OpenSession { login: Uuid::new_v4() };
    let state = world.system().send::<Account>(person, log_in).await.unwrap().state;
    let session = state.registered().unwrap().sessions.last().unwrap().number;
    let endpoint = world.commands.vault().seal(person, endpoint).await.unwrap();
    world.account(person, AccountCommand::SetPushEndpoint { session, endpoint }).await;
    session
}

/// Dana, who causes what Eli is told, and a booking of theirs.
struct Trip {
    world: World,
    dana: EntityId,
    eli: EntityId,
    booking: EntityId,
}

impl Trip {
    async fn new() -> Trip {
        let world = World::new().await;
        let dana = world.person("Dana", None, Some("dana@example.com")).await;
        let eli = world.person("Eli", Some("+14165550122"), Some("eli@example.com")).await;
        let crew = world.crew(dana, &[eli]).await;
        let booking = world.booking(crew, dana, &[eli]).await;
        Trip { world, dana, eli, booking }
    }

    async fn switch_off(&self, medium: Medium) {
        switch(&self.world, self.eli, medium, "trip_booking_reminders", false).await;
    }

    async fn remind(&self) -> Result<(), CommandError> {
        bookings::remind_member(&self.world.by(self.dana), self.booking, self.eli).await.map(drop)
    }

    /// By which media reminders were said to go.
    async fn answered(&self) -> Vec<String> {
        let events = self.world.events("MemberReminded").await;
        let channel = |event: Value| event["channel"].as_str().unwrap().to_owned();
        events.into_iter().map(|event| channel(event.data.read().unwrap())).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_goes_by_the_next_medium_and_the_answer_says_which() {
    let trip = Trip::new().await;
    let world = &trip.world;
    device(world, trip.eli, "phone").await;
    trip.remind().await.unwrap();
    assert_eq!(sent(world).await, to(&[("mail", "eli@example.com")]));
    trip.switch_off(Medium::Mail).await;
    trip.remind().await.unwrap();
    assert_eq!(sent(world).await, to(&[("mail", "eli@example.com"), ("push", "phone")]));
    let push = &world.outbox()[1];
    assert_eq!((&push["subject"], &push["html"]), (&json!("Your trip to Toronto"), &Value::Null));
    trip.switch_off(Medium::Push).await;
    trip.remind().await.unwrap();
    assert_eq!(sent(world).await.first().unwrap(), &("sms".to_owned(), "+14165550122".to_owned()));
    assert_eq!(trip.answered().await, ["mail", "push", "sms"]);
    trip.switch_off(Medium::Sms).await;
    let refused = trip.remind().await.err().unwrap();
    assert!(refused.is_rejection(RejectionKind::Conflict), "{refused:?}");
    assert_eq!(sent(world).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_is_honoured_as_it_is_when_the_message_is_sent() {
    let trip = Trip::new().await;
    for _ in 0..2 {
        trip.remind().await.unwrap();
    }
    take_down(&trip.world).await;
    trip.switch_off(Medium::Mail).await;
    trip.world.sender().send_next().await.unwrap();
    trip.switch_off(Medium::Sms).await;
    assert_eq!(sent(&trip.world).await, to(&[("sms", "+14165550122")]));
    assert_eq!(reasons(&trip.world).await, [accepted(), void("switched off")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_is_of_one_notice_and_others_go_as_before() {
    let trip = Trip::new().await;
    for flag in ["purchase_is_made", "crew_invites", "trip_is_shared", "trip_is_moved_to_booking"] {
        switch(&trip.world, trip.eli, Medium::Mail, flag, false).await;
    }
    trip.remind().await.unwrap();
    assert_eq!(sent(&trip.world).await, to(&[("mail", "eli@example.com")]));
    switch(&trip.world, trip.dana, Medium::Mail, "trip_booking_reminders", false).await;
    trip.remind().await.unwrap();
    assert_eq!(sent(&trip.world).await.len(), 2, "each for themselves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_staff_switched_off_goes_another_way_too() {
    let trip = Trip::new().await;
    seeds::plant(&trip.world.commands, trip.world.clock.now()).await.unwrap();
    let id = trip.world.commands.vault().id_of(MESSAGE_SETTING.kind.name, 5);
    let change = Change::Patch(Map::from_iter([("enabled".to_owned(), json!(false))]));
    records::change(&trip.world.system(), &MESSAGE_SETTING, id, change).await.unwrap();
    trip.remind().await.unwrap();
    assert_eq!(sent(&trip.world).await, to(&[("sms", "+14165550122")]));
    assert_eq!(trip.answered().await, ["sms"]);
}

/// Hands messages on, but knows some devices no more.
struct Gone {
    inner: Arc<dyn Carrier>,
    devices: BTreeSet<&'static str>,
}

#[async_trait]
impl Carrier for Gone {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        if self.devices.contains(message.to.as_str()) {
            return Err(DeliveryError::Gone);
        }
        self.inner.deliver(message).await
    }
}

async fn send_without(world: &World, devices: &[&'static str]) {
    let mut setup = world.setup.clone();
    setup.carriers.push = Arc::new(Gone { inner: setup.carriers.push, devices: devices.iter().copied().collect() });
    let sender = Sender::new(&setup);
    while sender.send_next().await.unwrap() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_message_goes_to_each_device_once() {
    let trip = Trip::new().await;
    let world = &trip.world;
    trip.switch_off(Medium::Mail).await;
    let phone = device(world, trip.eli, "phone").await;
    device(world, trip.eli, "tablet").await;
    device(world, trip.eli, "watch").await;
    trip.remind().await.unwrap();
    let all = to(&[("push", "phone"), ("push", "tablet"), ("push", "watch")]);
    assert_eq!(sent(world).await, all);
    world.account(trip.eli, AccountCommand::CloseSession { session: phone }).await;
    trip.remind().await.unwrap();
    assert_eq!(sent(world).await.len(), 5, "not to the device that was logged out");
    let other = world.another().await;
    assert_eq!(sent(&other).await.len(), 5);
    assert!(reasons(world).await.iter().all(|reason| *reason == accepted()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_gone_is_dropped_and_with_the_last_the_message_goes_another_way() {
    let trip = Trip::new().await;
    let world = &trip.world;
    trip.switch_off(Medium::Mail).await;
    device(world, trip.eli, "phone").await;
    device(world, trip.eli, "tablet").await;
    trip.remind().await.unwrap();
    take_down(world).await;
    send_without(world, &["phone"]).await;
    assert_eq!(told(world), to(&[("push", "tablet")]));
    assert_eq!(reasons(world).await, [accepted(), void("the device is gone")]);
    assert_eq!(world.events("PushEndpointDropped").await.len(), 1);

    trip.remind().await.unwrap();
    take_down(world).await;
    send_without(world, &["tablet"]).await;
    assert_eq!(told(world), to(&[("sms", "+14165550122"), ("push", "tablet")]), "the reminder before, and this one");
    assert_eq!(world.events("PushEndpointDropped").await.len(), 2);
    trip.remind().await.unwrap();
    assert_eq!(sent(world).await.len(), 3);
    assert_eq!(trip.answered().await, ["push", "push", "sms"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_logs_out_meanwhile_is_told_nothing() {
    let trip = Trip::new().await;
    let world = &trip.world;
    trip.switch_off(Medium::Mail).await;
    device(world, trip.eli, "phone").await;
    trip.remind().await.unwrap();
    take_down(world).await;
    world.account(trip.eli, AccountCommand::LogOut).await;
    assert_eq!(sent(world).await, to(&[("sms", "+14165550122")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_wants_is_forgotten_with_them() {
    let trip = Trip::new().await;
    device(&trip.world, trip.eli, "phone").await;
    for medium in Medium::ALL {
        trip.switch_off(medium).await;
    }
    operator::forget(&trip.world.system(), trip.eli).await.unwrap();
    for medium in Medium::ALL {
        let left = trip.world.commands.record(medium.settings(), trip.eli).await.unwrap().state;
        assert!(left.deleted_at.is_some(), "{medium:?}");
    }
    let account = trip.world.commands.state::<Account>(trip.eli).await.unwrap().state;
    assert!(account.reached_by(Medium::Push, trip.world.clock.now()).is_empty());
}

fn suggestion(crew_id: EntityId, city_id: EntityId, from: u32, until: u32) -> Suggestion {
    let (start_date, end_date) = (day(from), day(until));
    Suggestion { crew_id, city_id, start_date, end_date, event_ids: vec![], liked_user_ids: vec![] }
}

fn booking(crew_id: EntityId, city_id: EntityId, leader: EntityId, from: u32) -> NewBooking {
    let (start_date, end_date) = (day(from), day(from + 2));
    NewBooking { crew_id, city_id, start_date, end_date, leader_ids: vec![leader] }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_that_is_shared_is_told_to_the_other_members_who_have_an_account() {
    let world = World::new().await;
    let dana = world.person("Dana", Some("+14165550111"), None).await;
    let eli = world.person("Eli", Some("+14165550122"), None).await;
    let finn = world.person("Finn", Some("+14165550133"), None).await;
    let crew = world.crew(dana, &[eli, finn]).await;
    let temp = world.invite(crew, dana, "+14165550144").await;
    assert_eq!(sent(&world).await.len(), 1, "the invitation");
    let city = world.city().await;
    let idea = ideas::suggest(&world.by(eli), suggestion(crew, city, 1, 4)).await.unwrap().id;
    take_down(&world).await;
    world.remove_from_crew(crew, dana, finn).await;
    world.send_all().await;
    let shared: Vec<Value> =
        world.outbox().into_iter().filter(|message| message["template"] == "trip-is-shared").collect();
    assert_eq!(shared.len(), 1, "not to who suggested it, who left, or {temp}, who has no account: {shared:?}");
    assert_eq!((&shared[0]["to"], &shared[0]["subjects"]), (&json!("+14165550111"), &json!([dana, eli])));
    let text = shared[0]["text"].as_str().unwrap();
    assert!(text.starts_with("Eli suggests a trip to Toronto from 2030-05-01 to 2030-05-04."), "{text}");

    ideas::suggest(&world.by(eli), suggestion(crew, city, 5, 6)).await.unwrap();
    switch(&world, dana, Medium::Sms, "trip_is_shared", false).await;
    assert_eq!(sent(&world).await.len(), 2, "switched off");
    switch(&world, dana, Medium::Sms, "trip_is_shared", true).await;
    let again = ideas::suggest(&world.by(eli), suggestion(crew, city, 7, 8)).await.unwrap().id;
    take_down(&world).await;
    ideas::delete(&world.by(eli), again, crew).await.unwrap();
    assert_eq!(sent(&world).await.len(), 2, "there is nothing to tell any more");
    assert_ne!(idea, again);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_that_is_moved_to_a_booking_is_told_to_the_crews_other_members() {
    let world = World::new().await;
    let dana = world.person("Dana", Some("+14165550111"), None).await;
    let eli = world.person("Eli", Some("+14165550122"), None).await;
    let finn = world.person("Finn", Some("+14165550133"), None).await;
    let (crew, other) = (world.crew(dana, &[eli, finn]).await, world.crew(dana, &[eli]).await);
    let (city, elsewhere) = (world.city().await, world.city().await);
    let suggest =
        async |from, until| ideas::suggest(&world.by(eli), suggestion(crew, city, from, until)).await.unwrap().id;
    suggest(1, 4).await;
    let deleted = suggest(20, 21).await;
    ideas::delete(&world.by(eli), deleted, crew).await.unwrap();
    // Long ago: its messages are too late, and it is known all the same.
    world.clock.advance(TimeDelta::days(2));
    assert!(sent(&world).await.is_empty());

    let book = async |by, new| bookings::create(&world.by(by), new).await.unwrap().id;
    for of_no_idea in [
        booking(crew, elsewhere, dana, 1),
        booking(crew, city, dana, 5),
        booking(crew, city, dana, 20),
        booking(other, city, dana, 1),
    ] {
        book(dana, of_no_idea).await;
    }
    assert!(sent(&world).await.is_empty());
    book(dana, booking(crew, city, eli, 4)).await;
    world.follow_and_die(moved_trips(&world.setup)).await;
    assert_eq!(sent(&world).await, to(&[("sms", "+14165550122"), ("sms", "+14165550133")]), "Eli leads, Dana did it");
    let message = &world.outbox()[0];
    assert_eq!((&message["template"], &message["subjects"]), (&json!("trip-is-moved-to-booking"), &json!([eli, dana])));
    let text = message["text"].as_str().unwrap();
    assert!(text.starts_with("Dana made a booking of the trip to Toronto from 2030-05-04 to 2030-05-06."), "{text}");

    let abandoned = book(dana, booking(crew, city, dana, 2)).await;
    take_down(&world).await;
    world.by(dana).send::<TripBookings>(abandoned, TripBookingCommand::Abandon { crew_id: crew }).await.unwrap();
    assert_eq!(sent(&world).await.len(), 2);
    // The log is taken in anew, by a process that knows nothing yet.
    sqlx::query("delete from checkpoints").execute(&world.pool).await.unwrap();
    assert_eq!(sent(&world.another().await).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_crew_causes_200_notices_a_day_and_one_device_gets_20() {
    let world = World::new().await;
    let dana = world.person("Dana", None, None).await;
    let mut others = vec![];
    for number in 0..12 {
        others.push(world.person("Eli", Some(&format!("+1416555{number:04}")), None).await);
    }
    // Of two devices, told by one notice.
    let both = world.person("Gil", None, None).await;
    device(&world, both, "phone").await;
    device(&world, both, "tablet").await;
    let small = world.crew(dana, &[both]).await;
    let city = world.city().await;
    for _ in 0..21 {
        ideas::suggest(&world.by(dana), suggestion(small, city, 1, 2)).await.unwrap();
    }
    assert_eq!(sent(&world).await.len(), 40, "20 to each device");
    let crew = world.crew(dana, &others).await;
    for _ in 0..17 {
        ideas::suggest(&world.by(dana), suggestion(crew, city, 1, 2)).await.unwrap();
    }
    assert_eq!(sent(&world).await.len(), 40 + 200, "of 17 times 12");
}
