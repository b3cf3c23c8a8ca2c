//! Sessions that may last a year, and what their tokens are good for.

use caravan_commands::identity::daily::{self, Entry, Opened};
use caravan_commands::identity::remembered::{self, Renewal, Shown};
use caravan_commands::identity::sessions::{self, Credentials};
use caravan_commands::{CommandError, Commands};
use caravan_domain::identity::Person;
use caravan_vault::AccessToken;
use chrono::TimeDelta;

use crate::world::{EMAIL, PASSWORD, Somebody, World, limited, unauthorised};

async fn log_in(world: &World, remember: bool) -> Opened {
    match remembered::log_in(&world.anyone(), EMAIL.1, PASSWORD, remember).await.unwrap() {
        Entry::Open(opened) => opened,
        Entry::Outstanding { needed, .. } => panic!("needs {needed:?}"),
    }
}

fn access(world: &World, opened: &Opened) -> AccessToken {
    remembered::access(&world.anyone(), opened.account, &opened.session, true)
}

async fn person(world: &World, access: &AccessToken) -> Result<Person, CommandError> {
    sessions::authenticate(&world.commands, &access.token, world.now).await
}

fn renewal(commands: &Commands, opened: &Opened) -> Renewal {
    remembered::renewal(commands, opened.account, &opened.session)
}

async fn renew(world: &World, renewal: &Renewal) -> Result<AccessToken, CommandError> {
    remembered::renew(&world.anyone(), Shown::Sent { token: &renewal.token }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_remembered_has_short_tokens_and_a_year() {
    let mut world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let day = log_in(&world, false).await;
    assert_eq!(access(&world, &day).expires_at.timestamp(), (world.now + TimeDelta::hours(24)).timestamp());
    let year = log_in(&world, true).await;
    assert_eq!(access(&world, &year).expires_at.timestamp(), (world.now + TimeDelta::minutes(90)).timestamp());
    let renewal = renewal(&world.commands, &year);
    // The same token for as long as the session lasts.
    for _ in 0..3 {
        world.now += TimeDelta::days(100);
        let next = renew(&world, &renewal).await.unwrap();
        let person = person(&world, &next).await.unwrap();
        assert_eq!((person.account, person.session), (dana.person.account, year.session.number));
    }
    world.now += TimeDelta::days(65);
    unauthorised(renew(&world, &renewal).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_browser_shows_needs_the_one_that_the_page_shows() {
    let world = World::new().await;
    world.sign_up("dana", &[EMAIL]).await;
    let (one, other) = (log_in(&world, true).await, log_in(&world, true).await);
    let (one, other) = (renewal(&world.commands, &one), renewal(&world.commands, &other));
    let kept = async |page_token: &str| {
        remembered::renew(&world.anyone(), Shown::Kept { token: &one.token, page_token }).await
    };
    kept(&one.page_token).await.unwrap();
    for wrong in ["", &other.page_token, &one.token, &one.page_token[1..]] {
        unauthorised(kept(wrong).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sort_of_token_does_not_pass_as_another() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let opened = log_in(&world, true).await;
    let (access, renewal) = (access(&world, &opened), renewal(&world.commands, &opened));
    for token in [&access.token, &dana.tokens.refresh_token, &dana.tokens.id_token, &renewal.page_token] {
        unauthorised(remembered::renew(&world.anyone(), Shown::Sent { token }).await);
    }
    unauthorised(sessions::authenticate(&world.commands, &renewal.token, world.now).await);
    let shown = Credentials { username: "dana", refresh_token: &renewal.token };
    unauthorised(sessions::refresh(&world.anyone(), shown).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_voided_is_not_renewed_and_lives_on() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let before = log_in(&world, true).await;
    let (access, renewal) = (access(&world, &before), renewal(&world.commands, &before));
    let them = person(&world, &access).await.unwrap();
    remembered::void(&world.by(&dana), them).await.unwrap();
    unauthorised(renew(&world, &renewal).await);
    unauthorised(sessions::refresh(&world.anyone(), dana.shown()).await);
    person(&world, &access).await.unwrap();
    // Nobody else's are, and none that come later.
    let after = log_in(&world, true).await;
    renew(&world, &self::renewal(&world.commands, &after)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_is_not_renewed() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let opened = log_in(&world, true).await;
    let renewal = renewal(&world.commands, &opened);
    let them = person(&world, &access(&world, &opened)).await.unwrap();
    daily::log_out(&world.by(&dana), them).await.unwrap();
    unauthorised(renew(&world, &renewal).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_year_is_closed_by_its_renewal_when_its_access_token_has_lapsed() {
    let mut world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let (one, other) = (log_in(&world, true).await, log_in(&world, true).await);
    let access = access(&world, &one);
    let (one, other) = (renewal(&world.commands, &one), renewal(&world.commands, &other));
    world.now += TimeDelta::days(30);
    unauthorised(person(&world, &access).await);
    let close = async |token: &str| remembered::close(&world.anyone(), token).await.unwrap().is_some();
    // What renews nothing closes nothing.
    for token in ["", &access.token, &dana.tokens.refresh_token, &one.page_token] {
        assert!(!close(token).await, "{token}");
    }
    assert!(close(&one.token).await && !close(&one.token).await);
    unauthorised(renew(&world, &one).await);
    renew(&world, &other).await.unwrap();
}

async fn prove(
    world: &World,
    dana: &Somebody,
    person: Person,
    name: &str,
    password: &str,
) -> Result<AccessToken, CommandError> {
    remembered::prove_anew(&world.by(dana), person, name, password).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_token_is_for_who_is_logged_in_and_has_the_password() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    world.sign_up_by_address("kim@example.com").await;
    let opened = log_in(&world, false).await;
    let them = person(&world, &access(&world, &opened)).await.unwrap();
    for name in [EMAIL.1, " Dana@example.com", "dana"] {
        let fresh = prove(&world, &dana, them, name, PASSWORD).await.unwrap();
        assert_eq!(person(&world, &fresh).await.unwrap(), them, "the session stays: {name}");
    }
    // Kim has the same password.
    for (name, password) in [("kim@example.com", PASSWORD), (EMAIL.1, "a wrong password"), ("", PASSWORD)] {
        unauthorised(prove(&world, &dana, them, name, password).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_ones_own_password_are_counted() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let them = person(&world, &access(&world, &log_in(&world, false).await)).await.unwrap();
    let is_own = async |password: &str| remembered::is_own_password(&world.by(&dana), them, password).await;
    assert!(is_own(PASSWORD).await.unwrap());
    let mut wrong = 0;
    while let Ok(right) = is_own("a wrong password").await {
        assert!(!right);
        wrong += 1;
        assert!(wrong < 100, "never limited");
    }
    limited(is_own(PASSWORD).await);
    limited(prove(&world, &dana, them, EMAIL.1, PASSWORD).await);
    // Nor does another session in the place of this one give more of them.
    let next = daily::relogin(&world.by(&dana), them).await.unwrap();
    let them = person(&world, &access(&world, &next)).await.unwrap();
    limited(remembered::is_own_password(&world.by(&dana), them, PASSWORD).await);
    // Others are not kept out by them.
    log_in(&world, false).await;
}
