//! Logging in with Facebook.

use caravan_commands::Asking;
use caravan_commands::identity::{DevelopmentProvider, Next, Vouched, facebook, profile, sessions};
use caravan_domain::identity::Attribute;
use caravan_domain::identity::account::Challenge;
use caravan_domain::{EntityId, RejectionKind};
use chrono::TimeDelta;
use uuid::Uuid;

use crate::support::SECRET;
use crate::world::{PASSWORD, PHONE, Somebody, World, limited, refused, unauthorised, wrong};

#[tokio::test(flavor = "multi_thread")]
async fn facebook_makes_one_account_per_person() {
    let world = World::new().await;
    let provider = DevelopmentProvider::new(SECRET);
    let vouched = |id: &str| Vouched {
        id: id.to_owned(),
        name: Some("Dana Reyes".to_owned()),
        email: Some("not an address".to_owned()),
        gender: None,
        picture: Some("https://img.example.com/u1.jpg".to_owned()),
    };
    let token = provider.sign(vouched("10150"), world.now + TimeDelta::hours(1)).unwrap();
    let first = facebook::log_in(&world.anyone(), &token).await.unwrap();
    let account = first.state.registered().unwrap().registration.clone();
    assert!(account.email.is_none() && account.attributes.contains_key(&Attribute::Picture));
    let dana = world.somebody("facebook_10150", first);
    let second = facebook::log_in(&world.anyone(), &token).await.unwrap();
    assert_eq!(second.account, dana.person.account);
    sessions::refresh(&world.anyone(), dana.shown()).await.unwrap();
    refused(world.log_in("facebook_10150", PASSWORD).await, RejectionKind::Invalid);

    let own = facebook::edit_phone(&world.by(&dana), dana.person, "10150", "+442").await;
    own.unwrap();
    assert_eq!(world.codes().await.len(), 1);
    let foreign = facebook::edit_phone(&world.by(&dana), dana.person, "10151", "+442").await;
    refused(foreign, RejectionKind::Forbidden);

    let expired = provider.sign(vouched("10150"), world.now).unwrap();
    unauthorised(facebook::log_in(&world.anyone(), &expired).await);
    let stranger = DevelopmentProvider::new("another secret").sign(vouched("10150"), world.now + TimeDelta::hours(1));
    unauthorised(facebook::log_in(&world.anyone(), &stranger.unwrap()).await);
    unauthorised(facebook::log_in(&world.anyone(), &dana.tokens.access_token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_waits_for_its_code_and_another_may_be_sent_as_often_as_any() {
    let world = World::new().await;
    let token = |id: &str| {
        let vouched = Vouched { id: id.into(), name: None, email: None, gender: None, picture: None };
        DevelopmentProvider::new(SECRET).sign(vouched, world.now + TimeDelta::hours(1)).unwrap()
    };
    let log_in = async |id: &str| facebook::log_in(&world.anyone(), &token(id)).await.unwrap();
    let dana = world.somebody("facebook_10150", log_in("10150").await);
    let kim = world.somebody("facebook_10151", log_in("10151").await);
    let resend = async |asking: &Asking| facebook::resend_code(asking, dana.person, "10150").await;
    refused(resend(&world.by(&dana)).await, RejectionKind::Conflict);
    facebook::edit_phone(&world.by(&dana), dana.person, "10150", PHONE.1).await.unwrap();
    let again = world.by(&dana).under_key(dana.person.account, "again", b"resend").await.unwrap();
    resend(&again).await.unwrap();
    // A repeat sends nothing, and of one number three codes an hour are sent for an account.
    let repeat = world.by(&dana).under_key(dana.person.account, "again", b"resend").await.unwrap();
    resend(&repeat).await.unwrap();
    assert_eq!(world.codes().await.len(), 2);
    resend(&world.by(&dana)).await.unwrap();
    limited(resend(&world.by(&dana)).await);

    let code = world.code(PHONE.1).await;
    let verify =
        async |who: &Somebody, id: &str, code: &str| facebook::verify_code(&world.by(who), who.person, id, code).await;
    refused(verify(&kim, "10150", &code).await, RejectionKind::Forbidden);
    refused(verify(&kim, "10151", &code).await, RejectionKind::Invalid);
    refused(facebook::resend_code(&world.by(&kim), kim.person, "10150").await, RejectionKind::Forbidden);
    refused(verify(&dana, "10150", &wrong(&code)).await, RejectionKind::Invalid);
    let proven = verify(&dana, "10150", &code).await.unwrap();
    assert!(proven.state.registered().unwrap().proven_phone().is_some());
    refused(verify(&dana, "10150", &code).await, RejectionKind::Invalid);
    refused(resend(&world.by(&dana)).await, RejectionKind::Conflict);
    // What a repeat asks for has happened.
    let repeat = world.by(&dana).under_key(dana.person.account, "again", b"resend").await.unwrap();
    resend(&repeat).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn facebook_asks_for_the_second_factor_too() {
    let world = World::new().await;
    let vouched = Vouched { id: "10150".into(), name: None, email: None, gender: None, picture: None };
    let token = DevelopmentProvider::new(SECRET).sign(vouched, world.now + TimeDelta::hours(1)).unwrap();
    let log_in = async || facebook::log_in(&world.anyone(), &token).await;
    let dana = world.somebody("facebook_10150", log_in().await.unwrap());
    world.move_to(&dana, PHONE.1).await.unwrap();
    profile::switch_mfa(&world.by(&dana), dana.person, dana.shown(), true).await.unwrap();

    let login = log_in().await.unwrap();
    let Next::Challenge { challenge: Challenge::Mfa, login_session } = login.next else { panic!("a challenge") };
    let code = world.code(PHONE.1).await;
    let answer = async |name: &str, code: &str| sessions::answer_mfa(&world.anyone(), name, &login_session, code).await;
    let id = dana.person.account.to_string();
    refused(answer(&id, &wrong(&code)).await, RejectionKind::Invalid);
    refused(answer(&EntityId(Uuid::new_v4()).to_string(), &code).await, RejectionKind::Invalid);
    let second = world.somebody("facebook_10150", answer(&id, &code).await.unwrap());
    assert!(world.is_in(&second).await);
    refused(answer(&id, &code).await, RejectionKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_first_logins_with_facebook_at_once_make_one_account() {
    let world = World::new().await;
    let vouched = Vouched { id: "10150".into(), name: None, email: None, gender: None, picture: None };
    let token = DevelopmentProvider::new(SECRET).sign(vouched, world.now + TimeDelta::hours(1)).unwrap();
    let logins = (0..8).map(|_| {
        let (token, asking) = (token.clone(), world.anyone());
        tokio::spawn(async move { facebook::log_in(&asking, &token).await.unwrap().account })
    });
    let accounts = futures::future::try_join_all(logins).await.unwrap();
    assert!(accounts.iter().all(|account| *account == accounts[0]), "{accounts:?}");
}
