//! What reaches the outside: messages, and the ports that carry them.

mod outbox;
mod smtp;
mod webhook;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use caravan_domain::EntityId;
use caravan_domain::identity::Channel;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
    pub channel: Channel,
    /// Email address or phone number.
    pub to: String,
    /// Of a mail.
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
    pub outbox: Outbox,
}

impl Carriers {
    /// The carriers that settings name. `mail`: `outbox`, `smtp://…` or `smtps://…`; `mail_from`: the sender's mailbox;
    /// `sms`: `outbox` or the `http(s)://…` address of a webhook; `outbox`: the directory of the files.
    pub fn open(mail: &str, mail_from: &str, sms: &str, outbox: &Path) -> Result<Carriers, CarrierSettingError> {
        let outbox = Outbox::new(outbox);
        let mail: Arc<dyn Carrier> = match mail {
            "outbox" => Arc::new(outbox.clone()),
            url => Arc::new(Smtp::new(url, mail_from)?),
        };
        let sms: Arc<dyn Carrier> = match sms {
            "outbox" => Arc::new(outbox.clone()),
            url => Arc::new(Webhook::new(url)?),
        };
        Ok(Carriers { mail, sms, outbox })
    }

    pub(crate) async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        match message.channel {
            Channel::Mail => self.mail.deliver(message).await,
            Channel::Sms => self.sms.deliver(message).await,
        }
    }
}
