//! How often somebody may guess, and be sent a code; and that nobody uses up what is another's.

use caravan_commands::identity::sign_up::SignUpForm;
use caravan_commands::identity::{Next, contacts, operator, passwords, profile, sessions, sign_up};
use caravan_commands::{Caller, CommandError};
use caravan_domain::RejectionKind;
use caravan_domain::identity::details;
use futures::future::join_all;

use crate::world::{EMAIL, PASSWORD, PHONE, Somebody, World, limited, refused, wrong};

const HOME: &str = "192.0.2.1";

impl World {
    /// Somebody who signed in from home.
    async fn at_home(&self) -> Somebody {
        let somebody = self.sign_up("dana", &[PHONE]).await;
        sessions::log_in(&self.from(HOME), "dana", PASSWORD).await.unwrap();
        somebody
    }

    async fn log_in_from(&self, address: &str, password: &str) -> Result<(), CommandError> {
        sessions::log_in(&self.from(address), "dana", password).await.map(|_| ())
    }

    async fn reset_from(&self, address: &str, username: &str, code: &str) -> Result<(), CommandError> {
        let reset = passwords::reset(&self.from(address), username, code, "a new password").await;
        reset.map(|_| ())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_five_codes_go_to_a_contact() {
    let world = World::new().await;
    world.begin("dana", &[PHONE]).await.unwrap();
    for _ in 0..5 {
        // The last of them is answered as the others, and sends nothing.
        world.resend("dana", &world.anyone()).await.unwrap();
    }
    limited(world.resend("dana", &world.anyone()).await);
    limited(world.begin("kim", &[PHONE]).await);
    world.begin("kim", &[EMAIL]).await.unwrap();
    assert_eq!(world.codes().await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_at_most_twenty_codes_sent_to_contacts_it_names() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let name = async |number: u32| {
        let phone = format!("+44{number:04}");
        contacts::edit_phone(&world.by(&dana), dana.person, dana.shown(), &phone).await
    };
    for number in 0..20 {
        name(number).await.unwrap();
    }
    limited(name(20).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_that_strangers_demand_use_up_none_that_a_login_or_a_reset_needs() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    profile::switch_mfa(&world.by(&dana), dana.person, dana.shown(), true).await.unwrap();
    for number in 0..4 {
        world.begin(&format!("stranger{number}"), &[PHONE]).await.unwrap();
    }
    limited(world.begin("stranger", &[PHONE]).await);
    world.log_in("dana", PASSWORD).await.unwrap();
    let sent = world.codes().await.len();
    world.forgot_password("dana").await.unwrap();
    assert_eq!(world.codes().await.len(), sent + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_failures_close_an_account_for_an_address_and_successes_do_not_count() {
    let world = World::new().await;
    world.sign_up("dana", &[PHONE]).await;
    for _ in 0..9 {
        refused(world.log_in_from(HOME, "wrong password").await, RejectionKind::Invalid);
        world.log_in_from(HOME, PASSWORD).await.unwrap();
    }
    refused(world.log_in_from(HOME, "wrong password").await, RejectionKind::Invalid);
    limited(world.log_in_from(HOME, PASSWORD).await);
    // Elsewhere, and with other secrets, nothing has happened.
    world.log_in_from("192.0.2.2", PASSWORD).await.unwrap();
    refused(world.reset_from(HOME, "dana", "000000").await, RejectionKind::Invalid);
    // A name that nobody has is no different.
    for _ in 0..10 {
        refused(world.log_in("nobody", PASSWORD).await, RejectionKind::Invalid);
    }
    limited(world.log_in("nobody", PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_fail_do_not_lock_anybody_out_of_home() {
    let world = World::new().await;
    let dana = world.at_home().await;
    for host in 0..10 {
        let address = format!("198.51.100.{host}");
        let guesses = (0..10).map(|_| world.log_in_from(&address, "wrong password"));
        for guess in join_all(guesses).await {
            refused(guess, RejectionKind::Invalid);
        }
        limited(world.log_in_from(&address, PASSWORD).await);
    }
    limited(world.log_in_from("198.51.100.77", PASSWORD).await);
    world.log_in_from(HOME, PASSWORD).await.unwrap();
    // A valid session is not asked about them.
    passwords::change(&world.by(&dana), dana.person, dana.shown(), PASSWORD, "a new password").await.unwrap();

    // Nor from home, whatever the neighbours behind the same address fail with.
    for number in 0..300 {
        let name = format!("nobody{number}");
        refused(world.reset_from(HOME, &name, "000000").await, RejectionKind::Invalid);
    }
    limited(world.reset_from(HOME, "kim", "000000").await);
    refused(world.reset_from(HOME, "dana", "000000").await, RejectionKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn home_is_where_one_signed_in_from_within_thirty_days() {
    let world = World::new().await;
    let dana = world.at_home().await;
    let fill = async |address: &str| {
        for _ in 0..10 {
            refused(world.reset_from(address, "dana", "000000").await, RejectionKind::Invalid);
        }
    };
    // Codes are guessed at home until others would be refused: a code takes ten wrong guesses anyway.
    fill(HOME).await;
    refused(world.reset_from(HOME, "dana", "000000").await, RejectionKind::Invalid);
    sqlx::query("update home set signed_in_at = now() - interval '30 days'").execute(&world.pool).await.unwrap();
    fill(HOME).await;
    limited(world.reset_from(HOME, "dana", "000000").await);

    world.log_in_from(HOME, PASSWORD).await.unwrap();
    refused(world.reset_from(HOME, "dana", "000000").await, RejectionKind::Invalid);
    operator::forget(&world.operator(), dana.person.account).await.unwrap();
    let homes: i64 = sqlx::query_scalar("select count(*) from home").fetch_one(&world.pool).await.unwrap();
    assert_eq!(homes, 0, "nothing is kept of who is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_resets_a_password_is_at_home_where_they_did() {
    let world = World::new().await;
    world.at_home().await;
    world.forgot_password("dana").await.unwrap();
    let code = world.code(PHONE.1).await;
    world.reset_from("198.51.100.1", "dana", &code).await.unwrap();
    let homes: i64 = sqlx::query_scalar("select count(*) from home").fetch_one(&world.pool).await.unwrap();
    assert_eq!(homes, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_or_account_leaves_codes_to_a_contact_for_its_owner() {
    let world = World::new().await;
    let begin = async |username: &str, from: &str| {
        let details = details::parse([PHONE]).unwrap();
        let form = SignUpForm { username: username.to_owned(), password: PASSWORD.to_owned(), details };
        sign_up::begin(&world.from(from), form).await
    };
    for username in ["kim", "lee", "max"] {
        begin(username, "198.51.100.1").await.unwrap();
    }
    limited(begin("nat", "198.51.100.1").await);
    begin("dana", HOME).await.unwrap();

    let eli = world.sign_up("eli", &[EMAIL]).await;
    let other = "+14165550177";
    for _ in 0..3 {
        contacts::edit_phone(&world.by(&eli), eli.person, eli.shown(), other).await.unwrap();
    }
    limited(contacts::edit_phone(&world.by(&eli), eli.person, eli.shown(), other).await);
    world.begin("olga", &[("phone_number", other)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_anothers_id_is_not_the_other() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let name = dana.person.account.to_string();
    for _ in 0..10 {
        refused(world.reset_from(HOME, &name, "000000").await, RejectionKind::Invalid);
    }
    limited(world.reset_from(HOME, &name, "000000").await);
    refused(world.reset_from(HOME, "dana", "000000").await, RejectionKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_wrong_guesses_from_anywhere_void_a_code_and_another_may_be_asked_for() {
    let world = World::new().await;
    world.at_home().await;
    world.forgot_password("dana").await.unwrap();
    let code = world.code(PHONE.1).await;
    for host in 0..10 {
        let address = format!("198.51.100.{host}");
        refused(world.reset_from(&address, "dana", &wrong(&code)).await, RejectionKind::Invalid);
    }
    refused(world.reset_from("198.51.100.77", "dana", &code).await, RejectionKind::Invalid);
    refused(world.reset_from(HOME, "dana", &code).await, RejectionKind::Invalid);
    world.forgot_password("dana").await.unwrap();
    let code = world.code(PHONE.1).await;
    world.reset_from(HOME, "dana", &code).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_wrong_codes_at_home_cost_no_more_than_the_code() {
    let world = World::new().await;
    let begin = world.from(HOME);
    world.begin_from("dana", PHONE.1, &begin).await;
    let confirm = async |code: &str| sign_up::confirm(&world.from(HOME), "dana", PASSWORD, code).await;
    let code = world.code(PHONE.1).await;
    for _ in 0..10 {
        refused(confirm(&wrong(&code)).await, RejectionKind::Invalid);
    }
    refused(confirm(&code).await, RejectionKind::Invalid);
    world.resend("dana", &world.from(HOME)).await.unwrap();
    let dana = world.somebody("dana", confirm(&world.code(PHONE.1).await).await.unwrap());

    profile::switch_mfa(&world.by(&dana), dana.person, dana.shown(), true).await.unwrap();
    let challenged = async || match sessions::log_in(&world.from(HOME), "dana", PASSWORD).await.unwrap().next {
        Next::Challenge { login_session, .. } => login_session,
        Next::Session(_) => panic!("a challenge"),
    };
    let answer = async |session: &str, code: &str| sessions::answer_mfa(&world.from(HOME), "dana", session, code).await;
    let session = challenged().await;
    let code = world.code(PHONE.1).await;
    for _ in 0..10 {
        refused(answer(&session, &wrong(&code)).await, RejectionKind::Invalid);
    }
    refused(answer(&session, &code).await, RejectionKind::Invalid);
    let session = challenged().await;
    answer(&session, &world.code(PHONE.1).await).await.unwrap();

    contacts::edit_phone(&world.by(&dana), dana.person, dana.shown(), "+442").await.unwrap();
    let code = world.code("+442").await;
    let token = &dana.tokens.access_token;
    let verify = async |code: &str| contacts::verify(&world.by(&dana), dana.person, token, code).await;
    for _ in 0..10 {
        refused(verify(&wrong(&code)).await, RejectionKind::Invalid);
    }
    refused(verify(&code).await, RejectionKind::Invalid);
    contacts::edit_phone(&world.by(&dana), dana.person, dana.shown(), "+442").await.unwrap();
    verify(&world.code("+442").await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_up_under_the_same_name_voids_no_code_of_anothers() {
    let world = World::new().await;
    let (home, stranger) = (world.from(HOME), world.from("198.51.100.1"));
    world.begin_from("dana", PHONE.1, &home).await;
    world.begin_from("dana", "+442", &stranger).await;
    let code = world.code(PHONE.1).await;
    for _ in 0..20 {
        let guess = sign_up::confirm(&stranger, "dana", PASSWORD, &wrong(&code)).await;
        refused(guess, RejectionKind::Invalid);
    }
    // Not even with the right code: it is another's.
    refused(sign_up::confirm(&stranger, "dana", PASSWORD, &code).await, RejectionKind::Invalid);
    sign_up::confirm(&home, "dana", PASSWORD, &code).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn old_passwords_are_guessed_ten_times_in_a_session() {
    let world = World::new().await;
    let thief = world.sign_up("dana", &[PHONE]).await;
    let dana = world.somebody("dana", world.log_in("dana", PASSWORD).await.unwrap());
    let change = async |who: &Somebody, old: &str| {
        passwords::change(&world.by(who), who.person, who.shown(), old, "a new password").await
    };
    for _ in 0..10 {
        refused(change(&thief, "wrong password").await, RejectionKind::Invalid);
    }
    limited(change(&thief, PASSWORD).await);
    change(&dana, PASSWORD).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn right_logins_that_come_together_do_not_count_as_failures() {
    let world = World::new().await;
    world.sign_up("dana", &[PHONE]).await;
    let logins = (0..30).map(|_| world.log_in("dana", PASSWORD));
    for login in join_all(logins).await {
        login.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_right_is_no_failure_whatever_is_refused_afterwards() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    profile::switch_mfa(&world.by(&dana), dana.person, dana.shown(), true).await.unwrap();
    let mut sent = 0;
    for _ in 0..12 {
        match world.log_in("dana", PASSWORD).await {
            Ok(_) => sent += 1,
            other => limited(other),
        }
    }
    assert_eq!(sent, 5);
    for _ in 0..12 {
        let stale = world.commands.asked_by(Caller { if_match: Some(0), ..world.by(&dana).caller().clone() });
        let changed = passwords::change(&stale, dana.person, dana.shown(), PASSWORD, "a new password").await;
        assert!(matches!(changed, Err(CommandError::PreconditionFailed)));
    }
}
