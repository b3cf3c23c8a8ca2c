//! Who starts and stops a real cluster, and what happens when its server dies.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use caravan_private_postgres::PrivatePostgres;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// A temporary directory that others may pass through: started as root, Postgres runs as another user.
fn directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    dir
}

async fn start(dir: &Path) -> PrivatePostgres {
    PrivatePostgres::start(dir, &[("max_connections", "20")]).await.unwrap()
}

async fn answers(cluster: &PrivatePostgres) -> bool {
    match PgConnection::connect(&cluster.url("postgres")).await {
        Ok(mut connection) => connection.ping().await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test]
async fn data_of_another_postgres_is_named_with_what_to_do() {
    let dir = directory();
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::write(dir.path().join("data/PG_VERSION"), "9\n").unwrap();
    let error = PrivatePostgres::start(dir.path(), &[]).await.unwrap_err().to_string();
    assert!(error.starts_with("the data was made by Postgres 9, and what is installed is 1"), "{error}");
    assert!(error.contains("install Postgres 9 beside it"), "{error}");
}

/// `kill -9`; gives the number of the process.
fn kill_server(dir: &Path) -> i32 {
    let pid_file = fs::read_to_string(dir.join("data/postmaster.pid")).unwrap();
    let pid: i32 = pid_file.lines().next().unwrap().parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    pid
}

fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[tokio::test]
async fn its_last_user_stops_it() {
    let dir = directory();
    let (first, second) = tokio::join!(start(dir.path()), start(dir.path()));
    assert_eq!(first.url(""), second.url(""), "two that start at once use one server");
    let third = start(dir.path()).await;
    first.close().await.unwrap();
    assert!(answers(&third).await);
    second.close().await.unwrap();
    assert!(answers(&third).await);
    let url = third.url("postgres");
    third.close().await.unwrap();
    assert!(PgConnection::connect(&url).await.is_err(), "it still runs");
}

#[tokio::test]
async fn a_user_that_died_no_longer_counts() {
    let dir = directory();
    let dead = start(dir.path()).await;
    drop(dead);
    let adopted = start(dir.path()).await;
    assert!(answers(&adopted).await);
    let url = adopted.url("postgres");
    adopted.close().await.unwrap();
    assert!(PgConnection::connect(&url).await.is_err(), "it still runs");
}

#[tokio::test]
async fn a_server_that_died_is_started_again_on_its_port() {
    // A killed server stays a zombie while its parent does not ask how it ended: from here on we are that parent.
    set_child_subreaper(true).unwrap();
    let dir = directory();
    let cluster = start(dir.path()).await;
    let mut connection = PgConnection::connect(&cluster.database("kept").await.unwrap()).await.unwrap();
    sqlx::raw_sql("create table kept as select 1").execute(&mut connection).await.unwrap();
    assert!(!cluster.revive().await.unwrap(), "it has not died");

    let dead = kill_server(dir.path());
    while state(dead) != Some('Z') {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(cluster.revive().await.unwrap());
    let mut connection = PgConnection::connect(&cluster.url("kept")).await.unwrap();
    sqlx::raw_sql("select * from kept").execute(&mut connection).await.unwrap();

    // Another user finds it dead and starts it: it has to be where the first one looks for it.
    kill_server(dir.path());
    let other = start(dir.path()).await;
    assert_eq!(other.url(""), cluster.url(""));
    assert!(answers(&cluster).await);
    cluster.stop().await.unwrap();
    assert!(!answers(&other).await);
    assert!(other.revive().await.unwrap());
    assert!(answers(&cluster).await);
    cluster.close().await.unwrap();
    other.close().await.unwrap();
    assert_eq!(state(dead), Some('Z'), "the first one was a zombie all along");
}
