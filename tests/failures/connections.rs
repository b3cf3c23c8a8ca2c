//! Clients that keep silent, stop half-way or come in too large a number, and a server whose output nobody reads.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::server::{free_port, reachable_directory};
use crate::support::{Server, Settings};

const CALL: &str = "GET /health/live HTTP/1.1\r\nHost: caravan.test\r\n\r\n";

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url().trim_start_matches("http://")).await.expect("the server takes connections")
}

/// Sends a text as it stands and gives all that comes back until the server closes, or nothing comes for 5 s.
async fn talk(connection: &mut TcpStream, text: &str) -> (String, bool) {
    let _ = connection.write_all(text.as_bytes()).await;
    let mut answer = vec![];
    let closed = tokio::time::timeout(Duration::from_secs(5), connection.read_to_end(&mut answer)).await.is_ok();
    (String::from_utf8_lossy(&answer).into_owned(), closed)
}

/// A server that is impatient and may open few files.
async fn impatient() -> (Server, tempfile::TempDir) {
    let dir = reachable_directory();
    let program = dir.path().join("caravan");
    let script = format!("#!/bin/sh\nulimit -n 256\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_caravan"));
    std::fs::write(&program, script).expect("a script can be written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("and made a program");
    let settings = Settings::new(program)
        .with("CARAVAN_DEMO", "no")
        .with("CARAVAN_HEADER_READ_TIMEOUT", "2")
        .with("CARAVAN_BODY_READ_TIMEOUT", "1");
    (Server::start(settings).await, dir)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_and_half_sent_connections_are_closed_and_too_many_are_told() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let (server, _dir) = impatient().await;
    for said in ["", "GET /health/live HTTP/1.1\r\nHo", CALL] {
        let begun = Instant::now();
        let (_, closed) = talk(&mut connect(&server).await, said).await;
        let after = begun.elapsed();
        assert!(
            closed && after > Duration::from_millis(1_900) && after < Duration::from_secs(4),
            "{said:?}: {after:?}"
        );
    }

    let mut silent = vec![];
    for _ in 0..260 {
        silent.push(connect(&server).await);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (told, closed) = talk(&mut connect(&server).await, CALL).await;
    assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("too many connections") && closed, "{told}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (answer, _) = talk(&mut connect(&server).await, CALL).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "there is room again: {answer}");
    let log = server.log();
    assert!(!log.contains("ERROR") && !log.contains("does not answer"), "nobody is blamed: {log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stops_or_is_ambiguous_is_refused() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let (server, _dir) = impatient().await;
    let post = |path: &str, headers: &str, body: &str| {
        format!(
            "POST /dev/{path} HTTP/1.1\r\nHost: caravan.test\r\nContent-Type: application/json\r\n{headers}\r\n{body}"
        )
    };
    let login = "{\"username\": \"anna\", \"password\": \"correct horse\"}";
    let length = format!("Content-Length: {}\r\n", login.len());
    for (said, status, told) in [
        (post("login", "Content-Length: 900\r\n", "{\"username\""), 408, "body: stopped on its way"),
        (post("login", &length, login), 400, "wrong user name or password"),
        (post("login", &format!("{length}Host: other.test\r\n"), login), 400, "Host: is given twice"),
        (
            post("login", &format!("{length}Idempotency-Key: a\r\nIdempotency-Key: b\r\n"), login),
            400,
            "Idempotency-Key: is given twice",
        ),
        (post("login", &length, login).replace("Host: caravan.test\r\n", ""), 400, "Host: is missing"),
        (
            post("login", "Content-Length: 36\r\n", "{\"username\": \"a\", \"username\": \"anna\"}"),
            400,
            "is given twice",
        ),
    ] {
        let (answer, _) = talk(&mut connect(&server).await, &said).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(told), "{said}\n{answer}");
    }
    // An answer that did not wait for the body does not let its rest be taken for the next request.
    let unread = post("create-crew", "Content-Length: 900\r\n", "{\"name\": ");
    let (answer, closed) = talk(&mut connect(&server).await, &unread).await;
    assert!(answer.starts_with("HTTP/1.1 401 ") && closed, "{answer}");
    assert!(answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_goes_on_when_nobody_reads_its_output() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let dir = reachable_directory();
    let port = free_port();
    let mut child = Command::new(env!("CARGO_BIN_EXE_caravan"))
        .arg("serve")
        .envs([("CARAVAN_DEMO", "no"), ("CARAVAN_LOG", "debug")])
        .env("CARAVAN_DATA_DIR", dir.path())
        .env("CARAVAN_LISTEN", format!("127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    // As with `2>&1 | head -1`.
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("is piped")).read_line(&mut line).expect("something is said");
    drop(child.stdout.take());
    let url = format!("http://127.0.0.1:{port}");
    let begun = Instant::now();
    let mut answers = 0;
    while answers < 20 {
        let login = reqwest::Client::new().post(format!("{url}/dev/login")).json(&serde_json::json!({}));
        answers += usize::from(login.send().await.is_ok_and(|answer| answer.status() == 400));
        assert!(child.try_wait().expect("can be asked").is_none(), "it ended");
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    assert!(child.wait().expect("it ends").success());
}
