//! What reaches the outside: messages, and the ports that carry them.

mod attachments;
mod outbox;
mod smtp;
mod webhook;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use caravan_domain::EntityId;
use caravan_domain::identity::Medium;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use attachments::attachment;
pub use attachments::check_attachment;
pub use outbox::Outbox;
pub use smtp::Smtp;
pub use webhook::Webhook;

/// The longest address that messages may point to, in characters.
pub const LONGEST_PUBLIC_URL: usize = 200;

/// A message to one person. Its JSON is what the outbox holds.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The same whenever it is sent again.
    pub id: Uuid,
    pub channel: Medium,
    /// Email address, phone number, or what a push service knows the device by.
    pub to: String,
    /// Of a mail, or a push message.
    pub subject: Option<String>,
    pub text: String,
    /// Of a mail: the text with markup.
    pub html: Option<String>,
    /// Which of our messages this is, such as `sign-up-code`.
    pub template: String,
    /// The persons it names, its receiver among them.
    pub subjects: Vec<EntityId>,
    /// When what it tells of happened.
    pub created_at: DateTime<Utc>,
    /// Of a mail that somebody wrote; then `to` may be several addresses, separated by commas.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub letterhead: Option<Letterhead>,
    /// A file that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<Attachment>,
}

/// A file that goes with a mail.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    pub name: String,
    /// Base64.
    pub content: String,
}

/// From whom a mail is that somebody wrote, and to whom else it goes.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Letterhead {
    pub from: String,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub reply_to: Option<String>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({} {})", self.template, self.id)
    }
}

/// The port through which messages of one channel leave. Delivering a message again, because it is not known whether
/// it went out, must not reach its receiver twice where the other side can tell by the message's id.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Hands the message over; once this returns, the other side has accepted it.
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError>;
}

/// Why a message was not accepted; says nothing about the message itself.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Sending it again later may help; it may even have been accepted.
    #[error("not now: {0}")]
    Later(String),
    /// The device is not known any more.
    #[error("nobody is there")]
    Gone,
    /// It will never be accepted.
    #[error("refused: {0}")]
    Refused(String),
}

/// A setting names no way to send messages.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct CarrierSettingError {
    pub setting: &'static str,
    pub reason: String,
}

/// One carrier per channel, and the files that the outbox has written.
#[derive(Clone)]
pub struct Carriers {
    pub mail: Arc<dyn Carrier>,
    pub sms: Arc<dyn Carrier>,
    pub push: Arc<dyn Carrier>,
    pub outbox: Outbox,
}

/// The carriers that settings name.
#[derive(Debug, Clone, Copy)]
pub struct CarrierSettings<'a> {
    /// `outbox`, `smtp://…` or `smtps://…`
    pub mail: &'a str,
    /// The sender's mailbox.
    pub mail_from: &'a str,
    /// `outbox` or the `http(s)://…` address of a webhook.
    pub sms: &'a str,
    /// The same.
    pub push: &'a str,
    /// What requests to webhooks are signed with: `whsec_…`; empty: nothing.
    pub webhook_secret: &'a str,
    /// The directory of the outbox's files.
    pub outbox: &'a Path,
}

impl Carriers {
    pub fn open(settings: CarrierSettings<'_>) -> Result<Carriers, CarrierSettingError> {
        let outbox = Outbox::new(settings.outbox);
        let secret = webhook::secret(settings.webhook_secret)?;
        let mail: Arc<dyn Carrier> = match settings.mail {
            "outbox" => Arc::new(outbox.clone()),
            url => Arc::new(Smtp::new(url, settings.mail_from)?),
        };
        let webhook = |setting, url: &str| -> Result<Arc<dyn Carrier>, CarrierSettingError> {
            Ok(match url {
                "outbox" => Arc::new(outbox.clone()),
                url => Arc::new(Webhook::new(setting, url, secret.clone())?),
            })
        };
        let (sms, push) = (webhook("CARAVAN_SMS", settings.sms)?, webhook("CARAVAN_PUSH", settings.push)?);
        Ok(Carriers { mail, sms, push, outbox })
    }

    pub(crate) async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        match message.channel {
            Medium::Mail => self.mail.deliver(message).await,
            Medium::Push => self.push.deliver(message).await,
            Medium::Sms => self.sms.deliver(message).await,
        }
    }
}
