//! Commands of which one account sends a number in a while.

use caravan_domain::Decider;
use caravan_limits::Limit;

use crate::{Asking, CommandError, Done};

/// Sends a command to the caller's own stream, counted by a limit of each account. What changes nothing takes no place,
/// and what is refused neither.
pub(crate) async fn send_counted<D: Decider>(
    asking: &Asking,
    command: D::Command,
    limit: &'static Limit,
) -> Result<Done<D>, CommandError> {
    let person = asking.person()?;
    let present = asking.state::<D>(person).await?.state;
    if D::decide(&present, command.clone(), &asking.caller().context())?.is_empty() {
        return asking.send(person, command).await;
    }
    let taken = asking.limits().attempt(&[limit.of(person)]).await?;
    let sent = asking.send(person, command).await;
    let in_vain = match &sent {
        // The same person was faster elsewhere.
        Ok(done) => done.events.is_empty(),
        Err(error) => matches!(error, CommandError::Rejected(_) | CommandError::PreconditionFailed),
    };
    if in_vain {
        taken.give_back().await?;
    }
    sent
}
