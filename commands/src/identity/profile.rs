//! What people tell about themselves, and their second factor.

use std::collections::BTreeMap;

use caravan_domain::Rejection;
use caravan_domain::identity::{Account, AccountCommand, Attribute, Channel, CodePurpose, Details, Person};

use super::contacts::release_former_contacts;
use super::guesses::spend_proof;
use super::lookup::{check_username, has_proven, own_account};
use super::sessions::{Credentials, check_credentials};
use crate::{Asking, CommandError, Done};

/// Changes what somebody tells about themselves, except the phone number. Another email address than the proven one
/// gets a code, and does not count before [`super::contacts::verify`] has seen it.
pub async fn edit(
    asking: &Asking,
    person: Person,
    username: &str,
    mut details: Details,
) -> Result<Done<Account>, CommandError> {
    if details.contains_key(&Attribute::PhoneNumber) {
        return Err(Rejection::invalid("phone-changes-apart", "phone_number", "is not changed with the profile").into());
    }
    let before = own_account(asking, person).await?;
    check_username(asking, &before, username).await?;
    let mut email = details.remove(&Attribute::Email);
    if let Some(Some(given)) = &email
        && has_proven(asking, &before, Channel::Mail, given).await?
    {
        // The proven address in other letters is still the proven address.
        email = None;
    }
    let edit = async {
        let seal = async |text: Option<String>| {
            Ok::<_, CommandError>(match text {
                Some(text) => Some(asking.vault().seal(person.account, &text).await?),
                None => None,
            })
        };
        if let Some(Some(address)) = &email {
            spend_proof(asking, person.account, CodePurpose::EmailChange, Channel::Mail, address).await?;
        }
        let email = match email {
            Some(address) => Some(seal(address).await?),
            None => None,
        };
        let mut attributes = BTreeMap::new();
        for (attribute, text) in details {
            attributes.insert(attribute, seal(text).await?);
        }
        Ok(AccountCommand::EditProfile { email, attributes, nonce: asking.caller().command_id })
    };
    let changed = asking.send_once::<Account, _>(person.account, edit).await?;
    match changed.state.registered().is_some_and(|account| account.proven_email().is_none()) {
        true => release_former_contacts(asking, changed).await,
        false => Ok(changed),
    }
}

/// Switches the second factor on or off.
pub async fn switch_mfa(
    asking: &Asking,
    person: Person,
    shown: Credentials<'_>,
    on: bool,
) -> Result<Done<Account>, CommandError> {
    check_credentials(asking, person, &shown, asking.now()).await?;
    asking.send::<Account>(person.account, AccountCommand::SwitchMfa { on }).await
}
