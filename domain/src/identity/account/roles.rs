//! Which platform roles an account has.

use super::events::AccountEvent;
use super::state::Registered;
use crate::identity::Role;
use crate::identity::roles::may_change_roles;
use crate::{Context, EntityId, Rejection};

pub(super) fn change(
    account: &Registered,
    id: EntityId,
    role: Role,
    on: bool,
    context: &Context,
) -> Result<Vec<AccountEvent>, Rejection> {
    may_change_roles(context, id)?;
    if account.roles().has(role) == on {
        return Ok(vec![]);
    }
    match (role, on) {
        (Role::User, _) => Err(Rejection::conflict("every-account-is-user", "every account is a user").on("role")),
        (role, true) => Ok(vec![AccountEvent::RoleGranted { role }]),
        (role, false) => Ok(vec![AccountEvent::RoleRevoked { role }]),
    }
}

#[cfg(test)]
mod tests {
    use crate::decider::fold;
    use crate::decider::testing::given;
    use crate::identity::account::AccountCommand as Do;
    use crate::identity::account::AccountEvent as Event;
    use crate::identity::account::tests::{invited, registration};
    use crate::identity::account::{Account, LoginSessions};
    use crate::identity::testing::{ONE, OTHER};
    use crate::identity::{Role, Roles};

    fn change_role(role: Role, on: bool) -> Do {
        Do::ChangeRole { account: ONE, role, on }
    }

    fn granted(role: Role) -> Event {
        Event::RoleGranted { role }
    }

    fn roles_after(events: impl IntoIterator<Item = Event>) -> Roles {
        let state = std::iter::once(Event::Registered(registration())).chain(events).collect::<Vec<_>>();
        fold::<Account>(&state).registered().unwrap().roles()
    }

    #[test]
    fn an_account_is_a_user_and_nothing_more() {
        assert_eq!(roles_after([]).iter().collect::<Vec<_>>(), [Role::User]);
    }

    #[test]
    fn a_role_is_granted_and_revoked_once() {
        let system = || given::<Account>([Event::Registered(registration())]);
        system().when(change_role(Role::Analyst, true)).then([granted(Role::Analyst)]);
        system().when(change_role(Role::Analyst, false)).then_nothing();
        let analyst = || given::<Account>([Event::Registered(registration()), granted(Role::Analyst)]);
        analyst().when(change_role(Role::Analyst, true)).then_nothing();
        let revoked = Event::RoleRevoked { role: Role::Analyst };
        analyst().when(change_role(Role::Analyst, false)).then([revoked.clone()]);
        assert!(roles_after([granted(Role::Marketer), granted(Role::Analyst), revoked]).has(Role::Marketer));
    }

    #[test]
    fn every_account_stays_a_user() {
        let system = || given::<Account>([Event::Registered(registration())]);
        system().when(change_role(Role::User, true)).then_nothing();
        system().when(change_role(Role::User, false)).then_err("every-account-is-user");
    }

    #[test]
    fn roles_are_for_super_admins_to_change_and_not_their_own() {
        let change = || change_role(Role::Marketer, true);
        let account = || given::<Account>([Event::Registered(registration())]);
        account().by(OTHER).being(Role::SuperAdmin).when(change()).then([granted(Role::Marketer)]);
        account().by(OTHER).being(Role::Admin).when(change()).then_err("needs-super-admin");
        account().by(OTHER).when(change()).then_err("needs-super-admin");
        account().anonymous().when(change()).then_err("needs-super-admin");
        account().by(ONE).being(Role::SuperAdmin).when(change()).then_err("own-roles");
    }

    #[test]
    fn who_has_no_account_has_no_roles() {
        given::<Account>([]).when(change_role(Role::Admin, true)).then_err("no-such-account");
        given::<Account>([invited()]).when(change_role(Role::Admin, true)).then_err("not-signed-up");
    }

    #[test]
    fn what_a_token_is_checked_against_knows_the_roles() {
        let state = fold::<Account>(&[Event::Registered(registration()), granted(Role::Admin)]);
        let sessions: LoginSessions = serde_json::from_value(serde_json::to_value(&state).unwrap()).unwrap();
        assert_eq!(sessions.roles(), state.registered().unwrap().roles());
    }
}
