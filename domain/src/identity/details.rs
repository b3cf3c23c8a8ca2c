//! What people tell about themselves: the standard claims of OpenID Connect, in clear text, before they are sealed.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::contact;
use crate::Rejection;
use crate::text::bounded;

/// A standard claim. `Email` and `PhoneNumber` are contacts; the rest are kept as attributes of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    Address,
    Birthdate,
    Email,
    FamilyName,
    Gender,
    GivenName,
    Locale,
    MiddleName,
    Name,
    Nickname,
    PhoneNumber,
    Picture,
    PreferredUsername,
    Profile,
    Website,
    Zoneinfo,
}

impl Attribute {
    const ALL: [Attribute; 16] = [
        Attribute::Address,
        Attribute::Birthdate,
        Attribute::Email,
        Attribute::FamilyName,
        Attribute::Gender,
        Attribute::GivenName,
        Attribute::Locale,
        Attribute::MiddleName,
        Attribute::Name,
        Attribute::Nickname,
        Attribute::PhoneNumber,
        Attribute::Picture,
        Attribute::PreferredUsername,
        Attribute::Profile,
        Attribute::Website,
        Attribute::Zoneinfo,
    ];

    /// Its name among the standard claims.
    pub fn name(self) -> &'static str {
        match self {
            Attribute::Address => "address",
            Attribute::Birthdate => "birthdate",
            Attribute::Email => "email",
            Attribute::FamilyName => "family_name",
            Attribute::Gender => "gender",
            Attribute::GivenName => "given_name",
            Attribute::Locale => "locale",
            Attribute::MiddleName => "middle_name",
            Attribute::Name => "name",
            Attribute::Nickname => "nickname",
            Attribute::PhoneNumber => "phone_number",
            Attribute::Picture => "picture",
            Attribute::PreferredUsername => "preferred_username",
            Attribute::Profile => "profile",
            Attribute::Website => "website",
            Attribute::Zoneinfo => "zoneinfo",
        }
    }

    pub fn find(name: &str) -> Option<Attribute> {
        Attribute::ALL.into_iter().find(|attribute| attribute.name() == name)
    }

    /// The value in stored form, or why it is none.
    fn parse(self, text: &str) -> Result<String, Rejection> {
        let text = text.trim();
        let wrong = |message: &'static str| Err(Rejection::invalid("attribute-form", self.name(), message));
        match self {
            Attribute::Email => return contact::email(self.name(), text),
            Attribute::PhoneNumber => return contact::phone(self.name(), text),
            Attribute::Birthdate if text.len() != 10 || text.parse::<NaiveDate>().is_err() => {
                return wrong("is no date: expected YYYY-MM-DD");
            }
            Attribute::Picture | Attribute::Profile | Attribute::Website if !is_web_address(text) => {
                return wrong("is no web address: expected http:// or https://");
            }
            Attribute::Zoneinfo if text.parse::<chrono_tz::Tz>().is_err() => {
                return wrong("is no time zone: expected one such as America/Toronto");
            }
            _ => {}
        }
        bounded(self.name(), text, 1000)?;
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(Rejection::invalid("control-characters", self.name(), "may not contain control characters"));
        }
        Ok(text.to_owned())
    }
}

fn is_web_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '['))
        && !text.contains(char::is_whitespace)
}

/// Sound details, each at most once; `None` takes one away.
pub type Details = BTreeMap<Attribute, Option<String>>;

/// Details from pairs of name and value; an empty value takes one away. The refusal names the pair at fault.
pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Details, Rejection> {
    let mut details = Details::new();
    for (name, value) in pairs {
        let Some(attribute) = Attribute::find(name) else {
            return Err(Rejection::invalid("attribute-unknown", name.to_owned(), "is no known attribute"));
        };
        let value = if value.trim().is_empty() { None } else { Some(attribute.parse(value)?) };
        if details.insert(attribute, value).is_some() {
            return Err(Rejection::invalid("attribute-given-twice", attribute.name(), "is given twice"));
        }
    }
    Ok(details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_is_found_by_its_name() {
        for attribute in Attribute::ALL {
            assert_eq!(Attribute::find(attribute.name()), Some(attribute));
            assert_eq!(serde_json::to_value(attribute).unwrap(), attribute.name());
        }
    }

    #[test]
    fn an_unknown_attribute_is_refused_by_name() {
        let unknown = parse([("shoe_size", "43")]).unwrap_err();
        assert_eq!((unknown.rule, unknown.field()), ("attribute-unknown", Some("shoe_size")));
    }

    #[test]
    fn an_attribute_may_be_given_once() {
        let twice = parse([("gender", "female"), ("gender", "male")]).unwrap_err();
        assert_eq!((twice.rule, twice.field()), ("attribute-given-twice", Some("gender")));
    }

    #[test]
    fn an_empty_value_takes_an_attribute_away() {
        assert_eq!(parse([("gender", " ")]).unwrap(), Details::from([(Attribute::Gender, None)]));
    }

    #[test]
    fn values_have_the_shape_their_attribute_demands() {
        for (name, sound, wrong, rule) in [
            ("birthdate", "1990-02-28", "1990-02-30", "attribute-form"),
            ("picture", "https://img.example.com/u1.jpg", "javascript:alert(1)", "attribute-form"),
            ("website", "http://example.com", "https:// example", "attribute-form"),
            ("zoneinfo", "America/Toronto", "Toronto", "attribute-form"),
            ("email", "dana@example.com", "dana", "email-address-form"),
            ("phone_number", "+14165550100", "4165550100", "phone-number-form"),
            ("nickname", "Dee", "D\u{7}e", "control-characters"),
            ("name", "Dana", &"x".repeat(1001), "text-too-long"),
        ] {
            assert!(parse([(name, sound)]).is_ok(), "{name}: {sound}");
            let rejection = parse([(name, wrong)]).unwrap_err();
            assert_eq!((rejection.rule, rejection.field()), (rule, Some(name)), "{wrong}");
        }
    }
}
