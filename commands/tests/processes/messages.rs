use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use caravan_commands::effects::{Carrier, DeliveryError, Message};
use caravan_commands::identity::sign_up;
use caravan_commands::identity::sign_up::SignUpForm;
use caravan_commands::planted::{Form, Planted};
use caravan_commands::processes::{Sender, Setup, departures, messages};
use caravan_commands::trips::{bookings, crews};
use caravan_commands::{Asking, records, seeds};
use caravan_domain::EntityId;
use caravan_domain::identity::{AccountCommand, CodeIssued, details};
use caravan_domain::platform::message_setting::MESSAGE_SETTING;
use caravan_domain::record::Change;
use caravan_domain::trips::booking::{
    AddAccommodation, AddBundle, ChangeBundle, NewRoom, Price, TicketTerms, TripBookingCommand, TripBookings,
};
use caravan_domain::trips::crew::CrewCommand;
use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::world::{World, empty, migrate};

async fn sign_up(username: &str, contact: (&str, &str), asking: &Asking) -> EntityId {
    let form = SignUpForm {
        username: username.to_owned(),
        password: "correct horse battery".to_owned(),
        details: details::parse([contact]).unwrap(),
    };
    sign_up::begin(asking, form).await.unwrap().attempt
}

async fn send(world: &World) -> Vec<Value> {
    world.follow(messages(&world.setup)).await;
    world.send_all().await;
    world.outbox()
}

/// How many messages ended how.
async fn outcomes(world: &World) -> Vec<(Option<String>, i64)> {
    sqlx::query_as("select outcome, count(*) from outgoing_messages group by 1 order by 1")
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

fn outcome(outcome: &str, number: i64) -> Vec<(Option<String>, i64)> {
    vec![(Some(outcome.to_owned()), number)]
}

/// Brings what is tried again later to now.
async fn hurry(world: &World) {
    sqlx::query("update outgoing_messages set due_at = now()").execute(&world.pool).await.unwrap();
}

fn price(amount: &str) -> Option<Price> {
    Some(Price { amount: Some(amount.into()), currency: Some("CAD".into()), date: None })
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_go_to_the_contact_they_prove() {
    let world = World::new().await;
    let dana = sign_up("dana", ("phone_number", "+14165550100"), &world.anyone()).await;
    let eli = sign_up("eli", ("email", "eli@example.com"), &world.anyone()).await;
    let messages = send(&world).await;
    let codes: Vec<CodeIssued> =
        world.events("CodeIssued").await.into_iter().map(|event| event.data.read().unwrap()).collect();
    assert_eq!(messages.len(), 2);
    for (message, to, channel, subject, code) in [
        (&messages[0], "+14165550100", "sms", dana, &codes[0]),
        (&messages[1], "eli@example.com", "mail", eli, &codes[1]),
    ] {
        assert_eq!(message["to"], to);
        assert_eq!(message["channel"], channel);
        assert_eq!(message["template"], "sign-up-code");
        assert_eq!(message["subjects"], json!([subject]));
        assert!(message["text"].as_str().unwrap().contains(&world.commands.vault().code(code.nonce)));
        assert_eq!(message["html"].is_string(), channel == "mail");
        assert_eq!(message["subject"].is_string(), channel == "mail");
    }
    sign_up::resend_code(&world.anyone(), "dana").await.unwrap();
    assert_eq!(send(&world).await.len(), 3, "a code that is asked for again is a message of its own");
    assert_eq!(outcomes(&world).await, outcome("accepted", 3));
}

async fn switch(world: &World, number: u64, enabled: bool) {
    let id = world.commands.vault().id_of(MESSAGE_SETTING.kind.name, number);
    let change = Change::Patch(Map::from_iter([("enabled".to_owned(), json!(enabled))]));
    records::change(&world.system(), &MESSAGE_SETTING, id, change).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_switched_off_is_not_sent_and_others_are() {
    let world = World::new().await;
    // Of codes for sign-ups: by mail only, and not of those that nobody has planted.
    seeds::plant(&world.commands, world.clock.now()).await.unwrap();
    switch(&world, 1, false).await;
    sign_up("dana", ("email", "dana@example.com"), &world.anyone()).await;
    sign_up("eli", ("phone_number", "+14165550100"), &world.anyone()).await;
    let sent = send(&world).await;
    assert_eq!(sent.iter().map(|message| &message["to"]).collect::<Vec<_>>(), ["+14165550100"]);
    assert_eq!(outcomes(&world).await, [(Some("accepted".to_owned()), 1), (Some("void".to_owned()), 1)]);
    switch(&world, 1, true).await;
    sign_up::resend_code(&world.anyone(), "dana").await.unwrap();
    assert_eq!(send(&world).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_a_setting_are_this_programs_and_its_switch_is_theirs() {
    let world = World::new().await;
    seeds::plant(&world.commands, world.clock.now()).await.unwrap();
    let id = world.commands.vault().id_of(MESSAGE_SETTING.kind.name, 4);
    let setting = async || world.commands.record(&MESSAGE_SETTING, id).await.unwrap();
    let planted = setting().await;
    // As an earlier version of the program may have left them.
    for words in ["Come along", "Come along now"] {
        let fields = Map::from_iter([("email_message".to_owned(), json!(words)), ("enabled".to_owned(), json!(false))]);
        records::change(&world.system(), &MESSAGE_SETTING, id, Change::Patch(fields)).await.unwrap();
        seeds::plant(&world.commands, world.clock.now()).await.unwrap();
        let present = setting().await.state;
        assert_eq!(present.fields["email_message"], planted.state.fields["email_message"]);
        assert_eq!(present.fields["enabled"], false);
    }
    // Noted once planted, so that the next start of this version need not look at it.
    let (planted, form) = (Planted::new(world.pool.clone()), Form::of("seeds", &seeds::content()).unwrap());
    assert!(!planted.has(form).await.unwrap());
    planted.note(form).await.unwrap();
    planted.note(Form::of("others", &7).unwrap()).await.unwrap();
    assert!(planted.has(form).await.unwrap() && !planted.has(Form::of("seeds", &7).unwrap()).await.unwrap());
    let before = setting().await.revision;
    seeds::plant(&world.commands, world.clock.now()).await.unwrap();
    assert_eq!(setting().await.revision, before, "nothing to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_code_is_not_sent() {
    let world = World::new().await;
    // Days ahead as well as today.
    world.clock.advance(TimeDelta::days(3));
    sign_up("dana", ("phone_number", "+14165550100"), &world.anyone()).await;
    assert_eq!(send(&world).await.len(), 1);
    sign_up("eli", ("phone_number", "+14165550101"), &world.anyone()).await;
    world.follow(messages(&world.setup)).await;
    world.clock.advance(TimeDelta::minutes(16));
    world.send_all().await;
    assert_eq!(world.outbox().len(), 1);
    assert_eq!(outcomes(&world).await, [(Some("accepted".to_owned()), 1), (Some("void".to_owned()), 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_somebody_forgotten_is_not_sent() {
    let world = World::new().await;
    let dana = sign_up("dana", ("phone_number", "+14165550100"), &world.anyone()).await;
    world.commands.vault().forget(dana).await.unwrap();
    assert!(send(&world).await.is_empty());
    assert_eq!(outcomes(&world).await, outcome("void", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_sends_nothing_twice() {
    let world = World::new().await;
    let dana = world.person("Dana", Some("+14165550111"), None).await;
    let crew = world.crew(dana, &[]).await;
    world.invite(crew, dana, "+14165550100").await;
    world.follow_and_die(messages(&world.setup)).await;
    world.follow(messages(&world.setup)).await;
    world.send_all().await;
    let messages = world.outbox();
    assert_eq!(messages.len(), 1);

    // The checkpoint is lost: what was accepted is not sent again.
    sqlx::query("delete from checkpoints").execute(&world.pool).await.unwrap();
    std::fs::remove_dir_all(world.outbox_dir()).unwrap();
    let restarted = world.another().await;
    assert!(send(&restarted).await.is_empty());
    assert_eq!(outcomes(&world).await, outcome("accepted", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_another_version_of_the_program_waits_for_it_until_it_is_too_late() {
    let world = World::new().await;
    sign_up("dana", ("phone_number", "+14165550100"), &world.anyone()).await;
    world.follow(messages(&world.setup)).await;
    let unknown = "update outgoing_messages set template = 'greeting'";
    sqlx::query(unknown).execute(&world.pool).await.unwrap();
    world.send_all().await;
    assert_eq!(outcomes(&world).await, [(None, 1)]);
    world.clock.advance(TimeDelta::minutes(16));
    world.send_all().await;
    assert_eq!(outcomes(&world).await, outcome("void", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_before_are_still_known() {
    let pool = empty().await;
    migrate(&pool, 50).await;
    let insert =
        "insert into outgoing_messages (id, category, stream_id, revision, recipient, purchase, expires_at, due_at)
                  values (gen_random_uuid(), $1, $2, 0, gen_random_uuid(), $3, now(), now())";
    let stream = uuid::Uuid::from_u128;
    for (category, id, purchase) in [
        ("crew", 1, None),
        ("trip_booking", 2, None),
        ("trip_booking", 2, Some(7i64)),
        ("sign_up", 3, None),
        ("account", 4, None),
        ("account", 5, None),
    ] {
        sqlx::query(insert).bind(category).bind(stream(id)).bind(purchase).execute(&pool).await.unwrap();
    }
    for (position, category, id, purpose) in [(1i64, "sign_up", 3, "sign_up"), (2, "account", 4, "email_change")] {
        sqlx::query(
            "insert into events (position, revision, time, stream_id, id, schema_version, category, event_type, data, metadata)
             values ($1, 0, now(), $2, gen_random_uuid(), 1, $3, 'CodeIssued', json_build_object('purpose', $4), '{}')",
        )
        .bind(position)
        .bind(stream(id))
        .bind(category)
        .bind(purpose)
        .execute(&pool)
        .await
        .unwrap();
    }
    migrate(&pool, i64::MAX).await;
    let kept: Vec<(String, Option<i64>)> =
        sqlx::query_as("select template, part from outgoing_messages order by 1").fetch_all(&pool).await.unwrap();
    let kept: Vec<(&str, Option<i64>)> = kept.iter().map(|(template, part)| (template.as_str(), *part)).collect();
    assert_eq!(
        kept,
        [
            ("crew-invitation", None),
            ("email-code", None),
            ("purchase-is-made", Some(7)),
            ("sign-up-code", None),
            ("trip-booking-reminder", None),
            ("unknown", None),
        ]
    );
}

/// Hands messages on, but fails a few times afterwards, as when the answer is lost.
struct Unsure {
    inner: Arc<dyn Carrier>,
    failures: AtomicUsize,
    error: fn(String) -> DeliveryError,
}

#[async_trait]
impl Carrier for Unsure {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        self.inner.deliver(message).await?;
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_or(Ok(()), |_| Err((self.error)("the answer was lost".into())))
    }
}

fn unsure(world: &World, failures: usize, error: fn(String) -> DeliveryError) -> Sender {
    let mut setup: Setup = world.setup.clone();
    setup.carriers.sms = Arc::new(Unsure { inner: setup.carriers.sms, failures: AtomicUsize::new(failures), error });
    Sender::new(&setup)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_not_accepted_is_tried_again_without_holding_up_others() {
    let world = World::new().await;
    sign_up("dana", ("phone_number", "+14165550100"), &world.anyone()).await;
    sign_up("eli", ("email", "eli@example.com"), &world.anyone()).await;
    world.follow(messages(&world.setup)).await;
    let sender = unsure(&world, 2, DeliveryError::Later);
    while sender.send_next().await.unwrap() {}
    assert_eq!(outcomes(&world).await, [(Some("accepted".to_owned()), 1), (None, 1)]);
    let pause: f64 = sqlx::query_scalar(
        "select extract(epoch from due_at - now())::float8 from outgoing_messages where outcome is null",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert!((1.0..2.0).contains(&pause), "{pause}");
    for _ in 0..2 {
        hurry(&world).await;
        while sender.send_next().await.unwrap() {}
    }
    assert_eq!(outcomes(&world).await, outcome("accepted", 2));
    assert_eq!(world.outbox().len(), 2, "one id, one message");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_never_accepted_has_failed() {
    let world = World::new().await;
    sign_up("dana", ("phone_number", "+14165550100"), &world.anyone()).await;
    world.follow(messages(&world.setup)).await;
    let sender = unsure(&world, usize::MAX, DeliveryError::Later);
    for _ in 0..13 {
        hurry(&world).await;
        sender.send_next().await.unwrap();
    }
    assert_eq!(outcomes(&world).await, outcome("failed", 1));
    let reason: String =
        sqlx::query_scalar("select reason from outgoing_messages").fetch_one(&world.pool).await.unwrap();
    assert_eq!(reason, "the answer was lost");

    sign_up("eli", ("phone_number", "+14165550101"), &world.anyone()).await;
    world.follow(messages(&world.setup)).await;
    unsure(&world, 1, DeliveryError::Refused).send_next().await.unwrap();
    assert_eq!(outcomes(&world).await, outcome("failed", 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn running_senders_share_the_work() {
    let world = World::new().await;
    let other = world.another().await;
    for number in 0..12 {
        let contact = format!("+1416555{number:04}");
        sign_up(&format!("user{number}"), ("phone_number", &contact), &world.anyone()).await;
    }
    world.follow(messages(&world.setup)).await;
    let stop = CancellationToken::new();
    let senders = [world.sender().run(stop.clone()), other.sender().run(stop.clone())].map(tokio::spawn);
    for _ in 0..200 {
        if outcomes(&world).await == outcome("accepted", 12) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    stop.cancel();
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(world.outbox().len(), 12);
    let attempts: i64 =
        sqlx::query_scalar("select sum(attempts) from outgoing_messages").fetch_one(&world.pool).await.unwrap();
    assert_eq!(attempts, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_reach_temp_members_by_sms_and_accounts_by_mail_first() {
    let world = World::new().await;
    let dana = world.person("Dana", None, None).await;
    let eli = world.person("Eli", Some("+14165550122"), Some("eli@example.com")).await;
    let finn = world.person("Finn", Some("+14165550133"), None).await;
    let gil = world.person("Gil", None, None).await;
    let gone = world.person("Hana", Some("+14165550155"), None).await;
    world.crew(dana, &[eli, finn, gil, gone]).await;
    world.follow(departures(&world.setup)).await;
    let crew = world.crew(dana, &[]).await;
    let temp = world.invite(crew, dana, "+14165550144").await;
    let users = vec![eli, finn, gil, gone];
    crews::invite(&world.by(dana), crew, users, vec![]).await.unwrap();
    world.remove_from_crew(crew, dana, gone).await;
    let messages = send(&world).await;
    let told: Vec<(&str, &str, &Value)> = messages
        .iter()
        .map(|message| (message["to"].as_str().unwrap(), message["channel"].as_str().unwrap(), &message["subjects"]))
        .collect();
    assert_eq!(
        told,
        [
            ("+14165550133", "sms", &json!([finn, dana])),
            ("+14165550144", "sms", &json!([temp, dana])),
            ("eli@example.com", "mail", &json!([eli, dana])),
        ]
    );
    let text = messages[1]["text"].as_str().unwrap();
    assert!(text.contains("Dana added you to the crew \"Weekend\""), "{text}");
    assert!(text.contains("Sign up") && text.contains("https://caravan.test"), "{text}");
    assert!(!messages[2]["text"].as_str().unwrap().contains("Sign up"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_for_an_absorbed_temp_member_goes_to_the_account() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, Some("e@example.com")).await);
    let crew = world.crew(dana, &[]).await;
    let temp = world.invite(crew, dana, "+14165550144").await;
    world.account(temp, AccountCommand::Absorb { into: eli }).await;
    let messages = send(&world).await;
    assert_eq!(messages[0]["to"], "e@example.com");
    assert_eq!(messages[0]["subjects"], json!([eli, dana]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_tells_of_the_trip() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", Some("+14165550122"), None).await);
    let crew = world.crew(dana, &[eli]).await;
    let booking = world.booking(crew, dana, &[eli]).await;
    for _ in 0..2 {
        bookings::remind_member(&world.by(dana), booking, eli).await.unwrap();
    }
    let messages = send(&world).await;
    assert_eq!(messages.len(), 2, "each reminder is sent");
    assert_eq!(messages[0]["template"], "trip-booking-reminder");
    let text = messages[0]["text"].as_str().unwrap();
    assert!(text.starts_with("Dana reminds you of the trip to Toronto from 2030-05-01 to 2030-05-04."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_told_once_to_the_other_members() {
    let world = World::new().await;
    let dana = world.person("Dana", Some("+14165550111"), None).await;
    let eli = world.person("Eli", Some("+14165550122"), None).await;
    let finn = world.person("Finn", Some("+14165550133"), None).await;
    let gil = world.person("Gil", Some("+14165550144"), None).await;
    let crew = world.crew(dana, &[eli, finn, gil]).await;
    let booking = world.booking(crew, dana, &[eli, finn]).await;
    let change = async |actor, command| world.by(actor).send::<TripBookings>(booking, command).await.unwrap().state;
    let event = EntityId(uuid::Uuid::new_v4());
    change(dana, TripBookingCommand::AddEvent { event, attendees: None }).await;
    let bundle = AddBundle {
        crew_id: None,
        event_id: event,
        purchaser_id: eli,
        tickets: vec![TicketTerms::default(); 2],
        purchase: None,
        general_admission: true,
        special_seating: false,
        bought_here: false,
    };
    let state = change(dana, TripBookingCommand::AddBundle(bundle)).await;
    assert!(send(&world).await.is_empty(), "nothing was paid yet");

    let bundle = state.booking().unwrap().bundles[0].number;
    let paid = |amount| ChangeBundle { bundle, purchase: price(amount), ..ChangeBundle::default() };
    change(dana, TripBookingCommand::ChangeBundle(paid("120.50"))).await;
    let messages = send(&world).await;
    assert_eq!(messages.len(), 1, "Dana did it, Eli paid");
    assert_eq!(messages[0]["to"], "+14165550133");
    assert_eq!(messages[0]["template"], "purchase-is-made");
    assert_eq!(messages[0]["subjects"], json!([finn, eli]));
    let text = messages[0]["text"].as_str().unwrap();
    assert!(text.starts_with("Eli bought 2 tickets for 120.50 CAD on the trip to Toronto."), "{text}");

    world.add_member(booking, dana, gil).await;
    change(dana, TripBookingCommand::ChangeBundle(paid("99.00"))).await;
    assert_eq!(send(&world).await.len(), 1, "a changed purchase is not a new one");

    let room = NewRoom {
        check_in_date: None,
        check_out_date: None,
        room_type: None,
        purchaser_id: None,
        purchase: price("300"),
        guests: vec![],
    };
    let add = AddAccommodation { name: "Inn".into(), details: Default::default(), rooms: vec![room.clone(), room] };
    change(dana, TripBookingCommand::AddAccommodation(add)).await;
    let messages = send(&world).await;
    assert_eq!(messages.len(), 1 + 2 * 3, "two rooms, three others");
    assert!(
        messages.iter().filter(|message| message["text"].as_str().unwrap().contains("a room for 300.00 CAD")).count()
            == 6
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_what_is_no_longer_so() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", Some("+14165550122"), None).await);
    let crew = world.crew(dana, &[eli]).await;
    let booking = world.booking(crew, dana, &[eli]).await;
    bookings::remind_member(&world.by(dana), booking, eli).await.unwrap();
    world.by(dana).send::<TripBookings>(booking, TripBookingCommand::Abandon { crew_id: crew }).await.unwrap();
    world.invite(crew, dana, "+14165550144").await;
    world.change_crew(crew, dana, CrewCommand::Delete).await;
    assert!(send(&world).await.is_empty());
    assert_eq!(outcomes(&world).await, outcome("void", 2));
}
