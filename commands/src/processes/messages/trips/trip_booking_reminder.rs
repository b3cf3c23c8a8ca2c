//! A member is asked by another to look after a booking.

use caravan_domain::identity::Notice;
use caravan_domain::trips::booking::TripBookingEvent;
use caravan_event_store::following::FollowError;
use chrono::NaiveDate;
use futures::FutureExt;

use super::super::composing::{Composed, Composing};
use super::super::words::Values;
use super::super::{Demand, Mail, Template};
use super::live_booking;
use crate::CommandError;
use crate::processes::reaction::Reaction;

pub const TRIP_BOOKING_REMINDER: Template = Template {
    name: "trip-booking-reminder",
    words: include_str!("trip_booking_reminder.txt"),
    mail: Some(Mail { number: 5, recipient: "Member" }),
    notice: Some(Notice::TripBookingReminder),
    compose: |it| compose(it).boxed(),
};

pub async fn demand(mut reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let TripBookingEvent::MemberReminded { person, .. } = event else { return Err(reaction.misled()) };
    let demand = Demand::of(&reaction, person);
    TRIP_BOOKING_REMINDER.demand(&mut reaction, demand).await
}

async fn compose(composing: &Composing<'_>) -> Result<Option<Composed>, CommandError> {
    let Some((booking, to, city)) = live_booking(composing).await? else { return Ok(None) };
    let (named, sender) = composing.first_name(composing.actor()?).await?;
    let days = (booking.start_date, booking.end_date);
    let values = values(sender.as_deref(), city.as_deref(), days, composing.public_url);
    Ok(Some(Composed { to, values, named, limited: None, written: None }))
}

pub fn values(sender: Option<&str>, city: Option<&str>, (start, end): (NaiveDate, NaiveDate), url: &str) -> Values {
    let values = Values::default().typed("sender", sender).typed("city", city);
    values.ours("start", start.to_string()).ours("end", end.to_string()).ours("url", url)
}
