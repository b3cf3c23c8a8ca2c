//! How many statements a query sends to Postgres, whatever its page holds: nothing is asked once per line.

mod support;

use std::time::{Duration, Instant};

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use support::{Client, Person, Server, Settings};

/// Requests of one person, counted by what the server writes of them.
struct Counted {
    server: Server,
    http: reqwest::Client,
    token: String,
}

impl Counted {
    async fn posted(&self, path: &str, scheme: &str, body: Value) -> Value {
        self.answered(self.http.post(format!("{}{path}", self.server.url())).json(&body), scheme).await
    }

    async fn answered(&self, request: RequestBuilder, scheme: &str) -> Value {
        let answer = request.header("Authorization", format!("{scheme} {}", self.token)).send().await;
        let answer = answer.expect("the server answers");
        let (status, url) = (answer.status(), answer.url().clone());
        let body = answer.json().await.expect("JSON");
        assert!(status.is_success(), "{url}: {status}: {body}");
        body
    }

    /// What a query answers, and how many statements it took.
    async fn asked(&self, path: &str, scheme: &str) -> (Value, Vec<String>) {
        let before = self.server.log().len();
        let body = self.answered(self.http.get(format!("{}{path}", self.server.url())), scheme).await;
        let log = self.server.log();
        // Documents and keys; what reads the log are followers.
        let reads = |line: &&str| line.contains("summary=\"select") && !line.contains("select asked.n, e.*");
        let asking = log[before..].lines().filter(reads);
        (body, asking.map(|line| line.split("summary=").nth(1).unwrap_or(line).chars().take(400).collect()).collect())
    }

    /// The same, once the list has this many lines. Followers ask for themselves now and then: the least of several.
    async fn listed(&self, path: &str, scheme: &str, list: &str, lines: usize) -> (Value, Vec<String>) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let (body, mut statements) = self.asked(path, scheme).await;
            if body[list].as_array().is_some_and(|found| found.len() == lines) {
                for _ in 0..5 {
                    let again = self.asked(path, scheme).await.1;
                    statements = if again.len() < statements.len() { again } else { statements };
                }
                return (body, statements);
            }
            assert!(Instant::now() < deadline, "{list} of {path} never has {lines} lines: {body}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_takes_no_more_statements_than_its_links() {
    let settings = Settings::new(env!("CARGO_BIN_EXE_caravan")).with("CARAVAN_LOG", "info,sqlx::query=debug");
    let server = Server::start(settings).await;
    let client = Client::new(server.url(), server.outbox());
    let Person { id, token, username, .. } = client.person("keeper", "+4915100000001").await;
    let other = client.person("member", "+4915100000002").await;
    assert!(server.run(&["account", "role", &username, "admin"]).0);
    let counted = Counted { server, http: reqwest::Client::new(), token };

    let body = json!({"data": {"type": "event-topic", "attributes": {"name": "Music"}}});
    let topic = counted.posted("/v1/event-topics", "JWT", body).await;
    let topic = topic["data"]["id"].as_str().expect("an id").to_owned();
    let include = "event-topic.event-sub-topics,custom-placeholder,event-topic";
    let path = format!("/v1/event-topics/{topic}/event-sub-topics?page[size]=10&include={include}");
    for number in 1..=12 {
        let within = json!({"event-topic": {"data": {"type": "event-topic", "id": topic}}});
        let body = json!({"data": {"type": "event-sub-topic", "attributes": {"name": format!("Kind {number}")},
            "relationships": within}});
        counted.posted("/v1/event-sub-topics", "JWT", body).await;
    }
    // A page, the topic and the two within it that are on no page.
    let (page, many) = counted.listed(&path, "JWT", "included", 3).await;
    assert_eq!(page["data"].as_array().map(Vec::len), Some(10), "{page}");
    assert!(many.len() <= 5, "{many:#?}");

    let group = counted.posted("/auth-api/v1/usergroups", "Bearer", json!({"groupName": "Hosts"})).await;
    let group = group["userGroup"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/auth-api/v1/listusergroupmembers/{group}");
    for (number, member) in [&id, &other.id].into_iter().enumerate() {
        let body = json!({"groupId": group, "userId": member});
        counted.posted("/auth-api/v1/usergroupmembers", "Bearer", body).await;
        let (page, statements) = counted.listed(&path, "Bearer", "userGroupMembers", number + 1).await;
        assert!(page["userGroupMembers"][number]["user"][0].is_object(), "{page}");
        assert!(statements.len() <= 4, "{statements:#?}");
    }
}
