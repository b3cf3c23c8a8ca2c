//! The mails that the platform sends, each of which staff can switch off.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::{boolean, keyword};
use crate::{Record, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct MessageSetting {
    /// What the mail is called: `crew-invitation`.
    #[garde(length(chars, min = 1, max = 100))]
    pub action: String,
    #[garde(skip)]
    pub enabled: bool,
    /// Who gets it.
    #[garde(length(chars, min = 1, max = 100))]
    pub recipient: String,
    /// The subject as a template, in the form of `minijinja`.
    #[garde(length(chars, max = 1_000))]
    pub email_subject: String,
    /// The text likewise.
    #[garde(length(chars, max = 100_000))]
    pub email_message: String,
    /// Nothing is told within an application yet.
    #[garde(skip)]
    pub notification_message: Option<String>,
}

/// There is one for each mail.
pub const MESSAGE_SETTING: Record = Record::of::<MessageSetting>("message_setting")
    .known(Who::SignedIn)
    .changed(STAFF)
    .fields(&[keyword("action"), boolean("enabled"), keyword("recipient")]);
