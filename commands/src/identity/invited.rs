//! Naming people by phone number, whether or not they have an account.

use caravan_domain::identity::{Account, AccountCommand, Channel, Claim, ClaimCommand, contact};
use caravan_domain::{EntityId, RejectionKind};

use super::lookup::{Holder, contact_claim, holder};
use crate::{Asking, CommandError, Commands};

/// The person who has a phone number, if anybody was named by it or has proven it.
pub(crate) async fn known_by_phone(commands: &Commands, phone: &str) -> Result<Option<EntityId>, CommandError> {
    let phone = contact::phone("phone_number", phone)?;
    Ok(match holder(commands, Channel::Sms, &phone).await? {
        Holder::Account(id) | Holder::Invited(id) | Holder::Unknown(id) => Some(id),
        Holder::Nobody | Holder::Absorbed { .. } => None,
    })
}

/// The person who has a phone number: an account that has proven it, the temp member invited by it, or else a new
/// temp member with these names. Naming a number again gives the same person.
pub async fn person_with_phone(
    asking: &Asking,
    phone: &str,
    first_name: Option<&str>,
    last_name: Option<&str>,
) -> Result<EntityId, CommandError> {
    let phone = contact::phone("phone_number", phone)?;
    let known = match holder(asking, Channel::Sms, &phone).await? {
        // A sign-up that came to nothing after it had claimed the number.
        Holder::Unknown(id) if asking.vault().is_forgotten(id).await? => Holder::Nobody,
        known => known,
    };
    let person = match known {
        Holder::Account(id) | Holder::Invited(id) => return Ok(id),
        Holder::Unknown(id) => id,
        Holder::Nobody | Holder::Absorbed { .. } => {
            let id = asking.vault().new_id("account").await?;
            let claim = ClaimCommand::Claim { owner: id, held: false };
            let claimed = contact_claim(asking, Channel::Sms, &phone);
            match asking.step(&format!("claim {id}")).send::<Claim>(claimed, claim).await {
                Ok(_) => id,
                // Somebody else was faster: it is theirs by now.
                Err(error) if error.is_rejection(RejectionKind::Conflict) => {
                    match holder(asking, Channel::Sms, &phone).await? {
                        Holder::Account(id) | Holder::Invited(id) => return Ok(id),
                        Holder::Unknown(id) => id,
                        Holder::Nobody | Holder::Absorbed { .. } => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    };
    let seal = async |text: Option<&str>| {
        Ok::<_, CommandError>(match text {
            Some(text) => Some(asking.vault().seal(person, text).await?),
            None => None,
        })
    };
    let invite = AccountCommand::Invite {
        first_name: seal(first_name).await?,
        last_name: seal(last_name).await?,
        phone: asking.vault().seal(person, &phone).await?,
    };
    asking.step(&format!("invite {person}")).send::<Account>(person, invite).await?;
    Ok(person)
}
