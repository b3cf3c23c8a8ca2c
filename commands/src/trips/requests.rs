//! What members have sent to others: invitations and reminders, limited by sender and by recipient.

use std::collections::BTreeSet;

use caravan_domain::EntityId;
use caravan_limits::known::{MESSAGES_TO_RECIPIENT, REQUESTS_TO_RECIPIENT};
use caravan_limits::{Attempt, Limit, Place};

use crate::identity::people;
use crate::processes::{Reach, Template};
use crate::{Asking, CommandError};

/// Takes what a request needs that has a message sent to each of `people`, and to `strangers`, phone numbers that
/// nobody has: all of it or nothing. A recipient is a contact, whoever has it.
pub(super) async fn ask_for_messages(
    asking: &Asking,
    limit: &'static Limit,
    message: &Template,
    people: &[EntityId],
    strangers: BTreeSet<String>,
) -> Result<Attempt, CommandError> {
    let sender = asking.person()?;
    let number = u32::try_from(people.len() + strangers.len()).unwrap_or(u32::MAX);
    let mut recipients = strangers;
    for (person, state) in people::accounts(asking, people).await? {
        // Whom no message reaches is sent none.
        recipients.extend(Reach::of(asking, message, person, &state, asking.now()).await?.recipients());
    }
    let mut places: Vec<Place> = vec![limit.of(sender).times(number)];
    for recipient in recipients {
        places.push(REQUESTS_TO_RECIPIENT.of(format!("{sender} {recipient}")));
        places.push(MESSAGES_TO_RECIPIENT.of(recipient));
    }
    Ok(asking.limits().attempt(&places).await?)
}
