use caravan_commands::identity::sign_up::SignUpForm;
use caravan_commands::identity::{invited, sign_up};
use caravan_commands::processes::{Deadlines, Messages};
use caravan_commands::trips::bookings;
use caravan_domain::EntityId;
use caravan_domain::identity::{CodeIssued, details};
use caravan_vault::VaultError;
use chrono::{TimeDelta, Utc};

use crate::world::World;

async fn sign_up(world: &World, username: &str, hours_ago: i64) -> EntityId {
    let form = SignUpForm {
        username: username.to_owned(),
        password: "correct horse battery".to_owned(),
        details: details::parse([("phone_number", "+14165550100")]).unwrap(),
    };
    let asking = world.at(Utc::now() - TimeDelta::hours(hours_ago));
    sign_up::begin(&asking, form).await.unwrap().attempt
}

/// Brings what is due at some time to now.
async fn hurry(world: &World) {
    sqlx::query("update deadlines set due_at = now()").execute(&world.pool).await.unwrap();
}

async fn deadlines(world: &World) -> Vec<(String, uuid::Uuid)> {
    sqlx::query_as("select what, subject from deadlines order by 1, 2").fetch_all(&world.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_lapses_after_a_day_and_its_values_are_forgotten() {
    let world = World::new().await;
    let (old, new) = (sign_up(&world, "dana", 25).await, sign_up(&world, "eli", 23).await);
    world.follow_and_die(Deadlines).await;
    world.follow(Deadlines).await;
    assert_eq!(world.due().carry_out().await.unwrap(), 1);
    let dropped = world.events("SignUpDropped").await;
    assert_eq!(dropped.len(), 1);
    world.follow(Deadlines).await;
    assert_eq!(
        deadlines(&world).await,
        [("attempt is forgotten".to_owned(), old.0), ("sign-up lapses".to_owned(), new.0),]
    );
    assert_eq!(world.due().carry_out().await.unwrap(), 0, "not yet");
    hurry(&world).await;
    assert_eq!(world.due().carry_out().await.unwrap(), 2);
    let vault = world.commands.vault();
    assert!(vault.is_forgotten(old).await.unwrap());
    assert!(!vault.is_forgotten(new).await.unwrap());
    assert_eq!(world.events("SignUpDropped").await.len(), 1, "the other one's day is not over, whatever a row says");
    assert_eq!(deadlines(&world).await, [("sign-up lapses".to_owned(), new.0)], "it is looked at again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fired_before_a_crash_fires_again_without_effect() {
    let world = World::new().await;
    sign_up(&world, "dana", 25).await;
    world.follow(Deadlines).await;
    let row: (String, uuid::Uuid, uuid::Uuid, chrono::DateTime<Utc>) =
        sqlx::query_as("select * from deadlines").fetch_one(&world.pool).await.unwrap();
    world.due().carry_out().await.unwrap();
    sqlx::query("insert into deadlines values ($1, $2, $3, $4)")
        .bind(row.0)
        .bind(row.1)
        .bind(row.2)
        .bind(row.3)
        .execute(&world.pool)
        .await
        .unwrap();
    let restarted = world.another().await;
    assert_eq!(restarted.due().carry_out().await.unwrap(), 1);
    assert_eq!(restarted.due().carry_out().await.unwrap(), 0);
    assert_eq!(world.events("SignUpDropped").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_sign_up_does_not_lapse() {
    let world = World::new().await;
    let attempt = sign_up(&world, "dana", 0).await;
    world.follow(Deadlines).await;
    assert_eq!(deadlines(&world).await.len(), 1);
    let code: CodeIssued = world.events("CodeIssued").await.pop().unwrap().data.read().unwrap();
    let code = world.commands.vault().code(code.nonce);
    sign_up::confirm(&world.anyone(), "dana", "correct horse battery", &code).await.unwrap();
    world.follow(Deadlines).await;
    assert!(deadlines(&world).await.is_empty());
    assert!(!world.commands.vault().is_forgotten(attempt).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_that_broke_off_is_finished() {
    let world = World::new().await;
    let dana = world.person("Dana", Some("+14165550111"), None).await;
    let eli = world.person("Eli", Some("+14165550122"), None).await;
    let crew = world.crew(dana, &[eli]).await;
    let temp = world.invite(crew, dana, "+14165550133").await;
    let booking = world.booking(crew, dana, &[temp, eli]).await;
    bookings::remind_member(&world.by(dana), booking, eli).await.unwrap();
    world.follow(Messages::new(world.commands.clone())).await;
    world.send_all().await;
    assert_eq!(world.outbox().len(), 2, "both tell of Dana");

    // The event is there, and then the process died: neither keys nor messages are gone.
    world.account(dana, caravan_domain::identity::AccountCommand::Forget).await;
    world.follow(Deadlines).await;
    hurry(&world).await;
    world.due().carry_out().await.unwrap();
    assert!(matches!(world.commands.vault().seal(dana, "Dana").await, Err(VaultError::Forgotten)));
    assert!(world.outbox().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_forgotten_stays_so_with_keys_from_an_old_backup() {
    let world = World::new().await;
    let dana = world.person("Dana", None, None).await;
    // The temp member whom Dana turned out to be; that the two are one person is not in that backup either.
    let temp = invited::person_with_phone(&world.system(), "+15550199", None, None).await.unwrap();
    world.account(temp, caravan_domain::identity::AccountCommand::Absorb { into: dana }).await;
    world.account(dana, caravan_domain::identity::AccountCommand::Forget).await;
    world.follow(Deadlines).await;
    sqlx::query("delete from deadlines").execute(&world.pool).await.unwrap();
    assert!(!world.commands.vault().is_forgotten(dana).await.unwrap());
    world.due().forget_again().await.unwrap();
    world.due().carry_out().await.unwrap();
    for subject in [dana, temp] {
        assert!(world.commands.vault().is_forgotten(subject).await.unwrap());
    }
}
