//! People, crews, bookings and ticket bundles that the rows over HTTP work on, made through the API.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::http::{Connection, Request};
use crate::server::Server;

/// People, each with a booking of their own.
const PEOPLE: usize = 64;

/// Passwords are slow to hash on purpose, and the server hashes few at a time.
const SIGN_UPS_AT_ONCE: usize = 8;

const PASSWORD: &str = "correct horse battery";

pub struct World {
    pub server: Server,
    pub bookings: Vec<Booking>,
    city: String,
    pub event: String,
}

/// A booking of two members with a ticket that goes back and forth between them.
pub struct Booking {
    pub leader: Person,
    pub member: String,
    pub crew: String,
    pub id: String,
    pub bundle: String,
    pub ticket: String,
}

#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub token: String,
}

impl World {
    pub async fn make(cluster: &Cluster) -> Result<World> {
        eprintln!("starting caravan serve, signing {PEOPLE} people up");
        let server = Server::start(cluster).await?;
        let file = cluster.dir().join("event.jsonld");
        std::fs::write(&file, event().to_string())?;
        server.program().run(&["import", "events", &file.display().to_string()]).await?;
        let people: Vec<Person> = futures::stream::iter(0..PEOPLE)
            .map(|index| sign_up(&server, index))
            .buffered(SIGN_UPS_AT_ONCE)
            .try_collect()
            .await?;
        let first = people.first().context("there are people")?;
        let mut connection = Connection::open(server.address()).await?;
        let (city, event) = discover(&mut connection, first).await?;
        let mut world = World { server, bookings: vec![], city, event };
        for (index, leader) in people.iter().enumerate() {
            let member = people.get((index + 1) % PEOPLE).context("there is somebody else")?;
            let booking = world.book(&mut connection, leader, member).await?;
            world.bookings.push(booking);
        }
        Ok(world)
    }

    /// A crew, a booking, an event and a bundle of four tickets.
    pub async fn book(&self, connection: &mut Connection, leader: &Person, member: &Person) -> Result<Booking> {
        let crew = json!({"adminIds": [leader.id], "name": "Bench"});
        let crew = text(&command(connection, leader, "create-crew", crew).await?, "/id")?;
        let join = json!({"crewId": crew, "newMemberId": member.id, "userId": leader.id});
        command(connection, leader, "add-crew-member", join).await?;
        let booking = json!({"leaderIds": [leader.id], "crewId": crew, "cityId": self.city,
            "startDate": "2031-05-01", "endDate": "2031-05-04"});
        let booking = text(&command(connection, leader, "create-trip-booking", booking).await?, "/id")?;
        let join = json!({"tripBookingId": booking, "userId": member.id, "isKrugoUser": true});
        command(connection, leader, "add-trip-booking-member", join).await?;
        let event = json!({"eventId": self.event, "tripBookingId": booking, "userId": leader.id});
        command(connection, leader, "add-trip-booking-event", event).await?;
        let bundle = json!({"eventId": self.event, "purchaserId": leader.id, "tripBookingId": booking,
            "tickets": vec![json!({}); 4],
            "purchase": {"amount": 250.5, "currency": "EUR", "date": 1_900_000_000}});
        let bundle = command(connection, leader, "add-ticket-bundle", bundle).await?;
        Ok(Booking {
            leader: leader.clone(),
            member: member.id.clone(),
            crew,
            id: booking,
            ticket: text(&bundle, "/tickets/0/id")?,
            bundle: text(&bundle, "/id")?,
        })
    }
}

impl Booking {
    /// Two commands that each change something when they alternate: the ticket goes to the one member, to the other.
    pub fn assignments(&self, headers: &str) -> [Request; 2] {
        [&self.member, &self.leader.id].map(|consumer| {
            let body = json!({"tripBookingId": self.id, "ticketBundleId": self.bundle, "id": self.ticket,
                "userId": consumer});
            Request::post("/dev/assign-ticket", &self.leader.token, headers, &body)
        })
    }
}

async fn sign_up(server: &Server, index: usize) -> Result<Person> {
    let mut connection = Connection::open(server.address()).await?;
    let (username, phone) = (format!("bench{index}"), format!("+1555{index:07}"));
    let account = json!({"username": username, "password": PASSWORD, "firstname": "Bench", "lastname": "Mark",
        "attributes": [{"Name": "phone_number", "Value": phone}]});
    let request = Request::post("/dev/signup", "", "", &account);
    connection.send(&request).await?.success().context("signup")?;
    let code = code(&server.outbox(), &phone).await?;
    let confirm = json!({"username": username, "password": PASSWORD, "confirmationCode": code});
    let request = Request::post("/dev/signup/confirm", "", "", &confirm);
    let answer = connection.send(&request).await?.success().context("signupconfirm")?.json()?;
    Ok(Person { id: text(&answer, "/krugoId")?, token: text(&answer, "/cognitoSession/accessToken")? })
}

async fn command(connection: &mut Connection, person: &Person, name: &str, body: Value) -> Result<Value> {
    let request = Request::post(&format!("/dev/{name}"), &person.token, "", &body);
    connection.send(&request).await?.success().context(name.to_owned())?.json()
}

/// The city and id of the event that was imported, found as a client would.
async fn discover(connection: &mut Connection, person: &Person) -> Result<(String, String)> {
    let request = Request::post("/dev/discoverAny", &person.token, "", &json!({}));
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let trips = connection.send(&request).await?.success().context("discoverAny")?.json()?;
        if let Ok(event) = text(&trips, "/0/events/0/id") {
            return Ok((text(&trips, "/0/events/0/cityId")?, event));
        }
        if Instant::now() > deadline {
            bail!("the imported event is not found: {trips}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The code in the message to a phone, once it is in the outbox.
async fn code(outbox: &Path, phone: &str) -> Result<String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        for entry in std::fs::read_dir(outbox).into_iter().flatten().flatten() {
            let message: Value = match std::fs::read(entry.path()).map(|file| serde_json::from_slice(&file)) {
                Ok(Ok(message)) => message,
                _ => continue,
            };
            let words = message["text"].as_str().unwrap_or_default().split(|c: char| !c.is_ascii_digit());
            let code = words.into_iter().find(|run| run.len() == 6);
            if let Some(code) = code
                && message["to"] == phone
            {
                return Ok(code.to_owned());
            }
        }
        if Instant::now() > deadline {
            bail!("no code for {phone} in {}", outbox.display());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no {pointer} in {value}"))?.to_owned())
}

/// One event, as an organiser would publish it.
fn event() -> Value {
    json!([{
        "@context": "https://schema.org", "@type": "MusicEvent", "name": "Evening of Measures",
        "startDate": "2031-05-02T20:00:00+02:00", "endDate": "2031-05-02T23:00:00+02:00",
        "location": {"@type": "Place", "name": "Measure Hall", "address": {"@type": "PostalAddress",
            "addressLocality": "Berlin", "addressCountry": "DE"},
            "geo": {"@type": "GeoCoordinates", "latitude": 52.52, "longitude": 13.405}},
        "performer": {"@type": "MusicGroup", "name": "The Metronomes"}
    }])
}
