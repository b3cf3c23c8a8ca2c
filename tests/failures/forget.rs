//! After `caravan forget`, nothing that is kept says who the person was.

use std::process::Command;
use std::time::{Duration, Instant};

use caravan_private_postgres::PrivatePostgres;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::client::PASSWORD;
use crate::support::{Client, Person, Server, Settings};
use crate::world::{World, answer, elasticsearch, postgres_program, search};

const USERNAME: &str = "wilhelmina.w";
const FIRST_NAME: &str = "Wilhelmina";
const LAST_NAME: &str = "Vergissmeinnicht";
const NICKNAME: &str = "Winnie-the-Dreamer";
const EMAIL: &str = "wilhelmina@vergissmein.example";
const PHONE: &str = "+15550499123";
const NEW_PHONE: &str = "+15550499321";

/// Everything that must be gone.
const VALUES: [&str; 7] = [USERNAME, FIRST_NAME, LAST_NAME, NICKNAME, EMAIL, PHONE, NEW_PHONE];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_person_is_nowhere_with_search_on_postgres() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    forget_with("postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_person_is_nowhere_with_search_on_elasticsearch() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let search = search(&elasticsearch());
    forget_with(&search).await;
    let found = reqwest::get(format!("{search}-*/_search?size=10000")).await.expect("Elasticsearch answers");
    assert_eq!(found.status(), StatusCode::OK);
    assert_silent("Elasticsearch", &found.text().await.expect("an answer has a body"));
}

async fn forget_with(search: &str) {
    let dir = crate::support::server::reachable_directory();
    let postgres = PrivatePostgres::start(dir.path(), &[("max_connections", "100")]).await.expect("Postgres starts");
    let main = postgres.database("forgetting").await.expect("a database can be made");
    let keys = postgres.database("forgetting_keys").await.expect("a database can be made");
    let settings = Settings::new(env!("CARGO_BIN_EXE_caravan"))
        .with("CARAVAN_DATABASE_URL", main.clone())
        .with("CARAVAN_KEYS_URL", keys.clone())
        .with("CARAVAN_SEARCH", search);
    let (world, friend) = World::start(settings).await;
    let person = live(&world, &friend).await;

    // The search is worth nothing if it would find nothing in any case.
    let outbox = outbox(&world.server);
    assert!(outbox.contains(PHONE) && outbox.contains(NEW_PHONE), "messages named the person");

    let booking = world.book(&friend).await;
    world.join(&booking, &person).await;
    let (succeeded, output) = world.server.run(&["forget", "--yes", &person.id]);
    assert!(succeeded, "forget: {output}");
    assert!(output.contains("archives, replicas, backups"), "{output}");
    assert_silent("the program's output", &output);
    caught_up(&world, &friend).await;

    assert_silent("a dump of the main database", &dump(&main));
    assert_silent("a dump of the keys database", &dump(&keys));
    assert_silent("the outbox", &self::outbox(&world.server));
    assert_silent("the log file", &world.server.log());

    let members = world.client.query("/get-trip-booking-members", &friend, &[("tripBookingId", &booking.id)]).await;
    assert_silent("the members of a booking", &members.to_string());
    for login in [USERNAME, EMAIL, NEW_PHONE] {
        let body = json!({"username": login, "password": PASSWORD});
        let (status, body) = answer(world.client.send("/login", None, body).await.expect("an answer")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
    let (status, _) =
        answer(world.query("/crews", &person, &[("userId", &person.id)]).send().await.expect("an answer")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);

    for command in [["rebuild", "--all"].as_slice(), &["verify"]] {
        let (succeeded, output) = world.server.run(command);
        assert!(succeeded, "{command:?}: {output}");
    }
    assert_silent("a dump of the main database after the rebuild", &dump(&main));
    drop(world);
    postgres.stop().await.expect("Postgres stops");
}

/// A person who leaves traces wherever one can: a profile, messages, a phone number changed, a crew, an invitation.
async fn live(world: &World, friend: &Person) -> Person {
    let client = &world.client;
    let account = json!({"username": USERNAME, "password": PASSWORD, "firstname": FIRST_NAME, "lastname": LAST_NAME,
        "attributes": [{"Name": "phone_number", "Value": PHONE}, {"Name": "email", "Value": EMAIL}]});
    expect(client, "/signup", None, account).await;
    let code = client.code(PHONE).await;
    let confirm = json!({"username": USERNAME, "password": PASSWORD, "confirmationCode": code});
    let answer = expect(client, "/signup/confirm", None, confirm).await;
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).expect(pointer).to_owned();
    let person = Person {
        id: text("/krugoId"),
        username: USERNAME.to_owned(),
        phone: PHONE.to_owned(),
        token: text("/cognitoSession/accessToken"),
        refresh_token: text("/cognitoSession/refreshToken"),
    };
    let profile = json!({"username": USERNAME, "updateAttributes": [{"Name": "nickname", "Value": NICKNAME}]});
    expect(client, "/editprofile", Some(&person), profile).await;
    let phone = json!({"phoneNumber": NEW_PHONE, "id": person.id, "username": USERNAME,
        "refreshToken": person.refresh_token});
    expect(client, "/editphonenumber", Some(&person), phone).await;
    let verify = json!({"code": client.code(NEW_PHONE).await, "id": person.id, "accessToken": person.token});
    expect(client, "/verifyphonenumber", Some(&person), verify).await;

    let crew = json!({"adminIds": [person.id], "name": "Nobody's business"});
    let crew = expect(client, "/create-crew", Some(&person), crew).await;
    let invite =
        json!({"inviterUserId": person.id, "crewId": crew["id"], "newInvites": [{"phoneNumber": friend.phone}]});
    expect(client, "/send-invites-for-crew", Some(&person), invite).await;
    person
}

async fn expect(client: &Client, path: &str, person: Option<&Person>, body: Value) -> Value {
    let token = person.map(|person| person.token.as_str());
    let (status, body) = answer(client.send(path, token, body).await.expect("an answer")).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

/// Waits until search has taken in everything: a crew made now is behind the forgetting in the log.
async fn caught_up(world: &World, friend: &Person) {
    let crew = json!({"adminIds": [friend.id], "name": "Afterwards"});
    let response = world.command("/create-crew", friend, crew).send().await.expect("an answer");
    let position = response.headers()["caravan-position"].clone();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let search = world.command("/discoverAny", friend, json!({})).header("caravan-after", position.clone());
        let (status, body) = answer(search.send().await.expect("an answer")).await;
        if status == StatusCode::OK {
            return;
        }
        assert!(status == StatusCode::GATEWAY_TIMEOUT && Instant::now() < deadline, "{status}: {body}");
    }
}

fn dump(url: &str) -> String {
    let output = Command::new(postgres_program("pg_dump")).arg(url).output().expect("pg_dump can be run");
    assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
    let dump = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(dump.contains("COPY public."), "the dump holds data");
    dump
}

fn outbox(server: &Server) -> String {
    let entries = std::fs::read_dir(server.outbox()).into_iter().flatten().flatten();
    entries.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect()
}

/// The person's values are not in `text`, neither plainly nor as a dump writes bytes.
#[track_caller]
fn assert_silent(what: &str, text: &str) {
    let text = text.to_lowercase();
    for value in VALUES {
        let plain = value.to_lowercase();
        let bytes: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        for form in [plain, bytes] {
            let place = text.find(&form);
            assert!(place.is_none(), "{what} still holds {value}: {}", around(&text, place.unwrap_or_default()));
        }
    }
}

fn around(text: &str, place: usize) -> String {
    let near = |at: usize| text.char_indices().map(|(index, _)| index).find(|index| *index >= at);
    let (from, to) = (near(place.saturating_sub(120)), near(place + 120));
    text[from.unwrap_or(0)..to.unwrap_or(text.len())].to_owned()
}
