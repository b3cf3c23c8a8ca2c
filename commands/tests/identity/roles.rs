//! Platform roles, of which one is never taken from the last who has it.

use caravan_commands::identity::roles::change_role;
use caravan_commands::identity::{operator, sessions};
use caravan_commands::{Caller, CommandError, Done};
use caravan_domain::identity::roster::ROSTER;
use caravan_domain::identity::{Account, Role, Roles, Roster};
use caravan_domain::{Actor, EntityId, RejectionKind};
use uuid::Uuid;

use crate::support::Databases;
use crate::world::{PHONE, Somebody, World, refused};

async fn grant(world: &World, somebody: &Somebody, role: Role) -> Result<Done<Account>, CommandError> {
    change_role(&world.operator(), somebody.person.account, role, true).await
}

async fn revoke(world: &World, somebody: &Somebody, role: Role) -> Result<Done<Account>, CommandError> {
    change_role(&world.operator(), somebody.person.account, role, false).await
}

async fn roles(world: &World, somebody: &Somebody) -> Vec<Role> {
    let person = sessions::authenticate(&world.commands, &somebody.tokens.access_token, world.now).await.unwrap();
    person.roles.iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_counts_from_the_next_request_on() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    assert_eq!(roles(&world, &dana).await, [Role::User]);
    grant(&world, &dana, Role::Analyst).await.unwrap();
    grant(&world, &dana, Role::Marketer).await.unwrap();
    assert!(grant(&world, &dana, Role::Marketer).await.unwrap().events.is_empty());
    assert_eq!(roles(&world, &dana).await, [Role::User, Role::Marketer, Role::Analyst]);
    revoke(&world, &dana, Role::Marketer).await.unwrap();
    assert_eq!(roles(&world, &dana).await, [Role::User, Role::Analyst]);
    assert_eq!(refused(revoke(&world, &dana, Role::User).await, RejectionKind::Conflict).unwrap(), "role");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_super_admin_stays() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let kim = world.sign_up("kim", &[("phone_number", "+14165550101")]).await;
    // Who is none is not kept.
    assert!(revoke(&world, &dana, Role::SuperAdmin).await.unwrap().events.is_empty());
    grant(&world, &dana, Role::SuperAdmin).await.unwrap();
    assert!(grant(&world, &dana, Role::SuperAdmin).await.unwrap().events.is_empty());
    refused(revoke(&world, &dana, Role::SuperAdmin).await, RejectionKind::Conflict);
    refused(operator::forget(&world.operator(), dana.person.account).await, RejectionKind::Conflict);
    assert_eq!(roles(&world, &dana).await, [Role::User, Role::SuperAdmin]);

    grant(&world, &kim, Role::SuperAdmin).await.unwrap();
    revoke(&world, &dana, Role::SuperAdmin).await.unwrap();
    assert_eq!(roles(&world, &dana).await, [Role::User]);
    refused(revoke(&world, &kim, Role::SuperAdmin).await, RejectionKind::Conflict);
    grant(&world, &dana, Role::SuperAdmin).await.unwrap();
    operator::forget(&world.operator(), kim.person.account).await.unwrap();
    refused(revoke(&world, &dana, Role::SuperAdmin).await, RejectionKind::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_account_is_given_no_role() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    operator::forget(&world.operator(), dana.person.account).await.unwrap();
    for role in [Role::Admin, Role::SuperAdmin] {
        refused(grant(&world, &dana, role).await, RejectionKind::Gone);
        let nobody = EntityId(Uuid::new_v4());
        let granted = change_role(&world.operator(), nobody, role, true).await;
        refused(granted, RejectionKind::NotFound);
    }
    assert!(listed(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_for_super_admins_and_operators_to_change_and_not_their_own() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let kim = world.sign_up("kim", &[("phone_number", "+14165550101")]).await;
    let change = async |by: &Somebody, of: &Somebody, role: Role| {
        let person = sessions::authenticate(&world.commands, &by.tokens.access_token, world.now).await.unwrap();
        let caller = Caller { roles: person.roles, ..world.by(by).caller().clone() };
        let asking = world.commands.asked_by(caller);
        change_role(&asking, of.person.account, role, true).await
    };
    grant(&world, &dana, Role::Admin).await.unwrap();
    for role in [Role::Analyst, Role::SuperAdmin] {
        refused(change(&dana, &kim, role).await, RejectionKind::Forbidden);
    }
    grant(&world, &dana, Role::SuperAdmin).await.unwrap();
    for role in [Role::Analyst, Role::SuperAdmin] {
        refused(change(&dana, &dana, role).await, RejectionKind::Forbidden);
        change(&dana, &kim, role).await.unwrap();
    }
    let claimed = Caller { roles: Roles::NONE.with(Role::SuperAdmin), ..world.anyone().caller().clone() };
    assert_eq!(claimed.actor, Actor::Anonymous);
    let changed = change_role(&world.commands.asked_by(claimed), kim.person.account, Role::Admin, true).await;
    refused(changed, RejectionKind::Forbidden);
}

async fn listed(world: &World) -> Vec<EntityId> {
    let roster = world.commands.state::<Roster>(ROSTER).await.unwrap();
    roster.state.super_admins.iter().copied().collect()
}

/// Two processes grant and take the role all at once: whatever comes out, roster and accounts say the same, and
/// somebody is left.
#[tokio::test(flavor = "multi_thread")]
async fn roster_and_accounts_agree_after_a_race() {
    let databases = Databases::new().await;
    let other = databases.process(None).await;
    let world = World::on(databases).await;
    let mut people = vec![];
    for number in 0..3 {
        let phone = format!("+1416555011{number}");
        let somebody = world.sign_up(&format!("person{number}"), &[("phone_number", &phone)]).await;
        grant(&world, &somebody, Role::SuperAdmin).await.unwrap();
        people.push(somebody);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for turn in 0..30 {
        let commands = if turn % 2 == 0 { world.commands.clone() } else { other.clone() };
        let account = people[turn % 3].person.account;
        let asking = commands.asked_by(world.operator().caller().clone());
        tasks.spawn(async move {
            let changed = change_role(&asking, account, Role::SuperAdmin, turn % 5 == 0).await;
            match changed {
                Ok(_) | Err(CommandError::Rejected(_) | CommandError::Busy) => {}
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    tasks.join_all().await;
    let mut super_admins = vec![];
    for somebody in &people {
        let state = world.state(somebody.person.account).await;
        if state.registered().unwrap().roles().has(Role::SuperAdmin) {
            super_admins.push(somebody.person.account);
        }
    }
    super_admins.sort();
    assert_eq!(super_admins, listed(&world).await);
    assert!(!super_admins.is_empty(), "the last one stays");
}
