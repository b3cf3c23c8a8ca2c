//! What a flood of sign-ups does to those who have an account.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use caravan_commands::CommandError;
use caravan_commands::identity::sign_up;
use caravan_commands::identity::sign_up::SignUpForm;
use caravan_domain::identity::details;

use crate::world::{PASSWORD, PHONE, World};

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

impl World {
    async fn timed_login(&self) -> Duration {
        let began = Instant::now();
        self.log_in("dana", PASSWORD).await.unwrap();
        began.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_turned_away_has_not_failed() {
    let world = World::new().await;
    world.sign_up("dana", &[PHONE]).await;
    // More than the queue takes, again and again.
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..90 {
        let vault = world.commands.vault().clone();
        crowd.spawn(async move {
            loop {
                let _ = vault.hash_password(PASSWORD).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
    let mut turned_away = 0;
    while turned_away <= 10 {
        match world.log_in("dana", PASSWORD).await {
            Err(CommandError::Overloaded) => turned_away += 1,
            other => assert!(other.is_ok()),
        }
    }
    crowd.shutdown().await;
    world.log_in("dana", PASSWORD).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_pass_a_flood_of_sign_ups() {
    let world = World::new().await;
    world.sign_up("dana", &[PHONE]).await;
    let mut alone = vec![];
    for _ in 0..15 {
        alone.push(world.timed_login().await);
    }
    let alone = median(alone);

    let flood: Vec<_> = (0..300u32)
        .map(|number| {
            let form = SignUpForm {
                username: format!("newcomer{number}"),
                password: PASSWORD.to_owned(),
                details: details::parse([("phone_number", format!("+1416555{number:04}").as_str())]).unwrap(),
            };
            let address = IpAddr::V4(Ipv4Addr::from_bits(0xC000_0200 + number));
            let asking = world.from(&address.to_string());
            tokio::spawn(async move { sign_up::begin(&asking, form).await })
        })
        .collect();
    let mut meanwhile = vec![];
    while !flood.iter().all(tokio::task::JoinHandle::is_finished) {
        meanwhile.push(world.timed_login().await);
    }
    let mut turned_away = 0;
    for sign_up in flood {
        match sign_up.await.unwrap() {
            Ok(_) => {}
            Err(CommandError::Overloaded) => turned_away += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(turned_away > 200, "{turned_away} of 300 were turned away");
    let logins = meanwhile.len();
    let meanwhile = median(meanwhile);
    println!("alone {alone:?}, meanwhile {meanwhile:?} ({logins} logins, {turned_away} sign-ups turned away)");
    assert!(meanwhile <= alone * 5, "alone {alone:?}, meanwhile {meanwhile:?}");
}
