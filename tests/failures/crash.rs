//! `kill -9` at random moments under load: no acknowledged command is lost, none happens twice, none by half.

use std::time::Duration;

use crate::buyer::{Buyers, Unanswered};
use crate::support::Settings;
use crate::world::World;

const KILLS: usize = 20;
const CLIENTS: usize = 64;

/// How soon after its start the server has to be ready.
const READY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_and_repeats_nothing() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let (mut world, _) = World::start(Settings::new(env!("CARGO_BIN_EXE_caravan"))).await;
    let buyers = Buyers::start(&world, CLIENTS, |unanswered| {
        if let Unanswered::Failed(response) = unanswered {
            assert!(response.status().is_server_error(), "{response:?}");
        }
    })
    .await;

    let mut slowest = Duration::ZERO;
    for round in 1..=KILLS {
        buyers.progress(CLIENTS).await;
        tokio::time::sleep(Duration::from_millis(u64::from(random_byte()) * 2)).await;
        world.server.kill();
        let start = world.server.restart().await;
        println!("kill {round}: ready after {start:?}");
        slowest = slowest.max(start);
    }

    let total = buyers.check(&world.client).await;
    println!("{total} commands acknowledged, each there exactly once; slowest start {slowest:?}");
    let (clean, output) = world.server.run(&["verify"]);
    assert!(clean, "verify: {output}");
    assert!(slowest < READY, "ready again only after {slowest:?}");
}

fn random_byte() -> u8 {
    let mut byte = [0u8];
    getrandom::fill(&mut byte).expect("the system gives randomness");
    byte[0]
}
