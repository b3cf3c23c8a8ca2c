//! What people show to those they travel with.

use caravan_domain::identity::{AccountState, Attribute};
use caravan_wire::shape::{sealed, set};
use serde_json::{Value, json};

/// `firstName`, `lastName`, `imageUrl`, `isKrugoUser`, as far as known. Who sees the number, the caller decides.
pub(super) fn profile(account: &AccountState) -> Value {
    let mut shape = json!({"isKrugoUser": account.registered().is_some()});
    set(&mut shape, "firstName", account.first_name().map(sealed));
    set(&mut shape, "lastName", account.last_name().map(sealed));
    set(&mut shape, "imageUrl", picture(account));
    shape
}

pub(super) fn picture(account: &AccountState) -> Option<Value> {
    account.registered()?.attribute(Attribute::Picture).map(sealed)
}
