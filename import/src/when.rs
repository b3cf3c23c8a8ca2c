//! Moments as records spell them.

use caravan_domain::catalogue::event::local_instant;
use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// A moment as a record spells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// With the offset that the clocks had there, where the record says more than UTC.
    Instant(DateTime<Utc>, Option<FixedOffset>),
    /// A wall clock reading.
    Local(NaiveDateTime),
    Day(NaiveDate),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ends {
    /// A day is included.
    At(When),
    After(Length),
}

/// Days by the calendar, which may be longer or shorter than 24 hours, and time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Length {
    pub days: u64,
    pub time: TimeDelta,
}

impl When {
    /// A date, a wall clock reading, or either with an offset: in the forms of ISO 8601, long
    /// (`2026-01-30T19:00-05:00`) and short (`20260130T190000Z`), also with a space for the `T`. `T24:00` is the next
    /// midnight.
    pub fn parse(text: &str) -> Option<When> {
        let text = text.trim();
        let long = text.as_bytes().get(4) == Some(&b'-');
        let (day, rest) = text.split_at_checked(if long { 10 } else { 8 })?;
        let day = NaiveDate::parse_from_str(day, if long { "%Y-%m-%d" } else { "%Y%m%d" }).ok()?;
        if rest.is_empty() {
            return Some(When::Day(day));
        }
        let time = rest.strip_prefix(['T', 't', ' '])?;
        let (time, offset) = split_offset(time)?;
        let local = day.and_time(NaiveTime::MIN).checked_add_signed(time_of_day(time)?)?;
        Some(match offset {
            None => When::Local(local),
            Some(seconds) => {
                let offset = FixedOffset::east_opt(seconds)?;
                let instant = local.checked_sub_offset(offset)?.and_utc();
                // Programs that know only UTC write it either way: it says nothing about the place.
                When::Instant(instant, Some(offset).filter(|_| seconds != 0))
            }
        })
    }

    /// A wall clock reading by the clocks of a zone.
    pub fn zoned(local: NaiveDateTime, zone: Tz) -> When {
        let instant = local_instant(zone, local);
        When::Instant(instant, (!is_utc(zone)).then(|| offset(zone, instant)))
    }

    /// The instant, where `zone` reads clocks.
    pub fn instant(self, zone: Tz) -> DateTime<Utc> {
        let instant = match self {
            When::Instant(instant, _) => instant,
            When::Local(local) => local_instant(zone, local),
            When::Day(day) => local_instant(zone, day.and_time(NaiveTime::MIN)),
        };
        DateTime::from_timestamp_millis(instant.timestamp_millis()).unwrap_or(instant)
    }
}

impl Length {
    /// The instant so much later: days by the clocks of `zone`, then time.
    pub fn after(self, start: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let days = match self.days {
            0 => start,
            days => local_instant(zone, start.with_timezone(&zone).naive_local().checked_add_days(Days::new(days))?),
        };
        days.checked_add_signed(self.time)
    }
}

/// What the clocks of a zone show, east of UTC.
pub fn offset(zone: Tz, instant: DateTime<Utc>) -> FixedOffset {
    use chrono::{Offset, TimeZone};
    zone.offset_from_utc_datetime(&instant.naive_utc()).fix()
}

/// Whether a zone is UTC by one of its names.
pub fn is_utc(zone: Tz) -> bool {
    matches!(
        zone.name().rsplit('/').next(),
        Some("UTC" | "UCT" | "Universal" | "Zulu" | "GMT" | "GMT0" | "GMT+0" | "GMT-0" | "Greenwich")
    )
}

/// A time of day and the offset after it, in seconds east of UTC.
fn split_offset(time: &str) -> Option<(&str, Option<i32>)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time.trim_end(), Some(0)));
    }
    let Some(at) = time.find(['+', '-', '−']) else { return Some((time, None)) };
    let (time, offset) = time.split_at(at);
    Some((time.trim_end(), Some(offset_of(offset)?)))
}

/// Seconds east of UTC: `+01:00`, `-0330`, `+1`.
pub fn offset_of(text: &str) -> Option<i32> {
    let sign = if text.starts_with('+') { 1 } else { -1 };
    let digits = text.strip_prefix(['+', '-', '−'])?;
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) => (hours, minutes.get(..2).filter(|_| minutes.len() == 2 || minutes.len() == 5)?),
        None if digits.len() > 2 => digits.split_at_checked(digits.len().checked_sub(2)?)?,
        None => (digits, "0"),
    };
    let (hours, minutes): (i32, i32) = (number(hours)?, number(minutes)?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// `19:00`, `19:00:30.5`, `1900`, `190030`; a leap second is the second after it, as on clocks that know none.
fn time_of_day(text: &str) -> Option<TimeDelta> {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let parts: Vec<&str> = match clock.contains(':') {
        true => clock.split(':').collect(),
        false if clock.is_ascii() && clock.len() % 2 == 0 => {
            (0..clock.len()).step_by(2).map(|at| &clock[at..at + 2]).collect()
        }
        false => return None,
    };
    let (hours, minutes, seconds): (i32, i32, i32) = match parts.as_slice() {
        [hours, minutes] => (number(hours)?, number(minutes)?, 0),
        [hours, minutes, seconds] => (number(hours)?, number(minutes)?, number(seconds)?),
        _ => return None,
    };
    let milliseconds: i32 = if fraction.is_empty() {
        0
    } else {
        let digits: String = fraction.chars().chain("00".chars()).take(3).collect();
        fraction.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??
    };
    let in_day = hours < 24 && minutes < 60 && seconds <= 60;
    (in_day || (hours, minutes, seconds, milliseconds) == (24, 0, 0, 0)).then(|| {
        let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
        TimeDelta::milliseconds(seconds * 1000 + i64::from(milliseconds))
    })
}

/// Digits only: neither a sign nor a space.
fn number(digits: &str) -> Option<i32> {
    let is_number = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America, Europe};

    fn instant(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn times_come_in_many_spellings() {
        let toronto = FixedOffset::west_opt(5 * 3600);
        let vienna = FixedOffset::east_opt(3600);
        let january = instant("2026-01-31T00:00:00Z");
        for text in
            ["2026-01-30T19:00:00-05:00", "2026-01-30T19:00-05:00", "20260130T190000-0500", "2026-01-30 19:00 -05"]
        {
            assert_eq!(When::parse(text), Some(When::Instant(january, toronto)), "{text}");
        }
        assert_eq!(
            When::parse("2026-01-30T19:00:00+0100"),
            Some(When::Instant(instant("2026-01-30T18:00:00Z"), vienna))
        );
        for text in ["2026-01-30T19:00:00.000Z", "2026-01-30T19:00:00+00:00", "20260130T190000Z", "20260130T1900Z"] {
            assert_eq!(When::parse(text), Some(When::Instant(instant("2026-01-30T19:00:00Z"), None)), "{text}");
        }
        let day = NaiveDate::from_ymd_opt(2026, 1, 30).unwrap();
        assert_eq!(When::parse("2026-01-30"), Some(When::Day(day)));
        assert_eq!(When::parse("20260130"), Some(When::Day(day)));
        assert_eq!(When::parse("2026-01-30 19:00"), Some(When::Local(day.and_hms_opt(19, 0, 0).unwrap())));
        assert_eq!(
            When::parse("2026-01-30T24:00"),
            Some(When::Local(day.succ_opt().unwrap().and_time(NaiveTime::MIN)))
        );
        let leap = When::parse("2016-12-31T23:59:60Z").unwrap();
        assert_eq!(leap.instant(Tz::UTC), instant("2017-01-01T00:00:00Z"));
        for wrong in [
            "",
            "30.1.2026",
            "2026-02-30",
            "2026-01-30T25:00",
            "2026-01-30T24:01",
            "soon",
            "2026-01-30T",
            "2026-01-30T7pm",
            "2026-01-30T19:00+99:00",
            "é2026-01-30",
        ] {
            assert_eq!(When::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_of_a_length_are_the_calendars() {
        let noon = When::zoned("2027-03-13T12:00:00".parse().unwrap(), America::Toronto).instant(America::Toronto);
        let day = Length { days: 1, ..Length::default() }.after(noon, America::Toronto).unwrap();
        assert_eq!(day, instant("2027-03-14T12:00:00-04:00"));
        let hours = Length { time: TimeDelta::hours(24), ..Length::default() }.after(noon, America::Toronto).unwrap();
        assert_eq!(hours, instant("2027-03-14T13:00:00-04:00"));
    }

    #[test]
    fn a_zone_says_what_its_clocks_show_and_utc_nothing() {
        let evening = "2026-06-30T19:00:00".parse().unwrap();
        assert_eq!(
            When::zoned(evening, Europe::London),
            When::Instant(instant("2026-06-30T18:00:00Z"), FixedOffset::east_opt(3600))
        );
        assert_eq!(When::zoned(evening, Tz::Etc__UTC), When::Instant(instant("2026-06-30T19:00:00Z"), None));
    }
}
