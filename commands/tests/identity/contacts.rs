//! Phone numbers, addresses, profiles.

use caravan_commands::identity::{contacts, invited, operator, passwords, profile};
use caravan_domain::RejectionKind;
use caravan_domain::identity::{AccountState, Attribute, details};

use crate::world::{EMAIL, PASSWORD, PHONE, World, refused, unauthorised, wrong};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_phone_number_is_proven_and_frees_the_old_one() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    contacts::edit_phone(&world.by(&dana), dana.person, dana.shown(), "+442").await.unwrap();
    let code = world.code("+442").await;
    let verify = async |token: &str, code: &str| contacts::verify(&world.by(&dana), dana.person, token, code).await;
    refused(verify(&dana.tokens.access_token, &wrong(&code)).await, RejectionKind::Invalid);
    unauthorised(verify("no token", &code).await);
    verify(&dana.tokens.access_token, &code).await.unwrap();
    let state = world.state(dana.person.account).await;
    let phone = state.registered().unwrap().proven_phone().unwrap().clone();
    assert_eq!(world.commands.vault().open_text(&phone).await.unwrap(), "+442");
    // The old number is free for others at once, the new one is not.
    let kim = world.sign_up("kim", &[PHONE]).await;
    assert_eq!(refused(world.move_to(&kim, "+442").await, RejectionKind::Conflict).unwrap(), "code");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_proves_an_invited_number_absorbs_the_temp_member() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let temp = invited::person_with_phone(&world.operator(), "+442", None, None).await.unwrap();
    world.move_to(&dana, "+442").await.unwrap();
    assert_eq!(world.state(temp).await, AccountState::Absorbed { into: dana.person.account });
    let found = invited::person_with_phone(&world.operator(), "+442", None, None).await.unwrap();
    assert_eq!(found, dana.person.account);
    let whom = operator::known_as(&world.commands, temp).await.unwrap();
    assert_eq!(whom, (dana.person.account, Some("dana".to_owned())), "an operator sees who it is");
    let gone = operator::forget(&world.operator(), temp).await.unwrap();
    assert!(gone.contains(&temp) && gone.contains(&dana.person.account), "one person");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_edited_except_for_the_phone_number() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[("gender", "female"), EMAIL]).await;
    let edit = async |pairs: &[(&str, &str)]| {
        let details = details::parse(pairs.iter().copied()).unwrap();
        profile::edit(&world.by(&dana), dana.person, "dana", details).await
    };
    let changed = edit(&[("gender", ""), ("nickname", "Dee")]).await.unwrap();
    let account = changed.state.registered().unwrap();
    assert!(account.attribute(Attribute::Gender).is_none());
    let nickname = account.attribute(Attribute::Nickname).unwrap().clone();
    assert_eq!(world.commands.vault().open_text(&nickname).await.unwrap(), "Dee");
    assert_eq!(edit(&[("nickname", "Dee")]).await.unwrap().revision, changed.revision, "nothing to change");
    assert_eq!(refused(edit(&[PHONE]).await, RejectionKind::Invalid).unwrap(), "phone_number");
    let foreign = profile::edit(&world.by(&dana), dana.person, "kim", details::parse([]).unwrap()).await;
    refused(foreign, RejectionKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proven_address_serves_until_another_is_proven() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let edit = async |email: &str| {
        let details = details::parse([("email", email)]).unwrap();
        profile::edit(&world.by(&dana), dana.person, "dana", details).await
    };
    let proven = async || {
        let state = world.state(dana.person.account).await;
        world.commands.vault().open_text(state.registered().unwrap().proven_email().unwrap()).await.unwrap()
    };
    let verify =
        async |code: &str| contacts::verify(&world.by(&dana), dana.person, &dana.tokens.access_token, code).await;
    // The proven address in other letters is still the proven one.
    let sent = world.codes().await.len();
    edit("DANA@example.com").await.unwrap();
    assert_eq!(world.codes().await.len(), sent);
    assert_eq!(refused(edit("").await, RejectionKind::Conflict).unwrap(), "email");

    edit("dee@example.com").await.unwrap();
    let code = world.code("dee@example.com").await;
    assert_eq!(proven().await, EMAIL.1);
    world.forgot_password("dana").await.unwrap();
    assert_eq!(world.codes().await.last().unwrap().0, EMAIL.1, "recovery goes to the proven one");
    world.sign_up("kim", &[("email", "kim@example.com")]).await;
    let taken = world.begin("lee", &[EMAIL]).await;
    taken.unwrap();
    let lees = world.code(EMAIL.1).await;
    assert_eq!(refused(world.confirm("lee", &lees).await, RejectionKind::Conflict).unwrap(), "email", "still dana's");

    refused(verify(&wrong(&code)).await, RejectionKind::Invalid);
    verify(&code).await.unwrap();
    assert_eq!(proven().await, "dee@example.com");
    refused(verify(&code).await, RejectionKind::Invalid);
    // The address before is free, the new one is not.
    world.sign_up("lee", &[EMAIL]).await;
    edit("kim@example.com").await.unwrap();
    let code = world.code("kim@example.com").await;
    assert_eq!(refused(verify(&code).await, RejectionKind::Conflict).unwrap(), "code");
    assert_eq!(proven().await, "dee@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn number_and_address_are_proven_each_by_its_own_code() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let details = details::parse([EMAIL]).unwrap();
    profile::edit(&world.by(&dana), dana.person, "dana", details).await.unwrap();
    contacts::edit_phone(&world.by(&dana), dana.person, dana.shown(), "+442").await.unwrap();
    for contact in [EMAIL.1, "+442"] {
        let code = world.code(contact).await;
        let token = &dana.tokens.access_token;
        contacts::verify(&world.by(&dana), dana.person, token, &code).await.unwrap();
    }
    let state = world.state(dana.person.account).await;
    let account = state.registered().unwrap();
    assert!(account.proven_email().is_some() && account.contact_changes.is_empty());
    // With a number proven, the address may go.
    let none = details::parse([("email", "")]).unwrap();
    profile::edit(&world.by(&dana), dana.person, "dana", none).await.unwrap();
    world.sign_up("kim", &[EMAIL]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_under_a_key_succeeds_although_its_secret_is_used_up() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let keyed = async |key: &str| world.by(&dana).under_key(dana.person.account, key, b"request").await.unwrap();
    let mut revisions = vec![];
    for _ in 0..2 {
        let asking = keyed("password").await;
        let changed = passwords::change(&asking, dana.person, dana.shown(), PASSWORD, "a new password").await;
        revisions.push(changed.unwrap().revision);
    }
    for _ in 0..7 {
        let asking = keyed("edit").await;
        contacts::edit_phone(&asking, dana.person, dana.shown(), "+442").await.unwrap();
    }
    let code = world.code("+442").await;
    for _ in 0..2 {
        let token = &dana.tokens.access_token;
        let changed = contacts::verify(&keyed("verify").await, dana.person, token, &code).await;
        revisions.push(changed.unwrap().revision);
    }
    assert_eq!((revisions[0], revisions[2]), (revisions[1], revisions[3]));
}
