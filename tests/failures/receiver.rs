//! Who text and push messages are handed to: a web server that checks signatures with the standard's own library, and
//! may hold its answers back.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::sync::watch;

pub struct Receiver {
    address: String,
    desk: Arc<Desk>,
}

struct Desk {
    check: Webhook,
    received: Mutex<Vec<Received>>,
    /// What was not signed as it should be.
    refused: Mutex<Vec<String>>,
    holding: watch::Sender<bool>,
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The last part of the path: which webhook it was.
    pub by: String,
    /// As the header says it.
    pub id: String,
    pub message: Value,
}

impl Received {
    pub fn is(&self, to: &str, template: &str) -> bool {
        self.message["to"] == to && self.message["template"] == template
    }
}

impl Receiver {
    /// `secret`: `whsec_…`, as the sender has it.
    pub async fn start(secret: &str) -> Receiver {
        let desk = Arc::new(Desk {
            check: Webhook::new(secret).expect("it is a secret"),
            received: Mutex::default(),
            refused: Mutex::default(),
            holding: watch::Sender::new(false),
        });
        let routes = Router::new().route("/{by}", post(receive)).with_state(desk.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address").to_string();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Receiver { address, desk }
    }

    /// The address of one of its webhooks.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// From now on whoever sends a message is not told that it was received.
    pub fn hold(&self) {
        self.desk.holding.send_replace(true);
    }

    /// Answers again, also what was held back.
    pub fn release(&self) {
        self.desk.holding.send_replace(false);
    }

    /// All requests, in order. Fails where one was not signed as it should be.
    pub fn received(&self) -> Vec<Received> {
        let refused = self.desk.refused.lock().expect("no panic held it");
        assert!(refused.is_empty(), "wrongly signed: {refused:?}");
        self.desk.received.lock().expect("no panic held it").clone()
    }

    /// The requests with one message, once there are so many.
    pub async fn until(&self, count: usize, to: &str, template: &str) -> Vec<Received> {
        until(&format!("{count} times {template} to {to}"), || {
            let received: Vec<_> = self.received().into_iter().filter(|received| received.is(to, template)).collect();
            (received.len() >= count).then_some(received)
        })
        .await
    }
}

async fn receive(State(desk): State<Arc<Desk>>, Path(by): Path<String>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signed = desk.check.verify(&body, &headers).map_err(|error| error.to_string());
    let received = signed.and_then(|()| {
        let message = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Received { by, id, message })
    });
    match received {
        Ok(received) => desk.received.lock().expect("no panic held it").push(received),
        Err(error) => {
            desk.refused.lock().expect("no panic held it").push(error);
            return StatusCode::UNAUTHORIZED;
        }
    }
    let released = desk.holding.subscribe().wait_for(|holding| !holding).await.is_ok();
    assert!(released, "whoever holds answers back is there");
    StatusCode::NO_CONTENT
}

/// What comes within 20 s.
pub async fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "does not come: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
