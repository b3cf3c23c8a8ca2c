//! The trips that somebody likes.

use caravan_domain::catalogue::discover::TripWindow;
use caravan_domain::trips::likes::{TripLikes, TripLikesCommand};
use caravan_limits::known::LIKES_PER_ACCOUNT;

use super::facts::existing_region;
use crate::counted::send_counted;
use crate::{Asking, CommandError, Done};

pub async fn like(asking: &Asking, trip: TripWindow) -> Result<Done<TripLikes>, CommandError> {
    if let Some(done) = asking.done_before(asking.person()?).await? {
        return Ok(done);
    }
    existing_region(asking, trip.region, "trip").await?;
    send_counted::<TripLikes>(asking, TripLikesCommand::Like { trip }, &LIKES_PER_ACCOUNT).await
}

pub async fn unlike(asking: &Asking, trip: TripWindow) -> Result<Done<TripLikes>, CommandError> {
    asking.send(asking.person()?, TripLikesCommand::Unlike { trip }).await
}
