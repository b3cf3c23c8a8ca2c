//! The `bookingdotcom` group: leading a traveller to booking.com, and reading what it tells when they come back.
//!
//! Nothing is asked of booking.com itself. What comes back is the traveller's word: it is shown to them, and nothing
//! rests on it.

use caravan_domain::EntityId;
use caravan_domain::catalogue::city::{CITY, City};
use caravan_wire::krugo::day::Day;
use caravan_wire::shape::set;
use caravan_wire::{Answer, Call, Failure, Outcome};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use serde_json::json;
use url::{Host, Url};

use crate::Read;
use crate::reads::existing;

const SEARCH: &str = "https://www.booking.com/searchresults.html";

/// booking.com takes no longer stays.
const LONGEST_STAY: i64 = 90;

/// The longest address that is read, in bytes, and the longest name in it, in characters.
const LONGEST_URL: usize = 2_000;
const LONGEST_NAME: usize = 200;

#[derive(Deserialize)]
struct Stay {
    city_id: EntityId,
    check_in_date: Day,
    check_out_date: Day,
}

pub(super) async fn link(call: Call<Read>) -> Outcome {
    let Stay { city_id, check_in_date: Day(arrival), check_out_date: Day(departure) } = call.query()?;
    match (departure - arrival).num_days() {
        ..=0 => return Err(Failure::invalid("check_out_date", "does not lie after `check_in_date`")),
        1..=LONGEST_STAY => {}
        _ => return Err(Failure::invalid("check_out_date", "lies more than 90 days after `check_in_date`")),
    }
    let City { name, country, .. } = existing::<City>(&call, &CITY, city_id, "city_id").await?.state;
    let mut link = Url::parse(SEARCH).map_err(Failure::broken)?;
    let mut query = link.query_pairs_mut();
    query.append_pair("ss", &format!("{name}, {country}"));
    query.append_pair("checkin", &arrival.to_string()).append_pair("checkout", &departure.to_string());
    if !call.state.booking_partner.is_empty() {
        query.append_pair("aid", &call.state.booking_partner);
    }
    drop(query);
    Ok(Answer::json(json!({"name": link.as_str()})))
}

#[derive(Deserialize)]
struct Returned {
    name: String,
}

pub(super) async fn details(call: Call<Read>) -> Outcome {
    let Returned { name } = call.body()?;
    let reservation = Reservation::told_by(&name).map_err(|fault| Failure::invalid("name", fault))?;
    let mut shape = json!({"name": reservation.hotel.unwrap_or_default(), "bookingNumber": reservation.number});
    set(&mut shape, "checkInDate", reservation.arrival.map(|Day(day)| day));
    set(&mut shape, "checkOutDate", reservation.departure.map(|Day(day)| day));
    Ok(Answer::json(shape))
}

/// What the address of booking.com's last page tells of a reservation.
#[derive(Debug, PartialEq)]
struct Reservation {
    number: String,
    hotel: Option<String>,
    arrival: Option<Day>,
    departure: Option<Day>,
}

impl Reservation {
    /// Only known parameters are read, each once; the error says what is wrong with the address.
    fn told_by(address: &str) -> Result<Reservation, &'static str> {
        let url = Some(address).filter(|address| address.len() <= LONGEST_URL).and_then(|url| Url::parse(url).ok());
        let url = url.filter(is_theirs).ok_or("is no address of booking.com")?;
        let mut reservation = Reservation { number: String::new(), hotel: None, arrival: None, departure: None };
        for (name, value) in url.query_pairs() {
            match &*name {
                "bn" if reservation.number.is_empty() && is_number(&value) => reservation.number = value.into_owned(),
                "hotel_name" if reservation.hotel.is_none() && is_name(&value) => {
                    reservation.hotel = Some(value.into_owned());
                }
                "checkin" if reservation.arrival.is_none() => reservation.arrival = Some(day(&value)?),
                "checkout" if reservation.departure.is_none() => reservation.departure = Some(day(&value)?),
                "bn" | "hotel_name" | "checkin" | "checkout" => return Err("has a parameter that is no reservation's"),
                _ => {}
            }
        }
        if reservation.number.is_empty() {
            return Err("names no reservation: `bn` is missing");
        }
        Ok(reservation)
    }
}

fn is_theirs(url: &Url) -> bool {
    let of_booking = |host: &str| host == "booking.com" || host.ends_with(".booking.com");
    let theirs = matches!(url.host(), Some(Host::Domain(host)) if of_booking(host));
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    url.scheme() == "https" && theirs && plain
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

fn day(text: &str) -> Result<Day, &'static str> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    Day::deserialize(text).map_err(|_| "has a day that is none, expected YYYY-MM-DD")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_of_a_reservation_by_its_known_parameters() {
        let told = "https://secure.booking.com/confirmation.html?bn=1234567890&hotel_name=Hotel%20Spree&checkin=2031-05-01\
                    &checkout=2031-05-04&pincode=1234&label=%3Cscript%3E";
        let reservation = Reservation::told_by(told).unwrap();
        assert_eq!(reservation.number, "1234567890");
        assert_eq!(reservation.hotel.as_deref(), Some("Hotel Spree"));
        assert_eq!(reservation.departure.unwrap().0.to_string(), "2031-05-04");
        assert!(Reservation::told_by("https://booking.com/?bn=1").is_ok());
    }

    #[test]
    fn hostile_addresses_are_refused() {
        for address in [
            "",
            "bn=1",
            "http://www.booking.com/?bn=1",
            "https://www.booking.com.evil.example/?bn=1",
            "https://evilbooking.com/?bn=1",
            "https://www.booking.com@evil.example/?bn=1",
            "https://me:secret@www.booking.com/?bn=1",
            "https://www.booking.com:8443/?bn=1",
            "https://127.0.0.1/?bn=1",
            "javascript:alert(1)//www.booking.com/?bn=1",
            "https://www.booking.com/",
            "https://www.booking.com/?bn=",
            "https://www.booking.com/?bn=12%0a34",
            "https://www.booking.com/?bn=1&bn=2",
            "https://www.booking.com/?bn=1&hotel_name=%00",
            "https://www.booking.com/?bn=1&checkin=tomorrow",
            &format!("https://www.booking.com/?bn=1&x={}", "x".repeat(2_000)),
        ] {
            assert!(Reservation::told_by(address).is_err(), "{address}");
        }
    }
}
