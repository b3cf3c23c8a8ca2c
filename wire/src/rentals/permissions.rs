//! What roles grant: the business operations, by `service:apiName`. Those that everybody may are granted to nobody.

use caravan_domain::EntityId;
use caravan_domain::identity::{Role, Roles};
use serde_json::{Value, json};
use uuid::Uuid;

use super::DIALECT;
use super::sessions::role_name;
use crate::contract::{Operation, contracts};

/// Business operations for admins only; what others do for their own things is for users.
const FOR_ADMINS: [&str; 36] = [
    "create-admin-dispute-action",
    "create-agent-override",
    "create-api-key",
    "create-audit-log",
    "create-financial-report",
    "create-listing-amenity",
    "create-localization-setting",
    "create-payment-record",
    "create-user",
    "create-user-group",
    "create-user-group-member",
    "delete-agent-override",
    "delete-listing-amenity",
    "delete-user",
    "delete-user-group",
    "delete-user-group-member",
    "get-agent-override",
    "get-audit-log",
    "get-financial-report",
    "list-admin-dispute-actions",
    "list-agent-overrides",
    "list-api-keys",
    "list-audit-logs",
    "list-financial-reports",
    "list-users",
    "search-users",
    "update-agent-override",
    "update-api-key",
    "update-gdpr-action",
    "update-listing-amenity",
    "update-localization-setting",
    "update-message-report",
    "update-user",
    "update-user-group",
    "update-user-password-by-admin",
    "update-user-role",
];

/// Ids of grants are the same whenever they are shown.
const GRANTS: Uuid = Uuid::from_u128(0x8d6f_2c1b_90a4_4e57_b3d8_61f0_5a7e_c942);

fn operations() -> impl Iterator<Item = &'static Operation> {
    let rentals = contracts().iter().find(|contract| contract.dialect.name == DIALECT.name);
    rentals.into_iter().flat_map(|contract| &contract.operations).filter(|operation| operation.section == "business")
}

fn name(operation: &Operation) -> String {
    format!("{}:{}", operation.group, operation.source_name)
}

/// The role of these by which an operation is granted.
fn granting(roles: Roles, operation: &Operation) -> Option<Role> {
    let enough: &[Role] = if FOR_ADMINS.binary_search(&operation.id.as_str()).is_ok() {
        &[Role::Admin, Role::SuperAdmin]
    } else {
        &[Role::User]
    };
    enough.iter().copied().find(|role| roles.has(*role))
}

/// `[Permission]`: what these roles grant their account
pub fn granted(account: EntityId, roles: Roles) -> Value {
    let grants = operations().filter(|operation| !operation.open).filter_map(|operation| {
        let (name, role) = (name(operation), role_name(granting(roles, operation)?));
        Some(json!({
            "id": Uuid::new_v5(&GRANTS, format!("{role} {name}").as_bytes()),
            "permissionName": name,
            "roleId": role,
            "subjectUserId": account,
            "subjectUserGroupId": null,
            "objectId": null,
            "canDo": true,
            "tenantCodename": null,
        }))
    });
    grants.collect()
}

/// `PermissionScope`: whether somebody of these roles may, and for which objects the opposite holds
pub fn scope(roles: Roles, permission: &str) -> Value {
    let operation = operations().find(|operation| name(operation) == permission);
    let can_do = operation.is_some_and(|operation| operation.open || granting(roles, operation).is_some());
    json!({"canDo": can_do, "exceptions": []})
}

/// Whether a text may be the name of a permission.
pub fn is_name(text: &str) -> bool {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_' | '-');
    (1..=128).contains(&text.len()) && text.chars().all(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: EntityId = EntityId(Uuid::from_u128(1));
    const USER: Roles = Roles::NONE.with(Role::User);

    fn names(roles: Roles) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let granted = granted(ANNA, roles);
        granted
            .as_array()
            .unwrap()
            .iter()
            .map(|grant| (text(&grant["permissionName"]), text(&grant["roleId"])))
            .collect()
    }

    fn has(roles: Roles, name: &str) -> Option<String> {
        names(roles).into_iter().find(|(permission, _)| permission == name).map(|(_, role)| role)
    }

    #[test]
    fn what_is_for_admins_are_business_operations_in_order() {
        assert!(FOR_ADMINS.is_sorted());
        for id in FOR_ADMINS {
            let operation = operations().find(|operation| operation.id == id);
            assert!(operation.is_some_and(|operation| !operation.open), "{id}");
        }
    }

    #[test]
    fn users_are_granted_what_is_not_for_admins() {
        assert_eq!(has(USER, "bookingmanagement:createReservation").as_deref(), Some("user"));
        assert_eq!(has(USER, "auth:listUsers"), None);
        assert_eq!(has(USER, "auth:registerUser"), None, "everybody may");
        assert_eq!(names(USER.with(Role::Analyst)), names(USER));
        assert_eq!(names(USER).len() + FOR_ADMINS.len(), operations().filter(|operation| !operation.open).count());
    }

    #[test]
    fn admins_are_granted_both() {
        let (admin, super_admin) = (USER.with(Role::Admin), USER.with(Role::SuperAdmin));
        assert_eq!(has(admin, "auth:listUsers").as_deref(), Some("admin"));
        assert_eq!(has(super_admin, "auth:listUsers").as_deref(), Some("superAdmin"));
        assert_eq!(has(super_admin, "bookingmanagement:createReservation").as_deref(), Some("user"));
        assert_eq!(granted(ANNA, admin), granted(ANNA, admin), "under the same ids");
    }

    #[test]
    fn a_scope_says_whether_somebody_may() {
        let can = |roles, name| scope(roles, name)["canDo"] == true;
        assert!(can(USER, "bookingmanagement:createReservation") && can(USER, "auth:registerUser"));
        assert!(!can(USER, "auth:listUsers") && can(USER.with(Role::Admin), "auth:listUsers"));
        assert!(!can(USER.with(Role::SuperAdmin), "orders.manage"), "what there is not");
    }

    #[test]
    fn a_name_is_of_plain_characters() {
        for sound in ["auth:listUsers", "orders.manage", "a"] {
            assert!(is_name(sound), "{sound}");
        }
        for wrong in ["", "a b", "é", "a/b", &"x".repeat(129)] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }
}
