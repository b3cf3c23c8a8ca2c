use std::collections::BTreeMap;

use proptest::prelude::*;

use super::SignUpCommand as Do;
use super::SignUpEvent as Event;
use super::*;
use crate::decider::testing::given;
use crate::identity::testing::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

fn id(number: u128) -> EntityId {
    EntityId(Uuid::from_u128(number))
}

fn attempt(number: u128, begun: i64) -> Attempt {
    Attempt {
        id: id(number),
        username: sealed_for(id(number), "dana"),
        password_hash: sealed("secret"),
        email: None,
        phone: Some(sealed_for(id(number), "+14165550100")),
        channel: Channel::Sms,
        attributes: BTreeMap::new(),
        begun_at: after(begun),
        begun_from: None,
    }
}

fn begin(number: u128, at: i64) -> Do {
    Do::Begin { attempt: Box::new(attempt(number, at)), nonce: nonce(number) }
}

fn begun(number: u128, at: i64) -> Event {
    Event::SignUpBegun(Box::new(attempt(number, at)))
}

fn issued(number: u128, code: u128, at: i64) -> Event {
    Event::CodeIssued(CodeIssued {
        nonce: nonce(code),
        purpose: CodePurpose::SignUp,
        to: sealed_for(id(number), "+14165550100"),
        channel: Channel::Sms,
        issued_at: after(at),
        expires_at: after(at) + CODE_LIFE,
    })
}

fn dropped(number: u128) -> Event {
    Event::SignUpDropped { attempt: id(number) }
}

fn confirm(number: u128) -> Do {
    Do::Confirm { attempt: id(number), nonce: nonce(number) }
}

fn confirmed(number: u128, at: i64) -> Event {
    Event::SignUpConfirmed { attempt: id(number), at: after(at) }
}

#[test]
fn a_sign_up_sends_one_code() {
    given::<SignUp>([]).when(begin(1, 0)).then([begun(1, 0), issued(1, 1, 0)]);
    given::<SignUp>([begun(1, 0), issued(1, 1, 0)]).when(begin(1, 0)).then_nothing();
}

#[test]
fn a_sign_up_needs_the_contact_its_code_goes_to() {
    let attempt = Box::new(Attempt { phone: None, ..attempt(1, 0) });
    given::<SignUp>([]).when(Do::Begin { attempt, nonce: nonce(1) }).then_err("no-contact-given");
}

#[test]
fn several_may_try_for_one_name() {
    given::<SignUp>([begun(1, 0), issued(1, 1, 0)]).when(begin(2, 0)).then([begun(2, 0), issued(2, 2, 0)]);
}

#[test]
fn attempts_are_bounded_and_the_oldest_goes_first() {
    let most = MAX_ATTEMPTS as u128;
    let waiting = (1..=most).map(|number| begun(number, 0));
    let next = most + 1;
    let events = [dropped(1), begun(next, 0), issued(next, next, 0)];
    given::<SignUp>(waiting).when(begin(next, 0)).then(events);
}

#[test]
fn an_attempt_lapses_after_a_day() {
    let later = 24 * HOUR;
    let events = [dropped(1), begun(2, later), issued(2, 2, later)];
    given::<SignUp>([begun(1, 0)]).at(after(later)).when(begin(2, later)).then(events);
    let late = [begun(1, 0), issued(1, 1, later - MINUTE)];
    given::<SignUp>(late).at(after(later)).when(confirm(1)).then_err("wrong-code");
}

#[test]
fn the_right_code_confirms_and_drops_the_others() {
    let waiting = [begun(1, 0), issued(1, 1, 0), begun(2, 0), issued(2, 2, 0)];
    given::<SignUp>(waiting).when(confirm(2)).then([dropped(1), confirmed(2, 0)]);
}

#[test]
fn a_code_lives_fifteen_minutes_and_the_latest_counts() {
    let waiting = [begun(1, 0), issued(1, 1, 0)];
    given::<SignUp>(waiting.clone()).at(after(15 * MINUTE)).when(confirm(1)).then_err("wrong-code");
    let resent = waiting.into_iter().chain([issued(1, 9, 0)]);
    given::<SignUp>(resent).when(confirm(1)).then_err("wrong-code");
    given::<SignUp>([]).when(confirm(1)).then_err("wrong-code");
}

#[test]
fn a_code_is_sent_again_while_the_attempt_waits() {
    let resend = Do::Resend { attempt: id(1), nonce: nonce(9) };
    let waiting = [begun(1, 0), issued(1, 1, 0)];
    given::<SignUp>(waiting.clone()).when(resend.clone()).then([issued(1, 9, 0)]);
    given::<SignUp>(waiting.clone().into_iter().chain([issued(1, 9, 0)])).when(resend.clone()).then_nothing();
    let done = waiting.into_iter().chain([confirmed(1, 0)]);
    given::<SignUp>(done).when(resend.clone()).then_err("no-sign-up-waits");
    given::<SignUp>([]).when(resend).then_err("no-sign-up-waits");
}

#[test]
fn an_interrupted_confirmation_can_be_finished() {
    let interrupted = [begun(1, 0), issued(1, 1, 0), confirmed(1, 0)];
    given::<SignUp>(interrupted).at(after(2 * HOUR)).when(confirm(1)).then_nothing();
}

#[test]
fn nobody_else_begins_while_a_confirmation_runs() {
    let running = [begun(1, 0), issued(1, 1, 0), confirmed(1, 0)];
    let soon = after(15 * MINUTE - 1);
    given::<SignUp>(running.clone()).at(soon).when(begin(2, 0)).then_err("value-taken");
    let later = 15 * MINUTE;
    let events = [dropped(1), begun(2, later), issued(2, 2, later)];
    given::<SignUp>(running).at(after(later)).when(begin(2, later)).then(events);
}

#[test]
fn a_sign_up_ends_completed_or_dropped() {
    let confirmed = [begun(1, 0), issued(1, 1, 0), confirmed(1, 0)];
    let complete = Do::Complete { attempt: id(1), account: id(7) };
    let completed = Event::SignUpCompleted { attempt: id(1), account: id(7) };
    let state = given::<SignUp>(confirmed.clone()).when(complete.clone()).then([completed]);
    assert_eq!(state, SignUpState::default());
    let give_up = Do::Drop { attempt: id(1) };
    let state = given::<SignUp>(confirmed).when(give_up.clone()).then([dropped(1)]);
    assert_eq!(state, SignUpState::default());
    given::<SignUp>([]).when(complete).then_nothing();
    given::<SignUp>([]).when(give_up).then_nothing();
}

#[test]
fn an_attempt_lapses_after_a_day_and_not_before() {
    let lapse = Do::Lapse;
    let waiting = [begun(1, 0), issued(1, 1, 0)];
    given::<SignUp>(waiting.clone()).at(after(24 * HOUR - 1)).when(lapse.clone()).then_nothing();
    let state = given::<SignUp>(waiting).at(after(24 * HOUR)).when(lapse.clone()).then([dropped(1)]);
    assert_eq!(state, SignUpState::default());
    given::<SignUp>([dropped(1)]).at(after(25 * HOUR)).when(lapse.clone()).then_nothing();
    let two = [begun(1, 0), begun(2, HOUR)];
    let state = given::<SignUp>(two.clone()).at(after(24 * HOUR)).when(lapse.clone()).then([dropped(1)]);
    assert_eq!(state.lapses_at(), Some(after(25 * HOUR)), "each has its own day");
    let state = given::<SignUp>(two).at(after(25 * HOUR)).when(lapse).then([dropped(1), dropped(2)]);
    assert_eq!(state.lapses_at(), None);
}

#[test]
fn an_attempt_that_is_being_confirmed_lapses_later() {
    let lapse = Do::Lapse;
    let at = 24 * HOUR - 1;
    let confirmed = Event::SignUpConfirmed { attempt: id(1), at: after(at) };
    let confirming = [begun(1, 0), issued(1, 1, at - MINUTE), confirmed];
    given::<SignUp>(confirming.clone()).at(after(24 * HOUR)).when(lapse.clone()).then_nothing();
    given::<SignUp>(confirming).at(after(at + 15 * MINUTE)).when(lapse).then([dropped(1)]);
}

fn commands() -> impl Strategy<Value = Do> {
    let number = || 1..9u128;
    prop_oneof![
        4 => (number(), 0..HOUR).prop_map(|(number, at)| begin(number, at)),
        2 => (number(), number()).prop_map(|(n, code)| Do::Resend { attempt: id(n), nonce: nonce(code) }),
        2 => number().prop_map(confirm),
        1 => number().prop_map(|n| Do::Complete { attempt: id(n), account: id(n) }),
        1 => number().prop_map(|n| Do::Drop { attempt: id(n) }),
        1 => Just(Do::Lapse),
    ]
}

proptest! {
    #[test]
    fn a_command_repeated_adds_nothing_and_states_survive_storage(
        steps in proptest::collection::vec((commands(), 0..12 * HOUR), 1..40),
    ) {
        let mut state = SignUpState::default();
        let mut now = after(0);
        for (command, pause) in steps {
            now += TimeDelta::seconds(pause);
            let context = Context { actor: crate::Actor::Anonymous, roles: crate::identity::Roles::NONE, now };
            let Ok(events) = SignUp::decide(&state, command.clone(), &context) else { continue };
            state = events.iter().fold(state, SignUp::evolve);
            let again = SignUp::decide(&state, command.clone(), &context).unwrap_or_default();
            let renewed = matches!(&command, Do::Begin { attempt, .. } if state.find(attempt.id).is_none());
            prop_assert!(again.is_empty() || renewed, "{:?}", command);
            let stored: SignUpState = serde_json::from_value(serde_json::to_value(&state).unwrap()).unwrap();
            prop_assert_eq!(&stored, &state);
            prop_assert!(state.attempts.len() <= MAX_ATTEMPTS + 1);
        }
    }
}
