//! Calls krugo operations over HTTP, and signs people up.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

/// Where to send commands and queries (the same address under `serve`), and where messages come out.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub write: String,
    pub read: String,
    pub outbox: PathBuf,
}

/// Somebody with an account, logged in.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub username: String,
    pub phone: String,
    pub token: String,
    pub refresh_token: String,
}

pub const PASSWORD: &str = "correct horse battery";

impl Client {
    pub fn new(url: impl Into<String>, outbox: impl Into<PathBuf>) -> Client {
        let url = url.into();
        Client { http: reqwest::Client::new(), write: url.clone(), read: url, outbox: outbox.into() }
    }

    /// Sends a command; the answer as it comes.
    pub async fn send(&self, path: &str, token: Option<&str>, body: Value) -> reqwest::Result<Response> {
        let mut request = self.http.post(format!("{}/dev{path}", self.write)).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await
    }

    /// A command that has to succeed; its answer's body.
    pub async fn command(&self, path: &str, person: &Person, body: Value) -> Value {
        let response = self.send(path, Some(&person.token), body).await.expect("the server answers");
        success(path, response).await
    }

    /// A query that has to succeed; its answer's body.
    pub async fn query(&self, path: &str, person: &Person, query: &[(&str, &str)]) -> Value {
        let request = self.http.request(Method::GET, format!("{}/dev{path}", self.read)).query(query);
        let response = request.bearer_auth(&person.token).send().await.expect("the server answers");
        success(path, response).await
    }

    /// A query with a body that has to succeed; its answer's body.
    pub async fn search(&self, path: &str, person: &Person, body: Value) -> Value {
        let request = self.http.post(format!("{}/dev{path}", self.read)).json(&body);
        success(path, request.bearer_auth(&person.token).send().await.expect("the server answers")).await
    }

    /// Signs somebody up with a phone number, confirms with the code from the outbox.
    pub async fn person(&self, username: &str, phone: &str) -> Person {
        self.sign_up(username, phone).await;
        let code = self.code(phone).await;
        self.confirm(username, phone, &code).await
    }

    /// Begins a sign-up, which sends a code to the phone number.
    pub async fn sign_up(&self, username: &str, phone: &str) {
        let body = json!({"username": username, "password": PASSWORD, "firstname": "Test", "lastname": username,
            "attributes": [{"Name": "phone_number", "Value": phone}]});
        let answer = self.send("/signup", None, body).await.expect("the server answers");
        success("/signup", answer).await;
    }

    /// Completes a sign-up with its code.
    pub async fn confirm(&self, username: &str, phone: &str, code: &str) -> Person {
        let body = json!({"username": username, "password": PASSWORD, "confirmationCode": code});
        let answer = self.send("/signup/confirm", None, body).await.expect("the server answers");
        let answer = success("/signup/confirm", answer).await;
        let text = |pointer: &str| {
            let value = answer.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_else(|| panic!("{pointer} in {answer}")).to_owned()
        };
        Person {
            id: text("/krugoId"),
            username: username.to_owned(),
            phone: phone.to_owned(),
            token: text("/cognitoSession/accessToken"),
            refresh_token: text("/cognitoSession/refreshToken"),
        }
    }

    /// The code in the newest message to `to`, waiting up to ten seconds for one.
    pub async fn code(&self, to: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let message = messages(&self.outbox, to).pop();
            if let Some(code) = message.and_then(|message| digits(message["text"].as_str()?)) {
                return code;
            }
            assert!(Instant::now() < deadline, "no message with a code to {to}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The messages in the outbox to one recipient, oldest first.
pub fn messages(outbox: &Path, to: &str) -> Vec<Value> {
    let mut messages: Vec<Value> = std::fs::read_dir(outbox)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json"))
        .filter_map(|entry| serde_json::from_slice(&std::fs::read(entry.path()).ok()?).ok())
        .filter(|message: &Value| message["to"] == to)
        .collect();
    messages.sort_by_key(|message| message["created_at"].as_str().unwrap_or_default().to_owned());
    messages
}

/// The first run of exactly six digits.
pub fn digits(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6).map(str::to_owned)
}

async fn success(path: &str, response: Response) -> Value {
    let status = response.status();
    let body = response.text().await.expect("the answer has a body");
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}: not JSON: {body}"))
}
