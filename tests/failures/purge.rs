//! After `caravan forget`, no file of the data directory holds the key, not even wrapped: with the master key and an
//! old file everything could be read again. Nor does one hold what was opened of the person to find them by.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::pty::openpty;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::receiver::until;
use crate::support::{Client, Person, Server, Settings, files};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_of_the_data_directory_holds_a_forgotten_persons_key() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let settings = Settings::new(env!("CARGO_BIN_EXE_caravan")).with("CARAVAN_DEMO", "no");
    let mut server = Server::start(settings).await;
    let client = Client::new(server.url(), server.outbox());
    // What the persons' keys are written to in the log begins here, so that a checkpoint takes none of it away.
    let mut keys = connect(&server).await;
    keys.execute("select pg_switch_wal()").await.expect("the log can go on in another file");
    let (one, another) =
        (client.person("idabella", "+15550100001").await, client.person("ottokar", "+15550100002").await);
    let (of_one, of_another) = (wrapped(&mut keys, &one).await, wrapped(&mut keys, &another).await);
    keys.execute("analyze personal_keys").await.expect("it can be analysed");
    keys.execute("checkpoint").await.expect("a checkpoint can be taken");
    // A search that cannot find anything would prove nothing.
    let found = files_with(&of_one, &server);
    assert!(holds_wal(&found) && found.len() > 1, "log and table hold it: {found:?}");

    let named = |username: &str| files_that_name(username, &server);
    until("names opened", || holds_wal(&named("idabella")).then_some(())).await;
    assert!(named("idabella").len() > 1 && !named("ottokar").is_empty());

    // As `pg_dump` would: beside an open snapshot it cannot be done, and says so.
    keys.execute("begin isolation level repeatable read").await.expect("a transaction begins");
    keys.execute("select from personal_keys").await.expect("a snapshot is taken");
    let begun = Instant::now();
    let (succeeded, output) = server.run(&["forget", "--yes", &one.id]);
    assert!(!succeeded && begun.elapsed() >= Duration::from_secs(30), "{:?}: {output}", begun.elapsed());
    let told = "caravan: forgotten, but files of the database still hold the deleted key until `forget ";
    assert!(output.contains(told) && output.contains("session"), "{output}");
    assert_eq!(key(&mut connect(&server).await, &one).await, None, "forgotten all the same");
    assert!(!files_with(&of_one, &server).is_empty());
    keys.execute("commit").await.expect("it ends");

    // Beside the server, then without and on a terminal.
    let (succeeded, output) = server.run(&["forget", "--yes", &one.id]);
    assert!(succeeded && output.ends_with("forgotten\n"), "{output}");
    assert_eq!(files_with(&of_one, &server), [] as [PathBuf; 0]);
    assert_eq!(files_that_name("idabella", &server), [] as [PathBuf; 0]);
    assert_ne!(files_with(&of_another, &server), [] as [PathBuf; 0], "of those who stay it is kept");
    assert_ne!(files_that_name("ottokar", &server), [] as [PathBuf; 0]);
    keys.close().await.expect("it can be closed");
    server.stop();
    let (succeeded, output) = on_a_terminal(&server, &["forget", "ottokar"], "n\n");
    assert!(!succeeded && output.ends_with("caravan: nothing is forgotten\n"), "{output}");
    assert!(output.starts_with(&format!("Forget ottokar ({}) for good?", another.id)), "{output}");
    assert_ne!(files_with(&of_another, &server), [] as [PathBuf; 0]);
    let (succeeded, output) = on_a_terminal(&server, &["forget", &another.id], "y\n");
    assert!(succeeded, "{output}");
    assert_eq!(files_with(&of_another, &server), [] as [PathBuf; 0]);
    assert_eq!(files_that_name("ottokar", &server), [] as [PathBuf; 0]);
}

/// The files of the data directory that hold a person's whole name as it is opened.
fn files_that_name(username: &str, server: &Server) -> Vec<PathBuf> {
    files::holding(&[format!("test {username}").into_bytes()], server.data_dir())
}

/// As [`Server::run`], but somebody sits at a terminal and answers.
fn on_a_terminal(server: &Server, arguments: &[&str], answer: &str) -> (bool, String) {
    let terminal = openpty(None, None).expect("a terminal can be had");
    let mut command = server.runner().command(arguments);
    let child = command.stdin(terminal.slave).stderr(Stdio::piped()).spawn().expect("the program can be started");
    // Open until the end: a terminal that is closed takes its input with it.
    let mut keyboard = fs::File::from(terminal.master);
    keyboard.write_all(answer.as_bytes()).expect("an answer can be typed");
    let output = child.wait_with_output().expect("it ends");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A connection to the keys database of the embedded Postgres.
async fn connect(server: &Server) -> PgConnection {
    let read = |name: &str| fs::read_to_string(server.data_dir().join("postgres").join(name)).expect(name);
    let url = format!("postgres://caravan:{}@127.0.0.1:{}/caravan_keys", read("password"), read("port"));
    PgConnection::connect(&url).await.expect("the embedded Postgres takes connections")
}

async fn key(keys: &mut PgConnection, person: &Person) -> Option<Vec<u8>> {
    let id: Uuid = person.id.parse().expect("ids are UUIDs");
    let key = sqlx::query_scalar("select wrapped from personal_keys where subject = $1").bind(id);
    key.fetch_one(keys).await.expect("the person has a row")
}

async fn wrapped(keys: &mut PgConnection, person: &Person) -> Vec<u8> {
    key(keys, person).await.expect("the person has a key")
}

/// The files of the data directory that hold a part of the bytes, plainly or as text writes them. A part, as pages of
/// the log interrupt what they hold.
fn files_with(bytes: &[u8], server: &Server) -> Vec<PathBuf> {
    let mut needles: Vec<Vec<u8>> = bytes.chunks_exact(bytes.len() / 3).map(<[u8]>::to_vec).collect();
    let hex: Vec<_> =
        needles.iter().map(|part| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).collect();
    needles.extend(hex.into_iter().map(String::into_bytes));
    files::holding(&needles, server.data_dir())
}

fn holds_wal(files: &[PathBuf]) -> bool {
    files.iter().any(|file| file.components().any(|part| part.as_os_str() == "pg_wal"))
}
