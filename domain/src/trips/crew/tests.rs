//! The rules of crews, one test each: Ann is the admin, Ben and Cal are members, Eve is a stranger.

use proptest::prelude::*;

use super::*;
use crate::RejectionKind::{Conflict, Forbidden, Invalid, NotFound};
use crate::decider::fold;
use crate::decider::testing::{Given, given};

fn id(number: u64) -> EntityId {
    EntityId::from_parts(number, [0; 10])
}

fn ann() -> EntityId {
    id(1)
}

fn ben() -> EntityId {
    id(2)
}

fn cal() -> EntityId {
    id(3)
}

fn eve() -> EntityId {
    id(5)
}

fn created() -> CrewEvent {
    CrewEvent::CrewCreated {
        name: "Weekend".into(),
        description: Some(Description::Text("Old friends".into())),
        has_image: false,
        admins: vec![ann()],
        members: vec![ann()],
    }
}

fn added(person: EntityId) -> CrewEvent {
    CrewEvent::CrewMemberAdded { person }
}

fn crew() -> Given<Crews> {
    given([created(), added(ben()), added(cal())])
}

fn deleted() -> Given<Crews> {
    given([created(), CrewEvent::CrewDeleted { at: chrono::DateTime::UNIX_EPOCH }])
}

fn create(admins: Vec<EntityId>) -> CrewCommand {
    let description = Some(Description::Text("Old friends".into()));
    CrewCommand::Create { name: "Weekend".into(), description, has_image: false, admin_ids: admins }
}

fn changed_admins(admins: Vec<EntityId>) -> CrewCommand {
    CrewCommand::Change { name: None, description: None, has_image: None, admin_ids: Some(admins) }
}

#[test]
fn who_creates_a_crew_is_a_member_and_so_are_its_admins() {
    given::<Crews>([]).by(ann()).when(create(vec![ann(), ann()])).then([created()]);
    let state = given::<Crews>([]).by(ann()).when(create(vec![ben()])).then_state();
    assert_eq!(state.crew().unwrap().members, [ann(), ben()]);
    assert_eq!(state.crew().unwrap().admins, [ben()]);
}

#[test]
fn a_crew_has_a_name_and_an_admin() {
    given::<Crews>([]).by(ann()).when(create(vec![])).then_err(Invalid);
    let nameless =
        CrewCommand::Create { name: " ".into(), description: None, has_image: false, admin_ids: vec![ann()] };
    given::<Crews>([]).by(ann()).when(nameless).then_err(Invalid);
    given::<Crews>([]).anonymous().when(create(vec![ann()])).then_err(Forbidden);
}

#[test]
fn crew_members_add_crew_members() {
    crew().by(ben()).when(CrewCommand::AddMember { person: eve() }).then([added(eve())]);
    crew().by(ben()).when(CrewCommand::AddMember { person: cal() }).then_nothing();
    crew().by(eve()).when(CrewCommand::AddMember { person: eve() }).then_err(Forbidden);
}

#[test]
fn an_invitation_adds_everybody_who_is_not_a_member() {
    let invite = CrewCommand::Invite { people: vec![eve(), cal(), id(6), eve()] };
    crew()
        .by(ben())
        .when(invite.clone())
        .then([CrewEvent::CrewMemberInvited { person: eve() }, CrewEvent::CrewMemberInvited { person: id(6) }]);
    crew().by(eve()).when(invite).then_err(Forbidden);
}

#[test]
fn members_leave_and_admins_alone_remove_others() {
    let remove = |person| CrewCommand::RemoveMember { person };
    crew().by(ben()).when(remove(ben())).then([CrewEvent::CrewMemberRemoved { person: ben() }]);
    crew().by(ann()).when(remove(ben())).then([CrewEvent::CrewMemberRemoved { person: ben() }]);
    crew().by(ben()).when(remove(cal())).then_err(Forbidden);
    crew().by(eve()).when(remove(ben())).then_err(Forbidden);
    crew().by(ann()).when(remove(eve())).then_err(NotFound);
}

#[test]
fn the_last_admin_cannot_leave() {
    crew().by(ann()).when(CrewCommand::RemoveMember { person: ann() }).then_err(Conflict);
    let both =
        CrewEvent::CrewChanged { name: None, description: None, has_image: None, admins: Some(vec![ann(), ben()]) };
    let state = given::<Crews>([created(), added(ben()), both])
        .by(ann())
        .when(CrewCommand::RemoveMember { person: ann() })
        .then([CrewEvent::CrewMemberRemoved { person: ann() }]);
    assert_eq!(state.crew().unwrap().admins, [ben()]);
}

#[test]
fn admins_alone_change_a_crew() {
    let rename = CrewCommand::Change {
        name: Some("Road trips".into()),
        description: Some(Description::Flag(true)),
        has_image: Some(false),
        admin_ids: Some(vec![ann()]),
    };
    crew().by(ann()).when(rename.clone()).then([CrewEvent::CrewChanged {
        name: Some("Road trips".into()),
        description: Some(Description::Flag(true)),
        has_image: None,
        admins: None,
    }]);
    crew().by(ben()).when(rename).then_err(Forbidden);
    crew().by(ann()).when(changed_admins(vec![ann()])).then_nothing();
}

#[test]
fn admins_are_members_and_there_is_always_one() {
    crew().by(ann()).when(changed_admins(vec![ben(), cal()])).then_state();
    for admins in [vec![], vec![ann(), eve()]] {
        let rejection = crew().by(ann()).when(changed_admins(admins)).then_err(Invalid);
        assert_eq!(rejection.field.as_deref(), Some("admin_ids"));
    }
    let nameless =
        CrewCommand::Change { name: Some(String::new()), description: None, has_image: None, admin_ids: None };
    crew().by(ann()).when(nameless).then_err(Invalid);
}

#[test]
fn admins_alone_delete_a_crew() {
    crew().by(ann()).when(CrewCommand::Delete).then([CrewEvent::CrewDeleted { at: chrono::DateTime::UNIX_EPOCH }]);
    crew().by(ben()).when(CrewCommand::Delete).then_err(Forbidden);
}

#[test]
fn a_deleted_or_unknown_crew_is_not_found() {
    for command in [CrewCommand::Delete, CrewCommand::AddMember { person: eve() }, changed_admins(vec![ben()])] {
        deleted().by(ann()).when(command.clone()).then_err(NotFound);
        given::<Crews>([]).by(ann()).when(command).then_err(NotFound);
    }
}

#[test]
fn an_absorbed_temp_member_is_replaced_and_duplicates_collapse() {
    let replace = |from, to| CrewCommand::ReplaceMember { from, to };
    let state = crew().when(replace(ben(), eve())).then([CrewEvent::CrewMemberReplaced { from: ben(), to: eve() }]);
    assert_eq!(state.crew().unwrap().members, [ann(), eve(), cal()]);
    let state = crew().when(replace(cal(), ann())).then_state();
    assert_eq!(state.crew().unwrap().members, [ann(), ben()]);
    crew().when(replace(eve(), ann())).then_nothing();
    deleted().when(replace(ann(), eve())).then_nothing();
    crew().by(ann()).when(replace(ben(), eve())).then_err(Forbidden);
}

fn any_event() -> impl Strategy<Value = CrewEvent> {
    let person = || (1u64..6).prop_map(id);
    prop_oneof![
        Just(created()),
        person().prop_map(|person| CrewEvent::CrewMemberAdded { person }),
        person().prop_map(|person| CrewEvent::CrewMemberInvited { person }),
        person().prop_map(|person| CrewEvent::CrewMemberRemoved { person }),
        (person(), person()).prop_map(|(from, to)| CrewEvent::CrewMemberReplaced { from, to }),
        prop::collection::vec(person(), 0..3).prop_map(|admins| CrewEvent::CrewChanged {
            name: Some("Other".into()),
            description: None,
            has_image: Some(true),
            admins: Some(admins)
        }),
        Just(CrewEvent::CrewDeleted { at: chrono::DateTime::UNIX_EPOCH }),
    ]
}

proptest! {
    #[test]
    fn any_events_in_any_order_fold_and_the_state_comes_back_from_its_document(
        events in prop::collection::vec(any_event(), 0..40)
    ) {
        let state = fold::<Crews>(&events);
        let document = serde_json::to_value(&state).unwrap();
        prop_assert_eq!(serde_json::from_value::<CrewState>(document).unwrap(), state);
    }
}
