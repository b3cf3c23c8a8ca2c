//! The rules of crews, one test each: Ann is the admin, Ben and Cal are members, Eve is a stranger.

use proptest::prelude::*;

use super::*;
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
        creator: ann(),
        admins: vec![ann()],
        members: vec![ann()],
    }
}

fn took_part(person: EntityId) -> CrewEvent {
    CrewEvent::CrewMemberTookPart { person }
}

fn removal(person: EntityId) -> CrewCommand {
    CrewCommand::RemoveMember { person, with_account: [ann(), ben(), cal(), eve()].into() }
}

fn admins(admins: Vec<EntityId>) -> CrewEvent {
    CrewEvent::CrewChanged { name: None, description: None, has_image: None, admins: Some(admins) }
}

fn added(person: EntityId) -> CrewEvent {
    CrewEvent::CrewMemberAdded { person }
}

fn crew() -> Given<Crews> {
    given([created(), took_part(ann()), added(ben()), took_part(ben()), added(cal()), took_part(cal())])
}

fn deleted() -> Given<Crews> {
    given([created(), added(ben()), CrewEvent::CrewDeleted { at: chrono::DateTime::UNIX_EPOCH }])
}

fn create(admins: Vec<EntityId>) -> CrewCommand {
    let description = Some(Description::Text("Old friends".into()));
    CrewCommand::Create(NewCrew { name: "Weekend".into(), description, has_image: false, admin_ids: admins })
}

fn changed_admins(admins: Vec<EntityId>) -> CrewCommand {
    CrewCommand::Change(CrewChange { name: None, description: None, has_image: None, admin_ids: Some(admins) })
}

#[test]
fn who_creates_a_crew_is_a_member_and_an_admin_and_its_admins_are_members() {
    given::<Crews>([]).by(ann()).when(create(vec![ann(), ann()])).then([created(), took_part(ann())]);
    let state = given::<Crews>([]).by(ann()).when(create(vec![ben()])).then_state();
    assert_eq!(state.crew().unwrap().members, [ann(), ben()]);
    assert_eq!(state.crew().unwrap().admins, [ben(), ann()]);
}

#[test]
fn a_crew_is_created_once() {
    crew().by(ann()).when(create(vec![ann()])).then_err("crew-exists");
    deleted().by(ann()).when(create(vec![ann()])).then_err("crew-exists");
}

#[test]
fn a_crew_has_a_name_and_an_admin() {
    given::<Crews>([]).by(ann()).when(create(vec![])).then_err("crew-needs-admin");
    let nameless =
        CrewCommand::Create(NewCrew { name: " ".into(), description: None, has_image: false, admin_ids: vec![ann()] });
    given::<Crews>([]).by(ann()).when(nameless).then_err("text-empty");
    given::<Crews>([]).anonymous().when(create(vec![ann()])).then_err("needs-person");
}

#[test]
fn crew_members_add_crew_members() {
    crew().by(ben()).when(CrewCommand::AddMember { person: eve() }).then([added(eve())]);
    crew().by(ben()).when(CrewCommand::AddMember { person: cal() }).then_nothing();
    crew().by(eve()).when(CrewCommand::AddMember { person: eve() }).then_err("only-crew-members");
}

#[test]
fn an_invitation_adds_everybody_who_is_not_a_member() {
    let named = |person| Invitee { person, number: None };
    let invite = CrewCommand::Invite { people: vec![named(eve()), named(cal()), named(id(6)), named(eve())] };
    let invited = |person| CrewEvent::CrewMemberInvited { person, inviter: ben(), number: None };
    crew().by(ben()).when(invite.clone()).then([invited(eve()), invited(id(6))]);
    crew().by(eve()).when(invite).then_err("only-crew-members");
}

fn number(hash: &str) -> Sealed {
    Sealed { subject: eve(), cipher: "c".into(), hash: hash.into() }
}

#[test]
fn who_invites_by_number_is_remembered_with_it() {
    let by_id = Invitee { person: eve(), number: None };
    let by_number = Invitee { person: eve(), number: Some(number("n")) };
    let state = crew()
        .by(ben())
        .when(CrewCommand::Invite { people: vec![by_id, by_number] })
        .then([CrewEvent::CrewMemberInvited { person: eve(), inviter: ben(), number: Some(number("n")) }]);
    let crew_of = |state: &CrewState| state.crew().unwrap().clone();
    assert_eq!(crew_of(&state).invited_by_number(eve(), ben()), Some(&number("n")));
    assert_eq!(crew_of(&state).invited_by_number(eve(), ann()), None);
    let replaced = Crews::evolve(state.clone(), &CrewEvent::CrewMemberReplaced { from: eve(), to: id(7) });
    assert_eq!(crew_of(&replaced).invited_by_number(id(7), ben()), Some(&number("n")));
    for gone in [eve(), ben()] {
        let left = Crews::evolve(state.clone(), &CrewEvent::CrewMemberRemoved { person: gone });
        assert!(crew_of(&left).invitations.is_empty());
    }
}

#[test]
fn who_is_added_again_has_not_taken_part_again() {
    let left = CrewEvent::CrewMemberRemoved { person: ben() };
    let back = given::<Crews>([created(), added(ben()), took_part(ben()), left, added(ben())]);
    back.by(ben()).when(CrewCommand::AddMember { person: eve() }).then([added(eve()), took_part(ben())]);
}

#[test]
fn with_their_first_command_a_member_takes_part_unless_they_go() {
    let fresh = || given::<Crews>([created(), added(ben()), added(cal())]);
    let add = CrewCommand::AddMember { person: eve() };
    let state = fresh().by(ben()).when(add.clone()).then([added(eve()), took_part(ben())]);
    let crew_then = state.crew().unwrap();
    assert!(crew_then.shows_number(ben(), eve()) && !crew_then.shows_number(eve(), ben()));
    assert!(!crew_then.shows_number(ben(), id(6)));
    crew().by(ben()).when(add).then([added(eve())]);
    fresh().by(ben()).when(CrewCommand::AddMember { person: cal() }).then_nothing();
    fresh().by(ben()).when(removal(ben())).then([CrewEvent::CrewMemberRemoved { person: ben() }]);
}

#[test]
fn members_leave_and_admins_alone_remove_others() {
    let remove = removal;
    crew().by(ben()).when(remove(ben())).then([CrewEvent::CrewMemberRemoved { person: ben() }]);
    crew().by(ann()).when(remove(ben())).then([CrewEvent::CrewMemberRemoved { person: ben() }]);
    crew().by(ben()).when(remove(cal())).then_err("only-admins-remove-others");
    crew().by(eve()).when(remove(ben())).then_err("only-admins-remove-others");
    crew().by(ann()).when(remove(eve())).then_err("no-such-crew-member");
}

#[test]
fn nobody_is_kept_and_where_the_last_admin_goes_somebody_follows() {
    let gone = |person| CrewEvent::CrewMemberRemoved { person };
    // The creator first, wherever they stand.
    given::<Crews>([created(), added(ben()), added(cal()), admins(vec![cal()])])
        .by(cal())
        .when(removal(cal()))
        .then([gone(cal()), admins(vec![ann()])]);
    crew().by(ann()).when(removal(ann())).then([gone(ann()), admins(vec![ben()])]);
    let without_ben = CrewCommand::RemoveMember { person: ann(), with_account: [ann(), cal()].into() };
    crew().by(ann()).when(without_ben).then([gone(ann()), admins(vec![cal()])]);
    let both = given::<Crews>([created(), added(ben()), admins(vec![ann(), ben()])]);
    let state = both.by(ann()).when(removal(ann())).then([gone(ann())]);
    assert_eq!(state.crew().unwrap().admins, [ben()]);
}

#[test]
fn with_nobody_left_the_crew_is_deleted() {
    let at = chrono::DateTime::UNIX_EPOCH;
    let gone = CrewEvent::CrewMemberRemoved { person: ann() };
    let state =
        given::<Crews>([created()]).by(ann()).when(removal(ann())).then([gone.clone(), CrewEvent::CrewDeleted { at }]);
    assert_eq!(state, CrewState::Deleted { deleted_at: at, last_members: vec![] });
    let only_temps = CrewCommand::RemoveMember { person: ann(), with_account: [ann()].into() };
    let state = crew().by(ann()).when(only_temps).then([gone, CrewEvent::CrewDeleted { at }]);
    assert_eq!(state, CrewState::Deleted { deleted_at: at, last_members: vec![ben(), cal()] });
}

#[test]
fn an_admin_who_was_forgotten_administers_no_more() {
    let pass_on = |with_account| CrewCommand::PassOn { person: ann(), with_account };
    crew().when(pass_on([ben(), cal()].into())).then([admins(vec![ben()])]);
    let both = || given::<Crews>([created(), added(ben()), admins(vec![ann(), ben()])]);
    both().when(pass_on([ben()].into())).then([admins(vec![ben()])]);
    crew().when(pass_on([].into())).then([CrewEvent::CrewDeleted { at: chrono::DateTime::UNIX_EPOCH }]);
    given::<Crews>([created(), added(ben()), admins(vec![ben()])]).when(pass_on([ben()].into())).then_nothing();
    deleted().when(pass_on([ben()].into())).then_nothing();
    crew().by(ann()).when(pass_on([ben()].into())).then_err("only-system");
}

#[test]
fn admins_alone_change_a_crew() {
    let rename = CrewCommand::Change(CrewChange {
        name: Some("Road trips".into()),
        description: Some(Description::Flag(true)),
        has_image: Some(false),
        admin_ids: Some(vec![ann()]),
    });
    crew().by(ann()).when(rename.clone()).then([CrewEvent::CrewChanged {
        name: Some("Road trips".into()),
        description: Some(Description::Flag(true)),
        has_image: None,
        admins: None,
    }]);
    crew().by(ben()).when(rename).then_err("only-crew-admins");
    crew().by(ann()).when(changed_admins(vec![ann()])).then_nothing();
}

#[test]
fn admins_are_members_and_there_is_always_one() {
    crew().by(ann()).when(changed_admins(vec![ben(), cal()])).then_state();
    for (admins, rule) in [(vec![], "crew-needs-admin"), (vec![ann(), eve()], "names-non-member-of-crew")] {
        let rejection = crew().by(ann()).when(changed_admins(admins)).then_err(rule);
        assert_eq!(rejection.field(), Some("admin_ids"));
    }
    let nameless = CrewCommand::Change(CrewChange {
        name: Some(String::new()),
        description: None,
        has_image: None,
        admin_ids: None,
    });
    crew().by(ann()).when(nameless).then_err("text-empty");
}

#[test]
fn admins_alone_delete_a_crew() {
    crew().by(ann()).when(CrewCommand::Delete).then([CrewEvent::CrewDeleted { at: chrono::DateTime::UNIX_EPOCH }]);
    crew().by(ben()).when(CrewCommand::Delete).then_err("only-crew-admins");
}

#[test]
fn a_deleted_or_unknown_crew_is_not_found() {
    for command in [CrewCommand::Delete, CrewCommand::AddMember { person: eve() }, changed_admins(vec![ben()])] {
        deleted().by(ann()).when(command.clone()).then_err("no-such-crew");
        given::<Crews>([]).by(ann()).when(command).then_err("no-such-crew");
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
    deleted().when(replace(eve(), cal())).then_nothing();
    let state = deleted().when(replace(ben(), eve())).then([CrewEvent::CrewMemberReplaced { from: ben(), to: eve() }]);
    let CrewState::Deleted { last_members, .. } = state else { panic!("{state:?}") };
    assert_eq!(last_members, [ann(), eve()]);
    crew().by(ann()).when(replace(ben(), eve())).then_err("only-system");
}

fn any_event() -> impl Strategy<Value = CrewEvent> {
    let person = || (1u64..6).prop_map(id);
    prop_oneof![
        Just(created()),
        person().prop_map(|person| CrewEvent::CrewMemberAdded { person }),
        person().prop_map(|person| CrewEvent::CrewMemberInvited { person, inviter: ann(), number: Some(number("n")) }),
        person().prop_map(took_part),
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
