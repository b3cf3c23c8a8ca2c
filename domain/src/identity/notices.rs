//! What people want to be told, and by which medium: one record for each medium, under their account's id.

use garde::Validate;
use serde::{Deserialize, Serialize};

use super::{Channel, contact};
use crate::{Record, Rejection, Who};

/// By what a message reaches somebody: by a contact, or by push to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    Mail,
    Push,
    Sms,
}

/// What somebody is told without having asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    PurchaseIsMade,
    TripBookingReminder,
    CrewInvitation,
    TripIsShared,
    TripIsMovedToBooking,
}

/// Which notices somebody wants by one medium: all, until they say otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct NoticeSettings {
    #[garde(skip)]
    pub purchase_is_made: bool,
    #[garde(skip)]
    pub trip_booking_reminders: bool,
    #[garde(skip)]
    pub crew_invites: bool,
    #[garde(skip)]
    pub trip_is_shared: bool,
    #[garde(skip)]
    pub trip_is_moved_to_booking: bool,
}

pub const MAIL_NOTICES: Record = settings("mail_notices");
pub const PUSH_NOTICES: Record = settings("push_notices");
pub const SMS_NOTICES: Record = settings("sms_notices");

const fn settings(name: &'static str) -> Record {
    Record::of::<NoticeSettings>(name).known(Who::Person("id")).written(Who::Person("id"))
}

impl Default for NoticeSettings {
    fn default() -> Self {
        NoticeSettings {
            purchase_is_made: true,
            trip_booking_reminders: true,
            crew_invites: true,
            trip_is_shared: true,
            trip_is_moved_to_booking: true,
        }
    }
}

impl NoticeSettings {
    pub fn wants(&self, notice: Notice) -> bool {
        match notice {
            Notice::PurchaseIsMade => self.purchase_is_made,
            Notice::TripBookingReminder => self.trip_booking_reminders,
            Notice::CrewInvitation => self.crew_invites,
            Notice::TripIsShared => self.trip_is_shared,
            Notice::TripIsMovedToBooking => self.trip_is_moved_to_booking,
        }
    }
}

impl Medium {
    /// All of them, in the order in which they are tried for a notice.
    pub const ALL: [Medium; 3] = [Medium::Mail, Medium::Push, Medium::Sms];

    /// The record that holds which notices somebody wants by it.
    pub fn settings(self) -> &'static Record {
        match self {
            Medium::Mail => &MAIL_NOTICES,
            Medium::Push => &PUSH_NOTICES,
            Medium::Sms => &SMS_NOTICES,
        }
    }

    /// The form in which one address is the same, however it is written.
    pub fn claimed_form(self, address: &str) -> String {
        match self {
            Medium::Mail => contact::claimed_form(Channel::Mail, address),
            Medium::Sms => contact::claimed_form(Channel::Sms, address),
            // Whatever somebody calls their device, it is nobody's address.
            Medium::Push => format!("push {address}"),
        }
    }
}

impl From<Channel> for Medium {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Mail => Medium::Mail,
            Channel::Sms => Medium::Sms,
        }
    }
}

/// The longest name of a device at a push service, in characters.
const LONGEST_ENDPOINT: usize = 2_048;

/// What a push service knows a device by: visible ASCII. Nothing but that service is ever asked with it.
pub fn push_endpoint(field: &'static str, text: &str) -> Result<String, Rejection> {
    let sound = (1..=LONGEST_ENDPOINT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if sound {
        return Ok(text.to_owned());
    }
    let message = format!("is no push endpoint: expected 1 to {LONGEST_ENDPOINT} visible ASCII characters");
    Err(Rejection::invalid("push-endpoint-form", field, message))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn normalised(fields: Value) -> NoticeSettings {
        let fields = (MAIL_NOTICES.normalise)(fields).unwrap();
        serde_json::from_value(Value::Object(fields)).unwrap()
    }

    #[test]
    fn everything_is_told_until_somebody_says_otherwise() {
        let notices = [
            Notice::PurchaseIsMade,
            Notice::TripBookingReminder,
            Notice::CrewInvitation,
            Notice::TripIsShared,
            Notice::TripIsMovedToBooking,
        ];
        assert!(notices.iter().all(|notice| normalised(json!({})).wants(*notice)));
        let fields = [
            "purchase_is_made",
            "trip_booking_reminders",
            "crew_invites",
            "trip_is_shared",
            "trip_is_moved_to_booking",
        ];
        for (field, notice) in fields.iter().zip(notices) {
            let settings = normalised(json!({*field: false}));
            let off: Vec<_> = notices.into_iter().filter(|notice| !settings.wants(*notice)).collect();
            assert_eq!(off, [notice], "{field}");
        }
    }

    #[test]
    fn a_setting_is_on_or_off() {
        let rejection = (SMS_NOTICES.normalise)(json!({"crew_invites": "no"})).unwrap_err();
        assert_eq!((rejection.rule, rejection.field()), ("record-shape", Some("crew_invites")));
    }

    #[test]
    fn a_push_endpoint_is_visible_ascii_and_not_too_long() {
        let longest = "x".repeat(2_048);
        for sound in ["arn:aws:sns:us-west-2:000000000000:endpoint/app/1", "https://push.example/a?b=c#d", &longest] {
            assert_eq!(push_endpoint("push_endpoint", sound).unwrap(), sound);
        }
        for wrong in ["", "a b", "a\n", "é", "\u{7f}", &format!("{longest}x")] {
            let rejection = push_endpoint("push_endpoint", wrong).unwrap_err();
            assert_eq!((rejection.rule, rejection.field()), ("push-endpoint-form", Some("push_endpoint")), "{wrong}");
        }
    }
}
