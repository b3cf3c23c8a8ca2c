//! What an organiser announces, in whatever form: read, cleaned and typed, but not yet matched with the catalogue.

use std::fmt;

use caravan_domain::catalogue::Place;
use caravan_domain::catalogue::event::{Category, Offers, PriceRange, Schedule, local_instant};
use caravan_domain::{Money, Rejection};
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::areas::Area;

/// Where in a file a record stands, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    Line(u64),
    Record(u64),
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spot::Line(line) => write!(f, "line {line}"),
            Spot::Record(record) => write!(f, "record {record}"),
        }
    }
}

/// Takes one record of a reader, or what is wrong with it; says whether more are wanted.
pub type Sink<'s> = dyn FnMut(Spot, Result<Announcement, String>) -> bool + 's;

#[derive(Debug, Clone, PartialEq)]
pub struct Announcement {
    /// Who publishes it, where the record says so.
    pub source: Option<String>,
    /// Its id there, where it has one.
    pub source_id: Option<String>,
    pub name: String,
    pub starts: When,
    pub ends: Option<Ends>,
    /// Of local times, where the record says so.
    pub zone: Option<Tz>,
    pub location: AnnouncedLocation,
    pub category: Category,
    /// The first is the main one.
    pub performers: Vec<String>,
    pub offers: Offers,
    pub organizer: Option<AnnouncedOrganizer>,
    pub cancelled: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnnouncedLocation {
    pub venue: Option<String>,
    pub street: Option<String>,
    pub postal_code: Option<String>,
    pub city: Option<String>,
    /// As the source spells it.
    pub region: Option<String>,
    /// `None` also for one that is not known.
    pub country: Option<Area>,
    pub place: Option<Place>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AnnouncedOrganizer {
    pub name: String,
    pub is_person: bool,
}

/// A moment as records spell it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    Instant(DateTime<Utc>),
    /// A wall clock reading.
    Local(NaiveDateTime),
    Day(NaiveDate),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ends {
    /// A day is included.
    At(When),
    After(TimeDelta),
}

impl Announcement {
    /// When it takes place, by the clocks of `zone`.
    pub fn schedule(&self, zone: Tz) -> Result<Schedule, Rejection> {
        match (self.starts, self.ends) {
            (When::Day(first), None) => Schedule::days(first, first, zone),
            (When::Day(first), Some(Ends::At(When::Day(last)))) => Schedule::days(first, last, zone),
            (starts, ends) => {
                let starts_at = starts.instant(zone);
                let ends_at = match ends {
                    None => None,
                    Some(Ends::At(When::Day(last))) => {
                        Some(When::Day(last.checked_add_days(Days::new(1)).unwrap_or(last)).instant(zone))
                    }
                    Some(Ends::At(when)) => Some(when.instant(zone)),
                    Some(Ends::After(duration)) => {
                        let too_long = || Rejection::invalid("ends_at", "is out of the calendar");
                        Some(starts_at.checked_add_signed(duration).ok_or_else(too_long)?)
                    }
                };
                Schedule::timed(starts_at, ends_at, zone)
            }
        }
    }

    /// Its id at its source; for a record without one a hash of what tells it from others: address or venue, name and
    /// start. The address alone does not, since many share the page that lists them.
    pub fn external_id(&self) -> String {
        if let Some(id) = &self.source_id {
            return id.clone();
        }
        let place = self.offers.url.as_ref().or(self.location.venue.as_ref());
        let parts = (place, &self.name, format!("{:?}", self.starts));
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{parts:?}").as_bytes()).to_string()
    }
}

impl When {
    /// RFC 3339, a wall clock reading without offset, or a date.
    pub fn parse(text: &str) -> Result<When, String> {
        let text = text.trim();
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Ok(When::Instant(instant.to_utc()));
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(When::Day(day));
        }
        let spaced = text.replacen(' ', "T", 1);
        for format in ["%Y-%m-%dT%H:%M%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"] {
            if let Ok(instant) = DateTime::parse_from_str(&spaced, format) {
                return Ok(When::Instant(instant.to_utc()));
            }
        }
        for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
            if let Ok(local) = NaiveDateTime::parse_from_str(&spaced, format) {
                return Ok(When::Local(local));
            }
        }
        Err(format!("{text:?} is neither a date nor a time"))
    }

    fn instant(self, zone: Tz) -> DateTime<Utc> {
        let instant = match self {
            When::Instant(instant) => instant,
            When::Local(local) => local_instant(zone, local),
            When::Day(day) => local_instant(zone, day.and_time(NaiveTime::MIN)),
        };
        // Counted in milliseconds, a leap second is the second after it, as on clocks that know none.
        DateTime::from_timestamp_millis(instant.timestamp_millis()).unwrap_or(instant)
    }
}

/// Published text as people read it: entities decoded, white space in one piece. `None` when nothing is left.
pub fn text(raw: &str) -> Option<String> {
    let decoded = html_escape::decode_html_entities(raw);
    let words: Vec<&str> =
        decoded.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A name, and whether it says that the event was called off: "RubyConf (Cancelled)".
pub fn name(raw: &str) -> Result<(String, bool), String> {
    let name = text(raw).ok_or("has no name")?;
    let lower = name.to_lowercase();
    for note in ["(cancelled)", "(canceled)", "[cancelled]", "[canceled]"] {
        // Lower case may have another length in bytes; then the name stays as it is.
        if let Some(at) = lower.find(note)
            && let (Some(before), Some(after)) = (name.get(..at), name.get(at + note.len()..))
        {
            return Ok((text(&format!("{before} {after}")).ok_or("has no name")?, true));
        }
    }
    Ok((name, false))
}

/// A web address; anything else is dropped, since an event is worth knowing without it.
pub fn web_address(raw: &str) -> Option<String> {
    let url = raw.trim();
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    (is_web && url.len() <= 2000 && !url.contains(char::is_whitespace)).then(|| url.to_owned())
}

/// The range of prices in one currency. What is no price, such as "from 10", is left out.
pub fn prices<'p>(prices: impl IntoIterator<Item = (&'p str, &'p str)>) -> Option<PriceRange> {
    let mut range: Option<PriceRange> = None;
    for (amount, currency) in prices {
        let Ok(price) = Money::parse(amount.trim(), &currency.trim().to_ascii_uppercase()) else { continue };
        range = match range {
            None => Some(PriceRange { lowest: price, highest: price }),
            Some(range) => Some(range.widened(price).unwrap_or(range)),
        };
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::America::Toronto;

    #[test]
    fn times_come_in_many_spellings() {
        let instant = |text: &str| When::Instant(DateTime::parse_from_rfc3339(text).unwrap().to_utc());
        assert_eq!(When::parse("2026-01-30T19:00:00-05:00"), Ok(instant("2026-01-31T00:00:00Z")));
        assert_eq!(When::parse("2026-01-30T19:00-05:00"), Ok(instant("2026-01-31T00:00:00Z")));
        assert_eq!(When::parse("2026-01-30T19:00:00.000Z"), Ok(instant("2026-01-30T19:00:00Z")));
        assert_eq!(When::parse("2026-01-30T19:00:00+0100"), Ok(instant("2026-01-30T18:00:00Z")));
        let day = NaiveDate::from_ymd_opt(2026, 1, 30).unwrap();
        assert_eq!(When::parse("2026-01-30"), Ok(When::Day(day)));
        assert_eq!(When::parse("2026-01-30 19:00"), Ok(When::Local(day.and_hms_opt(19, 0, 0).unwrap())));
        for wrong in ["", "30.1.2026", "2026-02-30", "2026-01-30T25:00", "soon"] {
            assert!(When::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn text_is_decoded_and_trimmed() {
        assert_eq!(text(" Rock &amp; Roll\n\tNight&nbsp;"), Some("Rock & Roll Night".into()));
        assert_eq!(text(" \u{7} "), None);
    }

    #[test]
    fn a_name_may_say_that_it_was_called_off() {
        assert_eq!(name("EuRuKo 2020 (Cancelled)"), Ok(("EuRuKo 2020".into(), true)));
        assert_eq!(name("Cancelled Culture"), Ok(("Cancelled Culture".into(), false)));
        assert!(name("(Cancelled)").is_err());
    }

    #[test]
    fn what_is_no_price_is_left_out() {
        let range = prices([("25.50", "cad"), ("free", "CAD"), ("10", "CAD"), ("5", "USD")]).unwrap();
        assert_eq!((range.lowest.minor, range.highest.minor), (1_000, 2_550));
        assert_eq!(prices([("-1", "CAD"), ("1", "DOLLAR")]), None);
    }

    #[test]
    fn an_end_day_is_included() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        let mut announcement = crate::flat::tests::announcement();
        announcement.starts = When::Local(day(30).and_hms_opt(19, 0, 0).unwrap());
        announcement.ends = Some(Ends::At(When::Day(day(31))));
        let schedule = announcement.schedule(Toronto).unwrap();
        assert_eq!(schedule.ends_at.unwrap().to_rfc3339(), "2026-02-01T05:00:00+00:00");
    }
}
