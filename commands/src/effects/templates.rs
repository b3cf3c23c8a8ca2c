//! What our messages say, one function each. Values come in clear and are escaped where there is markup.

use caravan_domain::Money;
use caravan_domain::identity::CodePurpose;
use caravan_domain::identity::code::CODE_LIFE;
use caravan_domain::money::exponent;
use caravan_domain::text::is_invisible;
use chrono::NaiveDate;
use html_escape::encode_safe;
use unicode_normalization::UnicodeNormalization;

/// A message's words, for any channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub template: &'static str,
    pub subject: String,
    paragraphs: Vec<String>,
}

impl Content {
    fn new(template: &'static str, subject: impl Into<String>, paragraphs: Vec<String>) -> Self {
        Content { template, subject: subject.into(), paragraphs }
    }

    pub(crate) fn text(&self) -> String {
        self.paragraphs.join("\n\n")
    }

    pub(crate) fn html(&self) -> String {
        let paragraph = |text: &String| format!("<p>{}</p>\n", encode_safe(text));
        let body: String = self.paragraphs.iter().map(paragraph).collect();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n<body>\n{body}</body>\n</html>\n",
            encode_safe(&self.subject)
        )
    }
}

/// The longest address that messages may point to, in characters.
pub const LONGEST_PUBLIC_URL: usize = 200;

/// The most characters that a message takes of what somebody typed.
const LONGEST_NAME: usize = 60;

/// What somebody typed, fit to stand within a sentence: short, on one line, and nothing that a phone makes a link of.
fn named(text: &str) -> String {
    // Letters that only look different are the same to whoever makes links.
    let plain: Vec<char> = text.nfkc().filter(|c| !is_invisible(*c)).map(linkless).collect();
    let mut shown = String::with_capacity(text.len());
    let mut rest = plain.as_slice();
    while let Some((first, others)) = rest.split_first() {
        if !joins(*first) {
            shown.push(*first);
            rest = others;
            continue;
        }
        let joints = rest.iter().take_while(|c| joins(**c)).count();
        let (joined, after) = rest.split_at(joints);
        let between = !shown.is_empty() && !shown.ends_with(' ') && after.first().is_some_and(|c| *c != ' ');
        if between {
            shown.push(' ')
        } else {
            shown.extend(joined)
        }
        rest = after;
    }
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(LONGEST_NAME).collect::<String>().trim_end().to_owned()
}

/// What makes an address of two words.
fn joins(c: char) -> bool {
    matches!(c, '.' | '/' | ':')
}

/// The full stops that domain names take for dots, and every kind of space and control character, in plain form.
fn linkless(c: char) -> char {
    match c {
        '。' | '｡' => '.',
        c if c.is_whitespace() || c.is_control() => ' ',
        c => c,
    }
}

/// A six-digit code.
pub(crate) fn code(purpose: CodePurpose, code: &str) -> Content {
    let (template, subject, does) = match purpose {
        CodePurpose::SignUp => ("sign-up-code", "Your sign-up code", "confirms your sign-up"),
        CodePurpose::PhoneChange => ("phone-code", "Your phone verification code", "verifies your phone number"),
        CodePurpose::EmailChange => ("email-code", "Your address verification code", "verifies your email address"),
        CodePurpose::PasswordReset => ("password-reset-code", "Your password reset code", "resets your password"),
        CodePurpose::Login => ("login-code", "Your login code", "completes your login"),
    };
    Content::new(
        template,
        subject,
        vec![
            format!("{code} is your Caravan code. It {does} and is valid for {} minutes.", CODE_LIFE.num_minutes()),
            "If you did not ask for it, ignore this message and tell nobody the code.".to_owned(),
        ],
    )
}

/// Somebody was added to a crew. `account`: whether they have one.
pub(crate) fn crew_invitation(inviter: Option<&str>, crew: &str, account: bool, public_url: &str) -> Content {
    let (inviter, crew) = (inviter.map_or("A friend".to_owned(), named), named(crew));
    let next = match account {
        true => format!("Plan the next trip together: {public_url}"),
        false => format!("Sign up with this phone number to join in: {public_url}"),
    };
    Content::new(
        "crew-invitation",
        format!("{inviter} added you to {crew}"),
        vec![format!("{inviter} added you to the crew \"{crew}\" on Caravan."), next],
    )
}

/// A member is asked to look after a booking.
pub(crate) fn trip_booking_reminder(
    sender: Option<&str>,
    city: &str,
    (start, end): (NaiveDate, NaiveDate),
    public_url: &str,
) -> Content {
    let (sender, city) = (sender.map_or("Your crew".to_owned(), named), named(city));
    Content::new(
        "trip-booking-reminder",
        format!("Your trip to {city}"),
        vec![
            format!("{sender} reminds you of the trip to {city} from {start} to {end}."),
            format!("Say whether you are going, and see tickets and rooms: {public_url}"),
        ],
    )
}

/// Somebody paid for tickets or a room.
pub(crate) fn purchase_made(
    purchaser: Option<&str>,
    what: &str,
    amount: &Money,
    city: &str,
    public_url: &str,
) -> Content {
    let (purchaser, city) = (purchaser.map_or("A member".to_owned(), named), named(city));
    Content::new(
        "purchase-is-made",
        format!("A purchase for your trip to {city}"),
        vec![
            format!("{purchaser} bought {what} for {} on the trip to {city}.", price(amount)),
            format!("See who owes whom: {public_url}"),
        ],
    )
}

fn price(amount: &Money) -> String {
    format!("{:.*} {}", exponent(amount.currency) as usize, amount.major(), amount.currency.code())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_stands_in_the_text_alone_among_numbers_of_six_digits() {
        for purpose in [
            CodePurpose::SignUp,
            CodePurpose::PhoneChange,
            CodePurpose::EmailChange,
            CodePurpose::PasswordReset,
            CodePurpose::Login,
        ] {
            let text = code(purpose, "012345").text();
            let numbers: Vec<&str> =
                text.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == 6).collect();
            assert_eq!(numbers, ["012345"], "{purpose:?}");
        }
    }

    #[test]
    fn an_invitation_names_who_and_what() {
        let content = crew_invitation(Some("Dana"), "Road\r\nTrippers", false, "https://caravan.test");
        assert_eq!(content.subject, "Dana added you to Road Trippers");
        assert!(content.text().contains("\"Road Trippers\""));
        assert!(content.text().contains("https://caravan.test"));
        assert!(crew_invitation(None, "x", true, "").text().starts_with("A friend added you"));
    }

    #[test]
    fn a_purchase_is_told_in_major_units() {
        let amount = Money::parse("120.5", "CAD").unwrap();
        let text = purchase_made(Some("Dana"), "tickets", &amount, "Toronto", "").text();
        assert!(text.starts_with("Dana bought tickets for 120.50 CAD on the trip to Toronto."), "{text}");
    }

    #[test]
    fn a_reminder_tells_the_days() {
        let days = (NaiveDate::from_ymd_opt(2027, 5, 1).unwrap(), NaiveDate::from_ymd_opt(2027, 5, 3).unwrap());
        let text = trip_booking_reminder(None, "Toronto", days, "").text();
        assert!(
            text.starts_with("Your crew reminds you of the trip to Toronto from 2027-05-01 to 2027-05-03."),
            "{text}"
        );
    }

    #[test]
    fn what_somebody_typed_stands_on_one_line_and_is_no_link() {
        for (typed, told) in [
            ("Dana\r\nLee\t\u{0}!", "Dana Lee !"),
            ("evil.com", "evil com"),
            ("http://evil.com/a?b", "http evil com a?b"),
            ("evil\u{200b}.\u{202e}com", "evil com"),
            ("evil。com", "evil com"),
            ("evil．com／x", "evil com x"),
            ("e\u{323}\u{301}.com", "\u{1eb9}\u{301} com"),
            ("St. John's", "St. John's"),
            ("D.J. & co.", "D J. & co."),
            ("wait: what", "wait: what"),
            ("  ", ""),
        ] {
            assert_eq!(named(typed), told, "{typed:?}");
        }
        assert_eq!(named(&"é".repeat(90)).chars().count(), 60);
    }

    /// What a phone shows as a text message, segments of 160 characters.
    const LONGEST_SMS: usize = 640;

    #[test]
    fn no_message_is_longer_than_640_characters() {
        let url = format!("https://{}", "x".repeat(LONGEST_PUBLIC_URL - 8));
        let name = "x".repeat(90);
        let days = (NaiveDate::MAX, NaiveDate::MAX);
        let amount = Money::parse("90071992547409.91", "CAD").unwrap();
        let codes = [CodePurpose::SignUp, CodePurpose::PhoneChange, CodePurpose::PasswordReset, CodePurpose::Login];
        let messages = [
            crew_invitation(Some(&name), &name, true, &url),
            crew_invitation(Some(&name), &name, false, &url),
            trip_booking_reminder(Some(&name), &name, days, &url),
            purchase_made(Some(&name), "20000 tickets", &amount, &name, &url),
        ];
        for message in messages.into_iter().chain(codes.map(|purpose| code(purpose, "012345"))) {
            assert!(message.text().chars().count() <= LONGEST_SMS, "{}", message.text());
        }
    }

    proptest! {
        #[test]
        fn nothing_typed_is_an_address(name in "[a-z.:/\u{200b}。 ]{0,80}") {
            for word in named(&name).split(' ') {
                prop_assert!(!word.trim_matches(joins).contains(joins), "{word:?}");
            }
        }

        #[test]
        fn what_people_typed_never_becomes_markup(name in ".{0,40}", crew in "[<>&\"'a-z\n]{0,40}") {
            let html = crew_invitation(Some(&name), &crew, true, "https://caravan.test").html();
            let ours = crew_invitation(Some("x"), "x", true, "https://caravan.test").html();
            for markup in ['<', '>'] {
                prop_assert_eq!(html.matches(markup).count(), ours.matches(markup).count());
            }
            prop_assert!(!html.contains("\n\n\n"));
        }
    }
}
