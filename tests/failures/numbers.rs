//! Asking whose phone numbers are: no phone book is read that way.

use reqwest::StatusCode;

use crate::support::{Client, Person, Server, Settings};

/// Asks about `count` numbers that nobody has; whether that was answered, or refused with a time to come again.
async fn ask(client: &Client, person: &Person, count: u32) -> StatusCode {
    let numbers: Vec<String> = (0..count).map(|number| format!("+1666{number:07}")).collect();
    let request = client.http.get(format!("{}/dev/existing-members", client.read)).bearer_auth(&person.token);
    let response = request.query(&[("phoneNumbers", numbers.join(","))]).send().await.expect("the server answers");
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        let retry_after = response.headers()["retry-after"].to_str().expect("seconds").parse::<u64>();
        assert!((1..=3_600).contains(&retry_after.expect("seconds")));
    }
    response.status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_asks_about_a_thousand_numbers_an_hour_and_an_address_about_five_thousand() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let server = Server::start(Settings::new(env!("CARGO_BIN_EXE_caravan")).with("CARAVAN_DEMO", "no")).await;
    let client = Client::new(server.url(), server.outbox());
    let asker = client.person("asker", "+15550600000").await;
    assert_eq!(ask(&client, &asker, 600).await, StatusCode::OK);
    assert_eq!(ask(&client, &asker, 401).await, StatusCode::TOO_MANY_REQUESTS, "more than is left is refused whole");
    assert_eq!(ask(&client, &asker, 400).await, StatusCode::OK, "and what was refused does not count");
    assert_eq!(ask(&client, &asker, 1).await, StatusCode::TOO_MANY_REQUESTS);
    for number in 1..=4 {
        let other = client.person(&format!("other{number}"), &format!("+1555060000{number}")).await;
        for _ in 0..2 {
            assert_eq!(ask(&client, &other, 500).await, StatusCode::OK);
        }
    }
    let last = client.person("last", "+15550600009").await;
    assert_eq!(ask(&client, &last, 1).await, StatusCode::TOO_MANY_REQUESTS, "the address has asked enough");
}
