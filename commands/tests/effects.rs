//! Messages over the wire: mail to a real SMTP server, text messages to a real HTTP server.

#[path = "support/mail_server.rs"]
mod mail_server;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use caravan_commands::effects::{
    Attachment, Carrier, CarrierSettings, Carriers, DeliveryError, Letterhead, Message, Smtp, Webhook,
};
use caravan_domain::EntityId;
use caravan_domain::identity::Medium;
use chrono::DateTime;
use mail_server::MailServer;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

const FROM: &str = "Caravan <caravan@example.org>";

/// What sends to the server, with credentials as a URL has them.
fn carrier(server: &MailServer, credentials: &str) -> Smtp {
    Smtp::new(&format!("smtp://{credentials}127.0.0.1:{}", server.port), FROM).unwrap()
}

fn message(channel: Medium, to: &str) -> Message {
    let is_mail = channel == Medium::Mail;
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
        letterhead: None,
        attachment: None,
    }
}

#[tokio::test]
async fn a_mail_arrives_as_text_and_html() {
    let server = MailServer::start(&[]);
    let carrier = carrier(&server, "");
    carrier.deliver(&message(Medium::Mail, "dana@example.com")).await.unwrap();
    carrier.deliver(&message(Medium::Mail, "eli@example.com")).await.unwrap();
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

fn letter(letterhead: Letterhead) -> Message {
    let to = "dana@example.com, eli@example.com".to_owned();
    Message { to, letterhead: Some(letterhead), template: "letter".into(), ..message(Medium::Mail, "") }
}

#[tokio::test]
async fn a_letter_is_from_whom_it_says_and_hides_who_gets_a_blind_copy() {
    let server = MailServer::start(&[]);
    let letterhead = Letterhead {
        from: "trips@example.com".into(),
        cc: vec!["finn@example.com".into()],
        bcc: vec!["gil@example.com".into()],
        reply_to: Some("help@example.com".into()),
    };
    for _ in 0..2 {
        carrier(&server, "").deliver(&letter(letterhead.clone())).await.unwrap();
    }
    let mails = server.mails();
    for mail in &mails {
        assert_eq!(mail["from"], "trips@example.com");
        let to = ["dana@example.com", "eli@example.com", "finn@example.com", "gil@example.com"];
        assert_eq!(mail["to"], json!(to));
        let data = mail["data"].as_str().unwrap();
        for part in [
            "Message-ID: <00000000-0000-0000-0000-000000000007@example.org>",
            "From: trips@example.com",
            "To: dana@example.com, eli@example.com",
            "Cc: finn@example.com",
            "Reply-To: help@example.com",
        ] {
            assert!(data.contains(part), "{part:?} is not in:\n{data}");
        }
        assert!(!data.contains("gil@example.com"), "{data}");
    }
    let attachment = Some(Attachment { name: "plan.pdf".into(), content: "/wD+".into() });
    let html = Message { text: String::new(), ..letter(letterhead.clone()) };
    carrier(&server, "").deliver(&html).await.unwrap();
    let data = server.mails()[2]["data"].as_str().unwrap().to_owned();
    assert!(data.contains("Content-Type: text/html") && !data.contains("multipart"), "{data}");
    carrier(&server, "").deliver(&Message { attachment, ..letter(letterhead) }).await.unwrap();
    let data = server.mails()[3]["data"].as_str().unwrap().to_owned();
    for part in ["multipart/mixed", "multipart/alternative", "filename=\"plan.pdf\"", "/wD+"] {
        assert!(data.contains(part), "{part:?} is not in:\n{data}");
    }
}

#[tokio::test]
async fn credentials_of_the_url_are_shown_to_the_server() {
    let server = MailServer::start(&["--user", "dana", "--password", "p@ss word"]);
    carrier(&server, "dana:p%40ss%20word@").deliver(&message(Medium::Mail, "dana@example.com")).await.unwrap();
    assert_eq!(server.mails()[0]["user"], "dana");
    for wrong in ["", "dana:wrong@"] {
        let outcome = carrier(&server, wrong).deliver(&message(Medium::Mail, "dana@example.com")).await;
        assert!(matches!(outcome, Err(DeliveryError::Later(_))), "{wrong}: {outcome:?}");
    }
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn what_the_mail_server_answers_decides_about_another_try() {
    let server = MailServer::start(&["--answer", "RCPT=451", "--answer", "RCPT=550", "--answer", "DATA-END=452"]);
    let carrier = carrier(&server, "");
    let mail = message(Medium::Mail, "dana@example.com");
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
    let carrier = carrier(&server, "");
    drop(server);
    let outcome = carrier.deliver(&message(Medium::Mail, "dana@example.com")).await;
    assert!(matches!(outcome, Err(DeliveryError::Later(_))), "{outcome:?}");
    let outcome = carrier.deliver(&message(Medium::Mail, "no address")).await;
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
    let sms = message(Medium::Sms, "+14165550100");
    Webhook::new("CARAVAN_SMS", &url, None).unwrap().deliver(&sms).await.unwrap();
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
    let webhook = Webhook::new("CARAVAN_SMS", &url, None).unwrap();
    let sms = message(Medium::Sms, "+14165550100");
    webhook.deliver(&sms).await.unwrap();
    for again in [true, true, false, false, true] {
        // After the last planned answer nobody listens.
        let outcome = webhook.deliver(&sms).await;
        assert_eq!(matches!(outcome, Err(DeliveryError::Later(_))), again, "{outcome:?}");
        assert!(outcome.is_err());
    }
}

/// The head of a request has a header of this name.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn a_push_message_has_a_subject_and_a_repeat_of_it_the_same_id() {
    let (url, requests) = web_server(&[503, 200]).await;
    let push = Message { subject: Some("Your trip".into()), ..message(Medium::Push, "arn:aws:sns:app/1") };
    let webhook = Webhook::new("CARAVAN_PUSH", &url, None).unwrap();
    assert!(matches!(webhook.deliver(&push).await, Err(DeliveryError::Later(_))));
    webhook.deliver(&push).await.unwrap();
    let requests = requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 2);
    for (head, body) in &requests {
        for name in ["idempotency-key", "webhook-id"] {
            assert_eq!(header(head, name), Some("00000000-0000-0000-0000-000000000007"), "{head}");
        }
        assert_eq!(header(head, "webhook-signature"), None);
        assert_eq!(
            serde_json::from_str::<Value>(body).unwrap(),
            json!({"id": push.id, "to": "arn:aws:sns:app/1", "text": push.text, "template": "sign-up-code",
                "subject": "Your trip"})
        );
    }
}

#[tokio::test]
async fn a_webhook_says_that_a_device_is_gone_and_never_that_a_number_is() {
    let (url, _) = web_server(&[404, 410, 404, 410]).await;
    let webhook = Webhook::new("CARAVAN_PUSH", &url, None).unwrap();
    for (medium, gone) in [(Medium::Push, false), (Medium::Push, true), (Medium::Sms, false), (Medium::Sms, false)] {
        let outcome = webhook.deliver(&message(medium, "+14165550100")).await;
        assert_eq!(matches!(outcome, Err(DeliveryError::Gone)), gone, "{outcome:?}");
        assert_eq!(matches!(outcome, Err(DeliveryError::Refused(_))), !gone, "{outcome:?}");
    }
}

/// Checked as the receiver does, with the standard's own arithmetic.
#[tokio::test]
async fn what_a_webhook_is_sent_is_signed_with_its_time() {
    let (url, requests) = web_server(&[204]).await;
    let dir = tempfile::tempdir().unwrap();
    let settings = CarrierSettings { push: &url, webhook_secret: SECRET, ..settings(dir.path()) };
    Carriers::open(settings).unwrap().push.deliver(&message(Medium::Push, "device")).await.unwrap();
    let (head, body) = requests.lock().unwrap().pop().unwrap();
    let timestamp: i64 = header(&head, "webhook-timestamp").unwrap().parse().unwrap();
    assert!((chrono::Utc::now().timestamp() - timestamp).abs() < 60, "{timestamp}");
    let script = "import base64, hashlib, hmac, sys\n\
                  key = base64.b64decode(sys.argv[1].removeprefix('whsec_'))\n\
                  print(base64.b64encode(hmac.new(key, sys.argv[2].encode(), hashlib.sha256).digest()).decode())";
    let signed = format!("00000000-0000-0000-0000-000000000007.{timestamp}.{body}");
    let output = Command::new("python3").args(["-c", script, SECRET, &signed]).output().unwrap();
    let expected = format!("v1,{}", String::from_utf8(output.stdout).unwrap().trim());
    // `web_server` keeps heads in lower case.
    assert_eq!(header(&head, "webhook-signature"), Some(expected.to_lowercase().as_str()));
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn settings(outbox: &Path) -> CarrierSettings<'_> {
    CarrierSettings { mail: "outbox", mail_from: FROM, sms: "outbox", push: "outbox", webhook_secret: "", outbox }
}

#[tokio::test]
async fn settings_choose_the_carriers() {
    let dir = tempfile::tempdir().unwrap();
    let plain = settings(dir.path());
    let outbox = Carriers::open(plain).unwrap();
    outbox.sms.deliver(&message(Medium::Sms, "+14165550100")).await.unwrap();
    assert!(dir.path().join("00000000-0000-0000-0000-000000000007.json").exists());
    let outside = CarrierSettings {
        mail: "smtps://mail.example.org",
        sms: "https://sms.example.org",
        push: "https://push.example.org",
        webhook_secret: SECRET,
        ..plain
    };
    assert!(Carriers::open(outside).is_ok());
    for (settings, setting) in [
        (CarrierSettings { mail: "files", ..plain }, "CARAVAN_MAIL"),
        (CarrierSettings { sms: "ftp://example.org", ..plain }, "CARAVAN_SMS"),
        (CarrierSettings { sms: "files", ..plain }, "CARAVAN_SMS"),
        (CarrierSettings { push: "files", ..plain }, "CARAVAN_PUSH"),
        (CarrierSettings { webhook_secret: "secret", ..plain }, "CARAVAN_WEBHOOK_SECRET"),
    ] {
        assert_eq!(Carriers::open(settings).err().unwrap().setting, setting);
    }
}

#[test]
fn a_message_shows_nothing_personal() {
    let shown = format!("{:?}", message(Medium::Mail, "dana@example.com"));
    assert!(!shown.contains("dana") && !shown.contains("012345"), "{shown}");
}
