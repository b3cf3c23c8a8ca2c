use super::RosterCommand as Do;
use super::RosterEvent as Event;
use super::*;
use crate::decider::testing::{Given, given};
use crate::identity::Role;
use crate::identity::testing::{ONE, OTHER};

const THIRD: EntityId = EntityId(Uuid::from_u128(3));

fn added(account: EntityId) -> Event {
    Event::SuperAdminAdded { account }
}

fn roster(accounts: &[EntityId]) -> Given<Roster> {
    given(accounts.iter().copied().map(added))
}

#[test]
fn a_super_admin_is_added_once() {
    roster(&[]).when(Do::Add { account: ONE }).then([added(ONE)]);
    roster(&[ONE]).when(Do::Add { account: ONE }).then_nothing();
}

#[test]
fn a_super_admin_is_removed_once() {
    let removed = Event::SuperAdminRemoved { account: ONE };
    roster(&[ONE, OTHER]).when(Do::Remove { account: ONE }).then([removed]);
    roster(&[OTHER]).when(Do::Remove { account: ONE }).then_nothing();
}

#[test]
fn the_last_super_admin_stays() {
    roster(&[ONE]).when(Do::Remove { account: ONE }).then_err("last-super-admin");
    let removed = [added(ONE), added(OTHER), Event::SuperAdminRemoved { account: OTHER }];
    given::<Roster>(removed).when(Do::Remove { account: ONE }).then_err("last-super-admin");
}

#[test]
fn who_has_no_account_does_not_stay() {
    roster(&[ONE]).when(Do::Strike { account: ONE }).then([Event::SuperAdminRemoved { account: ONE }]);
    roster(&[OTHER]).when(Do::Strike { account: ONE }).then_nothing();
}

#[test]
fn only_super_admins_and_the_system_change_it_and_nobody_for_themselves() {
    for command in [Do::Add { account: THIRD }, Do::Remove { account: ONE }, Do::Strike { account: ONE }] {
        let by = |person| roster(&[ONE, OTHER]).by(person);
        by(OTHER).being(Role::SuperAdmin).when(command.clone()).then_state();
        by(OTHER).being(Role::Admin).when(command.clone()).then_err("needs-super-admin");
        roster(&[ONE, OTHER]).anonymous().when(command).then_err("needs-super-admin");
    }
    let own = |command| roster(&[ONE, OTHER]).by(ONE).being(Role::SuperAdmin).when(command);
    own(Do::Remove { account: ONE }).then_err("own-roles");
    own(Do::Add { account: ONE }).then_err("own-roles");
}
