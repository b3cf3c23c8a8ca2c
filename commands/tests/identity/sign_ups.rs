//! Signing up.

use caravan_commands::Asking;
use caravan_commands::identity::{invited, operator, sign_up};
use caravan_domain::RejectionKind;
use caravan_domain::identity::{AccountState, Attribute};
use caravan_event_store::{Direction, Filter};

use crate::world::{EMAIL, PASSWORD, PHONE, World, refused, wrong};

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_is_confirmed_with_the_code_and_the_password() {
    let world = World::new().await;
    let attempt = world.begin("Dana", &[EMAIL, PHONE]).await.unwrap();
    assert_eq!(world.codes().await.len(), 1, "one code, by sms since there is a number");
    let code = world.code(PHONE.1).await;
    refused(world.log_in("dana", PASSWORD).await, RejectionKind::Invalid);
    refused(world.confirm("dana", &wrong(&code)).await, RejectionKind::Invalid);
    let other_password = sign_up::confirm(&world.anyone(), "dana", "another password", &code).await;
    refused(other_password, RejectionKind::Invalid);

    let dana = world.somebody("dana", world.confirm(" DANA ", &code).await.unwrap());
    assert_eq!(dana.person.account, attempt, "login's id is the account's");
    assert!(world.is_in(&dana).await);
    let state = world.state(attempt).await;
    let account = state.registered().unwrap();
    assert!(account.proven_phone().is_some() && account.proven_email().is_none());
    // Guessing at a name that nobody has takes as long: it is checked against a hash of the same cost.
    let sealed = account.registration.password_hash.as_ref().unwrap();
    let hash = world.commands.vault().open_text(sealed).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    refused(world.confirm("dana", &code).await, RejectionKind::Invalid);
    assert_eq!(world.log_in("dana", PASSWORD).await.unwrap().account, attempt);
    assert_eq!(refused(world.begin("dana", &[("email", "d@x")]).await, RejectionKind::Conflict).unwrap(), "username");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_without_a_phone_is_confirmed_by_mail() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    assert!(world.state(dana.person.account).await.registered().unwrap().proven_email().is_some());
    let by_name = world.sign_up_by_address("kim@example.com").await;
    assert!(world.state(by_name.person.account).await.registered().unwrap().proven_email().is_some());
    assert_eq!(refused(world.begin("lee", &[]).await, RejectionKind::Invalid).unwrap(), "attributes");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_sign_ups_for_one_name_the_first_confirmed_gets_it() {
    let world = World::new().await;
    let first = world.begin("dana", &[PHONE]).await.unwrap();
    let code = world.code(PHONE.1).await;
    let second = world.begin("dana", &[EMAIL]).await.unwrap();
    let later = world.code(EMAIL.1).await;
    assert_eq!(world.confirm("dana", &code).await.unwrap().account, first);
    refused(world.confirm("dana", &later).await, RejectionKind::Invalid);
    assert!(world.commands.vault().is_forgotten(second).await.unwrap(), "the other's values are gone");
    assert!(!world.commands.vault().is_forgotten(first).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_belongs_to_one_account() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    world.begin("kim", &[PHONE]).await.unwrap();
    let code = world.code(PHONE.1).await;
    assert_eq!(refused(world.confirm("kim", &code).await, RejectionKind::Conflict).unwrap(), "phone_number");
    // The name is free again, and the number still Dana's.
    world.sign_up("kim", &[EMAIL]).await;
    assert!(world.is_in(&dana).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resent_code_replaces_the_first() {
    let world = World::new().await;
    world.begin("dana", &[PHONE]).await.unwrap();
    let first = world.code(PHONE.1).await;
    world.resend("Dana", &world.anyone()).await.unwrap();
    let second = world.code(PHONE.1).await;
    assert_ne!(first, second);
    refused(world.confirm("dana", &first).await, RejectionKind::Invalid);
    world.confirm("dana", &second).await.unwrap();
    let sent = world.codes().await.len();
    for nothing_waits in ["dana", "nobody"] {
        world.resend(nothing_waits, &world.anyone()).await.unwrap();
    }
    assert_eq!(world.codes().await.len(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_sent_again_to_the_attempt_that_the_address_began_last() {
    let world = World::new().await;
    let (home, elsewhere) = (world.from("192.0.2.1"), world.from("192.0.2.2"));
    for phone in ["+441", "+442"] {
        world.begin_from("dana", phone, &home).await;
    }
    world.begin_from("dana", "+443", &elsewhere).await;
    let resend = async |asking: &Asking| {
        let before = world.codes().await.len();
        world.resend("dana", &world.again(asking)).await.unwrap();
        let codes = world.codes().await;
        codes[before..].iter().map(|(to, ..)| to.clone()).collect::<Vec<_>>()
    };
    assert_eq!(resend(&home).await, ["+442"]);
    assert_eq!(resend(&elsewhere).await, ["+443"]);
    assert_eq!(resend(&world.from("192.0.2.3")).await, Vec::<String>::new(), "who began nothing has nothing sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_code_confirms_and_logs_in_once() {
    let world = World::new().await;
    world.begin("dana", &[PHONE]).await.unwrap();
    let code = world.code(PHONE.1).await;
    let (one, other) = tokio::join!(world.confirm("dana", &code), world.confirm("dana", &code));
    assert!(one.is_ok() != other.is_ok(), "one of two");
    let dana = if one.is_ok() { one } else { other };
    let state = world.state(dana.unwrap().account).await;
    assert_eq!(state.registered().unwrap().sessions.len(), 1);
    refused(world.confirm("dana", &code).await, RejectionKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_proves_an_invited_number_becomes_the_temp_members_account() {
    let world = World::new().await;
    let invite = async || invited::person_with_phone(&world.operator(), PHONE.1, Some("D"), None).await.unwrap();
    let temp = invite().await;
    assert_eq!(invite().await, temp, "one temp member per number");
    assert!(matches!(world.state(temp).await, AccountState::Invited(_)));
    let attempt = world.begin("dana", &[("given_name", "Dana"), PHONE]).await.unwrap();
    assert!(matches!(world.state(temp).await, AccountState::Invited(_)), "never on an unproven number");
    let code = world.code(PHONE.1).await;
    let login = world.confirm("dana", &code).await.unwrap();
    assert_eq!(login.account, temp);
    assert_ne!(attempt, temp);
    let name = login.state.registered().unwrap().attribute(Attribute::GivenName).unwrap().clone();
    assert_eq!(name.subject, temp);
    assert_eq!(world.log_in("dana", PASSWORD).await.unwrap().account, temp);
    assert_eq!(invite().await, temp, "inviting a known number uses the account");
    // What the sign-up sealed goes with the account.
    operator::forget(&world.operator(), temp).await.unwrap();
    assert!(world.commands.vault().is_forgotten(attempt).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_prove_one_number_at_once_do_not_both_get_it() {
    let world = World::new().await;
    let temp = invited::person_with_phone(&world.operator(), PHONE.1, None, None).await.unwrap();
    world.begin("dana", &[PHONE]).await.unwrap();
    let danas = world.code(PHONE.1).await;
    world.begin("kim", &[PHONE]).await.unwrap();
    let kims = world.code(PHONE.1).await;
    let (dana, kim) = tokio::join!(world.confirm("dana", &danas), world.confirm("kim", &kims));
    assert!(dana.is_ok() != kim.is_ok(), "one of two");
    let (winner, loser) = if dana.is_ok() { (dana, kim) } else { (kim, dana) };
    assert_eq!(winner.unwrap().account, temp);
    refused(loser, RejectionKind::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_confirmation_is_finished_by_repeating_it() {
    let world = World::new().await;
    let attempt = world.begin("dana", &[PHONE]).await.unwrap();
    let code = world.code(PHONE.1).await;
    // Everything but the last step has happened, as after a crash: the log without what completed the sign-up.
    let login = world.confirm("dana", &code).await.unwrap();
    let all = world.commands.store().read_all(0, Direction::Forwards, &Filter::default(), 1000).await.unwrap().events;
    for kept in 1..all.len() {
        let crashed = World::new_with_vault(world.commands.vault().clone()).await;
        for recorded in &all[..kept] {
            crashed.replay(recorded).await;
        }
        let begun = all[..kept].iter().any(|event| event.event_type == "CodeIssued");
        let completed = all[..kept].iter().any(|event| event.event_type == "SignUpCompleted");
        match crashed.confirm("dana", &code).await {
            Ok(again) => assert_eq!(again.account, login.account, "{kept}"),
            Err(error) if !begun || completed => {
                assert!(error.is_rejection(RejectionKind::Invalid), "{kept}: {error:?}")
            }
            Err(error) => panic!("{kept}: {error:?}"),
        }
        if begun {
            assert_eq!(crashed.log_in("dana", PASSWORD).await.unwrap().account, attempt, "{kept}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sign_up_leaves_its_user_name_to_others() {
    let world = World::new().await;
    invited::person_with_phone(&world.operator(), PHONE.1, Some("D"), None).await.unwrap();
    let mut codes = vec![];
    for name in ["dana", "kim"] {
        world.begin(name, &[PHONE]).await.unwrap();
        codes.push(world.code(PHONE.1).await);
    }
    // Both prove the number that one temp member was invited by.
    let (dana, kim) = tokio::join!(world.confirm("dana", &codes[0]), world.confirm("kim", &codes[1]));
    let (winner, loser) = if dana.is_ok() { ("dana", "kim") } else { ("kim", "dana") };
    let outcomes = [dana, kim];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refusal = outcomes.into_iter().find(|outcome| outcome.is_err()).unwrap();
    assert_eq!(refused(refusal, RejectionKind::Conflict).unwrap(), "phone_number");
    world.log_in(winner, PASSWORD).await.unwrap();
    refused(world.log_in(loser, PASSWORD).await, RejectionKind::Invalid);
    world.sign_up(loser, &[EMAIL]).await;
}
