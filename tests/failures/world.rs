//! A server with an event to go to, and what people need before anything can go wrong.

use std::path::PathBuf;
use std::process::Command;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, Person, Server, Settings};

pub struct World {
    pub server: Server,
    pub client: Client,
    pub city: String,
    pub event: String,
}

/// A booking and who leads it.
pub struct Booking {
    pub leader: Person,
    pub crew: String,
    pub id: String,
}

pub const PRICE: f64 = 90.5;

impl World {
    /// A server without the demo but with one imported event, and somebody who has found it.
    pub async fn start(settings: Settings) -> (World, Person) {
        let server = Server::start(settings.with("CARAVAN_DEMO", "no").with("CARAVAN_LIMITS", "off")).await;
        import(&server, "Opening Night", "2031-05-02");
        let client = Client::new(server.url(), server.outbox());
        let scout = client.person("scout", "+15550100000").await;
        let event = find_event(&client, &scout, "Opening Night").await;
        let (city, event) = (text(&event["cityId"]), text(&event["id"]));
        (World { server, client, city, event }, scout)
    }

    /// A crew and a booking with the event, led by `leader`.
    pub async fn book(&self, leader: &Person) -> Booking {
        let crew = json!({"adminIds": [leader.id], "name": format!("Crew of {}", leader.username)});
        let crew = text(&self.client.command("/create-crew", leader, crew).await["id"]);
        let booking = json!({"leaderIds": [leader.id], "crewId": crew, "cityId": self.city,
            "startDate": "2031-05-01", "endDate": "2031-05-04"});
        let id = text(&self.client.command("/create-trip-booking", leader, booking).await["id"]);
        let event = json!({"eventId": self.event, "tripBookingId": id, "userId": leader.id});
        self.client.command("/add-trip-booking-event", leader, event).await;
        Booking { leader: leader.clone(), crew, id }
    }

    /// Makes somebody a member of the crew and the booking.
    pub async fn join(&self, booking: &Booking, person: &Person) {
        let leader = &booking.leader;
        let crew = json!({"crewId": booking.crew, "newMemberId": person.id, "userId": leader.id});
        self.client.command("/add-crew-member", leader, crew).await;
        let member = json!({"tripBookingId": booking.id, "userId": person.id, "isKrugoUser": true});
        self.client.command("/add-trip-booking-member", leader, member).await;
    }

    /// A bundle of so many tickets, as the API shows it.
    pub async fn bundle(&self, booking: &Booking, tickets: usize) -> Value {
        let bundle = json!({"eventId": self.event, "purchaserId": booking.leader.id, "tripBookingId": booking.id,
            "tickets": vec![json!({}); tickets],
            "purchase": {"amount": PRICE, "currency": "EUR", "date": 1_900_000_000}});
        self.client.command("/add-ticket-bundle", &booking.leader, bundle).await
    }

    /// A command, ready to be sent; with others, at once.
    pub fn command(&self, path: &str, person: &Person, body: Value) -> RequestBuilder {
        self.client.http.post(format!("{}/dev{path}", self.client.write)).bearer_auth(&person.token).json(&body)
    }

    /// A query, ready to be sent.
    pub fn query(&self, path: &str, person: &Person, query: &[(&str, &str)]) -> RequestBuilder {
        self.client.http.get(format!("{}/dev{path}", self.client.read)).bearer_auth(&person.token).query(query)
    }

    pub fn trip_booking(&self, booking: &Booking, person: &Person) -> RequestBuilder {
        self.query("/trip-booking", person, &[("crewId", &booking.crew), ("userId", &person.id), ("id", &booking.id)])
    }

    /// How many events the log holds.
    pub fn log_length(&self) -> usize {
        let (succeeded, output) = self.server.run(&["replay"]);
        assert!(succeeded, "replay: {output}");
        output.lines().filter(|line| line.starts_with('{')).count()
    }
}

/// Imports one event that takes place on a day (YYYY-MM-DD).
pub fn import(server: &Server, name: &str, day: &str) {
    let event = json!([{
        "@context": "https://schema.org", "@type": "MusicEvent", "name": name,
        "startDate": format!("{day}T20:00:00+02:00"), "endDate": format!("{day}T23:00:00+02:00"),
        "location": {"@type": "Place", "name": "Great Hall", "address": {"@type": "PostalAddress",
            "addressLocality": "Berlin", "addressCountry": "DE"},
            "geo": {"@type": "GeoCoordinates", "latitude": 52.52, "longitude": 13.405}},
        "performer": {"@type": "MusicGroup", "name": "The Understudies"}
    }]);
    let file = server.data_dir().join(format!("{day}.jsonld"));
    std::fs::write(&file, event.to_string()).expect("the file can be written");
    let (succeeded, output) = server.run(&["import", "events", &file.display().to_string()]);
    assert!(succeeded, "import: {output}");
}

/// The event of that name, once a search finds it.
pub async fn find_event(client: &Client, person: &Person, name: &str) -> Value {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let (status, trips) =
            answer(client.send("/discoverAny", Some(&person.token), json!({})).await.expect("an answer")).await;
        // A new server answers before it has made its indexes.
        assert!(status == StatusCode::OK || status == StatusCode::SERVICE_UNAVAILABLE, "{status}: {trips}");
        let events = trips.as_array().into_iter().flatten().filter_map(|trip| trip["events"].as_array()).flatten();
        if let Some(event) = events.into_iter().find(|event| event["eventName"] == name) {
            return event.clone();
        }
        assert!(std::time::Instant::now() < deadline, "{name} is not found: {trips}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// An answer's status and body; the body is JSON in any case.
pub async fn answer(response: Response) -> (StatusCode, Value) {
    let (status, url) = (response.status(), response.url().clone());
    let body = response.text().await.expect("the answer has a body");
    let body = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{url}: {status}: not JSON: {body}"));
    (status, body)
}

/// An Elasticsearch and a name for indexes of one's own in it, as `CARAVAN_SEARCH` takes it.
pub fn search(elasticsearch: &str) -> String {
    let mut random = [0u8; 6];
    getrandom::fill(&mut random).expect("the system gives randomness");
    let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{elasticsearch}/failures-{name}")
}

/// The URL of a real Elasticsearch: `ELASTICSEARCH_URL`, or one that the script starts.
pub fn elasticsearch() -> String {
    if let Ok(url) = std::env::var("ELASTICSEARCH_URL") {
        return url.trim_end_matches('/').to_owned();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/elasticsearch.sh");
    let output = Command::new(script).arg("start").output().expect("the script can be run");
    assert!(output.status.success(), "no Elasticsearch: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A program of the Postgres installation.
pub fn postgres_program(name: &str) -> PathBuf {
    let mut places: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    places.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let found = places.iter().map(|dir| dir.join(name)).find(|program| program.exists());
    found.unwrap_or_else(|| panic!("{name} is in neither PATH nor /usr/lib/postgresql/*/bin"))
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not text: {value}")).to_owned()
}
