//! README's tour and the requests of docs/CLIENTS.md, pasted into each of three shells with the tools of busybox, which
//! know little beyond POSIX.

mod support;

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::server::{free_port, reachable_directory};
use support::{Server, Settings};

const SHELLS: [&str; 3] = ["bash", "dash", "zsh"];

/// The blocks of a text, as they are pasted.
fn blocks(text: &str, url: &str) -> String {
    let blocks = text.split("```sh\n").skip(1);
    let pasted: String = blocks.filter_map(|block| block.split("```").next()).collect();
    assert!(pasted.lines().count() > 30, "there is little to paste:\n{pasted}");
    pasted.replace("http://127.0.0.1:8080", url)
}

fn tour(url: &str) -> String {
    let readme = include_str!("../README.md");
    let section = readme.split("## Five minutes").nth(1).and_then(|rest| rest.split("\n## ").next());
    blocks(section.expect("README has a tour"), url)
}

/// A directory where the program was built, with `data` beside it, and the path on which busybox's tools come first.
fn checkout(dir: &Path, data: &Path) -> String {
    std::fs::create_dir_all(dir.join("target/release")).expect("a directory can be made");
    symlink(env!("CARGO_BIN_EXE_caravan"), dir.join("target/release/caravan")).expect("a link can be made");
    symlink(data, dir.join("data")).expect("a link can be made");
    symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/demo"), dir.join("demo")).expect("a link can be made");
    let tools = dir.join("tools");
    std::fs::create_dir(&tools).expect("a directory can be made");
    let installed = Command::new("busybox").args(["--install", "-s"]).arg(&tools).status();
    assert!(installed.expect("this test needs busybox").success());
    format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default())
}

/// What the shell says when the text is typed into it.
fn paste(shell: &str, text: &str, dir: &Path, path: &str) -> String {
    let mut child = Command::new(shell)
        .arg("-s")
        .current_dir(dir)
        .env("PATH", path)
        .env_remove("CARAVAN_DATA_DIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs {shell}: {error}"));
    child.stdin.take().expect("is piped").write_all(text.as_bytes()).expect("the shell reads");
    let output = child.wait_with_output().expect("the shell ends");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tour_works_in_every_shell_and_a_second_time() {
    let server = Server::start(Settings::new(env!("CARGO_BIN_EXE_caravan"))).await;
    let dir = reachable_directory();
    let path = checkout(dir.path(), server.data_dir());
    for shell in SHELLS {
        let said = paste(shell, &tour(&server.url()), dir.path(), &path);
        assert!(!said.contains("STOPPED") && !said.contains("not found"), "{shell}:\n{said}");
        for told in [
            "\"balance\":360.75",
            "\"balance\":-360.75",
            "\"type\":\"BookingRecovered\"",
            "bought a room for 480.00 CAD on the trip to Toronto",
            "\"searchCount\":",
        ] {
            assert!(said.contains(told), "{shell} never says {told}:\n{said}");
        }
        let image = std::fs::read(server.data_dir().join("concerts.jpg")).expect("the picture was fetched");
        assert!(image.starts_with(b"\xff\xd8\xff") && image.len() > 1_000, "{shell}: {} bytes", image.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_requests_for_clients_are_answered_as_written() {
    let settings = Settings::new(env!("CARGO_BIN_EXE_caravan")).with("CARAVAN_CORS_ORIGINS", "https://app.example");
    let server = Server::start(settings).await;
    let dir = reachable_directory();
    let path = checkout(dir.path(), server.data_dir());
    let requests = blocks(include_str!("../docs/CLIENTS.md"), &server.url());
    let promises: Vec<&str> = requests.lines().filter_map(|line| line.strip_prefix("# → ")).collect();
    assert_eq!(promises.len(), requests.matches("\ncall ").count(), "a request does not say what comes back");
    for shell in SHELLS {
        let said = paste(shell, &requests, dir.path(), &path);
        let mut rest = said.as_str();
        for promise in &promises {
            let (status, part) = promise.split_once(' ').unwrap_or((promise, ""));
            let (answer, after) = rest.split_once("→ ").unwrap_or_else(|| panic!("{shell}: nothing more:\n{said}"));
            assert!(after.starts_with(status) && answer.contains(part), "{shell}: not {promise:?}:\n{said}");
            rest = after;
        }
        assert!(rest.contains("https://app.example"), "{shell}: no origin is allowed:\n{said}");
    }
}

#[test]
fn a_tour_that_cannot_go_on_says_why_and_ends() {
    let (dir, data) = (reachable_directory(), reachable_directory());
    let path = checkout(dir.path(), data.path());
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let begun = Instant::now();
    let said = paste("dash", &tour(&nobody), dir.path(), &path);
    assert!(begun.elapsed() < Duration::from_secs(60), "it waits for ever");
    assert!(said.contains("Failed to connect") || said.contains("Couldn't connect"), "{said}");
    assert!(said.contains("STOPPED: no message to +14165550101 in data/outbox."), "{said}");
    assert!(said.contains("STOPPED: no id in the answer"), "{said}");
}
