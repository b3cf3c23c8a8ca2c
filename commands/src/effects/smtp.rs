//! Mail through an SMTP server.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::message::header::ContentType;
use lettre::message::{Attachment as Attached, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::{Carrier, CarrierSettingError, DeliveryError, Letterhead, Message};

/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a file is said to be: its name says more.
static BYTES: LazyLock<ContentType> =
    LazyLock::new(|| ContentType::parse("application/octet-stream").expect("is a media type"));

pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// `smtps://user:password@host:port` speaks TLS from the start; `smtp://…` changes to TLS where the server offers
    /// it, and with `?tls=required` goes no further without. `from` is a mailbox such as `Caravan <mail@example.org>`.
    pub fn new(url: &str, from: &str) -> Result<Smtp, CarrierSettingError> {
        let wrong = |reason: &str| CarrierSettingError { setting: "CARAVAN_MAIL", reason: reason.to_owned() };
        let mut url: reqwest::Url = url.parse().map_err(|_| wrong("expected outbox, smtp://… or smtps://…"))?;
        if url.scheme() == "smtp" && url.query().is_none() {
            url.set_query(Some("tls=opportunistic"));
            if url.port().is_none() {
                let _ = url.set_port(Some(smtp::SMTP_PORT));
            }
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str())
            .map_err(|_| wrong("expected outbox, smtp://host or smtps://host, with ?tls=required at most"))?
            .timeout(Some(PATIENCE))
            .build();
        let from = from.parse().map_err(|_| CarrierSettingError {
            setting: "CARAVAN_MAIL_FROM",
            reason: "expected a mailbox such as Caravan <caravan@example.org>".to_owned(),
        })?;
        Ok(Smtp { transport, from })
    }

    fn letter(&self, message: &Message) -> Result<lettre::Message, DeliveryError> {
        let refused = |what: &str| DeliveryError::Refused(what.to_owned());
        let mailbox = |address: &str| {
            let address = address.parse().map_err(|_| refused("the address has no mailbox's form"))?;
            Ok(Mailbox::new(None, address))
        };
        let mut builder = lettre::Message::builder()
            // By its id the other side can tell a message that comes twice.
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            .date(message.created_at.into())
            .subject(message.subject.clone().unwrap_or_default());
        match &message.letterhead {
            Some(Letterhead { from, cc, bcc, reply_to }) => {
                builder = builder.from(mailbox(from)?);
                for to in message.to.split(", ") {
                    builder = builder.to(mailbox(to)?);
                }
                for cc in cc {
                    builder = builder.cc(mailbox(cc)?);
                }
                for bcc in bcc {
                    builder = builder.bcc(mailbox(bcc)?);
                }
                if let Some(reply_to) = reply_to {
                    builder = builder.reply_to(mailbox(reply_to)?);
                }
            }
            None => builder = builder.from(self.from.clone()).to(mailbox(&message.to)?),
        }
        let text = message.text.clone();
        let letter = match (&message.html, &message.attachment) {
            (html, Some(attachment)) => {
                let content = STANDARD.decode(&attachment.content).map_err(|_| refused("the file is not base64"))?;
                let file = Attached::new(attachment.name.clone()).body(content, BYTES.clone());
                let mixed = MultiPart::mixed();
                let words = match html {
                    Some(html) if text.is_empty() => mixed.singlepart(SinglePart::html(html.clone())),
                    Some(html) => mixed.multipart(MultiPart::alternative_plain_html(text, html.clone())),
                    None => mixed.singlepart(SinglePart::plain(text)),
                };
                builder.multipart(words.singlepart(file))
            }
            (Some(html), None) if text.is_empty() => builder.singlepart(SinglePart::html(html.clone())),
            (Some(html), None) => builder.multipart(MultiPart::alternative_plain_html(text, html.clone())),
            (None, None) => builder.body(text),
        };
        letter.map_err(|_| refused("it cannot be written as a mail"))
    }
}

#[async_trait]
impl Carrier for Smtp {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        let letter = self.letter(message)?;
        self.transport.send(letter).await.map(|_| ()).map_err(|error| delivery_error(&error))
    }
}

/// The server's own words may repeat the address, so only its code is kept.
fn delivery_error(error: &smtp::Error) -> DeliveryError {
    let code = error.status().map(u16::from);
    match code {
        // Not the message's fault: the server wants other credentials, or more security, than it was shown.
        Some(code @ (530 | 534 | 535 | 538)) => {
            DeliveryError::Later(format!("the mail server does not let us in ({code})"))
        }
        Some(code) if error.is_permanent() => DeliveryError::Refused(format!("the mail server says {code}")),
        Some(code) => DeliveryError::Later(format!("the mail server says {code}")),
        None if error.is_timeout() => DeliveryError::Later("the mail server does not answer in time".to_owned()),
        None if error.is_tls() => DeliveryError::Later("no TLS with the mail server".to_owned()),
        None => DeliveryError::Later("the mail server cannot be reached".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_name_no_server_are_refused_without_repeating_them() {
        for wrong in ["", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://dana:geheim@h?tls=perhaps"]
        {
            let error = Smtp::new(wrong, "Caravan <caravan@localhost>").err().unwrap();
            assert_eq!(error.setting, "CARAVAN_MAIL", "{wrong}");
            assert!(!error.to_string().contains("geheim"));
        }
        assert_eq!(Smtp::new("smtp://localhost", "Caravan").err().unwrap().setting, "CARAVAN_MAIL_FROM");
    }

    #[test]
    fn settings_that_name_a_server_are_taken() {
        for url in ["smtp://localhost", "smtp://u:p%40ss@localhost:2525", "smtps://localhost", "smtp://h?tls=required"]
        {
            assert!(Smtp::new(url, "Caravan <caravan@localhost>").is_ok(), "{url}");
        }
    }
}
