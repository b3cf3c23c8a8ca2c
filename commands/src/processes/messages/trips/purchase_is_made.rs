//! Somebody paid for tickets or a room: the other members of the booking are told, once however often it changes.

use caravan_domain::identity::Notice;
use caravan_domain::money::exponent;
use caravan_domain::trips::booking::{Purchase, RoomTerms, TripBooking, TripBookingEvent, TripBookings};
use caravan_domain::{EntityId, Money};
use caravan_event_store::following::FollowError;
use caravan_limits::known::NOTICES_OF_BOOKING;
use futures::FutureExt;

use super::super::composing::{Composed, Composing};
use super::super::words::Values;
use super::super::{Demand, Mail, Template};
use super::live_booking;
use crate::CommandError;
use crate::processes::reaction::Reaction;

pub const PURCHASE_IS_MADE: Template = Template {
    name: "purchase-is-made",
    words: include_str!("purchase_is_made.txt"),
    mail: Some(Mail { number: 6, recipient: "Member" }),
    notice: Some(Notice::PurchaseIsMade),
    compose: |it| compose(it).boxed(),
};

pub async fn of_bundle(reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let (TripBookingEvent::BundleAdded { bundle } | TripBookingEvent::BundleChanged { bundle }) = event else {
        return Err(reaction.misled());
    };
    let purchase = bundle.purchase.map(|purchase| (purchase, bundle.purchaser));
    demand(reaction, purchase.into_iter().collect()).await
}

pub async fn of_accommodation(reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let TripBookingEvent::AccommodationAdded { accommodation } = event else { return Err(reaction.misled()) };
    demand(reaction, accommodation.rooms.iter().filter_map(|room| of_room(&room.terms)).collect()).await
}

pub async fn of_new_room(reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let TripBookingEvent::RoomAdded { room, .. } = event else { return Err(reaction.misled()) };
    demand(reaction, of_room(&room.terms).into_iter().collect()).await
}

pub async fn of_changed_room(reaction: Reaction<'_>, event: TripBookingEvent) -> Result<(), FollowError> {
    let TripBookingEvent::RoomChanged { terms, .. } = event else { return Err(reaction.misled()) };
    demand(reaction, of_room(&terms).into_iter().collect()).await
}

/// The purchase of a room, with who paid.
fn of_room(terms: &RoomTerms) -> Option<(Purchase, EntityId)> {
    terms.purchase.map(|purchase| (purchase, terms.purchaser))
}

/// `purchases`: each with who paid.
async fn demand(mut reaction: Reaction<'_>, purchases: Vec<(Purchase, EntityId)>) -> Result<(), FollowError> {
    let actor = reaction.actor()?;
    for (purchase, purchaser) in purchases {
        if !is_new(&mut reaction, purchase.number).await? {
            continue;
        }
        let state = reaction.state::<TripBookings>(reaction.id()).await?;
        let Ok(booking) = state.booking() else { continue };
        let knows = |member: &EntityId| *member == purchaser || Some(*member) == actor;
        for member in booking.members.iter().filter(|member| !knows(member)) {
            let demand = Demand { part: Some(purchase.number), ..Demand::of(&reaction, *member) };
            PURCHASE_IS_MADE.demand(&mut reaction, demand).await?;
        }
    }
    Ok(())
}

/// Whether nobody was told of the purchase yet; from now on they were.
async fn is_new(reaction: &mut Reaction<'_>, number: u32) -> Result<bool, FollowError> {
    let new = sqlx::query("insert into announced_purchases values ($1, $2) on conflict do nothing")
        .bind(reaction.id().0)
        .bind(i64::from(number))
        .execute(&mut *reaction.tx)
        .await?;
    Ok(new.rows_affected() > 0)
}

async fn compose(composing: &Composing<'_>) -> Result<Option<Composed>, CommandError> {
    let Some((booking, to, city)) = live_booking(composing).await? else { return Ok(None) };
    let Some(found) = composing.part.and_then(|number| find(&booking, number)) else { return Ok(None) };
    let (named, purchaser) = composing.first_name(Some(found.purchaser)).await?;
    let values =
        values(purchaser.as_deref(), found.tickets, &found.purchase.amount, city.as_deref(), composing.public_url);
    let limited = Some((&NOTICES_OF_BOOKING, composing.recorded.stream.id));
    Ok(Some(Composed { to, values, named, limited, written: None }))
}

struct Found {
    purchase: Purchase,
    purchaser: EntityId,
    /// How many; 0 for a room.
    tickets: usize,
}

/// The purchase as it is now.
fn find(booking: &TripBooking, number: u32) -> Option<Found> {
    let bundles = booking.bundles.iter().filter_map(|bundle| {
        let (purchaser, tickets) = (bundle.purchaser, bundle.tickets.len());
        bundle.purchase.map(|purchase| Found { purchase, purchaser, tickets })
    });
    let rooms = booking
        .accommodations
        .iter()
        .flat_map(|accommodation| &accommodation.rooms)
        .filter_map(|room| of_room(&room.terms));
    let rooms = rooms.map(|(purchase, purchaser)| Found { purchase, purchaser, tickets: 0 });
    bundles.chain(rooms).find(|found| found.purchase.number == number)
}

/// `tickets`: how many; 0 for a room.
pub fn values(purchaser: Option<&str>, tickets: usize, amount: &Money, city: Option<&str>, url: &str) -> Values {
    let price = format!("{:.*} {}", exponent(amount.currency) as usize, amount.major(), amount.currency.code());
    let values = Values::default().typed("purchaser", purchaser).typed("city", city);
    values.ours("tickets", tickets).ours("price", price).ours("url", url)
}
