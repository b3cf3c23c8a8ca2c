//! Accounts as rentals shows them: its users.

use caravan_domain::identity::account::{self, Registered};
use caravan_domain::identity::{AccountState, Attribute, Role};
use caravan_domain::{Condition, EntityId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::sessions::{full_name, role_id, role_name};
use crate::exposure::{Exposure, Found};
use crate::shape::sealed;

pub(super) const USER: Exposure = Exposure::reading("User", &account::KIND)
    .only("status", "registered")
    .made(|row| made(row.id, &row.fields))
    .found(&[
        ("email", Found::By("proven_email")),
        ("fullname", Found::By("whole_name")),
        ("roleId", Found::Among(roles)),
    ])
    // Not even its hash.
    .omitted(&["password"]);

/// The members of `User` that no field of an account has as they are shown.
fn made(id: EntityId, fields: &Map<String, Value>) -> Vec<(&'static str, Value)> {
    let state = AccountState::deserialize(fields).unwrap_or_default();
    let account = state.registered();
    let text = |attribute| account.and_then(|account| account.attribute(attribute)).map(sealed);
    let email = account.and_then(Registered::proven_email);
    vec![
        ("email", email.map_or_else(|| nobodys(id), sealed)),
        ("fullname", account.and_then(full_name).unwrap_or_else(|| json!(""))),
        ("avatar", json!(text(Attribute::Picture))),
        ("roleId", json!(account.map_or(role_name(Role::User), |account| role_id(account.roles())))),
        ("emailVerified", json!(email.is_some())),
        ("preferredLanguage", json!(text(Attribute::Locale))),
        ("bio", json!(text(Attribute::Profile))),
        // Whoever has an account is the owner of it, whoever made it.
        ("_owner", json!(id)),
    ]
}

/// What stands where a schema demands an address that an account lacks; it reaches nobody.
pub(super) fn nobodys(id: EntityId) -> Value {
    json!(format!("{id}@account.invalid"))
}

/// The one role that is shown, with what is granted to those who have it.
fn roles() -> Vec<(&'static str, Condition)> {
    let not = |condition| Condition::Not(Box::new(condition));
    let (admin, super_admin) = (|| account::granted(Role::Admin), || account::granted(Role::SuperAdmin));
    vec![
        (role_name(Role::User), Condition::all([not(admin()), not(super_admin())])),
        (role_name(Role::Admin), Condition::all([admin(), not(super_admin())])),
        (role_name(Role::SuperAdmin), super_admin()),
    ]
}

/// `BriefUser`: what everybody may see.
pub fn brief(id: EntityId, account: &Registered) -> Value {
    json!({"user": {
        "id": id,
        "fullname": full_name(account).unwrap_or_else(|| json!("")),
        "avatar": account.attribute(Attribute::Picture).map(sealed),
        "isActive": true,
    }})
}
