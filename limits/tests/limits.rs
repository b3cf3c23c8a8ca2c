//! Limits on a real Postgres.

use std::time::Duration;

use caravan_limits::{Limit, LimitError, Limits, Settings};
use caravan_vault::Vault;
use sqlx::PgPool;

static FAILURES: Limit = Limit { name: "FAILURES", most: 3, span: Duration::from_secs(900), meaning: "" };
static FROM_ADDRESS: Limit = Limit { name: "FROM_ADDRESS", most: 100, span: Duration::from_secs(900), meaning: "" };
static NUMBERS: Limit = Limit { name: "NUMBERS", most: 1000, span: Duration::from_secs(3600), meaning: "" };
static SHORT: Limit = Limit { name: "SHORT", most: 1, span: Duration::from_millis(300), meaning: "" };

struct World {
    main: PgPool,
    vault: Vault,
}

impl World {
    async fn new() -> World {
        let main = PgPool::connect(&caravan_private_postgres::testing::database().await).await.unwrap();
        let keys = PgPool::connect(&caravan_private_postgres::testing::database().await).await.unwrap();
        caravan_migrations::run(&main, &keys).await.unwrap();
        use base64::Engine;
        let master = base64::engine::general_purpose::STANDARD.encode([7; 32]);
        let vault = Vault::open(keys, main.clone(), &master, "a secret for tests").await.unwrap();
        World { main, vault }
    }

    fn limits(&self) -> Limits {
        Limits::new(self.main.clone(), self.vault.clone(), Settings::default())
    }

    async fn kept(&self) -> i64 {
        sqlx::query_scalar("select count(*) from attempt").fetch_one(&self.main).await.unwrap()
    }

    /// As if what was counted so far had happened at another time.
    async fn shift(&self, seconds: f64) {
        let shift = sqlx::query("update attempt set at = at + make_interval(secs => $1)").bind(seconds);
        shift.execute(&self.main).await.unwrap();
    }
}

#[track_caller]
fn limited<T>(outcome: Result<T, LimitError>) -> u64 {
    match outcome {
        Err(LimitError::Limited { retry_after }) => retry_after.as_secs(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("expected a limit"),
    }
}

#[tokio::test]
async fn failures_count_and_successes_do_not() {
    let world = World::new().await;
    let limits = world.limits();
    let places = [FAILURES.of("dana"), FROM_ADDRESS.of("192.0.2.1")];
    for _ in 0..10 {
        limits.attempt(&places).await.unwrap().give_back().await.unwrap();
    }
    for _ in 0..3 {
        drop(limits.attempt(&places).await.unwrap());
    }
    assert!((880..=900).contains(&limited(limits.attempt(&places).await)));
    assert_eq!(world.kept().await, 6, "what was refused took no place, under no key");
    limits.spend(&[FAILURES.of("eli"), FROM_ADDRESS.of("192.0.2.1")]).await.unwrap();
    limits.spend(&[FROM_ADDRESS.of("dana")]).await.unwrap();
}

#[tokio::test]
async fn processes_count_together() {
    let world = World::new().await;
    let (one, other) = (world.limits(), world.limits());
    one.spend(&[FAILURES.of("dana").times(2)]).await.unwrap();
    other.spend(&[FAILURES.of("dana")]).await.unwrap();
    limited(one.spend(&[FAILURES.of("dana")]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_places_are_taken_at_once_than_there_are() {
    let world = World::new().await;
    let limits = world.limits();
    let spend = |_| {
        let limits = limits.clone();
        // In either order: nobody waits for the other's key for ever.
        tokio::spawn(async move { limits.spend(&[FROM_ADDRESS.of("a"), FAILURES.of("b")]).await.is_ok() })
    };
    let mut taken = 0;
    for spent in (0..20).map(spend).collect::<Vec<_>>() {
        taken += usize::from(spent.await.unwrap());
    }
    assert_eq!(taken, 3);
}

#[tokio::test]
async fn a_request_for_many_gets_all_or_none() {
    let world = World::new().await;
    let limits = world.limits();
    limits.spend(&[NUMBERS.of("dana").times(400)]).await.unwrap();
    world.shift(-600.0).await;
    limits.spend(&[NUMBERS.of("dana").times(500)]).await.unwrap();
    limited(limits.spend(&[NUMBERS.of("dana").times(101)]).await);
    limits.spend(&[NUMBERS.of("dana").times(100)]).await.unwrap();
    // 400 are free again in 50 minutes, 500 more in an hour, and more than the limit never is.
    assert!((2_990..=3_000).contains(&limited(limits.spend(&[NUMBERS.of("dana").times(400)]).await)));
    assert!((3_590..=3_600).contains(&limited(limits.spend(&[NUMBERS.of("dana").times(401)]).await)));
    limited(limits.spend(&[NUMBERS.of("eli").times(1001)]).await);
}

#[tokio::test]
async fn windows_roll() {
    let world = World::new().await;
    let limits = world.limits();
    limits.spend(&[SHORT.of("dana")]).await.unwrap();
    limited(limits.spend(&[SHORT.of("dana")]).await);
    tokio::time::sleep(SHORT.span).await;
    limits.spend(&[SHORT.of("dana")]).await.unwrap();
}

#[tokio::test]
async fn after_a_clock_went_back_nothing_counts_from_the_future() {
    let world = World::new().await;
    let limits = world.limits();
    limits.spend(&[FAILURES.of("dana").times(3)]).await.unwrap();
    world.shift(86_400.0).await;
    limits.spend(&[FAILURES.of("dana").times(3)]).await.unwrap();
    limits.purge().await.unwrap();
    assert_eq!(world.kept().await, 1, "nor when that time comes");
    limited(limits.spend(&[FAILURES.of("dana")]).await);
    world.shift(-2.0 * 86_400.0).await;
    limits.purge().await.unwrap();
    assert_eq!(world.kept().await, 0);
}

#[tokio::test]
async fn an_operator_sets_a_limit_or_switches_all_off() {
    let world = World::new().await;
    let settings = Settings::default().with("CODES_TO_CONTACT", 1).unwrap();
    let limits = Limits::new(world.main.clone(), world.vault.clone(), settings);
    let code = || [caravan_limits::known::CODES_TO_CONTACT.of("+14165550100")];
    limits.spend(&code()).await.unwrap();
    limited(limits.spend(&code()).await);
    let off = Limits::new(world.main.clone(), world.vault.clone(), Settings::off());
    off.spend(&code()).await.unwrap();
    assert_eq!(world.kept().await, 1);
    assert!(Settings::default().with("CODES", 1).is_err());
}
