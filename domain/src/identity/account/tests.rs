use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::AccountCommand as Do;
use super::AccountEvent as Event;
use super::*;
use crate::decider::testing::{Given, given};
use crate::identity::code::CODE_LIFE;
use crate::identity::testing::*;
use crate::identity::{Channel, CodeIssued, CodePurpose, Contact, Medium, Roles};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn contact(text: &str, proven: bool) -> Option<Contact> {
    Some(Contact { value: sealed(text), proven })
}

pub(super) fn registration() -> Registration {
    Registration {
        provider: Provider::Password,
        sign_up: Some(ONE),
        username: sealed("dana"),
        password_hash: Some(sealed("old")),
        facebook_id: None,
        email: contact("dana@example.com", false),
        phone: contact("+14165550100", true),
        attributes: BTreeMap::from([(Attribute::GivenName, sealed("Dana"))]),
    }
}

fn by_mail() -> Registration {
    Registration { email: contact("dana@example.com", true), phone: None, ..registration() }
}

fn by_facebook() -> Registration {
    Registration {
        provider: Provider::Facebook,
        sign_up: None,
        password_hash: None,
        facebook_id: Some(sealed("10150")),
        ..registration()
    }
}

fn registered(then: impl IntoIterator<Item = Event>) -> Given<Account> {
    given(std::iter::once(Event::Registered(registration())).chain(then)).by(ONE)
}

fn opened(number: u32, login: u128, at: i64) -> Event {
    let expires_at = after(at) + SESSION_LIFE;
    Event::SessionOpened { number, login: nonce(login), at: after(at), expires_at, since: None }
}

fn daily(number: u32, login: u128, at: i64) -> Event {
    Event::SessionOpened { number, login: nonce(login), at: after(at), expires_at: after(at + DAY), since: None }
}

/// As a session of a day that took another's place.
fn again(number: u32, login: u128, at: i64, since: i64, expires_at: i64) -> Event {
    let (at, expires_at, since) = (after(at), after(expires_at), Some(after(since)));
    Event::SessionOpened { number, login: nonce(login), at, expires_at, since }
}

fn code(number: u128, purpose: CodePurpose, to: &str, channel: Channel, at: i64) -> Event {
    let (issued_at, expires_at) = (after(at), after(at) + CODE_LIFE);
    Event::CodeIssued(CodeIssued { nonce: nonce(number), purpose, to: sealed(to), channel, issued_at, expires_at })
}

fn challenged(login: u128, challenge: Challenge, at: i64) -> Event {
    Event::LoginChallenged { login: nonce(login), challenge, expires_at: after(at) + LOGIN_LIFE }
}

fn log_in(login: u128) -> Do {
    Do::LogIn { verified: sealed("old"), login: nonce(login), terms: LoginTerms::REFRESHED }
}

pub(super) fn invited() -> Event {
    Event::Invited { first_name: Some(sealed("D")), last_name: None, phone: sealed("+14165550100") }
}

fn invite() -> Do {
    Do::Invite { first_name: Some(sealed("D")), last_name: None, phone: sealed("+14165550100") }
}

// --- how an account begins

#[test]
fn a_number_nobody_has_becomes_a_temp_member() {
    let state = given::<Account>([]).when(invite()).then([invited()]);
    assert_eq!(state.first_name(), Some(&sealed("D")));
    assert_eq!(state.phone(), Some(&sealed("+14165550100")));
}

#[test]
fn whoever_is_known_is_not_invited_anew() {
    given::<Account>([invited()]).when(invite()).then_nothing();
    registered([]).when(invite()).then_nothing();
    given::<Account>([invited(), Event::Absorbed { into: OTHER }]).when(invite()).then_nothing();
}

#[test]
fn a_temp_member_turns_into_the_account_that_proves_the_number() {
    let register = Do::Register(Box::new(registration()));
    let state = given::<Account>([invited()]).when(register).then([Event::Registered(registration())]);
    assert_eq!(state.first_name(), Some(&sealed("Dana")), "the invitation's names are gone");
}

#[test]
fn registering_again_from_the_same_sign_up_changes_nothing() {
    registered([]).when(Do::Register(Box::new(registration()))).then_nothing();
    let facebook = Do::Register(Box::new(by_facebook()));
    given::<Account>([Event::Registered(by_facebook())]).when(facebook).then_nothing();
}

#[test]
fn another_sign_up_cannot_take_over_an_account() {
    let other = Registration { sign_up: Some(OTHER), ..registration() };
    registered([]).when(Do::Register(Box::new(other))).then_err("another-account");
    registered([]).when(Do::Register(Box::new(by_facebook()))).then_err("another-account");
    let absorbed = [invited(), Event::Absorbed { into: OTHER }];
    given::<Account>(absorbed).when(Do::Register(Box::new(registration()))).then_err("another-account");
}

#[test]
fn an_account_absorbs_a_temp_member_once() {
    let absorbed = Event::Absorbed { into: OTHER };
    given::<Account>([invited()]).when(Do::Absorb { into: OTHER }).then([absorbed.clone()]);
    given::<Account>([invited(), absorbed.clone()]).when(Do::Absorb { into: OTHER }).then_nothing();
    given::<Account>([invited(), absorbed]).when(Do::Absorb { into: ONE }).then_err("another-account");
}

#[test]
fn an_account_is_never_absorbed() {
    registered([]).when(Do::Absorb { into: OTHER }).then_err("another-account");
}

#[test]
fn nobody_logs_in_to_what_is_no_account() {
    given::<Account>([]).when(log_in(1)).then_err("no-such-account");
    given::<Account>([invited()]).when(log_in(1)).then_err("not-signed-up");
}

// --- logging in

#[test]
fn a_login_opens_a_session_for_ninety_days() {
    let state = registered([]).at(after(5)).when(log_in(7)).then([opened(1, 7, 5)]);
    assert!(state.has_open_session(1, after(90 * DAY)));
    assert!(!state.has_open_session(1, after(90 * DAY + 5)));
    assert!(!state.has_open_session(2, after(5)));
}

#[test]
fn the_same_login_opens_one_session() {
    registered([opened(1, 7, 0)]).when(log_in(7)).then_nothing();
    registered([opened(1, 7, 0)]).when(Do::OpenSession { login: nonce(7) }).then_nothing();
}

#[test]
fn a_password_that_was_changed_meanwhile_does_not_log_in() {
    let changed = Event::PasswordChanged { hash: sealed("new"), session: None };
    registered([changed]).when(log_in(1)).then_err("wrong-password");
}

#[test]
fn an_account_without_a_password_cannot_log_in_by_one() {
    given::<Account>([Event::Registered(by_facebook())]).when(log_in(1)).then_err("wrong-password");
}

#[test]
fn the_twenty_first_session_closes_the_oldest() {
    let open = (1..=20).map(|number| opened(number, number.into(), number.into()));
    let events = [Event::SessionClosed { number: 1 }, opened(21, 99, 30)];
    let state = registered(open).at(after(30)).when(log_in(99)).then(events);
    assert!(!state.has_open_session(1, after(30)));
    assert!(state.has_open_session(2, after(30)) && state.has_open_session(21, after(30)));
}

#[test]
fn sessions_that_ran_out_do_not_count() {
    let open = (1..=20).map(|number| opened(number, number.into(), 0));
    let state = registered(open).at(after(91 * DAY)).when(log_in(99)).then([opened(21, 99, 91 * DAY)]);
    assert_eq!(state.registered().unwrap().sessions.len(), 1);
}

#[test]
fn a_login_with_mfa_waits_for_a_code_to_the_proven_phone() {
    let events = [challenged(7, Challenge::Mfa, 0), code(7, CodePurpose::Login, "+14165550100", Channel::Sms, 0)];
    let state = registered([Event::MfaSwitched { on: true }]).when(log_in(7)).then(events);
    assert!(state.registered().unwrap().sessions.is_empty());
}

#[test]
fn the_code_opens_the_session_once() {
    let waiting = [Event::MfaSwitched { on: true }, challenged(7, Challenge::Mfa, 0)];
    let events = [Event::LoginChallengeEnded { login: nonce(7) }, opened(1, 7, 9)];
    registered(waiting.clone()).at(after(9)).when(Do::AnswerMfa { login: nonce(7) }).then(events.clone());
    let done: Vec<_> = waiting.into_iter().chain(events).collect();
    let again = Do::AnswerMfa { login: nonce(7) };
    registered(done.clone()).at(after(10)).when(again.clone()).then_err("wrong-code");
    registered(done).at(after(10)).when(log_in(7)).then_nothing();
    let closed = [challenged(7, Challenge::Mfa, 0), opened(1, 7, 0), Event::LoggedOut {}];
    registered(closed).when(again).then_err("wrong-code");
}

#[test]
fn whoever_an_identity_provider_vouches_for_is_asked_for_the_second_factor_too() {
    let log_in = Do::LogInVouched { login: nonce(7) };
    let facebook = || Event::Registered(by_facebook());
    given::<Account>([facebook()]).when(log_in.clone()).then([opened(1, 7, 0)]);
    let asked = [challenged(7, Challenge::Mfa, 0), code(7, CodePurpose::Login, "+14165550100", Channel::Sms, 0)];
    let on = Event::MfaSwitched { on: true };
    given::<Account>([facebook(), on.clone()]).when(log_in.clone()).then(asked.clone());
    given::<Account>([facebook(), on].into_iter().chain(asked)).when(log_in).then_nothing();
}

#[test]
fn a_login_waits_ten_minutes_for_its_answer() {
    for (challenge, answer) in [
        (Challenge::Mfa, Do::AnswerMfa { login: nonce(7) }),
        (Challenge::NewPassword, Do::AnswerNewPassword { login: nonce(7), hash: sealed("new") }),
    ] {
        let waiting = || registered([challenged(7, challenge, 0)]);
        waiting().at(after(10 * MINUTE - 1)).when(answer.clone()).then_state();
        waiting().at(after(10 * MINUTE)).when(answer).then_err("wrong-code");
    }
}

#[test]
fn an_answer_has_to_be_the_one_asked_for() {
    let new_password = Do::AnswerNewPassword { login: nonce(7), hash: sealed("new") };
    registered([challenged(7, Challenge::Mfa, 0)]).when(new_password).then_err("wrong-code");
    let mfa = Do::AnswerMfa { login: nonce(7) };
    registered([challenged(7, Challenge::NewPassword, 0)]).when(mfa.clone()).then_err("wrong-code");
    registered([]).when(mfa).then_err("wrong-code");
}

#[test]
fn the_sixth_waiting_login_ends_the_oldest() {
    let waiting = (1..=5).map(|login| challenged(login, Challenge::NewPassword, 0));
    let events = [Event::LoginChallengeEnded { login: nonce(1) }, challenged(9, Challenge::NewPassword, 0)];
    let forced = [Event::PasswordForced { hash: sealed("old") }];
    registered(forced.into_iter().chain(waiting)).when(log_in(9)).then(events);
}

#[test]
fn a_forced_password_closes_every_session_and_has_to_be_changed_at_login() {
    let forced = Event::PasswordForced { hash: sealed("forced") };
    let force = Do::ForcePassword { hash: sealed("forced") };
    let state = registered([opened(1, 1, 0)]).when(force.clone()).then([forced.clone()]);
    assert!(!state.has_open_session(1, after(1)));
    registered([forced.clone()]).when(force).then_nothing();
    let log_in = Do::LogIn { verified: sealed("forced"), login: nonce(7), terms: LoginTerms::REFRESHED };
    registered([forced]).when(log_in).then([challenged(7, Challenge::NewPassword, 0)]);
}

#[test]
fn the_new_password_ends_the_demand() {
    let waiting = [Event::PasswordForced { hash: sealed("forced") }, challenged(7, Challenge::NewPassword, 0)];
    let answer = Do::AnswerNewPassword { login: nonce(7), hash: sealed("new") };
    let events =
        [Event::LoginChallengeEnded { login: nonce(7) }, Event::PasswordChanged { hash: sealed("new"), session: None }];
    let state = registered(waiting).when(answer).then(events);
    assert!(!state.registered().unwrap().must_change_password);
}

#[test]
fn a_password_cannot_be_forced_on_who_logs_in_without_one() {
    let force = Do::ForcePassword { hash: sealed("forced") };
    given::<Account>([Event::Registered(by_facebook())]).when(force).then_err("logs-in-without-password");
}

// --- sessions

#[test]
fn a_session_is_refreshed_with_its_latest_token() {
    let refreshed = |generation| Event::SessionRefreshed { number: 1, generation, at: after(9) };
    let refresh = |generation| Do::Refresh { session: 1, generation };
    registered([opened(1, 1, 0)]).at(after(9)).when(refresh(0)).then([refreshed(1)]);
    registered([opened(1, 1, 0), refreshed(1)]).at(after(9)).when(refresh(1)).then([refreshed(2)]);
}

#[test]
fn the_token_before_is_taken_for_thirty_seconds() {
    let refreshed = Event::SessionRefreshed { number: 1, generation: 1, at: after(0) };
    let again = Do::Refresh { session: 1, generation: 0 };
    let events = [opened(1, 1, 0), refreshed];
    registered(events.clone()).at(after(29)).when(again.clone()).then_nothing();
    registered(events).at(after(30)).when(again).then([Event::SessionClosed { number: 1 }]);
}

#[test]
fn an_older_token_closes_the_session() {
    let refreshed = |generation| Event::SessionRefreshed { number: 1, generation, at: after(0) };
    let old = Do::Refresh { session: 1, generation: 0 };
    let events = [opened(1, 1, 0), refreshed(1), refreshed(2)];
    registered(events).when(old).then([Event::SessionClosed { number: 1 }]);
}

#[test]
fn a_session_that_ended_is_not_refreshed() {
    let refresh = Do::Refresh { session: 1, generation: 0 };
    registered([]).when(refresh.clone()).then_err("session-ended");
    registered([opened(1, 1, 0)]).at(after(90 * DAY)).when(refresh).then_err("session-ended");
}

#[test]
fn logging_out_closes_every_session() {
    let open = [opened(1, 1, 0), opened(2, 2, 0)];
    let state = registered(open).when(Do::LogOut).then([Event::LoggedOut {}]);
    assert!(!state.has_open_session(1, after(1)) && !state.has_open_session(2, after(1)));
    registered([]).when(Do::LogOut).then_nothing();
}

#[test]
fn a_voided_session_stays_open_and_is_not_renewed() {
    let open = [opened(1, 1, 0), daily(2, 2, 0)];
    let state = registered(open.clone()).when(Do::VoidRefreshTokens).then([Event::RefreshTokensVoided {}]);
    assert!(state.has_open_session(1, after(1)) && state.has_open_session(2, after(1)));
    let voided = || [open.to_vec(), vec![Event::RefreshTokensVoided {}]].concat();
    registered(voided()).when(Do::Refresh { session: 1, generation: 0 }).then_err("session-ended");
    registered(voided()).when(Do::Relogin { session: 2, login: nonce(7) }).then_err("session-ended");
    registered(voided()).when(Do::VoidRefreshTokens).then_nothing();
    // What is opened later is another session.
    let later = [voided(), vec![opened(3, 3, 5)]].concat();
    let refreshed = Event::SessionRefreshed { number: 3, generation: 1, at: after(9) };
    registered(later.clone()).at(after(9)).when(Do::Refresh { session: 3, generation: 0 }).then([refreshed]);
    registered(later).when(Do::VoidRefreshTokens).then([Event::RefreshTokensVoided {}]);
    registered([]).when(Do::VoidRefreshTokens).then_nothing();
}

#[test]
fn a_login_that_is_remembered_opens_a_session_for_a_year() {
    let log_in = Do::LogIn { verified: sealed("old"), login: nonce(7), terms: LoginTerms::REMEMBERED };
    let (at, expires_at) = (after(5), after(365 * DAY + 5));
    let session = Event::SessionOpened { number: 1, login: nonce(7), at, expires_at, since: None };
    let state = registered([]).at(at).when(log_in).then([session]);
    assert!(state.has_open_session(1, after(365 * DAY)) && !state.has_open_session(1, expires_at));
    let session = state.registered().and_then(|account| account.session(1, at));
    assert!(session.is_some_and(|session| !session.is_daily()));
}

#[test]
fn a_daily_login_opens_a_session_for_a_day() {
    let log_in = Do::LogIn { verified: sealed("old"), login: nonce(7), terms: LoginTerms::DAILY };
    let state = registered([]).at(after(5)).when(log_in.clone()).then([daily(1, 7, 5)]);
    assert!(state.has_open_session(1, after(DAY + 4)) && !state.has_open_session(1, after(DAY + 5)));
    // Its code is sent once it is asked for.
    registered([Event::MfaSwitched { on: true }]).when(log_in).then([challenged(7, Challenge::Mfa, 0)]);
}

#[test]
fn a_relogin_puts_another_session_in_the_place_of_one() {
    let relogin = Do::Relogin { session: 1, login: nonce(7) };
    let open = [daily(1, 1, 0), opened(2, 2, 0)];
    let events = [Event::SessionClosed { number: 1 }, again(3, 7, HOUR, 0, HOUR + DAY)];
    let state = registered(open.clone()).at(after(HOUR)).when(relogin.clone()).then(events.clone());
    assert!(!state.has_open_session(1, after(HOUR)) && state.has_open_session(2, after(HOUR)));
    assert!(state.has_open_session(3, after(DAY + HOUR - 1)));
    registered(open.into_iter().chain(events)).at(after(HOUR)).when(relogin).then_nothing();
}

#[test]
fn a_session_that_ended_is_not_the_reason_for_another() {
    let relogin = Do::Relogin { session: 1, login: nonce(7) };
    registered([]).when(relogin.clone()).then_err("session-ended");
    registered([daily(1, 1, 0)]).at(after(DAY)).when(relogin.clone()).then_err("session-ended");
    let closed = [daily(1, 1, 0), Event::SessionClosed { number: 1 }];
    registered(closed).when(relogin).then_err("session-ended");
}

#[test]
fn an_access_token_of_an_hour_opens_no_session_of_a_day() {
    let relogin = Do::Relogin { session: 1, login: nonce(7) };
    registered([opened(1, 1, 0)]).when(relogin).then_err("session-ended");
}

#[test]
fn after_90_days_of_relogins_somebody_shows_a_password_again() {
    let relogin = Do::Relogin { session: 2, login: nonce(7) };
    let (since, day_90) = (0, SESSION_LIFE.num_seconds());
    let before = [daily(1, 1, 0), again(2, 2, day_90 - DAY, since, day_90)];
    let last = again(3, 7, day_90 - HOUR, since, day_90);
    registered(before.clone())
        .at(after(day_90 - HOUR))
        .when(relogin.clone())
        .then([Event::SessionClosed { number: 2 }, last]);
    registered(before).at(after(day_90)).when(relogin).then_err("session-ended");
}

#[test]
fn closing_a_session_leaves_the_others() {
    let close = Do::CloseSession { session: 1 };
    let open = [opened(1, 1, 0), opened(2, 2, 0)];
    let state = registered(open).when(close.clone()).then([Event::SessionClosed { number: 1 }]);
    assert!(!state.has_open_session(1, after(1)) && state.has_open_session(2, after(1)));
    registered([opened(2, 2, 0)]).when(close.clone()).then_nothing();
    registered([daily(1, 1, 0)]).at(after(DAY)).when(close).then_nothing();
}

#[test]
fn a_number_of_a_session_is_never_used_twice() {
    let events = [opened(1, 1, 0), Event::LoggedOut {}];
    registered(events).when(log_in(7)).then([opened(2, 7, 0)]);
}

// --- passwords

#[test]
fn a_changed_password_closes_the_other_sessions() {
    let changed = Event::PasswordChanged { hash: sealed("new"), session: Some(2) };
    let change = Do::ChangePassword { verified: sealed("old"), hash: sealed("new"), session: 2 };
    let open = [opened(1, 1, 0), opened(2, 2, 0)];
    let state = registered(open).when(change.clone()).then([changed.clone()]);
    assert!(!state.has_open_session(1, after(1)) && state.has_open_session(2, after(1)));
    registered([changed]).when(change).then_err("wrong-password");
}

#[test]
fn a_reset_code_goes_to_a_proven_contact() {
    let request = Do::RequestPasswordReset { nonce: nonce(7) };
    let sms = code(7, CodePurpose::PasswordReset, "+14165550100", Channel::Sms, 0);
    registered([]).when(request.clone()).then([sms.clone()]);
    registered([sms]).when(request.clone()).then_nothing();
    let mail = code(7, CodePurpose::PasswordReset, "dana@example.com", Channel::Mail, 0);
    given::<Account>([Event::Registered(by_mail())]).when(request.clone()).then([mail]);
    let unproven = Registration { email: contact("dana@example.com", false), phone: None, ..registration() };
    given::<Account>([Event::Registered(unproven)]).when(request.clone()).then_err("no-proven-contact");
    given::<Account>([Event::Registered(by_facebook())]).when(request).then_err("logs-in-without-password");
}

#[test]
fn a_reset_sets_the_password_and_closes_every_session() {
    let issued = code(7, CodePurpose::PasswordReset, "+14165550100", Channel::Sms, 0);
    let reset = Do::ResetPassword { nonce: nonce(7), hash: sealed("new") };
    let changed = Event::PasswordChanged { hash: sealed("new"), session: None };
    let state = registered([opened(1, 1, 0), issued.clone()]).when(reset.clone()).then([changed.clone()]);
    assert!(!state.has_open_session(1, after(1)));
    registered([issued, changed]).when(reset).then_err("wrong-code");
}

#[test]
fn a_code_lives_fifteen_minutes_and_the_latest_counts() {
    let issued = |number, at| code(number, CodePurpose::PasswordReset, "+14165550100", Channel::Sms, at);
    let reset = |number| Do::ResetPassword { nonce: nonce(number), hash: sealed("new") };
    registered([issued(7, 0)]).at(after(15 * MINUTE - 1)).when(reset(7)).then_state();
    registered([issued(7, 0)]).at(after(15 * MINUTE)).when(reset(7)).then_err("wrong-code");
    registered([issued(7, 0), issued(8, 1)]).when(reset(7)).then_err("wrong-code");
    registered([issued(7, 0), issued(8, 1)]).when(reset(8)).then_state();
    registered([]).when(reset(7)).then_err("wrong-code");
}

// --- phone, profile, second factor

#[test]
fn a_new_phone_number_counts_when_it_is_proven() {
    let asked = [
        Event::PhoneChangeRequested { phone: sealed("+442") },
        code(7, CodePurpose::PhoneChange, "+442", Channel::Sms, 0),
    ];
    let request = Do::RequestPhoneChange { phone: sealed("+442"), nonce: nonce(7) };
    let state = registered([]).when(request.clone()).then(asked.clone());
    assert_eq!(state.phone(), Some(&sealed("+14165550100")));
    assert_eq!(state.registered().unwrap().phone_to_prove(), Ok(&sealed("+442")));
    registered(asked.clone()).when(request).then_nothing();

    let prove = Do::ProveContact { nonce: nonce(7) };
    let proven = Event::PhoneProven { phone: sealed("+442") };
    let state = registered(asked.clone()).when(prove.clone()).then([proven.clone()]);
    assert_eq!(state.registered().unwrap().proven_phone(), Some(&sealed("+442")));
    assert_eq!(state.registered().unwrap().phone_to_prove().unwrap_err().rule, "no-phone-to-prove");
    registered(asked.clone()).at(after(15 * MINUTE)).when(prove.clone()).then_err("wrong-code");
    registered(asked.into_iter().chain([proven])).when(prove).then_err("wrong-code");
}

#[test]
fn a_proof_under_way_is_not_undone_by_asking_for_another_number() {
    let ask = |number, phone| {
        let code = code(number, CodePurpose::PhoneChange, phone, Channel::Sms, 0);
        [Event::PhoneChangeRequested { phone: sealed(phone) }, code]
    };
    let asked = || ask(7, "+442").into_iter().chain(ask(8, "+443"));
    let proven = Event::PhoneProven { phone: sealed("+442") };
    let state = registered(asked()).when(Do::ProveContact { nonce: nonce(7) }).then([proven]);
    let account = state.registered().unwrap();
    assert_eq!(account.proven_phone(), Some(&sealed("+442")));
    assert_eq!(account.contact_change(Channel::Sms).unwrap().value, sealed("+443"), "still waits for its proof");
    registered(asked()).when(Do::ProveContact { nonce: nonce(9) }).then_err("wrong-code");
}

fn ask_for_address(number: u128) -> [Event; 2] {
    let email = sealed("d@example.com");
    [Event::EmailChangeRequested { email }, code(number, CodePurpose::EmailChange, "d@example.com", Channel::Mail, 0)]
}

fn edit_email(email: Option<&str>, number: u128) -> Do {
    Do::EditProfile { email: Some(email.map(sealed)), attributes: BTreeMap::new(), nonce: nonce(number) }
}

#[test]
fn the_proven_address_serves_until_another_is_proven() {
    let by_mail = || Event::Registered(by_mail());
    let asked = || std::iter::once(by_mail()).chain(ask_for_address(7));
    let state = given::<Account>([by_mail()]).when(edit_email(Some("d@example.com"), 7)).then(ask_for_address(7));
    let account = state.registered().unwrap();
    assert_eq!(account.proven_email(), Some(&sealed("dana@example.com")));
    let recovery = [code(9, CodePurpose::PasswordReset, "dana@example.com", Channel::Mail, 0)];
    given::<Account>(asked()).when(Do::RequestPasswordReset { nonce: nonce(9) }).then(recovery);
    given::<Account>(asked()).when(edit_email(Some("d@example.com"), 7)).then_nothing();

    let proven = Event::EmailProven { email: sealed("d@example.com") };
    let state = given::<Account>(asked()).when(Do::ProveContact { nonce: nonce(7) }).then([proven.clone()]);
    let account = state.registered().unwrap();
    assert_eq!(account.proven_email(), Some(&sealed("d@example.com")));
    assert_eq!(account.contact_changes, []);
    let done = asked().chain([proven]);
    given::<Account>(done).when(Do::ProveContact { nonce: nonce(7) }).then_err("wrong-code");
    let late = given::<Account>(asked()).at(after(15 * MINUTE));
    late.when(Do::ProveContact { nonce: nonce(7) }).then_err("wrong-code");
}

#[test]
fn an_address_that_was_never_proven_makes_way_at_once() {
    let state = registered([]).when(edit_email(Some("d@example.com"), 7)).then(ask_for_address(7));
    let account = state.registered().unwrap();
    assert_eq!(account.registration.email, contact("d@example.com", false));
    assert_eq!(account.proven_phone(), Some(&sealed("+14165550100")));
}

#[test]
fn naming_the_proven_address_changes_nothing() {
    given::<Account>([Event::Registered(by_mail())]).when(edit_email(Some("dana@example.com"), 7)).then_nothing();
}

#[test]
fn phone_and_address_wait_for_their_proofs_side_by_side() {
    let phone = [
        Event::PhoneChangeRequested { phone: sealed("+442") },
        code(8, CodePurpose::PhoneChange, "+442", Channel::Sms, 0),
    ];
    let asked = || registered(ask_for_address(7).into_iter().chain(phone.clone()));
    let state = asked().when(Do::ProveContact { nonce: nonce(8) }).then([Event::PhoneProven { phone: sealed("+442") }]);
    assert!(state.registered().unwrap().contact_change(Channel::Mail).is_some());
    let email = Event::EmailProven { email: sealed("d@example.com") };
    let state = asked().when(Do::ProveContact { nonce: nonce(7) }).then([email]);
    assert!(state.registered().unwrap().contact_change(Channel::Sms).is_some());
}

#[test]
fn the_only_contact_that_resets_a_password_cannot_be_taken_away() {
    let by_mail = || Event::Registered(by_mail());
    given::<Account>([by_mail()]).when(edit_email(None, 7)).then_err("only-contact-left");
    let phone = Event::PhoneProven { phone: sealed("+442") };
    let state = given::<Account>([by_mail(), phone]).when(edit_email(None, 7)).then([Event::EmailRemoved {}]);
    assert!(state.registered().unwrap().registration.email.is_none());
    // Facebook lets its people in again.
    let facebook = Registration { email: contact("dana@example.com", true), phone: None, ..by_facebook() };
    given::<Account>([Event::Registered(facebook)]).when(edit_email(None, 7)).then([Event::EmailRemoved {}]);
    // An address that was never proven resets nothing.
    let state = registered(ask_for_address(7)).when(edit_email(None, 8)).then([Event::EmailRemoved {}]);
    assert_eq!(state.registered().unwrap().contact_changes, []);
    registered([Event::EmailRemoved {}]).when(edit_email(None, 8)).then_nothing();
}

#[test]
fn editing_a_profile_never_ends_a_recovery_under_way() {
    let reset = code(9, CodePurpose::PasswordReset, "dana@example.com", Channel::Mail, 0);
    let begun = [Event::Registered(by_mail()), Event::PhoneProven { phone: sealed("+442") }, reset];
    for email in [Some("d@example.com"), None] {
        let state = given::<Account>(begun.clone()).when(edit_email(email, 7)).then_state();
        assert!(state.registered().unwrap().password_reset.is_some());
    }
}

#[test]
fn what_was_sent_to_a_contact_before_is_void_when_it_changes() {
    let reset = code(7, CodePurpose::PasswordReset, "+14165550100", Channel::Sms, 0);
    let given = |change| registered([reset.clone(), challenged(3, Challenge::Mfa, 0), change]);
    let use_reset = || Do::ResetPassword { nonce: nonce(7), hash: sealed("new") };
    let phone = || Event::PhoneProven { phone: sealed("+442") };
    given(phone()).when(use_reset()).then_err("wrong-code");
    given(phone()).when(Do::AnswerMfa { login: nonce(3) }).then_err("wrong-code");
    given(Event::EmailProven { email: sealed("d@example.com") }).when(use_reset()).then_err("wrong-code");
}

#[test]
fn a_logout_ends_logins_that_wait_for_their_code() {
    let waiting = || registered([challenged(3, Challenge::Mfa, 0)]);
    let state = waiting().when(Do::LogOut).then([Event::LoggedOut {}]);
    assert_eq!(state.registered().unwrap().challenges, []);
}

#[test]
fn only_what_differs_of_a_profile_is_stored() {
    let edit = |email: Option<Option<Sealed>>, name: &str| Do::EditProfile {
        email,
        attributes: BTreeMap::from([(Attribute::GivenName, Some(sealed(name))), (Attribute::Gender, None)]),
        nonce: nonce(7),
    };
    registered([]).when(edit(None, "Dana")).then_nothing();
    let changed = Event::ProfileChanged { attributes: BTreeMap::from([(Attribute::GivenName, Some(sealed("Dan")))]) };
    registered([]).when(edit(Some(None), "Dan")).then([Event::EmailRemoved {}, changed]);
}

#[test]
fn an_attribute_is_taken_away() {
    let attributes = BTreeMap::from([(Attribute::GivenName, None)]);
    let state = registered([]).when(Do::EditProfile { email: None, attributes, nonce: nonce(7) }).then_state();
    assert_eq!(state.first_name(), None);
}

#[test]
fn mfa_needs_a_proven_phone() {
    let switched = |on| Event::MfaSwitched { on };
    registered([]).when(Do::SwitchMfa { on: true }).then([switched(true)]);
    registered([switched(true)]).when(Do::SwitchMfa { on: true }).then_nothing();
    registered([switched(true)]).when(Do::SwitchMfa { on: false }).then([switched(false)]);
    let no_phone = given::<Account>([Event::Registered(by_mail())]);
    no_phone.when(Do::SwitchMfa { on: true }).then_err("mfa-needs-proven-phone");
}

// --- forgetting

#[test]
fn a_forgotten_person_leaves_nothing_and_accepts_nothing() {
    let forgotten = Event::PersonForgotten { at: after(3) };
    let state = registered([opened(1, 1, 0)]).at(after(3)).when(Do::Forget).then([forgotten.clone()]);
    assert_eq!(state, AccountState::Forgotten { deleted_at: after(3) });
    given::<Account>([invited()]).at(after(3)).when(Do::Forget).then([forgotten.clone()]);
    given::<Account>([forgotten.clone()]).when(Do::Forget).then_nothing();
    given::<Account>([forgotten.clone()]).when(log_in(1)).then_err("person-forgotten");
    given::<Account>([forgotten.clone()]).when(Do::Register(Box::new(registration()))).then_err("person-forgotten");
    // Somebody may be named without having an account.
    given::<Account>([]).at(after(3)).when(Do::Forget).then([forgotten]);
}

// --- laws

fn commands() -> impl Strategy<Value = Do> {
    let id = (1..3u128).prop_map(|n| EntityId(Uuid::from_u128(n)));
    let uuid = || (1..6u128).prop_map(nonce);
    let password = || prop_oneof![Just("old"), Just("new")].prop_map(sealed);
    let terms = || prop_oneof![Just(LoginTerms::REFRESHED), Just(LoginTerms::DAILY)];
    let text = || prop_oneof![Just("+14165550100"), Just("+442"), Just("Dana")].prop_map(sealed);
    prop_oneof![
        Just(invite()),
        prop_oneof![Just(registration()), Just(by_mail()), Just(by_facebook())]
            .prop_map(|registration| Do::Register(Box::new(registration))),
        uuid().prop_map(|login| Do::OpenSession { login }),
        (password(), uuid(), terms()).prop_map(|(verified, login, terms)| Do::LogIn { verified, login, terms }),
        uuid().prop_map(|login| Do::LogInVouched { login }),
        uuid().prop_map(|login| Do::AnswerMfa { login }),
        (uuid(), password()).prop_map(|(login, hash)| Do::AnswerNewPassword { login, hash }),
        (1..4u32, 0..4u32).prop_map(|(session, generation)| Do::Refresh { session, generation }),
        (1..4u32, uuid()).prop_map(|(session, login)| Do::Relogin { session, login }),
        (1..4u32).prop_map(|session| Do::CloseSession { session }),
        Just(Do::LogOut),
        uuid().prop_map(|nonce| Do::RequestPasswordReset { nonce }),
        (uuid(), password()).prop_map(|(nonce, hash)| Do::ResetPassword { nonce, hash }),
        password().prop_map(|hash| Do::ForcePassword { hash }),
        (text(), uuid()).prop_map(|(phone, nonce)| Do::RequestPhoneChange { phone, nonce }),
        uuid().prop_map(|nonce| Do::ProveContact { nonce }),
        (proptest::option::of(proptest::option::of(text())), proptest::option::of(text()), uuid()).prop_map(
            |(email, name, nonce)| {
                Do::EditProfile { email, attributes: BTreeMap::from([(Attribute::Name, name)]), nonce }
            }
        ),
        any::<bool>().prop_map(|on| Do::SwitchMfa { on }),
        (proptest::sample::select(&Role::ALL), any::<bool>()).prop_map(|(role, on)| Do::ChangeRole {
            account: OTHER,
            role,
            on
        }),
        id.prop_map(|into| Do::Absorb { into }),
        Just(Do::Forget),
    ]
}

fn super_admin(now: DateTime<Utc>) -> Context {
    Context { roles: Roles::NONE.with(Role::SuperAdmin), ..Context::by(ONE, now) }
}

proptest! {
    #[test]
    fn a_command_repeated_adds_nothing_and_states_survive_storage(
        steps in proptest::collection::vec((commands(), 0..2 * HOUR), 1..40),
    ) {
        let mut state = AccountState::default();
        let mut now: DateTime<Utc> = after(0);
        for (command, pause) in steps {
            now += TimeDelta::seconds(pause);
            let context = super_admin(now);
            let Ok(events) = Account::decide(&state, command.clone(), &context) else { continue };
            state = events.iter().fold(state, Account::evolve);
            let again = Account::decide(&state, command.clone(), &context).unwrap_or_default();
            prop_assert_eq!(again, vec![], "{:?}", command);
            let stored: AccountState = serde_json::from_value(serde_json::to_value(&state).unwrap()).unwrap();
            prop_assert_eq!(&stored, &state);
            let open = state.registered().map_or(0, |account| account.sessions.len());
            prop_assert!(open <= MAX_SESSIONS);
            let sessions: LoginSessions = serde_json::from_value(serde_json::to_value(&state).unwrap()).unwrap();
            for number in 0..20 {
                prop_assert_eq!(sessions.session(number, now).is_some(), state.has_open_session(number, now));
            }
        }
    }

    #[test]
    fn any_order_of_events_folds(
        runs in proptest::collection::vec(proptest::collection::vec(commands(), 1..12), 1..6),
        seed in any::<u64>(),
    ) {
        // Events of several accounts, shuffled into one stream: nothing a healthy log holds, and still no panic.
        let mut events = vec![];
        for run in runs {
            let mut state = AccountState::Registered(Box::new(match given::<Account>([Event::Registered(registration())])
                .when(Do::LogOut).then_state() {
                AccountState::Registered(account) => *account,
                other => panic!("{other:?}"),
            }));
            for command in run {
                if let Ok(more) = Account::decide(&state, command, &super_admin(after(0))) {
                    state = more.iter().fold(state, Account::evolve);
                    events.extend(more);
                }
            }
        }
        let len = events.len().max(1);
        events.rotate_left(seed as usize % len);
        let _ = crate::decider::fold::<Account>(&events);
    }
}

fn set(session: u32, endpoint: &str) -> Event {
    Event::PushEndpointSet { session, endpoint: sealed(endpoint) }
}

fn set_endpoint(session: u32, endpoint: &str) -> Do {
    Do::SetPushEndpoint { session, endpoint: sealed(endpoint) }
}

/// The sessions of the devices that a state is reached on.
fn devices(state: &AccountState, at: i64) -> Vec<u32> {
    state.reached_by(Medium::Push, after(at)).iter().filter_map(|to| to.device).collect()
}

#[test]
fn a_session_is_one_device() {
    let two = || registered([opened(1, 1, 0), opened(2, 2, 0)]).at(after(MINUTE));
    let state = two().when(set_endpoint(1, "phone")).then([set(1, "phone")]);
    assert_eq!(devices(&state, MINUTE), [1]);
    registered([opened(1, 1, 0), set(1, "phone")]).at(after(MINUTE)).when(set_endpoint(1, "phone")).then_nothing();
    let both = registered([opened(1, 1, 0), opened(2, 2, 0), set(1, "phone")]).at(after(MINUTE));
    assert_eq!(devices(&both.when(set_endpoint(2, "tablet")).then([set(2, "tablet")]), MINUTE), [1, 2]);
    let anew = registered([opened(1, 1, 0), opened(2, 2, 0), set(1, "phone")]).at(after(MINUTE));
    let state = anew.when(set_endpoint(2, "phone")).then([set(2, "phone")]);
    assert_eq!(devices(&state, MINUTE), [2], "a device that logged in anew is one device");
    two().when(set_endpoint(3, "phone")).then_err("session-ended");
}

#[test]
fn a_device_goes_with_its_session() {
    let events = || [opened(1, 1, 0), opened(2, 2, 0), set(1, "phone"), set(2, "tablet")];
    for (command, left) in [
        (Do::LogOut, vec![]),
        (Do::CloseSession { session: 1 }, vec![2]),
        (Do::ForcePassword { hash: sealed("new") }, vec![]),
        (Do::Forget, vec![]),
    ] {
        let state = registered(events()).at(after(MINUTE)).when(command.clone()).then_state();
        assert_eq!(devices(&state, MINUTE), left, "{command:?}");
        let kept = state.registered().map_or(0, |account| account.push_endpoints.len());
        assert_eq!(kept, left.len(), "{command:?}");
    }
    let later = registered(events()).at(after(MINUTE)).when(set_endpoint(1, "phone")).then_state();
    assert_eq!(devices(&later, 91 * DAY), Vec::<u32>::new(), "a session that has ended");
}

#[test]
fn a_device_that_is_gone_is_dropped_unless_it_has_another_endpoint_by_now() {
    let events = || [opened(1, 1, 0), set(1, "old"), set(1, "new")];
    let gone = |endpoint| Do::DropPushEndpoint { session: 1, endpoint: sealed(endpoint) };
    registered(events()).when(gone("old")).then_nothing();
    let state = registered(events()).when(gone("new")).then([Event::PushEndpointDropped { session: 1 }]);
    assert_eq!(devices(&state, MINUTE), Vec::<u32>::new());
}
