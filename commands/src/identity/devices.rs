//! The devices on which people are reached by push.

use caravan_domain::identity::notices::push_endpoint;
use caravan_domain::identity::{Account, AccountCommand, Person};

use crate::{Asking, CommandError, Done};

/// From now on the device that somebody is logged in on is reached by push.
pub async fn set_endpoint(asking: &Asking, person: Person, endpoint: &str) -> Result<Done<Account>, CommandError> {
    let endpoint = push_endpoint("push_endpoint", endpoint)?;
    let endpoint = asking.vault().seal(person.account, &endpoint).await?;
    asking.send(person.account, AccountCommand::SetPushEndpoint { session: person.session, endpoint }).await
}
