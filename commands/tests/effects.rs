//! Messages over the wire: mail to a real SMTP server, text messages to a real HTTP server.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use caravan_commands::effects::{Carrier, Carriers, DeliveryError, Message, Smtp, Webhook};
use caravan_domain::EntityId;
use caravan_domain::identity::Channel;
use chrono::DateTime;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

const FROM: &str = "Caravan <caravan@example.org>";

/// `support/smtp_server.py`, running until dropped.
struct MailServer {
    process: Child,
    port: u16,
    dir: TempDir,
}

impl MailServer {
    fn start(arguments: &[&str]) -> MailServer {
        let dir = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/smtp_server.py");
        let mut process = Command::new("python3")
            .arg(script)
            .arg(dir.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs python3 for its mail server");
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        MailServer { process, port: port.trim().parse().expect("the mail server says its port"), dir }
    }

    fn carrier(&self, credentials: &str) -> Smtp {
        Smtp::new(&format!("smtp://{credentials}127.0.0.1:{}", self.port), FROM).unwrap()
    }

    /// What was accepted, in order.
    fn mails(&self) -> Vec<Value> {
        let mut paths: Vec<_> = std::fs::read_dir(self.dir.path()).unwrap().map(|file| file.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn message(channel: Channel, to: &str) -> Message {
    let is_mail = channel == Channel::Mail;
    Message {
        id: Uuid::from_u128(7),
        channel,
        to: to.into(),
        subject: is_mail.then(|| "Grüße from Émile".into()),
        text: "012345 is your code.\n\n.A line that begins with a dot".into(),
        html: is_mail.then(|| "<p>012345 is your code.</p>".into()),
        template: "sign-up-code".into(),
        subjects: vec![EntityId(Uuid::from_u128(8))],
        created_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
    }
}

#[tokio::test]
async fn a_mail_arrives_as_text_and_html() {
    let server = MailServer::start(&[]);
    let carrier = server.carrier("");
    carrier.deliver(&message(Channel::Mail, "dana@example.com")).await.unwrap();
    carrier.deliver(&message(Channel::Mail, "eli@example.com")).await.unwrap();
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0]["from"], "caravan@example.org");
    assert_eq!(mails[0]["to"], json!(["dana@example.com"]));
    assert_eq!(mails[1]["to"], json!(["eli@example.com"]));
    let data = mails[0]["data"].as_str().unwrap();
    for part in [
        "Message-ID: <00000000-0000-0000-0000-000000000007@example.org>",
        "From: Caravan <caravan@example.org>",
        "To: dana@example.com",
        "Date: Fri, 15 Jan 2027 08:00:00 +0000",
        "multipart/alternative",
        "012345 is your code.",
        "<p>012345 is your code.</p>",
        "\n.A line that begins with a dot",
    ] {
        assert!(data.contains(part), "{part:?} is not in:\n{data}");
    }
    assert!(!data.contains("Grüße"), "headers are ASCII");
}

#[tokio::test]
async fn credentials_of_the_url_are_shown_to_the_server() {
    let server = MailServer::start(&["--user", "dana", "--password", "p@ss word"]);
    server.carrier("dana:p%40ss%20word@").deliver(&message(Channel::Mail, "dana@example.com")).await.unwrap();
    assert_eq!(server.mails()[0]["user"], "dana");
    for wrong in ["", "dana:wrong@"] {
        let outcome = server.carrier(wrong).deliver(&message(Channel::Mail, "dana@example.com")).await;
        assert!(matches!(outcome, Err(DeliveryError::Later(_))), "{wrong}: {outcome:?}");
    }
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn what_the_mail_server_answers_decides_about_another_try() {
    let server = MailServer::start(&["--answer", "RCPT=451", "--answer", "RCPT=550", "--answer", "DATA-END=452"]);
    let carrier = server.carrier("");
    let mail = message(Channel::Mail, "dana@example.com");
    let later = carrier.deliver(&mail).await;
    assert!(matches!(&later, Err(DeliveryError::Later(reason)) if reason.contains("451")), "{later:?}");
    let refused = carrier.deliver(&mail).await;
    assert!(matches!(&refused, Err(DeliveryError::Refused(reason)) if reason.contains("550")), "{refused:?}");
    let later = carrier.deliver(&mail).await;
    assert!(matches!(&later, Err(DeliveryError::Later(reason)) if reason.contains("452")), "{later:?}");
    assert!(server.mails().is_empty());
    carrier.deliver(&mail).await.unwrap();
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_mail_server_that_is_away_is_tried_again_later() {
    let server = MailServer::start(&[]);
    let carrier = server.carrier("");
    drop(server);
    let outcome = carrier.deliver(&message(Channel::Mail, "dana@example.com")).await;
    assert!(matches!(outcome, Err(DeliveryError::Later(_))), "{outcome:?}");
    let outcome = carrier.deliver(&message(Channel::Mail, "no address")).await;
    assert!(matches!(outcome, Err(DeliveryError::Refused(_))), "{outcome:?}");
}

/// An HTTP server that answers every request with the next status given.
async fn web_server(statuses: &[u16]) -> (String, Arc<Mutex<Vec<(String, String)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://gate:k%40y@{}/sms?from=caravan", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(vec![]));
    let (kept, statuses) = (requests.clone(), statuses.to_vec());
    tokio::spawn(async move {
        for status in statuses {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = tokio::io::BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                stream.read_line(&mut head).await.unwrap();
            }
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).await.unwrap();
            kept.lock().unwrap().push((head, String::from_utf8(body).unwrap()));
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (url, requests)
}

#[tokio::test]
async fn a_text_message_is_posted_with_its_id_as_idempotency_key() {
    let (url, requests) = web_server(&[204]).await;
    let sms = message(Channel::Sms, "+14165550100");
    Webhook::new(&url).unwrap().deliver(&sms).await.unwrap();
    let (head, body) = requests.lock().unwrap().pop().unwrap();
    assert!(head.starts_with("post /sms?from=caravan http/1.1"), "{head}");
    assert!(head.contains("idempotency-key: 00000000-0000-0000-0000-000000000007"), "{head}");
    assert!(head.contains("authorization: basic z2f0ztprqhk="), "{head}");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({"id": sms.id, "to": "+14165550100", "text": sms.text, "template": "sign-up-code"})
    );
}

#[tokio::test]
async fn what_the_webhook_answers_decides_about_another_try() {
    let (url, _) = web_server(&[200, 429, 503, 400, 302]).await;
    let webhook = Webhook::new(&url).unwrap();
    let sms = message(Channel::Sms, "+14165550100");
    webhook.deliver(&sms).await.unwrap();
    for again in [true, true, false, false, true] {
        // After the last planned answer nobody listens.
        let outcome = webhook.deliver(&sms).await;
        assert_eq!(matches!(outcome, Err(DeliveryError::Later(_))), again, "{outcome:?}");
        assert!(outcome.is_err());
    }
}

#[tokio::test]
async fn settings_choose_the_carriers() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = Carriers::open("outbox", FROM, "outbox", dir.path()).unwrap();
    outbox.sms.deliver(&message(Channel::Sms, "+14165550100")).await.unwrap();
    assert!(dir.path().join("00000000-0000-0000-0000-000000000007.json").exists());
    assert!(Carriers::open("smtps://mail.example.org", FROM, "https://sms.example.org", dir.path()).is_ok());
    for (mail, sms, setting) in [
        ("files", "outbox", "CARAVAN_MAIL"),
        ("outbox", "ftp://example.org", "CARAVAN_SMS"),
        ("outbox", "files", "CARAVAN_SMS"),
    ] {
        assert_eq!(Carriers::open(mail, FROM, sms, dir.path()).err().unwrap().setting, setting);
    }
}

#[test]
fn a_message_shows_nothing_personal() {
    let shown = format!("{:?}", message(Channel::Mail, "dana@example.com"));
    assert!(!shown.contains("dana") && !shown.contains("012345"), "{shown}");
}
