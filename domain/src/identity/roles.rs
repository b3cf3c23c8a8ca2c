//! What an account is on the whole platform, beside what it is in a crew, at an event or in a team.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Actor, Context, EntityId, Rejection};

/// One role. Stored by its name in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What every account is: neither granted nor taken away.
    User,
    Admin,
    SuperAdmin,
    SalesAdmin,
    Marketer,
    /// May read the history.
    Analyst,
    Operator,
}

impl Role {
    pub const ALL: [Role; 7] =
        [Role::User, Role::Admin, Role::SuperAdmin, Role::SalesAdmin, Role::Marketer, Role::Analyst, Role::Operator];

    /// As operators write it, `super-admin`.
    pub fn name(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Admin => "admin",
            Role::SuperAdmin => "super-admin",
            Role::SalesAdmin => "sales-admin",
            Role::Marketer => "marketer",
            Role::Analyst => "analyst",
            Role::Operator => "operator",
        }
    }

    /// As states hold it, `super_admin`.
    pub fn stored(self) -> String {
        self.name().replace('-', "_")
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotARole;

impl fmt::Display for NotARole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is no role")
    }
}

impl std::error::Error for NotARole {}

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(name: &str) -> Result<Self, NotARole> {
        Role::ALL.into_iter().find(|role| role.name() == name).ok_or(NotARole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of roles; none by default. Stored as the list of its roles.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u8);

impl Roles {
    pub const NONE: Roles = Roles(0);

    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    pub const fn with(self, role: Role) -> Roles {
        Roles(self.0 | role.bit())
    }

    pub const fn without(self, role: Role) -> Roles {
        Roles(self.0 & !role.bit())
    }

    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Roles::NONE, Roles::with)
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Role>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// Refuses whoever may not change the roles of an account: that is for the system (an operator's command) and for
/// super-admins, and nobody changes their own.
pub(super) fn may_change_roles(context: &Context, account: EntityId) -> Result<(), Rejection> {
    match context.actor {
        Actor::System => Ok(()),
        Actor::Person(person) if person == account => {
            Err(Rejection::forbidden("own-roles", "nobody changes their own roles"))
        }
        Actor::Person(_) if context.roles.has(Role::SuperAdmin) => Ok(()),
        Actor::Person(_) | Actor::Anonymous => Err(Rejection::forbidden("needs-super-admin", "needs a super-admin")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_role_is_found_by_its_name_and_no_other() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(json!(role), role.stored());
        }
        for unknown in ["", "superAdmin", "super_admin", "Admin", "root"] {
            assert_eq!(unknown.parse::<Role>(), Err(NotARole), "{unknown}");
        }
    }

    #[test]
    fn a_set_is_stored_as_the_list_of_its_roles() {
        let roles = Roles::NONE.with(Role::SuperAdmin).with(Role::Analyst).with(Role::SuperAdmin);
        let stored = json!(["super_admin", "analyst"]);
        assert_eq!(serde_json::to_value(roles).unwrap(), stored);
        assert_eq!(serde_json::from_value::<Roles>(stored).unwrap(), roles);
        assert_eq!(Role::ALL.into_iter().collect::<Roles>().iter().collect::<Vec<_>>(), Role::ALL);
    }
}
