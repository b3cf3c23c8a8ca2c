//! What files promise, in a directory and in a bucket of a real server that speaks S3.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use caravan_domain::EntityId;
use caravan_files::path::Path as Place;
use caravan_files::pictures::{ORIGINALS, RENDITIONS};
use caravan_files::{Files, FilesError, OwnFile, Purpose};
use chrono::{TimeDelta, Utc};

fn person(number: u64) -> EntityId {
    EntityId::from_parts(number, [1; 10])
}

fn own<'n>(purpose: &'static Purpose, owner: Option<EntityId>, name: &'n str) -> OwnFile<'n> {
    OwnFile { purpose, owner, name }
}

/// A server of its own, with one bucket; ended with its value.
struct S3 {
    server: Child,
    variables: Vec<(String, String)>,
}

impl S3 {
    /// `scripts/clients` has installed it.
    async fn start() -> S3 {
        let program = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/clients/.venv/bin/moto_server"));
        assert!(program.exists(), "{} is missing: run scripts/clients", program.display());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments = ["-H".to_owned(), "127.0.0.1".to_owned(), "-p".to_owned(), port.to_string()];
        let mut command = Command::new(program);
        let server = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let endpoint = format!("http://127.0.0.1:{port}");
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("HOME", "/"),
        ];
        let s3 = S3 { server, variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec() };
        for _ in 0..200 {
            if put_bucket(port).await.is_ok() {
                return s3;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the S3 server does not answer");
    }

    fn open(&self, place: &str) -> Files {
        Files::open(place, self.variables.clone()).unwrap()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// This server asks nobody who makes a bucket.
async fn put_bucket(port: u16) -> std::io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut connection = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let request = "PUT /bucket HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(std::io::Error::other(answer)) }
}

/// The same of every store.
async fn keeps_its_promises(files: &Files, other: &Files) {
    let now = Utc::now();
    let (mine, shared) = (own(&ORIGINALS, Some(person(1)), "a"), own(&ORIGINALS, None, "a"));
    assert_eq!(files.kept(mine, now).await.unwrap(), None, "nothing is there yet");
    files.keep(mine, b"one".to_vec()).await.unwrap();
    files.keep(mine, b"two".to_vec()).await.unwrap();
    files.keep(shared, b"shared".to_vec()).await.unwrap();
    files.keep(own(&RENDITIONS, Some(person(1)), "a"), vec![7; 100_000]).await.unwrap();
    files.keep(own(&RENDITIONS, Some(person(2)), "b"), b"b".to_vec()).await.unwrap();
    assert_eq!(files.kept(mine, now).await.unwrap().unwrap(), b"two");
    assert_eq!(other.kept(mine, now).await.unwrap(), None, "another folder");

    let found = files.find(&Place::from("caravan/renditions").join(person(1).to_string()).join("a")).await.unwrap();
    let found = found.expect("it is there");
    assert_eq!(found.size(), 100_000);
    assert_eq!(found.bytes().await.unwrap(), vec![7; 100_000]);
    assert!(files.find(&Place::from("caravan/renditions")).await.unwrap().is_none(), "a folder is no file");

    assert_eq!(files.forget(person(1)).await.unwrap(), 2);
    assert_eq!(files.forget(person(1)).await.unwrap(), 0);
    assert_eq!(files.kept(mine, now).await.unwrap(), None);
    assert_eq!(files.kept(shared, now).await.unwrap().unwrap(), b"shared");

    let rendition = own(&RENDITIONS, Some(person(2)), "b");
    assert_eq!(files.kept(rendition, now + TimeDelta::days(29)).await.unwrap().unwrap(), b"b");
    assert_eq!(files.kept(rendition, now + TimeDelta::days(31)).await.unwrap(), None, "it has ended, swept or not");
    assert_eq!(files.sweep(now + TimeDelta::days(29)).await.unwrap(), 0);
    assert_eq!(files.sweep(now + TimeDelta::days(31)).await.unwrap(), 1);
    assert_eq!(files.kept(rendition, now).await.unwrap(), None);
    assert_eq!(files.kept(shared, now + TimeDelta::days(9_999)).await.unwrap().unwrap(), b"shared");

    files.discard(shared).await.unwrap();
    files.discard(shared).await.unwrap();
    assert_eq!(files.kept(shared, now).await.unwrap(), None);
}

fn directory(path: &Path) -> Files {
    Files::open(path.to_str().unwrap(), []).unwrap()
}

#[tokio::test]
async fn a_directory_keeps_files() {
    let dir = tempfile::tempdir().unwrap();
    let (files, other) = (directory(&dir.path().join("not/there/yet")), directory(&dir.path().join("other")));
    keeps_its_promises(&files, &other).await;
    assert!(!dir.path().join("other").exists(), "reading makes nothing");
}

#[tokio::test]
async fn a_bucket_keeps_files() {
    let s3 = S3::start().await;
    keeps_its_promises(&s3.open("s3://bucket/some/folder"), &s3.open("s3://bucket")).await;
    let missing = s3.open("s3://missing/folder");
    let kept = missing.keep(own(&ORIGINALS, None, "a"), b"a".to_vec()).await;
    assert!(matches!(kept, Err(FilesError::Unavailable(_))), "{kept:?}");
}

#[test]
fn other_places_are_none() {
    for place in [
        "",
        "http://example.com/bucket",
        "s3:bucket",
        "file:///tmp",
        "s3://key:secret@bucket/x",
        "s3://b?x=y",
        "/dev/null",
    ] {
        assert!(matches!(Files::open(place, []), Err(FilesError::Place)), "{place}");
    }
}
