//! Rooms that are booked on a partner's site: which stays it takes, and what it tells of a reservation.
//!
//! Nothing is asked of the partner itself. What comes back from it is the traveller's word, and nothing rests on it.

use chrono::NaiveDate;
use url::{Host, Url};

use crate::Rejection;

/// Nights that the partner takes at most.
const LONGEST_STAY: i64 = 90;

/// The domain of the partner's site.
const SITE: &str = "booking.com";

/// The longest address that is read, in bytes, and the longest name in it, in characters.
const LONGEST_ADDRESS: usize = 2_000;
const LONGEST_NAME: usize = 200;

/// Refuses days that nobody can stay on.
pub fn check_stay(arrival: NaiveDate, departure: NaiveDate) -> Result<(), Rejection> {
    match (departure - arrival).num_days() {
        ..=0 => Err(Rejection::invalid("stay-days-in-order", "check_out_date", "does not lie after `check_in_date`")),
        1..=LONGEST_STAY => Ok(()),
        _ => {
            let message = format!("lies more than {LONGEST_STAY} days after `check_in_date`");
            Err(Rejection::invalid("stay-too-long", "check_out_date", message))
        }
    }
}

/// What the address of the partner's last page tells of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldReservation {
    pub number: String,
    pub hotel: Option<String>,
    pub arrival: Option<NaiveDate>,
    pub departure: Option<NaiveDate>,
}

impl ToldReservation {
    /// Only known parameters are read, each at most once.
    pub fn by(address: &str) -> Result<ToldReservation, Rejection> {
        let url = Some(address).filter(|address| address.len() <= LONGEST_ADDRESS);
        let url = url.and_then(|url| Url::parse(url).ok()).filter(is_theirs);
        let url = url
            .ok_or_else(|| Rejection::invalid("reservation-address", "address", format!("is no address of {SITE}")))?;
        let mut told = ToldReservation { number: String::new(), hotel: None, arrival: None, departure: None };
        for (name, value) in url.query_pairs() {
            let given = match &*name {
                "bn" => told.number.is_empty() && is_number(&value),
                "hotel_name" => told.hotel.is_none() && is_name(&value),
                "checkin" => told.arrival.is_none() && day(&value).is_some(),
                "checkout" => told.departure.is_none() && day(&value).is_some(),
                _ => continue,
            };
            match &*name {
                _ if !given => {
                    let message = format!("has a `{name}` that is none, or more than one");
                    return Err(Rejection::invalid("reservation-parameter", "address", message));
                }
                "bn" => told.number = value.into_owned(),
                "hotel_name" => told.hotel = Some(value.into_owned()),
                "checkin" => told.arrival = day(&value),
                _ => told.departure = day(&value),
            }
        }
        if told.number.is_empty() {
            let message = "names no reservation: `bn` is missing";
            return Err(Rejection::invalid("reservation-number-missing", "address", message));
        }
        Ok(told)
    }
}

fn is_theirs(url: &Url) -> bool {
    let of_site = |host: &str| host.strip_suffix(SITE).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let theirs = matches!(url.host(), Some(Host::Domain(host)) if of_site(host));
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    url.scheme() == "https" && theirs && plain
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok().filter(|day: &NaiveDate| day.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stay_has_a_night_and_at_most_ninety() {
        let rule = |arrival: &str, departure: &str| {
            check_stay(arrival.parse().unwrap(), departure.parse().unwrap()).err().map(|rejection| rejection.rule)
        };
        assert_eq!(rule("2031-05-01", "2031-05-02"), None);
        assert_eq!(rule("2031-05-01", "2031-07-30"), None);
        assert_eq!(rule("2031-05-01", "2031-07-31"), Some("stay-too-long"));
        assert_eq!(rule("2031-05-01", "2031-05-01"), Some("stay-days-in-order"));
        assert_eq!(rule("2031-05-01", "1031-05-02"), Some("stay-days-in-order"));
    }

    #[test]
    fn an_address_tells_of_a_reservation_by_its_known_parameters() {
        let address = "https://secure.booking.com/confirmation.html?bn=1234567890&hotel_name=Hotel%20Spree\
                       &checkin=2031-05-01&checkout=2031-05-04&pincode=1234&label=%3Cscript%3E";
        let told = ToldReservation::by(address).unwrap();
        assert_eq!((told.number.as_str(), told.hotel.as_deref()), ("1234567890", Some("Hotel Spree")));
        assert_eq!(told.departure.unwrap().to_string(), "2031-05-04");
        assert!(ToldReservation::by("https://booking.com/?bn=1").is_ok());
    }

    #[test]
    fn hostile_addresses_are_refused() {
        let long = format!("https://www.booking.com/?bn=1&x={}", "x".repeat(2_000));
        for (address, rule) in [
            ("", "reservation-address"),
            ("bn=1", "reservation-address"),
            ("http://www.booking.com/?bn=1", "reservation-address"),
            ("https://www.booking.com.evil.example/?bn=1", "reservation-address"),
            ("https://evilbooking.com/?bn=1", "reservation-address"),
            ("https://www.booking.com@evil.example/?bn=1", "reservation-address"),
            ("https://me:secret@www.booking.com/?bn=1", "reservation-address"),
            ("https://www.booking.com:8443/?bn=1", "reservation-address"),
            ("https://127.0.0.1/?bn=1", "reservation-address"),
            ("javascript:alert(1)//www.booking.com/?bn=1", "reservation-address"),
            (&long, "reservation-address"),
            ("https://www.booking.com/", "reservation-number-missing"),
            ("https://www.booking.com/?bn=", "reservation-parameter"),
            ("https://www.booking.com/?bn=12%0a34", "reservation-parameter"),
            ("https://www.booking.com/?bn=1&bn=2", "reservation-parameter"),
            ("https://www.booking.com/?bn=1&hotel_name=%00", "reservation-parameter"),
            ("https://www.booking.com/?bn=1&checkin=tomorrow", "reservation-parameter"),
            ("https://www.booking.com/?bn=1&checkout=2031-05-01&checkout=2031-05-01", "reservation-parameter"),
        ] {
            assert_eq!(ToldReservation::by(address).unwrap_err().rule, rule, "{address}");
        }
    }
}
