//! What a letter says, and to whom: as it was given, and as it goes out.

use serde::{Deserialize, Serialize};

use crate::Rejection;
use crate::identity::Channel;
use crate::identity::contact::{claimed_form, email};

/// How many a letter reaches at most, copies included.
pub const MOST_RECIPIENTS: usize = 100;

/// The longest subject, in characters.
const LONGEST_SUBJECT: usize = 200;

/// A letter as it was given: addresses are separated by commas.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    pub from: String,
    pub to: String,
    pub cc: Option<String>,
    pub bcc: Option<String>,
    pub reply_to: Option<String>,
    pub subject: String,
    pub text: Option<String>,
    pub html: Option<String>,
    pub attachment: Option<StoredFile>,
}

/// A file of this installation's: a path in a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredFile {
    pub bucket: String,
    pub path: String,
}

/// A letter that can go out. Stored as JSON, sealed: names and shapes here are what the log holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    pub from: String,
    pub to: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    pub subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<StoredFile>,
}

impl Draft {
    /// The letter, if it is sound and from one of `senders`: addresses that are known to be ours.
    pub fn checked(self, senders: &[String]) -> Result<Letter, Rejection> {
        let from = email("from", &self.from)?;
        let same = |sender: &String| claimed_form(Channel::Mail, sender) == claimed_form(Channel::Mail, &from);
        if !senders.iter().any(same) {
            return Err(Rejection::forbidden("sender-not-ours", "is no address that mails may be sent from").on("from"));
        }
        let to = addresses("to", &self.to)?;
        let cc = addresses("cc", self.cc.as_deref().unwrap_or_default())?;
        let bcc = addresses("bcc", self.bcc.as_deref().unwrap_or_default())?;
        if to.is_empty() {
            return Err(Rejection::invalid("letter-needs-recipient", "to", "names nobody"));
        }
        if to.len() + cc.len() + bcc.len() > MOST_RECIPIENTS {
            let message = format!("names more than {MOST_RECIPIENTS} with `cc` and `bcc`");
            return Err(Rejection::invalid("too-many-recipients", "to", message));
        }
        let reply_to = self.reply_to.map(|address| email("reply_to", &address)).transpose()?;
        let subject = self.subject.trim().to_owned();
        // A line of its own would be a header of its own.
        if subject.is_empty() || subject.chars().count() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
            let message = format!("expected one line of 1 to {LONGEST_SUBJECT} characters");
            return Err(Rejection::invalid("subject-form", "subject", message));
        }
        let said = |words: Option<String>| words.filter(|words| !words.trim().is_empty());
        let (text, html) = (said(self.text), said(self.html));
        if text.is_none() && html.is_none() {
            return Err(Rejection::invalid("letter-needs-words", "text", "is needed, or `html`"));
        }
        Ok(Letter { from, to, cc, bcc, reply_to, subject, text, html, attachment: self.attachment })
    }
}

/// Addresses in stored form, each once.
fn addresses(field: &'static str, text: &str) -> Result<Vec<String>, Rejection> {
    let mut addresses: Vec<String> = vec![];
    for address in text.split(',').map(str::trim).filter(|address| !address.is_empty()) {
        let address = email(field, address)?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            from: "trips@example.com".to_owned(),
            to: "dana@example.com".to_owned(),
            subject: "Your trip".to_owned(),
            text: Some("See you soon".to_owned()),
            ..Draft::default()
        }
    }

    fn checked(draft: Draft) -> Result<Letter, Rejection> {
        draft.checked(&["trips@example.com".to_owned()])
    }

    #[test]
    fn a_letter_says_something_to_somebody() {
        let letter = checked(Draft {
            to: " dana@example.com, eli@Example.COM,,dana@example.com ".to_owned(),
            from: "Trips@example.com".to_owned(),
            cc: Some("finn@example.com".to_owned()),
            bcc: Some(String::new()),
            html: Some(" ".to_owned()),
            ..draft()
        });
        let letter = letter.unwrap();
        assert_eq!(letter.to, ["dana@example.com", "eli@example.com"]);
        assert_eq!((letter.cc.len(), letter.bcc.len(), letter.html), (1, 0, None));
        for (draft, rule, field) in [
            (Draft { to: " , ".to_owned(), ..draft() }, "letter-needs-recipient", "to"),
            (Draft { to: "dana".to_owned(), ..draft() }, "email-address-form", "to"),
            (Draft { cc: Some("a b@example.com".to_owned()), ..draft() }, "email-address-form", "cc"),
            (Draft { bcc: Some("dana@".to_owned()), ..draft() }, "email-address-form", "bcc"),
            (Draft { reply_to: Some("x".to_owned()), ..draft() }, "email-address-form", "reply_to"),
            (Draft { subject: " ".to_owned(), ..draft() }, "subject-form", "subject"),
            (Draft { subject: "x".repeat(201), ..draft() }, "subject-form", "subject"),
            (Draft { text: None, ..draft() }, "letter-needs-words", "text"),
            (Draft { from: "trips@".to_owned(), ..draft() }, "email-address-form", "from"),
            (Draft { from: "other@example.com".to_owned(), ..draft() }, "sender-not-ours", "from"),
        ] {
            let rejection = checked(draft).unwrap_err();
            assert_eq!((rejection.rule, rejection.field()), (rule, Some(field)));
        }
        assert_eq!(draft().checked(&[]).unwrap_err().rule, "sender-not-ours");
    }

    #[test]
    fn a_letter_reaches_100_at_most_copies_included() {
        let many = |number: usize| (0..number).map(|one| format!("p{one}@example.com")).collect::<Vec<_>>().join(",");
        let of = |to, cc, bcc| Draft { to: many(to), cc: Some(many(cc)), bcc: Some(many(bcc)), ..draft() };
        assert!(checked(of(50, 25, 25)).is_ok());
        for draft in [of(101, 0, 0), of(1, 100, 0), of(50, 25, 26)] {
            assert_eq!(checked(draft).unwrap_err().rule, "too-many-recipients");
        }
    }

    #[test]
    fn nothing_that_is_given_becomes_a_header_of_its_own() {
        let injected = "x\r\nBcc: all@example.com";
        for (draft, field) in [
            (Draft { subject: injected.to_owned(), ..draft() }, "subject"),
            (Draft { from: format!("trips@example.com{injected}"), ..draft() }, "from"),
            (Draft { to: format!("dana@example.com{injected}"), ..draft() }, "to"),
            (Draft { cc: Some(injected.to_owned()), ..draft() }, "cc"),
            (Draft { bcc: Some(injected.to_owned()), ..draft() }, "bcc"),
            (Draft { reply_to: Some(injected.to_owned()), ..draft() }, "reply_to"),
            (Draft { to: "\"x\"<dana@example.com>".to_owned(), ..draft() }, "to"),
        ] {
            let rejection = checked(draft).unwrap_err();
            assert_eq!(rejection.field(), Some(field));
        }
    }
}
