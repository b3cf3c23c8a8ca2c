//! The rules of trip ideas, one test each: Ann is the crew's admin, Ben suggests, Cal is a member, Eve a stranger.

use proptest::prelude::*;

use super::*;
use crate::decider::fold;
use crate::decider::testing::{Given, given};
use crate::trips::crew::{CrewEvent, Crews};

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

fn crew_id() -> EntityId {
    id(40)
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2030, 5, day).unwrap()
}

fn crew() -> Arc<CrewState> {
    let created = CrewEvent::CrewCreated {
        name: "Weekend".into(),
        description: None,
        has_image: false,
        creator: ann(),
        admins: vec![ann()],
        members: vec![ann(), ben(), cal()],
    };
    Arc::new(Crews::evolve(CrewState::Unknown, &created))
}

fn idea() -> TripIdea {
    TripIdea {
        crew: crew_id(),
        city: id(60),
        start_date: day(1),
        end_date: day(4),
        events: vec![id(50)],
        suggestor: ben(),
        liked: vec![cal()],
    }
}

fn suggestion() -> Suggestion {
    Suggestion {
        crew_id: crew_id(),
        city_id: id(60),
        start_date: day(1),
        end_date: day(4),
        event_ids: vec![id(50), id(50)],
        liked_user_ids: vec![cal(), cal()],
    }
}

fn suggest(suggestion: Suggestion) -> TripIdeaCommand {
    TripIdeaCommand::Suggest { suggestion, crew: crew() }
}

fn suggested() -> Given<TripIdeas> {
    given([TripIdeaEvent::TripIdeaSuggested(idea())])
}

fn like() -> TripIdeaCommand {
    TripIdeaCommand::Like { crew_id: crew_id(), crew: crew() }
}

fn unlike() -> TripIdeaCommand {
    TripIdeaCommand::Unlike { crew_id: crew_id(), crew: crew() }
}

fn delete() -> TripIdeaCommand {
    TripIdeaCommand::Delete { crew_id: crew_id(), crew: crew() }
}

#[test]
fn crew_members_suggest_ideas() {
    given::<TripIdeas>([]).by(ben()).when(suggest(suggestion())).then([TripIdeaEvent::TripIdeaSuggested(idea())]);
    given::<TripIdeas>([]).by(eve()).when(suggest(suggestion())).then_err("only-crew-members");
}

#[test]
fn an_idea_is_suggested_once() {
    suggested().by(ben()).when(suggest(suggestion())).then_err("trip-idea-exists");
}

#[test]
fn an_idea_needs_a_crew_that_exists() {
    let nowhere = TripIdeaCommand::Suggest { suggestion: suggestion(), crew: Arc::default() };
    given::<TripIdeas>([]).by(ben()).when(nowhere).then_err("no-such-crew");
}

#[test]
fn an_end_before_its_start_is_refused() {
    let backwards = Suggestion { start_date: day(5), ..suggestion() };
    let rejection = given::<TripIdeas>([]).by(ben()).when(suggest(backwards)).then_err("dates-in-order");
    assert_eq!(rejection.field(), Some("end_date"));
}

#[test]
fn who_likes_an_idea_is_a_crew_member() {
    let liked = Suggestion { liked_user_ids: vec![eve()], ..suggestion() };
    given::<TripIdeas>([]).by(ben()).when(suggest(liked)).then_err("names-non-member-of-crew");
    suggested().by(eve()).when(like()).then_err("only-crew-members");
    suggested().by(eve()).when(unlike()).then_err("only-crew-members");
}

#[test]
fn a_like_counts_once_and_can_be_taken_back() {
    suggested().by(ann()).when(like()).then([TripIdeaEvent::TripIdeaLiked { person: ann() }]);
    suggested().by(cal()).when(like()).then_nothing();
    suggested().by(cal()).when(unlike()).then([TripIdeaEvent::TripIdeaUnliked { person: cal() }]);
    suggested().by(ann()).when(unlike()).then_nothing();
}

#[test]
fn the_suggestor_or_an_admin_deletes_an_idea() {
    for person in [ann(), ben()] {
        suggested().by(person).when(delete()).then([TripIdeaEvent::TripIdeaDeleted { at: DateTime::UNIX_EPOCH }]);
    }
    suggested().by(cal()).when(delete()).then_err("only-suggestor-or-admins");
    suggested().by(eve()).when(delete()).then_err("only-crew-members");
}

#[test]
fn an_idea_is_found_only_in_its_crew_and_until_it_is_deleted() {
    let elsewhere = TripIdeaCommand::Like { crew_id: id(41), crew: crew() };
    suggested().by(ann()).when(elsewhere).then_err("no-such-trip-idea");
    for command in [like(), unlike(), delete()] {
        given::<TripIdeas>([
            TripIdeaEvent::TripIdeaSuggested(idea()),
            TripIdeaEvent::TripIdeaDeleted { at: DateTime::UNIX_EPOCH },
        ])
        .by(ann())
        .when(command.clone())
        .then_err("no-such-trip-idea");
        given::<TripIdeas>([]).by(ann()).when(command).then_err("no-such-trip-idea");
    }
}

#[test]
fn an_absorbed_temp_member_is_replaced_and_duplicates_collapse() {
    let replace = |from, to| TripIdeaCommand::ReplaceMember { from, to };
    let state =
        given::<TripIdeas>([TripIdeaEvent::TripIdeaSuggested(idea()), TripIdeaEvent::TripIdeaLiked { person: ben() }])
            .when(replace(ben(), cal()))
            .then([TripIdeaEvent::TripIdeaPersonReplaced { from: ben(), to: cal() }]);
    let TripIdeaState::Active(idea) = state else { panic!("{state:?}") };
    assert_eq!((idea.suggestor, idea.liked), (cal(), vec![cal()]));
    suggested().when(replace(eve(), ann())).then_nothing();
    suggested().by(ann()).when(replace(ben(), cal())).then_err("only-system");
}

fn any_event() -> impl Strategy<Value = TripIdeaEvent> {
    let person = || (1u64..6).prop_map(id);
    prop_oneof![
        Just(TripIdeaEvent::TripIdeaSuggested(idea())),
        person().prop_map(|person| TripIdeaEvent::TripIdeaLiked { person }),
        person().prop_map(|person| TripIdeaEvent::TripIdeaUnliked { person }),
        (person(), person()).prop_map(|(from, to)| TripIdeaEvent::TripIdeaPersonReplaced { from, to }),
        Just(TripIdeaEvent::TripIdeaDeleted { at: DateTime::UNIX_EPOCH }),
    ]
}

proptest! {
    #[test]
    fn any_events_in_any_order_fold_and_the_state_comes_back_from_its_document(
        events in prop::collection::vec(any_event(), 0..40)
    ) {
        let state = fold::<TripIdeas>(&events);
        let document = serde_json::to_value(&state).unwrap();
        prop_assert_eq!(serde_json::from_value::<TripIdeaState>(document).unwrap(), state);
    }
}
