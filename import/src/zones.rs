//! Time zones by the names that calendars give them.

use std::sync::LazyLock;

use caravan_domain::catalogue::names;
use chrono_tz::{TZ_VARIANTS, Tz};
use windows_timezones::WindowsTimezone;

use crate::when::{When, offset_of};

/// A zone by its IANA name in any case, maybe behind a path (`/example.org/America/Toronto`) or before a remark
/// (`Europe/Berlin (CEST)`), by the name or description that Windows has for it (CLDR), or by a fixed offset
/// (`UTC+02:00`).
pub fn zone(name: &str) -> Option<Tz> {
    let name = name.trim().trim_matches(['"', '\'']).trim();
    let name = name.strip_prefix("tzone://Microsoft/").unwrap_or(name);
    iana(name).or_else(|| windows(name)).or_else(|| described(name)).or_else(|| fixed(name))
}

/// Whether a name is one of IANA's that other rules go by as well: `EST` and `GMT`, but not `Europe/London`.
pub fn is_abbreviation(name: &str) -> bool {
    !name.contains('/') && iana(name).is_some()
}

fn iana(name: &str) -> Option<Tz> {
    let plain = name.split_once(" (").map_or(name, |(plain, _)| plain).trim();
    let tails = plain.match_indices('/').map(|(at, _)| &plain[at + 1..]);
    std::iter::once(plain).chain(tails).find_map(|name| {
        let spelled = || TZ_VARIANTS.iter().copied().find(|zone| zone.name().eq_ignore_ascii_case(name));
        name.parse().ok().or_else(spelled).or_else(|| name.eq_ignore_ascii_case("Z").then_some(Tz::UTC))
    })
}

/// `W. Europe Standard Time`, also as the copy of one: `GMT Standard Time 1`.
fn windows(name: &str) -> Option<Tz> {
    let plain = name.trim_end_matches(|char: char| char.is_ascii_digit()).trim_end();
    let plain = plain.replace("Daylight Time", "Standard Time");
    WINDOWS.iter().find(|zone| zone.name.eq_ignore_ascii_case(&plain)).map(|zone| zone.zone)
}

/// `(UTC+01:00) Amsterdam, Berlin, …` and older wordings of it, such as `(GMT+01.00) Amsterdam/Berlin/…`.
fn described(name: &str) -> Option<Tz> {
    let (offset, places) = match name.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((offset, places)) => (Some(offset.replace('.', ":")), places),
        None => (None, name),
    };
    let places = places.trim().strip_prefix("Greenwich Mean Time").unwrap_or(places.trim());
    let wanted = names::key(places);
    if wanted.is_empty() {
        return offset.as_deref().and_then(fixed);
    }
    let stated = offset.as_deref().and_then(seconds);
    let as_stated = |zone: &&Windows| stated.is_none_or(|stated| zone.seconds == stated);
    let is_called = |zone: &&Windows| zone.places == wanted || zone.short == wanted;
    let same = WINDOWS.iter().filter(as_stated).find(is_called);
    // Otherwise the first place that a description lists, whatever others stand beside it.
    let first = names::key(places.split([',', ';', '/', ':']).find(|place| !place.trim().is_empty())?);
    let listed = || WINDOWS.iter().filter(as_stated).find(|zone| stated.is_some() && zone.lists.contains(&first));
    same.or_else(listed).map(|zone| zone.zone)
}

/// `UTC+02:00`, `GMT-5`, `+0530`: the zone whose clocks never show anything else.
fn fixed(name: &str) -> Option<Tz> {
    of_offset(seconds(name)?)
}

/// The zone whose clocks always show what they show at a moment.
pub fn of_clock(when: When) -> Option<Tz> {
    match when {
        When::Instant(_, offset) => of_offset(offset?.local_minus_utc()),
        When::Local(_) | When::Day(_) => None,
    }
}

fn of_offset(seconds: i32) -> Option<Tz> {
    /// Zones without daylight saving whose offset is no whole hour.
    const OTHERS: [(i32, Tz); 7] = [
        (-34_200, Tz::Pacific__Marquesas),
        (12_600, Tz::Asia__Tehran),
        (16_200, Tz::Asia__Kabul),
        (19_800, Tz::Asia__Kolkata),
        (20_700, Tz::Asia__Kathmandu),
        (23_400, Tz::Asia__Yangon),
        (34_200, Tz::Australia__Darwin),
    ];
    match seconds {
        0 => Some(Tz::UTC),
        // Etc/GMT+5 is five hours behind.
        whole if whole % 3600 == 0 => format!("Etc/GMT{:+}", -whole / 3600).parse().ok(),
        other => OTHERS.iter().find(|(seconds, _)| *seconds == other).map(|(_, zone)| *zone),
    }
}

/// Seconds east of UTC.
fn seconds(name: &str) -> Option<i32> {
    let name = name.trim();
    let offset = ["UTC", "GMT"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name).trim();
    if offset.is_empty() && !name.is_empty() { Some(0) } else { offset_of(offset) }
}

struct Windows {
    name: &'static str,
    zone: Tz,
    /// In winter, as its description begins.
    seconds: i32,
    /// What its description says after the offset, as keys: whole, and the places one by one.
    places: String,
    /// Without a remark, where it is named after a time: `Pacific Time`.
    short: String,
    lists: Vec<String>,
}

static WINDOWS: LazyLock<Vec<Windows>> = LazyLock::new(|| {
    let mut all: Vec<Windows> = vec![];
    for windows in TZ_VARIANTS.iter().filter_map(|zone| WindowsTimezone::try_from(*zone).ok()) {
        let known = all.iter().any(|other| other.name == windows.name());
        let Some(zone) = windows.tzdb_id().parse().ok().filter(|_| !known) else { continue };
        let description = windows.description();
        let (offset, places) = description.split_once(')').unwrap_or(("", description));
        all.push(Windows {
            name: windows.name(),
            zone,
            seconds: seconds(offset.trim_start_matches('(')).unwrap_or(0),
            places: names::key(places),
            short: places
                .split_once(" (")
                .map(|(short, _)| names::key(short))
                .filter(|short| short.ends_with(" time"))
                .unwrap_or_default(),
            lists: places.split(',').map(names::key).collect(),
        });
    }
    all
});

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America, Asia, Europe};

    #[test]
    fn zones_have_many_names() {
        for (name, expected) in [
            ("America/Toronto", America::Toronto),
            ("america/toronto", America::Toronto),
            ("/Europe/Vienna", Europe::Vienna),
            ("/example.org/20240101/Europe/Vienna", Europe::Vienna),
            ("\"Europe/Vienna\"", Europe::Vienna),
            ("Europe/Berlin (CEST)", Europe::Berlin),
            ("W. Europe Standard Time", Europe::Berlin),
            ("Eastern Standard Time", America::New_York),
            ("Eastern Daylight Time", America::New_York),
            ("eastern standard time", America::New_York),
            ("GMT Standard Time 1", Europe::London),
            ("Central European Standard Time", Europe::Warsaw),
            ("tzone://Microsoft/Utc", Tz::UTC),
            ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", Europe::Berlin),
            ("(GMT+01.00) Amsterdam/Berlin/Bern/Rome/Stockholm/Vienna", Europe::Berlin),
            ("(UTC-05:00) Eastern Time (US & Canada)", America::New_York),
            ("Eastern Time (US & Canada)", America::New_York),
            ("Pacific Time", America::Los_Angeles),
            ("(GMT-05:00) Eastern Time (US & Canada)", America::New_York),
            ("(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", Asia::Calcutta),
            ("(GMT) Greenwich Mean Time: Dublin, Edinburgh, Lisbon, London", Europe::London),
            ("Greenwich Mean Time:Dublin; Edinburgh; Lisbon; London", Europe::London),
            ("UTC", Tz::UTC),
            ("Z", Tz::UTC),
            ("(UTC) Coordinated Universal Time", Tz::UTC),
            ("UTC+02:00", Tz::Etc__GMTMinus2),
            ("GMT-0400", Tz::Etc__GMTPlus4),
            ("GMT+5:30", Asia::Kolkata),
            ("+01:00", Tz::Etc__GMTMinus1),
        ] {
            let found = zone(name);
            assert_eq!(found.map(Tz::name).map(canonical), Some(canonical(expected.name())), "{name}");
        }
        for unknown in ["", "Customized Time Zone", "Club Zone", "Nowhere", "Mars/Olympus", "tzone://Microsoft/Custom"]
        {
            assert_eq!(zone(unknown), None, "{unknown}");
        }
    }

    fn canonical(name: &str) -> &str {
        if name == "Etc/UTC" { "UTC" } else { name }
    }
}
