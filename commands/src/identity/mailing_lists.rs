//! Mailing lists, which people join themselves.

use caravan_domain::identity::mailing_lists::{MAILING_LISTS, MailingLists, not_proven};
use caravan_domain::identity::{Channel, Person, contact};
use caravan_domain::record::{Change, Records};
use serde_json::{Map, json};

use super::lookup::{has_proven, own_account};
use crate::{Asking, CommandError, Done, records};

/// Joins a list with an address of one's own: whoever could sign up others would flood them.
pub async fn join(asking: &Asking, person: Person, list: &str, email: &str) -> Result<Done<Records>, CommandError> {
    const TRIES: usize = 20;
    let email = contact::email("email", email)?;
    let account = own_account(asking, person).await?;
    if !has_proven(asking, &account, Channel::Mail, &email).await? {
        return Err(not_proven().into());
    }
    for _ in 0..TRIES {
        let present = asking.record(&MAILING_LISTS, person.account).await?;
        let joined = present.state.get::<MailingLists>().unwrap_or_default().join(list)?;
        let change = Change::Put(Map::from_iter([("lists".to_owned(), json!(joined.lists))]));
        // No list is lost that is joined meanwhile.
        let as_of = asking.at_revision(present.revision);
        match records::change(&as_of, &MAILING_LISTS, person.account, change).await {
            Err(CommandError::PreconditionFailed) => {}
            outcome => return outcome,
        }
    }
    Err(CommandError::Busy)
}
