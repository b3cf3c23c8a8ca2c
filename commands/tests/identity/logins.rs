//! Logging in, with a second factor too, and sessions.

use caravan_commands::identity::sessions::Credentials;
use caravan_commands::identity::{Next, profile, sessions};
use caravan_domain::RejectionKind;
use caravan_domain::identity::account::Challenge;
use chrono::TimeDelta;

use crate::world::{EMAIL, PASSWORD, PHONE, World, refused, unauthorised, wrong};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_mfa_needs_the_code_as_well() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    profile::switch_mfa(&world.by(&dana), dana.person, dana.shown(), true).await.unwrap();
    let login = world.log_in("dana", PASSWORD).await.unwrap();
    let Next::Challenge { challenge: Challenge::Mfa, login_session } = login.next else { panic!("a challenge") };
    let code = world.code(PHONE.1).await;
    let answer =
        async |name: &str, session: &str, code: &str| sessions::answer_mfa(&world.anyone(), name, session, code).await;
    refused(answer("dana", &login_session, &wrong(&code)).await, RejectionKind::Invalid);
    refused(answer("kim", &login_session, &code).await, RejectionKind::Invalid);
    refused(answer("dana", "no token", &code).await, RejectionKind::Invalid);
    let first = world.somebody("dana", answer("dana", &login_session, &code).await.unwrap());
    assert!(world.is_in(&first).await);
    // Whoever read along gets no tokens for it.
    refused(answer("dana", &login_session, &code).await, RejectionKind::Invalid);
    assert_eq!(world.state(dana.person.account).await.registered().unwrap().sessions.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn mfa_needs_a_proven_phone() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let switched = profile::switch_mfa(&world.by(&dana), dana.person, dana.shown(), true).await;
    refused(switched, RejectionKind::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_refreshed_and_an_old_token_closes_it() {
    let mut world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let first = sessions::refresh(&world.anyone(), dana.shown()).await.unwrap();
    let first = world.somebody("dana", first);
    assert_eq!(first.person, dana.person);
    assert_ne!(first.tokens.refresh_token, dana.tokens.refresh_token);
    // A lost answer is given again.
    let again = sessions::refresh(&world.anyone(), dana.shown()).await.unwrap();
    assert_eq!(world.somebody("dana", again).tokens.refresh_token, first.tokens.refresh_token);
    let foreign = Credentials { username: "kim", refresh_token: &first.tokens.refresh_token };
    unauthorised(sessions::refresh(&world.anyone(), foreign).await);
    assert!(world.is_in(&first).await);

    world.now += TimeDelta::seconds(31);
    unauthorised(sessions::refresh(&world.anyone(), dana.shown()).await);
    assert!(!world.is_in(&first).await, "a token that two had closes the session");
    unauthorised(sessions::refresh(&world.anyone(), first.shown()).await);
    let no_token = Credentials { username: "dana", refresh_token: "no token" };
    unauthorised(sessions::refresh(&world.anyone(), no_token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_every_session() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let phone = world.somebody("dana", world.log_in("dana", PASSWORD).await.unwrap());
    sessions::log_out(&world.by(&phone), phone.person, phone.shown()).await.unwrap();
    assert!(!world.is_in(&dana).await && !world.is_in(&phone).await);
    unauthorised(sessions::refresh(&world.anyone(), dana.shown()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_once_more_has_to_be_ones_own() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let kim = world.sign_up("kim", &[EMAIL]).await;
    let foreign_token = Credentials { username: "dana", refresh_token: &kim.tokens.refresh_token };
    unauthorised(sessions::log_out(&world.by(&dana), dana.person, foreign_token).await);
    let foreign_name = Credentials { username: "kim", refresh_token: &dana.tokens.refresh_token };
    refused(sessions::log_out(&world.by(&dana), dana.person, foreign_name).await, RejectionKind::Forbidden);
    let access_token = Credentials { username: "dana", refresh_token: &dana.tokens.access_token };
    unauthorised(sessions::log_out(&world.by(&dana), dana.person, access_token).await);
    unauthorised(sessions::authenticate(&world.commands, &dana.tokens.refresh_token, world.now).await);
    unauthorised(sessions::authenticate(&world.commands, &dana.tokens.id_token, world.now).await);
    assert!(world.is_in(&dana).await);
}
