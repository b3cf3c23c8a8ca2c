//! What every message says, word by word.

use std::collections::{BTreeMap, BTreeSet};

use caravan_domain::Money;
use caravan_domain::identity::CodePurpose;
use chrono::NaiveDate;

use super::identity::code;
use super::platform::letter;
use super::trips::{
    crew_invitation, purchase_is_made, trip_booking_reminder, trip_is_moved_to_booking, trip_is_shared,
};
use super::words::{Values, Words};
use super::{Template, all};
use crate::effects::LONGEST_PUBLIC_URL;

/// Each message in each of its forms, filled with a name, whether there is one, and an address.
fn samples(name: Option<&str>, url: &str) -> Vec<(Template, Values)> {
    let days = (NaiveDate::from_ymd_opt(2027, 5, 1).unwrap(), NaiveDate::from_ymd_opt(2027, 5, 3).unwrap());
    let crew = name.unwrap_or("Road <Trippers>");
    let purchase = |tickets, amount: &str| {
        let amount = Money::parse(amount, "CAD").unwrap();
        (purchase_is_made::PURCHASE_IS_MADE, purchase_is_made::values(name, tickets, &amount, name, url))
    };
    let code = |template, purpose| (template, code::values(purpose, "012345"));
    let invitation = |account| (crew_invitation::CREW_INVITATION, crew_invitation::values(name, crew, account, url));
    vec![
        code(code::SIGN_UP, CodePurpose::SignUp),
        code(code::LOGIN, CodePurpose::Login),
        code(code::PASSWORD_RESET, CodePurpose::PasswordReset),
        code(code::PHONE_CHANGE, CodePurpose::PhoneChange),
        code(code::EMAIL_CHANGE, CodePurpose::EmailChange),
        invitation(true),
        invitation(false),
        (trip_booking_reminder::TRIP_BOOKING_REMINDER, trip_booking_reminder::values(name, name, days, url)),
        (trip_is_shared::TRIP_IS_SHARED, trip_is_shared::values(name, name, days, url)),
        (trip_is_moved_to_booking::TRIP_IS_MOVED_TO_BOOKING, trip_is_moved_to_booking::values(name, name, days, url)),
        (letter::LETTER, letter::values("Your trip", "See you soon\n\nCaravan")),
        purchase(1, "120.5"),
        purchase(20_000, "90071992547409.91"),
        purchase(0, "300"),
    ]
}

fn words(template: &Template, values: &Values) -> Words {
    Words::of(template.words, values).unwrap()
}

/// One file a message, with all its forms: as text, then as a mail.
#[test]
fn every_message_says_what_it_did() {
    let mut forms: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for name in [Some("Dana <b>& Co</b>"), None] {
        for (template, values) in samples(name, "https://caravan.test") {
            let words = words(&template, &values);
            let form = format!("{}\n\n{}\n\n{}", words.subject, words.text, words.html().unwrap());
            forms.entry(template.name).or_default().insert(form);
        }
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        for (template, forms) in forms {
            insta::assert_snapshot!(template, Vec::from_iter(forms).join("\n\n----\n\n"));
        }
    });
}

#[test]
fn every_message_has_a_sample_and_a_name_of_its_own() {
    let sampled: BTreeSet<&str> = samples(None, "").iter().map(|(template, _)| template.name).collect();
    let mut names: Vec<&str> = all().map(|template| template.name).collect();
    names.sort_unstable();
    assert_eq!(Vec::from_iter(sampled), names);
}

#[test]
fn a_code_stands_in_the_text_alone_among_numbers_of_six_digits() {
    for (template, values) in samples(None, "").iter().filter(|(template, _)| template.name.ends_with("-code")) {
        let text = words(template, values).text;
        let numbers: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == 6).collect();
        assert_eq!(numbers, ["012345"], "{}", template.name);
    }
}

/// What a phone shows as a text message, segments of 160 characters.
const LONGEST_SMS: usize = 640;

#[test]
fn no_message_is_longer_than_640_characters() {
    let url = format!("https://{}", "x".repeat(LONGEST_PUBLIC_URL - 8));
    for (template, values) in samples(Some(&"x".repeat(90)), &url) {
        let text = words(&template, &values).text;
        assert!(text.chars().count() <= LONGEST_SMS, "{text}");
    }
}
