//! What an organiser announces, in whatever form: read, cleaned and typed, but not yet matched with the catalogue.

use std::fmt;

use caravan_domain::catalogue::Place;
use caravan_domain::catalogue::event::{Category, Offers, PriceRange, Schedule, out_of_calendar};
use caravan_domain::{Money, Rejection};
use chrono::{DateTime, Days, FixedOffset, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::areas::{Area, areas, without_codes};
use crate::fault::Fault;
use crate::text::text;
use crate::when::{Ends, When};

/// Where in a file a record stands, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// A record as it was read.
pub type Record = Result<Announcement, Fault>;

/// Takes one record of a reader; says whether more are wanted.
pub type Sink<'s> = dyn FnMut(Spot, Record) -> bool + 's;

#[derive(Debug, Clone, PartialEq)]
pub struct Announcement {
    /// Who publishes it, where the record says so.
    pub source: Option<String>,
    /// Its id there, where it has one.
    pub source_id: Option<String>,
    /// Of several with one id, those of the highest version count.
    pub version: u32,
    pub name: String,
    pub starts: When,
    pub ends: Option<Ends>,
    /// The zone that the record itself names.
    pub zone: Option<Tz>,
    /// What the feed has for times and days that name none.
    pub floating: Option<Tz>,
    pub location: AnnouncedLocation,
    pub category: Category,
    /// The first is the main one.
    pub performers: Vec<String>,
    pub offers: Offers,
    pub organizer: Option<AnnouncedOrganizer>,
    pub cancelled: bool,
    /// What of the record is left out.
    pub notes: Vec<Fault>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnnouncedLocation {
    pub venue: Option<String>,
    pub street: Option<String>,
    pub postal_code: Option<String>,
    /// The city, or parts of an address of which one is it.
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

impl Announcement {
    /// One that says nothing but this.
    pub fn new(name: String, starts: When) -> Announcement {
        Announcement {
            source: None,
            source_id: None,
            version: 0,
            name,
            starts,
            ends: None,
            zone: None,
            floating: None,
            location: AnnouncedLocation::default(),
            category: Category::from_words([]),
            performers: vec![],
            offers: Offers::default(),
            organizer: None,
            cancelled: false,
            notes: vec![],
        }
    }

    /// When it takes place, by the clocks of `zone`; clock readings without a zone are read in `floating`. An end that
    /// cannot be is left out, and what is wrong with it comes along.
    pub fn schedule(&self, zone: Tz, floating: Tz) -> Result<(Schedule, Option<Fault>), Rejection> {
        match self.schedule_until(self.ends, zone, floating) {
            Ok(schedule) => Ok((schedule, None)),
            Err(wrong) => {
                let schedule = self.schedule_until(None, zone, floating)?;
                Ok((schedule, Some(Fault::new(wrong.to_string()))))
            }
        }
    }

    fn schedule_until(&self, ends: Option<Ends>, zone: Tz, floating: Tz) -> Result<Schedule, Rejection> {
        let out = || out_of_calendar("ends_at");
        match (self.starts, ends) {
            (When::Day(first), None) => Schedule::days(first, first, zone),
            (When::Day(first), Some(Ends::At(When::Day(last)))) => Schedule::days(first, last, zone),
            (When::Day(first), Some(Ends::After(length))) if length.time.is_zero() => {
                let last = first.checked_add_days(Days::new(length.days.saturating_sub(1))).ok_or_else(out)?;
                Schedule::days(first, last, zone)
            }
            (starts, ends) => {
                let clocks = |when: When| if matches!(when, When::Local(_)) { floating } else { zone };
                let starts_at = starts.instant(clocks(starts));
                let ends_at = match ends {
                    None => None,
                    Some(Ends::At(When::Day(last))) => {
                        Some(When::Day(last.checked_add_days(Days::new(1)).unwrap_or(last)).instant(zone))
                    }
                    Some(Ends::At(when)) => Some(when.instant(clocks(when))),
                    Some(Ends::After(length)) => {
                        Some(length.after(starts_at, self.zone.unwrap_or(clocks(starts))).ok_or_else(out)?)
                    }
                };
                Schedule::timed(starts_at, ends_at, zone)
            }
        }
    }

    /// What the clocks show where it takes place, if the record says so.
    pub fn clock(&self) -> Option<(DateTime<Utc>, FixedOffset)> {
        match self.starts {
            When::Instant(instant, offset) => Some((instant, offset?)),
            When::Local(_) | When::Day(_) => None,
        }
    }

    /// Its id at its source; for a record without one a hash of what tells it from others: address or venue, name and
    /// start. The address alone does not, since many share the page that lists them.
    pub fn external_id(&self) -> String {
        if let Some(id) = &self.source_id {
            return id.clone();
        }
        let place = self.offers.url.as_ref().or(self.location.venue.as_ref());
        // An instant is the same by whatever clock.
        let starts = match self.starts {
            When::Instant(instant, _) => format!("Instant({instant:?})"),
            starts => format!("{starts:?}"),
        };
        let parts = (place, &self.name, starts);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{parts:?}").as_bytes()).to_string()
    }
}

impl AnnouncedLocation {
    /// Of free text: mostly "venue, street, city, country", or these in lines.
    pub fn from_text(location: &str) -> AnnouncedLocation {
        let is_address_of_page = location.trim_start().starts_with("http");
        if is_address_of_page {
            return AnnouncedLocation::default();
        }
        let parts: Vec<String> = location.split([',', '\n', '、', '，']).filter_map(text).collect();
        let venue = parts.first().cloned();
        // "Toronto, ON", a single part and what stands before one other, as in "Cartagena, Murcia, Spain", may name the
        // city; what has more than a city after it is a venue.
        let is_broad = |part: String| part.is_empty() || !areas(&part).is_empty();
        let may_be_city = parts.iter().skip(2).all(|part| is_broad(without_codes(part)));
        let city = text(&parts[usize::from(!may_be_city)..].join(", "));
        AnnouncedLocation { venue, city, ..AnnouncedLocation::default() }
    }
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
    use crate::when::Length;
    use chrono::NaiveDate;
    use chrono_tz::America::Toronto;

    fn schedule(starts: &str, ends: Option<Ends>) -> (Schedule, Option<String>) {
        let announcement = Announcement { ends, ..Announcement::new("A".into(), When::parse(starts).unwrap()) };
        let (schedule, fault) = announcement.schedule(Toronto, Toronto).unwrap();
        (schedule, fault.map(|fault| fault.to_string()))
    }

    #[test]
    fn what_is_no_price_is_left_out() {
        let range = prices([("25.50", "cad"), ("free", "CAD"), ("10", "CAD"), ("5", "USD")]).unwrap();
        assert_eq!((range.lowest.minor, range.highest.minor), (1_000, 2_550));
        assert_eq!(prices([("-1", "CAD"), ("1", "DOLLAR")]), None);
    }

    #[test]
    fn an_end_day_is_included() {
        let last = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
        let (schedule, _) = schedule("2026-01-30T19:00", Some(Ends::At(When::Day(last))));
        assert_eq!(schedule.ends_at.unwrap().to_rfc3339(), "2026-02-01T05:00:00+00:00");
    }

    #[test]
    fn days_may_last_for_days() {
        let (schedule, fault) = schedule("2027-06-10", Some(Ends::After(Length { days: 3, ..Length::default() })));
        assert!(schedule.all_day && fault.is_none());
        assert_eq!(schedule.ends_at.unwrap().to_rfc3339(), "2027-06-13T04:00:00+00:00");
    }

    #[test]
    fn an_end_before_the_start_is_left_out() {
        let ends = When::parse("2027-06-10T00:00:00-04:00").map(Ends::At);
        let (schedule, fault) = schedule("2027-06-10T19:00:00-04:00", ends);
        assert_eq!(schedule.ends_at, None);
        assert_eq!(fault.unwrap(), "ends_at: ends before it starts");
    }

    #[test]
    fn a_location_in_words_has_a_venue_and_maybe_a_city() {
        let parts = |location: &str| {
            let location = AnnouncedLocation::from_text(location);
            (location.venue.unwrap_or_default(), location.city.unwrap_or_default())
        };
        let pair = |venue: &str, city: &str| (venue.to_owned(), city.to_owned());
        assert_eq!(
            parts("Massey Hall\n178 Victoria St\nToronto, Ontario, Canada"),
            pair("Massey Hall", "178 Victoria St, Toronto, Ontario, Canada")
        );
        assert_eq!(parts("Toronto, ON"), pair("Toronto", "Toronto, ON"));
        assert_eq!(parts("Massey Hall, Toronto"), pair("Massey Hall", "Massey Hall, Toronto"));
        assert_eq!(parts("Toronto"), pair("Toronto", "Toronto"));
        assert_eq!(parts(""), pair("", ""));
        assert_eq!(parts("https://meet.example.com/abc?pwd=secret"), pair("", ""));
    }
}
