//! What a list of rentals is asked for: filters by the rules that the contract names for each, and a page.

use std::ops::RangeInclusive;

use caravan_domain::condition::{Pattern, caseless};
use caravan_domain::kind::FieldType;
use caravan_domain::{Condition, EntityId};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::exposure::{Exposed, Found, Ids, Question};
use crate::face::snake_of_camel;
use crate::{Failure, In, Request};

/// Rows of a page at most, and where nothing is said.
pub(super) const LARGEST: i64 = 500;
pub(super) const USUAL: i64 = 25;

/// The last page that may be asked for.
pub(super) const LAST: i64 = i32::MAX as i64;

/// A whole number among the parameters.
pub(super) fn bounded(
    request: &Request,
    name: &'static str,
    usual: i64,
    range: RangeInclusive<i64>,
) -> Result<usize, Failure> {
    let value = request.parameters.get(name).and_then(Value::as_i64).unwrap_or(usual);
    match usize::try_from(value) {
        Ok(bounded) if range.contains(&value) => Ok(bounded),
        _ => Err(Failure::invalid(name, format!("must be from {} to {}", range.start(), range.end()))),
    }
}

pub(super) fn question(request: &Request, exposed: &Exposed, _: Ids) -> Result<Question, Failure> {
    let number = bounded(request, "pageNumber", 1, 0..=LAST)?;
    let size = bounded(request, "pageRowCount", USUAL, 1..=LARGEST)?;
    let mut conditions = vec![];
    for parameter in &exposed.operation.parameters {
        let rule = match (&parameter.filter, parameter.place) {
            (Some(rule), _) => rule.as_str(),
            (None, In::Path) => "id",
            (None, _) => continue,
        };
        if let Some(asked) = request.parameters.get(&parameter.name) {
            conditions.push(condition(request, exposed, &parameter.name, rule, asked)?);
        }
    }
    Ok(Question { conditions, sort: vec![], number, size, deleted: false })
}

/// What a filter asks for, given as one value or a list of such.
pub(super) fn condition(
    request: &Request,
    exposed: &Exposed,
    name: &str,
    rule: &str,
    asked: &Value,
) -> Result<Condition, Failure> {
    let wrong = |message: &str| Failure::invalid(name.to_owned(), message).whose_field_is_written();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let values: Vec<String> =
        asked.as_array().map_or_else(|| vec![text(asked)], |many| many.iter().map(text).collect());
    if values.is_empty() || values.iter().any(String::is_empty) {
        return Err(wrong("is empty"));
    }
    let field = match exposed.exposure.found_by(name) {
        Some(Found::Among(texts)) => return Ok(among(texts(), &values)),
        Some(Found::By(field)) => exposed.kind().comparable(field),
        None => exposed.kind().comparable(&snake_of_camel(name)),
    };
    let field = field.ok_or_else(|| wrong("cannot be filtered by"))?;
    let asked = Asked { field: field.name, of: field.of, now: request.now, zone: request.headers.zone };
    asked.condition(rule, &values).map_err(|message| wrong(&message))
}

/// Of some texts, each with what it stands for: those that have the one part asked for, or that are one of several.
fn among(texts: Vec<(&'static str, Condition)>, values: &[String]) -> Condition {
    let meets = |text: &str| match values {
        [part] => caseless(text).contains(&caseless(part)),
        several => several.iter().any(|value| caseless(value) == caseless(text)),
    };
    Condition::any(texts.into_iter().filter(|(text, _)| meets(text)).map(|(_, condition)| condition))
}

/// One filter.
struct Asked {
    field: &'static str,
    of: FieldType,
    now: DateTime<Utc>,
    /// Of the client, for days that are local.
    zone: Tz,
}

impl Asked {
    fn condition(&self, rule: &str, values: &[String]) -> Result<Condition, String> {
        match (rule, values) {
            ("text", [part]) if part != NULL => Ok(Condition::Like(self.field, Pattern::part(part))),
            ("text", _) => self.one_of(values, |text| Ok(json!(text))),
            ("id", _) => self.one_of(values, |text| match text.parse::<EntityId>() {
                Ok(id) => Ok(json!(id)),
                Err(_) => Err("is not an id".to_owned()),
            }),
            ("boolean", _) => self.one_of(values, |text| match text.to_ascii_lowercase().as_str() {
                "true" => Ok(json!(true)),
                "false" => Ok(json!(false)),
                _ => Err("is not true or false".to_owned()),
            }),
            ("date", _) => {
                let days = values.iter().map(|text| self.days(text));
                Ok(Condition::any(days.collect::<Result<Vec<_>, _>>()?))
            }
            _ => Err(format!("cannot be filtered by {rule}")),
        }
    }

    fn one_of(&self, texts: &[String], value: impl Fn(&str) -> Result<Value, String>) -> Result<Condition, String> {
        let value = |text: &String| if text == NULL { Ok(Value::Null) } else { value(text) };
        Ok(Condition::Is(self.field, texts.iter().map(value).collect::<Result<_, _>>()?))
    }

    /// A day, or a token for several.
    fn days(&self, text: &str) -> Result<Condition, String> {
        let wrong = || "is not a day (YYYY-MM-DD), nor one of its tokens".to_owned();
        let day = |text: &str| text.get(..10).and_then(|day| day.parse::<NaiveDate>().ok()).ok_or_else(wrong);
        let here = self.now.date_naive();
        let there = self.now.with_timezone(&self.zone).date_naive();
        let (utc, local) = (Tz::UTC, self.zone);
        match text {
            NULL => Ok(Condition::Is(self.field, vec![Value::Null])),
            "$today" => Ok(self.span(here, here + Days::new(1), utc)),
            "$week" => Ok(self.span(monday(here), monday(here) + Days::new(7), utc)),
            "$month" => {
                let first = here - Days::new(u64::from(here.day0()));
                Ok(self.span(first, first + Months::new(1), utc))
            }
            "$ltoday" => Ok(self.span(there, there + Days::new(1), local)),
            "$lweek" => Ok(self.span(monday(there), monday(there) + Days::new(7), local)),
            _ => match (text.strip_prefix("$leq-"), text.strip_prefix("$lin-")) {
                (Some(one), _) => day(one).map(|day| self.span(day, day + Days::new(1), local)),
                (_, Some(several)) => {
                    let days =
                        several.split(',').map(|one| day(one).map(|day| self.span(day, day + Days::new(1), local)));
                    Ok(Condition::any(days.collect::<Result<Vec<_>, _>>()?))
                }
                _ => day(text).map(|day| self.span(day, day + Days::new(1), utc)),
            },
        }
    }

    /// From the beginning of a day to that of another, where days begin in a zone.
    fn span(&self, from: NaiveDate, to: NaiveDate, zone: Tz) -> Condition {
        let bound = |day: NaiveDate| match self.of {
            FieldType::Day => json!(day),
            _ => json!(beginning(day, zone)),
        };
        Condition::Between(self.field, Some(bound(from)), Some(bound(to)))
    }
}

/// Stands for a missing value.
const NULL: &str = "null";

fn monday(day: NaiveDate) -> NaiveDate {
    day - Days::new(u64::from(day.weekday().num_days_from_monday()))
}

/// When a day begins: at midnight, or where the clock skips that, right after.
fn beginning(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    let begins = |hours| zone.from_local_datetime(&(midnight + TimeDelta::hours(hours))).earliest();
    (0..24).find_map(begins).map_or_else(|| midnight.and_utc(), |at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(of: FieldType, zone: Tz) -> Asked {
        // A Wednesday, by Berlin's clock already Thursday.
        Asked { field: "at", of, now: "2031-05-14T23:30:00Z".parse().unwrap(), zone }
    }

    fn span(from: &str, to: &str) -> Condition {
        Condition::Between("at", Some(json!(from)), Some(json!(to)))
    }

    #[test]
    fn days_and_their_tokens_are_spans_of_time() {
        let asked = asked(FieldType::Instant, Tz::Europe__Berlin);
        for (text, from, to) in [
            ("2031-05-01", "2031-05-01T00:00:00Z", "2031-05-02T00:00:00Z"),
            ("$today", "2031-05-14T00:00:00Z", "2031-05-15T00:00:00Z"),
            ("$week", "2031-05-12T00:00:00Z", "2031-05-19T00:00:00Z"),
            ("$month", "2031-05-01T00:00:00Z", "2031-06-01T00:00:00Z"),
            ("$ltoday", "2031-05-14T22:00:00Z", "2031-05-15T22:00:00Z"),
            ("$lweek", "2031-05-11T22:00:00Z", "2031-05-18T22:00:00Z"),
            ("$leq-2031-01-01", "2030-12-31T23:00:00Z", "2031-01-01T23:00:00Z"),
        ] {
            assert_eq!(asked.condition("date", &[text.to_owned()]), Ok(span(from, to)), "{text}");
        }
        let several = asked.condition("date", &["$lin-2031-01-01,2031-01-02".to_owned()]).unwrap();
        assert!(matches!(several, Condition::Any(days) if days.len() == 2));
        for wrong in ["$yesterday", "2031-13-01", "", "$leq-", "$lin-"] {
            assert!(asked.condition("date", &[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_day_of_a_calendar_is_one_wherever_it_is_asked_from() {
        let asked = asked(FieldType::Day, Tz::Europe__Berlin);
        assert_eq!(asked.condition("date", &["$ltoday".to_owned()]), Ok(span("2031-05-15", "2031-05-16")));
    }

    #[test]
    fn one_text_is_a_part_and_several_are_whole() {
        let asked = asked(FieldType::Text, Tz::UTC);
        let condition =
            |texts: &[&str]| asked.condition("text", &texts.iter().map(|text| text.to_string()).collect::<Vec<_>>());
        assert_eq!(condition(&["wi"]), Ok(Condition::Like("at", Pattern::part("wi"))));
        assert_eq!(condition(&["a", "null"]), Ok(Condition::Is("at", vec![json!("a"), Value::Null])));
        assert_eq!(condition(&["null"]), Ok(Condition::Is("at", vec![Value::Null])));
    }
}
