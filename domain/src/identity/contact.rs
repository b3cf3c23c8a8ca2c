//! Where a person can be reached, and the shapes of phone numbers and email addresses.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::text::is_invisible;
use crate::{Rejection, Sealed};

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Mail,
    Sms,
}

/// A phone number or email address somebody gave, and whether they have proven that it is theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    pub value: Sealed,
    pub proven: bool,
}

/// A phone number of the E.164 shape: `+`, then 2 to 15 digits, the first not 0.
pub fn phone(field: &'static str, text: &str) -> Result<String, Rejection> {
    let digits = text.trim().strip_prefix('+').unwrap_or_default();
    let sound = (2..=15).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && !digits.starts_with('0');
    if sound {
        Ok(format!("+{digits}"))
    } else {
        Err(Rejection::invalid(
            "phone-number-form",
            field,
            "is no phone number: expected + and 2 to 15 digits, such as +14165550100",
        ))
    }
}

/// An email address in stored form, at most 254 bytes: a name in NFC, `@`, and a domain as IDNA writes it in ASCII.
pub fn email(field: &'static str, text: &str) -> Result<String, Rejection> {
    parse_email(text.trim()).ok_or_else(|| Rejection::invalid("email-address-form", field, "is no email address"))
}

fn parse_email(text: &str) -> Option<String> {
    let (name, host) = text.split_once('@')?;
    let name: String = name.nfc().collect();
    let refused = |c: char| c.is_whitespace() || c.is_control() || is_invisible(c) || "<>,;\"".contains(c);
    if name.is_empty() || name.contains(refused) {
        return None;
    }
    let email = format!("{name}@{}", domain(host)?);
    (email.len() <= 254).then_some(email)
}

/// A domain in the one form that names of it in any language have, if it may be one.
pub(super) fn domain(host: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(host.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow, DnsLength::Verify).ok()?;
    Some(ascii.into_owned())
}

/// The form in which only one person may hold a contact: email addresses are the same in any letter case, and however
/// their domain is written.
pub fn claimed_form(channel: Channel, contact: &str) -> String {
    match channel {
        Channel::Mail => parse_email(contact).unwrap_or_else(|| contact.to_owned()).to_lowercase(),
        Channel::Sms => contact.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_has_the_shape_of_e164_and_nothing_more_is_demanded() {
        assert_eq!(phone("phone", " +14165550100 ").unwrap(), "+14165550100");
        assert_eq!(phone("phone", "+12").unwrap(), "+12");
        for wrong in ["", "+", "+1", "14165550100", "+0123456", "+1416 5550100", "+1234567890123456", "+1416x550100"] {
            let rejection = phone("phone", wrong).unwrap_err();
            assert_eq!((rejection.rule, rejection.field()), ("phone-number-form", Some("phone")), "{wrong}");
        }
    }

    #[test]
    fn an_email_address_has_two_parts() {
        assert_eq!(email("email", "Dana@example.com").unwrap(), "Dana@example.com");
        for wrong in ["", "@", "dana", "dana@", "@example.com", "a@b@c", "a b@example.com", "a@exam\nple.com"] {
            assert_eq!(email("email", wrong).unwrap_err().rule, "email-address-form", "{wrong}");
        }
        assert!(email("email", &format!("{}@example.com", "x".repeat(243))).is_err(), "255 bytes");
        assert!(email("email", "da\u{200b}na@example.com").is_err());
    }

    #[test]
    fn the_domain_of_an_email_address_is_one_however_it_is_written() {
        for written in ["ü.example", "Ü.EXAMPLE", "u\u{308}.example", "xn--tda.example", "XN--TDA。example"] {
            assert_eq!(email("email", &format!("Dana@{written}")).unwrap(), "Dana@xn--tda.example", "{written}");
            assert_eq!(claimed_form(Channel::Mail, &format!("Dana@{written}")), "dana@xn--tda.example", "{written}");
        }
        let long = format!("a@{}.example", "x".repeat(64));
        for wrong in
            ["a@xn--a.example", "a@b..example", "a@b_c.example", "a@[127.0.0.1]", "a@b%c", "a@\u{200d}.example", &long]
        {
            assert_eq!(email("email", wrong).unwrap_err().rule, "email-address-form", "{wrong}");
        }
    }

    #[test]
    fn an_email_address_is_claimed_in_any_letter_case() {
        assert_eq!(claimed_form(Channel::Mail, "Dana@Example.com"), "dana@example.com");
    }
}
