//! Sessions of a day, by e-mail address and password.

use caravan_commands::CommandError;
use caravan_commands::identity::daily::{self, Entry, Needed, Opened};
use caravan_commands::identity::{contacts, operator, profile, sessions};
use caravan_domain::identity::{Channel, Person, details};
use chrono::TimeDelta;

use crate::world::{EMAIL, PASSWORD, PHONE, World, limited, unauthorised};

async fn log_in(world: &World, address: &str, password: &str) -> Result<Entry, CommandError> {
    daily::log_in(&world.anyone(), address, password).await
}

async fn opened(world: &World, address: &str) -> Opened {
    match log_in(world, address, PASSWORD).await.unwrap() {
        Entry::Open(opened) => opened,
        Entry::Outstanding { needed, .. } => panic!("needs {needed:?}"),
    }
}

async fn needed(world: &World, address: &str, password: &str) -> Needed {
    match log_in(world, address, password).await.unwrap() {
        Entry::Outstanding { needed, .. } => needed,
        Entry::Open(_) => panic!("is open"),
    }
}

async fn person(world: &World, opened: &Opened) -> Result<Person, CommandError> {
    sessions::authenticate(&world.commands, &token(world, opened), world.now).await
}

fn token(world: &World, opened: &Opened) -> String {
    daily::public_token(&world.anyone(), opened).unwrap().token
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_address_opens_a_session_for_a_day() {
    let mut world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    for address in ["Dana@example.com", " dana@EXAMPLE.com ", "dana"] {
        let opened = opened(&world, address).await;
        assert_eq!(opened.account, dana.person.account, "{address}");
        assert_eq!(person(&world, &opened).await.unwrap().session, opened.session.number);
        assert_eq!(opened.session.expires_at, world.now + TimeDelta::hours(24));
    }
    let opened = opened(&world, EMAIL.1).await;
    let token = token(&world, &opened);
    world.now += TimeDelta::hours(24);
    unauthorised(sessions::authenticate(&world.commands, &token, world.now).await);
    assert!(world.commands.vault().verify_access(&token, world.now).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_name_that_is_an_address_is_one() {
    let world = World::new().await;
    let dana = world.sign_up_by_address("dana@example.com").await;
    assert_eq!(opened(&world, "Dana@Example.com").await.account, dana.person.account);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_whose_who_has_proven_it() {
    let world = World::new().await;
    let dana = world.sign_up_by_address("dana@example.com").await;
    let other = details::parse([("email", "dee@example.com")]).unwrap();
    profile::edit(&world.by(&dana), dana.person, &dana.username, other).await.unwrap();
    let code = world.code("dee@example.com").await;
    let token = &dana.tokens.access_token;
    contacts::verify(&world.by(&dana), dana.person, token, &code).await.unwrap();
    for address in ["dana@example.com", "dee@example.com"] {
        assert_eq!(opened(&world, address).await.account, dana.person.account, "{address}");
    }
    // Her user name is what it was, but the address is somebody else's now.
    let kim = world.sign_up("kim", &[EMAIL]).await;
    assert_eq!(opened(&world, EMAIL.1).await.account, kim.person.account);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_wrong_are_refused_alike() {
    let world = World::new().await;
    world.sign_up("kim", &[EMAIL]).await;
    unauthorised(log_in(&world, "nobody@example.com", PASSWORD).await);
    unauthorised(log_in(&world, EMAIL.1, "a wrong password").await);
    unauthorised(log_in(&world, "", PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_needs_a_proven_address() {
    let world = World::new().await;
    let robin = world.sign_up("robin", &[PHONE]).await;
    let before = world.state(robin.person.account).await;
    assert_eq!(needed(&world, "robin", PASSWORD).await, Needed::ProvenAddress);
    unauthorised(log_in(&world, "robin", "a wrong password").await);
    assert_eq!(world.state(robin.person.account).await, before, "nothing is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_password_has_to_be_reset_first() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    operator::force_password(&world.operator(), dana.person.account, "from the operator").await.unwrap();
    assert_eq!(needed(&world, EMAIL.1, "from the operator").await, Needed::OtherPassword);
    assert!(world.state(dana.person.account).await.registered().unwrap().challenges.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_waited_for_and_no_code_is_sent_unasked() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL, PHONE]).await;
    let address = details::parse([EMAIL]).unwrap();
    profile::edit(&world.by(&dana), dana.person, "dana", address).await.unwrap();
    let code = world.code(EMAIL.1).await;
    let token = &dana.tokens.access_token;
    contacts::verify(&world.by(&dana), dana.person, token, &code).await.unwrap();
    profile::switch_mfa(&world.by(&dana), dana.person, dana.shown(), true).await.unwrap();
    let sent = world.codes().await.len();
    let before = world.state(dana.person.account).await;
    // However often whoever knows the password asks, the owner's own logins wait on.
    for _ in 0..7 {
        let needed = needed(&world, EMAIL.1, PASSWORD).await;
        assert!(matches!(needed, Needed::SecondFactor { channel: Channel::Sms, .. }));
    }
    assert_eq!(world.codes().await.len(), sent);
    assert_eq!(world.state(dana.person.account).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_count_with_those_at_other_doors() {
    let world = World::new().await;
    world.sign_up("dana", &[EMAIL]).await;
    let from = world.from("203.0.113.9");
    for turn in 0..10 {
        let asking = world.again(&from);
        if turn % 2 == 0 {
            unauthorised(daily::log_in(&asking, EMAIL.1, "a wrong password").await);
        } else {
            assert!(sessions::log_in(&asking, "dana", "a wrong password").await.is_err());
        }
    }
    limited(daily::log_in(&from, EMAIL.1, PASSWORD).await);
    limited(sessions::log_in(&from, "dana", PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relogin_replaces_session_and_token() {
    let mut world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let first = opened(&world, EMAIL.1).await;
    let somebody = person(&world, &first).await.unwrap();
    world.now += TimeDelta::hours(23);
    let second = daily::relogin(&world.by(&dana), somebody).await.unwrap();
    assert_ne!(second.session.login, first.session.login);
    assert_eq!(second.session.expires_at, world.now + TimeDelta::hours(24));
    unauthorised(person(&world, &first).await);
    assert_eq!(person(&world, &second).await.unwrap().account, dana.person.account);
    // Once: the session that asked is gone.
    unauthorised(daily::relogin(&world.by(&dana), somebody).await);
    let state = world.state(dana.person.account).await;
    assert!(state.has_open_session(dana.person.session, world.now), "the other sessions stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_closes_one_session_and_again_changes_nothing() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let (one, other) = (opened(&world, EMAIL.1).await, opened(&world, EMAIL.1).await);
    let somebody = person(&world, &one).await.unwrap();
    daily::log_out(&world.by(&dana), somebody).await.unwrap();
    unauthorised(person(&world, &one).await);
    assert!(daily::log_out(&world.by(&dana), somebody).await.unwrap().events.is_empty());
    assert!(person(&world, &other).await.is_ok() && world.is_in(&dana).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_either_form_is_good_at_either_door() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    // One that is refreshed does not make way for one of a day: its token lives for an hour.
    unauthorised(daily::relogin(&world.by(&dana), dana.person).await);
    assert!(world.is_in(&dana).await);
    let somebody = person(&world, &opened(&world, EMAIL.1).await).await.unwrap();
    // And one of a day may change the profile.
    let nickname = details::parse([("nickname", "Dee")]).unwrap();
    profile::edit(&world.by(&dana), somebody, "dana", nickname).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_an_address_tells_nothing_about_it() {
    let world = World::new().await;
    world.sign_up("dana", &[("email", "dana@example.org")]).await;
    for whose in ["dana", "nobody"] {
        let from = world.from("203.0.113.9");
        let attempt = async |address: String| daily::log_in(&world.again(&from), &address, "a wrong password").await;
        for _ in 0..10 {
            unauthorised(attempt(format!("{whose}@example.org")).await);
        }
        for spelling in ["example\u{3002}org", "EXAMPLE.org", "exam\u{ad}ple.org"] {
            limited(attempt(format!("{whose}@{spelling}")).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_relogin_signs_nothing_for_a_session_that_was_closed_since() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let first = person(&world, &opened(&world, EMAIL.1).await).await.unwrap();
    let keyed = async || world.by(&dana).under_key(dana.person.account, "key", b"relogin").await.unwrap();
    let second = daily::relogin(&keyed().await, first).await.unwrap();
    let again = daily::relogin(&keyed().await, first).await.unwrap();
    assert_eq!(second.session.login, again.session.login, "an answer that was lost is given again");
    let somebody = person(&world, &second).await.unwrap();
    daily::log_out(&world.by(&dana), somebody).await.unwrap();
    unauthorised(daily::relogin(&keyed().await, first).await);
}
