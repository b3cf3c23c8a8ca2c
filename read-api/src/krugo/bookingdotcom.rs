//! The `bookingdotcom` group: leading a traveller to booking.com, and reading what it tells when they come back.

use caravan_domain::EntityId;
use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::stays::partner::{ToldReservation, check_stay};
use caravan_wire::krugo::day::Day;
use caravan_wire::shape::set;
use caravan_wire::{Answer, Call, Failure, Outcome};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::Read;
use crate::reads::existing;

const SEARCH: &str = "https://www.booking.com/searchresults.html";

#[derive(Deserialize)]
struct Stay {
    city_id: EntityId,
    check_in_date: Day,
    check_out_date: Day,
}

pub(super) async fn link(call: Call<Read>) -> Outcome {
    let Stay { city_id, check_in_date: Day(arrival), check_out_date: Day(departure) } = call.query()?;
    check_stay(arrival, departure)?;
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
    address: String,
}

pub(super) async fn details(call: Call<Read>) -> Outcome {
    let Returned { address } = call.body()?;
    let told = ToldReservation::by(&address)?;
    let mut shape = json!({"name": told.hotel.unwrap_or_default(), "bookingNumber": told.number});
    set(&mut shape, "checkInDate", told.arrival);
    set(&mut shape, "checkOutDate", told.departure);
    Ok(Answer::json(shape))
}
