//! What strangers cannot do by asking: learn who has an account, from an answer or from how long it takes, or keep
//! those who have one from logging in.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::Settings;
use crate::support::client::PASSWORD;
use crate::world::{World, answer};

/// The body that asks about a user name.
type Question = fn(&str) -> Value;

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_answers_nor_delays_tell_who_has_an_account() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let (world, scout) = World::start(Settings::new(env!("CARGO_BIN_EXE_caravan"))).await;
    let questions: [(&str, Question); 4] = [
        ("/forgotpassword", |name| json!({"username": name})),
        ("/signup/resend", |name| json!({"username": name})),
        ("/resetpassword", |name| json!({"username": name, "passwordResetCode": "no code", "newPassword": PASSWORD})),
        ("/login", |name| json!({"username": name, "password": "not the password"})),
    ];
    for (path, body) in questions {
        let (mut known, mut unknown, mut answers) = (vec![], vec![], vec![]);
        for round in 0..40 {
            for (name, times) in [(scout.username.clone(), &mut known), (format!("nobody{round}"), &mut unknown)] {
                let began = Instant::now();
                let told = answer(world.client.send(path, None, body(&name)).await.expect("an answer")).await;
                times.push(began.elapsed());
                answers.push(told);
                // What goes on after an answer shall not be measured with the next.
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        }
        assert!(answers.iter().all(|told| *told == answers[0]), "{path}: {answers:?}");
        let ratio = median(known) / median(unknown);
        println!("{path}: known / unknown takes {ratio:.2}");
        assert!((0.6..=1.67).contains(&ratio), "{path}: whether somebody has the name takes {ratio:.2} times as long");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_sign_ups_at_once_keep_nobody_from_logging_in() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let (world, scout) = World::start(Settings::new(env!("CARGO_BIN_EXE_caravan"))).await;
    let client = &world.client;
    let log_in = async || {
        let began = Instant::now();
        let body = json!({"username": scout.username, "password": PASSWORD});
        let (status, body) = answer(client.send("/login", None, body).await.expect("an answer")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        began.elapsed()
    };
    let mut alone = vec![];
    for _ in 0..15 {
        alone.push(log_in().await);
    }
    let mut flood = tokio::task::JoinSet::new();
    for number in 0..300 {
        let client = client.clone();
        flood.spawn(async move {
            let phone = format!("+1555500{number:04}");
            let account = json!({"username": format!("newcomer{number}"), "password": PASSWORD,
                "attributes": [{"Name": "phone_number", "Value": phone}]});
            client.send("/signup", None, account).await.expect("an answer")
        });
    }
    let (mut meanwhile, mut turned_away) = (vec![], 0);
    while !flood.is_empty() {
        meanwhile.push(log_in().await);
        while let Some(sign_up) = flood.try_join_next() {
            let sign_up = sign_up.expect("no sign-up panics");
            if sign_up.status() == StatusCode::SERVICE_UNAVAILABLE {
                assert!(sign_up.headers().contains_key("retry-after"));
                turned_away += 1;
            } else {
                assert_eq!(sign_up.status(), StatusCode::OK);
            }
        }
    }
    let (logins, alone, meanwhile) = (meanwhile.len(), median(alone), median(meanwhile));
    println!("a login takes {alone:.3} s alone, {meanwhile:.3} s among sign-ups ({logins}; {turned_away} turned away)");
    assert!(turned_away > 200, "{turned_away} of 300 sign-ups were turned away");
    assert!(meanwhile <= 5.0 * alone, "{meanwhile} s instead of {alone} s");
}
