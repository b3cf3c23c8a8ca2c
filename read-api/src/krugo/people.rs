//! What people show to those they travel with.

use std::collections::{BTreeSet, HashMap};

use caravan_domain::EntityId;
use caravan_domain::identity::account::Account;
use caravan_domain::identity::{AccountState, Attribute};
use caravan_wire::krugo::trips::TempMembers;
use caravan_wire::shape::{sealed, set};
use caravan_wire::{Call, Failure};
use serde_json::{Value, json};

use crate::Read;

/// The accounts of these people, those unknown left out.
pub(super) async fn accounts(
    call: &Call<Read>,
    people: &[EntityId],
) -> Result<HashMap<EntityId, AccountState>, Failure> {
    let accounts = call.state.models.get_many::<Account>(people).await?;
    Ok(accounts.into_iter().map(|account| (account.id, account.state)).collect())
}

/// Which of these people have no account.
pub(super) async fn temps(
    call: &Call<Read>,
    people: impl IntoIterator<Item = EntityId>,
) -> Result<TempMembers, Failure> {
    let people = people.into_iter().collect::<BTreeSet<_>>();
    Ok(call.state.people.temps(&call.state.models, people).await?.into_iter().collect())
}

/// `firstName`, `lastName`, `imageUrl`, `isKrugoUser`, as far as known. Who sees the number, the caller decides.
pub(super) fn profile(account: &AccountState) -> Value {
    let mut shape = json!({"isKrugoUser": has_account(account)});
    set(&mut shape, "firstName", account.first_name().map(sealed));
    set(&mut shape, "lastName", account.last_name().map(sealed));
    set(&mut shape, "imageUrl", picture(account));
    shape
}

pub(super) fn picture(account: &AccountState) -> Option<Value> {
    account.registered()?.attribute(Attribute::Picture).map(sealed)
}

pub(super) fn has_account(account: &AccountState) -> bool {
    account.registered().is_some()
}
