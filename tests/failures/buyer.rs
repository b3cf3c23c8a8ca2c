//! Clients that buy tickets through thick and thin, and remember what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::Client;
use crate::world::{Booking, World, text};

const TICKETS: usize = 3;

/// A command that was not carried out, as far as its client knows.
pub enum Unanswered {
    /// No answer at all, or half of one.
    Lost(reqwest::Error),
    /// An answer other than success.
    Failed(Response),
}

/// Buyers at work, each on a booking of their own.
pub struct Buyers {
    tasks: Vec<JoinHandle<(Booking, Vec<String>)>>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl Buyers {
    /// So many buyers; `tolerate` panics at an outcome that must not be. Eight sign up at a time, since passwords are
    /// slow to hash on purpose.
    pub async fn start(world: &World, count: usize, tolerate: fn(Unanswered)) -> Buyers {
        let bookings: Vec<Booking> = futures::stream::iter(0..count)
            .map(|index| async move {
                let person = world.client.person(&format!("buyer{index}"), &format!("+1555020{index:04}")).await;
                world.book(&person).await
            })
            .buffer_unordered(8)
            .collect()
            .await;
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = bookings
            .into_iter()
            .map(|booking| {
                let buyer = Buyer {
                    client: world.client.clone(),
                    event: world.event.clone(),
                    stop: stop.clone(),
                    acknowledged: acknowledged.clone(),
                    tolerate,
                };
                tokio::spawn(async move {
                    let bundles = buyer.buy(&booking).await;
                    (booking, bundles)
                })
            })
            .collect();
        Buyers { tasks, stop, acknowledged }
    }

    /// Returns once so many more commands were acknowledged.
    pub async fn progress(&self, commands: usize) {
        let before = self.acknowledged.load(Ordering::Relaxed);
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.acknowledged.load(Ordering::Relaxed) < before + commands {
            assert!(Instant::now() < deadline, "{commands} commands are not acknowledged within 30 s");
            assert!(!self.tasks.iter().any(JoinHandle::is_finished), "a buyer gave up");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets each finish its command, then checks that every bundle acknowledged is there once and whole, and nothing
    /// else is. How many there are.
    pub async fn check(self, client: &Client) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let mut total = 0;
        for task in self.tasks {
            let (booking, bundles) = task.await.expect("a buyer does not panic");
            total += bundles.len();
            check(client, &booking, &bundles).await;
        }
        total
    }
}

struct Buyer {
    client: Client,
    event: String,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    tolerate: fn(Unanswered),
}

impl Buyer {
    /// Adds bundles one after the other until told to stop. A command without success is sent again with its key
    /// until it has one: only then is its outcome known, and only then may the buyer stop. Ids of the bundles.
    async fn buy(&self, booking: &Booking) -> Vec<String> {
        let mut bundles = vec![];
        while !self.stop.load(Ordering::Relaxed) {
            bundles.push(self.buy_one(booking, bundles.len()).await);
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        bundles
    }

    async fn buy_one(&self, booking: &Booking, index: usize) -> String {
        let leader = &booking.leader;
        // The price tells the bundles apart.
        let body = json!({"eventId": self.event, "purchaserId": leader.id, "tripBookingId": booking.id,
            "tickets": vec![json!({}); TICKETS],
            "purchase": {"amount": index + 1, "currency": "USD", "date": 1_900_000_000}});
        loop {
            let request = self.client.http.post(format!("{}/dev/add-ticket-bundle", self.client.write));
            let request = request.bearer_auth(&leader.token).header("Idempotency-Key", format!("bundle-{index}"));
            match request.json(&body).send().await {
                Ok(response) if response.status().is_success() => match response.json::<Value>().await {
                    Ok(bundle) => return text(&bundle["id"]),
                    Err(error) => (self.tolerate)(Unanswered::Lost(error)),
                },
                Ok(response) => (self.tolerate)(Unanswered::Failed(response)),
                Err(error) => (self.tolerate)(Unanswered::Lost(error)),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn check(client: &Client, booking: &Booking, acknowledged: &[String]) {
    let query = [("tripBookingId", booking.id.as_str())];
    let bundles = client.query("/trip-booking-ticket-bundles", &booking.leader, &query).await;
    let bundles = bundles.as_array().expect("a list of bundles");
    let ids: Vec<String> = bundles.iter().map(|bundle| text(&bundle["id"])).collect();
    assert_eq!(ids, acknowledged, "bundles of {}", booking.id);
    for (index, bundle) in bundles.iter().enumerate() {
        assert_eq!(bundle["tickets"].as_array().map(Vec::len), Some(TICKETS), "{bundle}");
        assert_eq!(bundle["numberOfTickets"], TICKETS, "{bundle}");
        assert_eq!(bundle["purchase"]["purchasePrice"].as_f64(), Some((index + 1) as f64), "{bundle}");
    }
}
