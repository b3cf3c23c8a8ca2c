//! Postgres or Elasticsearch goes away and comes back while `caravan` runs.

use std::path::Path;
use std::time::{Duration, Instant};

use caravan_private_postgres::PrivatePostgres;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Response, StatusCode};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::buyer::{Buyers, Unanswered};
use crate::receiver::until;
use crate::support::server::free_port;
use crate::support::{Server, Settings};
use crate::world::{World, elasticsearch, find_event, import, search};

const CLIENTS: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caravan_outlives_its_postgres() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let dir = crate::support::server::reachable_directory();
    let port = free_port().to_string();
    let settings = [("port", port.as_str()), ("max_connections", "100")];
    let start = || async { PrivatePostgres::start(dir.path(), &settings).await.expect("Postgres starts") };
    let postgres = start().await;
    let database = postgres.database("outage").await.expect("a database can be made");
    let settings = Settings::new(env!("CARGO_BIN_EXE_caravan")).with("CARAVAN_DATABASE_URL", database);
    let (world, scout) = World::start(settings).await;
    let booking = world.book(&scout).await;
    let buyers = Buyers::start(&world, CLIENTS, |unanswered| match unanswered {
        Unanswered::Lost(error) => panic!("caravan itself has to stay: {error}"),
        Unanswered::Failed(response) => unavailable(&response),
    })
    .await;

    for round in 0..3 {
        buyers.progress(CLIENTS * 4).await;
        // Stopped by its operator, then as if it crashed.
        if round == 0 {
            postgres.stop().await.expect("Postgres stops")
        } else {
            crash(dir.path()).await
        }
        let gone = Instant::now();
        let command = json!({"adminIds": [scout.id], "name": "Nobody's"});
        let response = world.command("/create-crew", &scout, command).send().await.expect("an answer");
        unavailable(&response);
        println!("outage {round}: a command was answered within {:?}", gone.elapsed());
        let gone = Instant::now();
        let response = world.trip_booking(&booking, &scout).send().await.expect("an answer");
        unavailable(&response);
        println!("outage {round}: a query was answered within {:?}", gone.elapsed());
        let live = world.client.http.get(format!("{}/health/live", world.server.url())).send().await;
        assert_eq!(live.expect("an answer").status(), StatusCode::OK);
        until_readiness_is(&world, StatusCode::SERVICE_UNAVAILABLE).await;
        unavailable(&admin_health(&world).await);
        start().await;
        let back = Instant::now();
        buyers.progress(CLIENTS).await;
        println!("outage {round}: going on {:?} after Postgres was back", back.elapsed());
        until_readiness_is(&world, StatusCode::OK).await;
    }

    let total = buyers.check(&world.client).await;
    println!("{total} commands acknowledged, each there exactly once");
    let (clean, output) = world.server.run(&["verify"]);
    assert!(clean, "verify: {output}");
    drop(world);
    start().await.stop().await.expect("Postgres stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_postgres_that_dies_is_started_again() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let (mut world, scout) = World::start(Settings::new(env!("CARGO_BIN_EXE_caravan"))).await;
    let command = || world.command("/create-crew", &scout, json!({"adminIds": [scout.id], "name": "Stubborn"})).send();
    kill(postmaster(&world.server.data_dir().join("postgres")), Signal::SIGKILL).expect("Postgres can be killed");
    let gone = Instant::now();
    while command().await.expect("an answer").status() != StatusCode::OK {
        assert!(gone.elapsed() < Duration::from_secs(20), "Postgres does not come back:\n{}", world.server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("commands went on {:?} after Postgres had been killed", gone.elapsed());
    // A client may reach it before the one that started it says so.
    let said = || world.server.log().contains("the embedded Postgres had died and was started again").then_some(());
    until("the line that says so", said).await;
    until_readiness_is(&world, StatusCode::OK).await;
    assert_clean(&world.server);

    // Both at once, as when the machine runs out of memory.
    let postgres = postmaster(&world.server.data_dir().join("postgres"));
    world.server.kill();
    kill(postgres, Signal::SIGKILL).expect("Postgres can be killed");
    println!("ready {:?} after both had been killed", world.server.restart().await);
    assert_clean(&world.server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_can_store_nothing_is_not_ready() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let dir = crate::support::server::reachable_directory();
    let postgres = PrivatePostgres::start(dir.path(), &[("max_connections", "100")]).await.expect("Postgres starts");
    let database = postgres.database("full").await.expect("a database can be made");
    let settings = Settings::new(env!("CARGO_BIN_EXE_caravan")).with("CARAVAN_DATABASE_URL", database.clone());
    let (world, scout) = World::start(settings).await;
    let booking = world.book(&scout).await;
    let pool = sqlx::PgPool::connect(&database).await.expect("Postgres answers");
    let others = "select distinct application_name from pg_stat_activity
                  where datname like 'full%' and pid <> pg_backend_pid() and backend_type = 'client backend'";
    let names: Vec<String> = sqlx::query_scalar(others).fetch_all(&pool).await.expect("Postgres tells");
    assert_eq!(names, ["caravan serve"], "every connection says whose it is");
    // It answers and takes no writes, as with a full disk.
    let read_only = async |on: bool| {
        let set = format!("alter system set default_transaction_read_only = {on}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&pool).await.expect("it can be set");
        sqlx::raw_sql("select pg_reload_conf()").execute(&pool).await.expect("it can be reloaded");
        // The server's backends are told one after another.
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    read_only(true).await;
    let change = json!({"id": booking.crew, "userId": scout.id, "name": "Nobody's"});
    let response = world.command("/update-crew", &scout, change).send().await.expect("an answer");
    until_readiness_is(&world, StatusCode::SERVICE_UNAVAILABLE).await;
    unavailable(&response);
    let crews = world.client.query("/crews", &scout, &[("userId", scout.id.as_str())]).await;
    assert_eq!(crews[0]["id"], booking.crew, "queries are answered");
    read_only(false).await;
    until_readiness_is(&world, StatusCode::OK).await;
    // When nobody sends commands, it is found out all the same.
    read_only(true).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    until_readiness_is(&world, StatusCode::SERVICE_UNAVAILABLE).await;
    read_only(false).await;
    until_readiness_is(&world, StatusCode::OK).await;
    drop(world);
    pool.close().await;
    postgres.stop().await.expect("Postgres stops");
}

/// Waits until the server says to those who ask whether it can serve what it should.
async fn until_readiness_is(world: &World, expected: StatusCode) {
    let started = Instant::now();
    let ask = || world.client.http.get(format!("{}/health/ready", world.server.url())).send();
    while ask().await.expect("an answer").status() != expected {
        assert!(started.elapsed() < Duration::from_secs(10), "readiness is never {expected}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The process of the server in a directory.
fn postmaster(dir: &Path) -> Pid {
    let pid_file = std::fs::read_to_string(dir.join("data/postmaster.pid")).expect("Postgres runs");
    let pid = pid_file.lines().next().and_then(|line| line.trim().parse().ok());
    Pid::from_raw(pid.expect("a process number"))
}

/// Makes Postgres go down without tidying up.
async fn crash(dir: &Path) {
    let pid = postmaster(dir);
    kill(pid, Signal::SIGQUIT).expect("Postgres can be signalled");
    while Path::new(&format!("/proc/{pid}")).exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What is told of what this server stands on.
async fn admin_health(world: &World) -> Response {
    let page = format!("{}/auth-api/admin/health", world.server.url());
    world.client.http.get(page).send().await.expect("an answer")
}

/// What a client has to see while something is gone: come back later, and when.
fn unavailable(response: &Response) {
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{response:?}");
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    assert!(retry_after.is_some_and(|seconds| seconds > 0), "no Retry-After: {response:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_search_suffers_when_elasticsearch_is_down() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let wire = Wire::to(&elasticsearch()).await;
    let settings = Settings::new(env!("CARGO_BIN_EXE_caravan")).with("CARAVAN_SEARCH", search(&wire.url));
    let (world, scout) = World::start(settings).await;
    let booking = world.book(&scout).await;
    caught_up(&world).await;

    wire.cut();
    let discover = || world.command("/discoverAny", &scout, json!({})).send();
    unavailable(&discover().await.expect("an answer"));
    unavailable(&admin_health(&world).await);
    world.bundle(&booking, 2).await;
    let response = world.trip_booking(&booking, &scout).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    import(&world.server, "Closing Night", "2031-05-12");
    unavailable(&discover().await.expect("an answer"));
    assert!(lag_of_search(&world).await > Some(0.0), "an operator sees that search is behind");

    wire.mend();
    let mended = Instant::now();
    while discover().await.expect("an answer").status() != StatusCode::OK {
        assert!(mended.elapsed() < Duration::from_secs(30), "search does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    find_event(&world.client, &scout, "Closing Night").await;
    println!("search had caught up {:?} after Elasticsearch was back", mended.elapsed());
    caught_up(&world).await;
    assert_clean(&world.server);
}

/// Waits until the metrics say that search has taken in the whole log.
async fn caught_up(world: &World) {
    let started = Instant::now();
    while lag_of_search(world).await != Some(0.0) {
        assert!(started.elapsed() < Duration::from_secs(30), "the lag stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many events search is behind, by the metrics; none before it follows.
async fn lag_of_search(world: &World) -> Option<f64> {
    let metrics = world.client.http.get(format!("{}/metrics", world.server.url())).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("metrics are text");
    let value = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    Some(value("caravan_log_position ")? - value("caravan_follower_position{follower=\"search\"} ")?)
}

fn assert_clean(server: &Server) {
    let (clean, output) = server.run(&["verify"]);
    assert!(clean, "verify: {output}");
}

/// A TCP connection to another server that can be cut.
struct Wire {
    url: String,
    whole: watch::Sender<bool>,
}

impl Wire {
    async fn to(url: &str) -> Wire {
        let upstream = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let whole = watch::Sender::new(true);
        let state = whole.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (mut state, upstream) = (state.subscribe(), upstream.clone());
                tokio::spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = state.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        Wire { url, whole }
    }

    fn cut(&self) {
        self.whole.send_replace(false);
    }

    fn mend(&self) {
        self.whole.send_replace(true);
    }
}
