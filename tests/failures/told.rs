//! People are told whatever is killed: from the invitation of somebody without an account to the purchase that they
//! have a part in, by text, mail and push message, each at a receiver of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::mail_server::MailServer;
use crate::receiver::{Receiver, until};
use crate::support::client::digits;
use crate::support::{Client, Person, Server, Settings};
use crate::world::{find_event, import, text};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BEN: &str = "+15550300002";
const BENS_MAIL: &str = "ben@example.com";
const BENS_DEVICE: &str = "device-of-ben";
const PROOF: &str = "Your address verification code";
const REMINDER: &str = "Your trip to Berlin";

const KILLS: usize = 3;

/// Ben's mails with a subject, once there are so many: the `Message-ID` and the whole of each.
async fn until_mailed(post: &MailServer, count: usize, subject: &str) -> Vec<(String, String)> {
    let line = format!("Subject: {subject}");
    until(&format!("{count} times a mail: {subject}"), || {
        let mails = post.mails().into_iter().filter(|mail| mail["to"] == json!([BENS_MAIL]));
        let mails = mails.map(|mail| text(&mail["data"])).filter(|data| data.lines().any(|has| has == line));
        let mails: Vec<_> = mails.map(|data| (message_id(&data), data)).collect();
        (mails.len() >= count).then_some(mails)
    })
    .await
}

fn message_id(mail: &str) -> String {
    let id = mail.lines().find_map(|line| line.strip_prefix("Message-ID: "));
    id.unwrap_or_else(|| panic!("it has no id:\n{mail}")).to_owned()
}

async fn signed_up(client: &Client, receiver: &Receiver, username: &str, phone: &str) -> Person {
    client.sign_up(username, phone).await;
    let told = receiver.until(1, phone, "sign-up-code").await;
    let code = digits(&text(&told[0].message["text"])).expect("it has a code");
    client.confirm(username, phone, &code).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_invited_is_told_all_the_way_however_often_the_server_is_killed() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let (post, receiver) = (MailServer::start(&[]), Receiver::start(SECRET).await);
    let settings = Settings::new(env!("CARGO_BIN_EXE_caravan"))
        .with("CARAVAN_DEMO", "no")
        .with("CARAVAN_MAIL", format!("smtp://127.0.0.1:{}", post.port))
        .with("CARAVAN_SMS", receiver.url("sms"))
        .with("CARAVAN_PUSH", receiver.url("push"))
        .with("CARAVAN_WEBHOOK_SECRET", SECRET);
    let mut server = Server::start(settings).await;
    import(&server, "Opening Night", "2031-05-02");
    let client = Client::new(server.url(), server.outbox());
    let anna = signed_up(&client, &receiver, "anna", "+15550300001").await;
    let event = find_event(&client, &anna, "Opening Night").await;
    let crew = json!({"adminIds": [anna.id], "name": "Festival friends"});
    let crew = text(&client.command("/create-crew", &anna, crew).await["id"]);

    // The invitation is stored and sent, and its receiver does not say so before the server is dead.
    receiver.hold();
    let invites = json!({"inviterUserId": anna.id, "crewId": crew,
        "newInvites": [{"firstName": "Ben", "phoneNumber": BEN}]});
    let invited = client.command("/send-invites-for-crew", &anna, invites).await;
    receiver.until(1, BEN, "crew-invitation").await;
    server.kill();
    receiver.release();
    server.restart().await;
    let invitations = receiver.until(2, BEN, "crew-invitation").await;
    assert_eq!(invitations[0], invitations[1], "a repeat is the same under the same id");
    let words = text(&invitations[0].message["text"]);
    assert!(words.contains("Festival friends") && words.contains("Sign up"), "{words}");

    let ben = signed_up(&client, &receiver, "ben", BEN).await;
    assert_eq!(invited[0]["id"], json!(ben.id), "who was invited is who signed up");
    let crews = client.query("/crews", &ben, &[("userId", &ben.id)]).await;
    assert_eq!(crews[0]["id"], json!(crew));
    let members = crews[0]["members"].as_array().into_iter().flatten();
    assert!(members.into_iter().any(|member| member["userId"] == json!(ben.id)), "{crews}");

    // Between two messages.
    server.kill();
    server.restart().await;
    let address = json!({"username": "ben", "updateAttributes": [{"Name": "email", "Value": BENS_MAIL}]});
    client.command("/editprofile", &ben, address).await;
    let told = until_mailed(&post, 1, PROOF).await;
    let line = told[0].1.lines().find(|line| line.contains("is your Caravan code"));
    let code = line.and_then(digits).expect("it has a code");
    let proof = json!({"id": ben.id, "code": code, "accessToken": ben.token});
    client.command("/verifyphonenumber", &ben, proof).await;

    let booking = json!({"leaderIds": [anna.id], "crewId": crew, "cityId": event["cityId"],
        "startDate": "2031-05-01", "endDate": "2031-05-04"});
    let booking = text(&client.command("/create-trip-booking", &anna, booking).await["id"]);
    let member = json!({"tripBookingId": booking, "userId": ben.id, "isKrugoUser": true});
    client.command("/add-trip-booking-member", &anna, member).await;
    let going = json!({"eventId": event["id"], "tripBookingId": booking, "userId": anna.id});
    client.command("/add-trip-booking-event", &anna, going).await;

    // The reminder is kept by the mail server, which does not say so either.
    post.hold();
    let reminder = json!({"tripBookingId": booking, "userId": ben.id});
    let reminded = client.command("/remind-trip-booking-member", &anna, reminder).await;
    assert_eq!(reminded["reminderType"], "email");
    until_mailed(&post, 1, REMINDER).await;
    server.kill();
    post.release();
    server.restart().await;
    let reminders = until_mailed(&post, 2, REMINDER).await;
    assert_eq!(reminders[0].0, reminders[1].0, "a repeat has the same id");
    assert!(reminders[0].1.contains("reminds you of the trip"), "{}", reminders[0].1);

    // No mails about purchases: they go to the device.
    let no_mails = json!({"userId": ben.id, "purchaseIsMade": false});
    client.command("/update-mailing-settings", &ben, no_mails).await;
    let device = json!({"userId": ben.id, "pushEndpoint": BENS_DEVICE});
    client.command("/update-user-push-endpoint", &ben, device).await;
    let bundle = json!({"eventId": event["id"], "purchaserId": anna.id, "tripBookingId": booking,
        "tickets": [{}, {}], "purchase": {"amount": 90.5, "currency": "EUR", "date": 1_900_000_000}});
    client.command("/add-ticket-bundle", &anna, bundle).await;
    let notices = receiver.until(1, BENS_DEVICE, "purchase-is-made").await;
    let words = text(&notices[0].message["text"]);
    assert!(words.contains("bought 2 tickets for 90.50 EUR"), "{words}");

    // What else there was to send would have gone before, or with it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    nothing_else_came(&post, &receiver);
    assert_eq!(std::fs::read_dir(server.outbox()).map_or(0, Iterator::count), 0, "nothing is left in the outbox");
    let (clean, output) = server.run(&["verify"]);
    assert!(clean, "verify: {output}");
}

/// All that came was asked for, came by its medium, and was repeated as often as something was killed at most, never
/// with other words.
fn nothing_else_came(post: &MailServer, receiver: &Receiver) {
    let mut came: BTreeMap<String, (usize, String, Value)> = BTreeMap::new();
    let mut take = |id: String, what: String, whole: Value| {
        let (times, _, first) = came.entry(id).or_insert((0, what, whole.clone()));
        *times += 1;
        assert_eq!(*first, whole, "a repeat is the same");
    };
    for received in receiver.received() {
        let (to, template) = (text(&received.message["to"]), text(&received.message["template"]));
        assert_eq!(received.message["id"], json!(received.id));
        take(received.id, format!("{} {to} {template}", received.by), received.message);
    }
    for mail in post.mails() {
        let data = text(&mail["data"]);
        let subject = data.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default();
        // The boundaries between its parts are drawn anew each time.
        let words = json!([mail["from"], mail["to"], subject]);
        take(message_id(&data), format!("mail {} {subject}", mail["to"]), words);
    }
    let asked: BTreeSet<String> = [
        "sms +15550300001 sign-up-code".to_owned(),
        format!("sms {BEN} crew-invitation"),
        format!("sms {BEN} sign-up-code"),
        format!("mail [\"{BENS_MAIL}\"] {PROOF}"),
        format!("mail [\"{BENS_MAIL}\"] {REMINDER}"),
        format!("push {BENS_DEVICE} purchase-is-made"),
    ]
    .into();
    assert_eq!(came.len(), asked.len(), "each is one message: {came:?}");
    assert_eq!(came.values().map(|(_, what, _)| what.clone()).collect::<BTreeSet<_>>(), asked);
    let repeats: usize = came.values().map(|(times, ..)| times - 1).sum();
    assert!(repeats <= KILLS, "{repeats} repeats of {KILLS} kills: {came:?}");
}
