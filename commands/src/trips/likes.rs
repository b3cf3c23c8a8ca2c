//! The trips that somebody likes.

use caravan_domain::Decider;
use caravan_domain::catalogue::discover::TripWindow;
use caravan_domain::trips::likes::{TripLikes, TripLikesCommand};
use caravan_limits::known::LIKES_PER_ACCOUNT;

use super::facts::existing_region;
use crate::{Asking, CommandError, Done};

pub async fn like(asking: &Asking, trip: TripWindow) -> Result<Done<TripLikes>, CommandError> {
    let person = asking.person()?;
    if let Some(done) = asking.done_before(person).await? {
        return Ok(done);
    }
    existing_region(asking, trip.region, "trip").await?;
    let like = TripLikesCommand::Like { trip };
    let present = asking.state::<TripLikes>(person).await?.state;
    // What changes nothing takes no place, and what is refused neither.
    if TripLikes::decide(&present, like.clone(), &asking.caller().context())?.is_empty() {
        return asking.send(person, like).await;
    }
    let taken = asking.limits().attempt(&[LIKES_PER_ACCOUNT.of(person)]).await?;
    let liked = asking.send(person, like).await;
    let in_vain = match &liked {
        // The same person was faster elsewhere.
        Ok(done) => done.events.is_empty(),
        Err(error) => matches!(error, CommandError::Rejected(_) | CommandError::PreconditionFailed),
    };
    if in_vain {
        taken.give_back().await?;
    }
    liked
}

pub async fn unlike(asking: &Asking, trip: TripWindow) -> Result<Done<TripLikes>, CommandError> {
    asking.send(asking.person()?, TripLikesCommand::Unlike { trip }).await
}
