//! Passwords changed, reset and forced.

use caravan_commands::identity::{DevelopmentProvider, Next, Vouched, facebook, operator, passwords, sessions};
use caravan_domain::RejectionKind;
use caravan_domain::identity::account::Challenge;
use chrono::TimeDelta;

use crate::support::SECRET;
use crate::world::{EMAIL, PASSWORD, PHONE, World, limited, refused, wrong};

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_by_whoever_knows_the_old_one() {
    let world = World::new().await;
    let other = world.sign_up("dana", &[PHONE]).await;
    let dana = world.somebody("dana", world.log_in("dana", PASSWORD).await.unwrap());
    let change =
        async |old: &str, new: &str| passwords::change(&world.by(&dana), dana.person, dana.shown(), old, new).await;
    assert_eq!(
        refused(change("wrong password", "a new password").await, RejectionKind::Invalid).unwrap(),
        "old_password"
    );
    assert_eq!(refused(change(PASSWORD, "short").await, RejectionKind::Invalid).unwrap(), "new_password");
    change(PASSWORD, "a new password").await.unwrap();
    assert!(world.is_in(&dana).await && !world.is_in(&other).await);
    refused(world.log_in("dana", PASSWORD).await, RejectionKind::Invalid);
    world.log_in("dana", "a new password").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_reset_with_a_code() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL, PHONE]).await;
    world.forgot_password("dana").await.unwrap();
    let code = world.code(PHONE.1).await;
    let reset = async |code: &str| passwords::reset(&world.anyone(), "dana", code, "a new password").await;
    refused(reset(&wrong(&code)).await, RejectionKind::Invalid);
    reset(&code).await.unwrap();
    refused(reset(&code).await, RejectionKind::Invalid);
    assert!(!world.is_in(&dana).await);
    world.log_in("dana", "a new password").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_forgotten_a_password_is_not_told_whether_anybody_has_the_name() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let vouched = Vouched { id: "10150".into(), name: None, email: None, gender: None, picture: None };
    let token = DevelopmentProvider::new(SECRET).sign(vouched, world.now + TimeDelta::hours(1)).unwrap();
    facebook::log_in(&world.anyone(), &token).await.unwrap();
    let sent = world.codes().await.len();
    for name in ["dana", "nobody", "facebook_10150"] {
        for _ in 0..5 {
            world.forgot_password(name).await.unwrap();
        }
        limited(world.forgot_password(name).await);
    }
    assert_eq!(world.codes().await.len(), sent + 5, "only dana is sent any");
    assert!(world.is_in(&dana).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_password_has_to_be_changed_at_the_next_login() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    operator::force_password(&world.operator(), dana.person.account, "from the operator").await.unwrap();
    assert!(!world.is_in(&dana).await);
    refused(world.log_in("dana", PASSWORD).await, RejectionKind::Invalid);
    let login = world.log_in("dana", "from the operator").await.unwrap();
    let Next::Challenge { challenge: Challenge::NewPassword, login_session } = login.next else {
        panic!("a challenge")
    };
    let answer = async |session: &str, password: &str| {
        sessions::answer_new_password(&world.anyone(), "dana", session, password).await
    };
    refused(answer("no token", "chosen by dana").await, RejectionKind::Invalid);
    refused(answer(&login_session, "short").await, RejectionKind::Invalid);
    answer(&login_session, "chosen by dana").await.unwrap();
    refused(answer(&login_session, "chosen by another").await, RejectionKind::Invalid);
    let login = world.log_in("dana", "chosen by dana").await.unwrap();
    assert!(matches!(login.next, Next::Session(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_password_is_not_kept() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    operator::force_password(&world.operator(), dana.person.account, "from the operator").await.unwrap();
    let login = world.log_in("dana", "from the operator").await.unwrap();
    let Next::Challenge { login_session, .. } = login.next else { panic!("a challenge") };
    let answer = sessions::answer_new_password(&world.anyone(), "dana", &login_session, "from the operator").await;
    assert_eq!(refused(answer, RejectionKind::Invalid).unwrap(), "new_password");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_never_means_whoever_calls_themselves_by_anothers_address() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let named = async |name: &str| operator::account_named(&world.commands, name).await;
    assert_eq!(named(EMAIL.1).await.unwrap(), Some(dana.person.account), "found by a proven address");
    world.sign_up(EMAIL.1, &[PHONE]).await;
    assert_eq!(refused(named(EMAIL.1).await, RejectionKind::Conflict).unwrap(), "account");
    assert_eq!(named("dana").await.unwrap(), Some(dana.person.account));
}
