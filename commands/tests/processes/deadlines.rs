use caravan_commands::identity::sign_up::SignUpForm;
use caravan_commands::identity::{invited, sign_up};
use caravan_commands::processes::{deadlines, forget_again, messages};
use caravan_commands::trips::bookings;
use caravan_domain::EntityId;
use caravan_domain::identity::{CodeIssued, details};
use caravan_vault::VaultError;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::world::{World, empty, migrate};

async fn sign_up(world: &World, username: &str) -> EntityId {
    let form = SignUpForm {
        username: username.to_owned(),
        password: "correct horse battery".to_owned(),
        details: details::parse([("phone_number", "+14165550100")]).unwrap(),
    };
    sign_up::begin(&world.anyone(), form).await.unwrap().attempt
}

/// Brings what is due at some time to now.
async fn hurry(world: &World) {
    sqlx::query("update deadline set due_at = now()").execute(&world.pool).await.unwrap();
}

async fn waiting(world: &World) -> Vec<(String, Uuid)> {
    sqlx::query_as("select name, stream_id from deadline order by 1, 2").fetch_all(&world.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_lapses_after_a_day_and_its_values_are_forgotten() {
    let world = World::new().await;
    let (old, new) = (sign_up(&world, "dana").await, sign_up(&world, "eli").await);
    world.follow_and_die(deadlines(&world.setup)).await;
    world.follow(deadlines(&world.setup)).await;
    assert_eq!(world.due().carry_out().await.unwrap(), 0, "not yet");
    world.clock.advance(TimeDelta::hours(23));
    assert_eq!(world.due().carry_out().await.unwrap(), 0, "not yet");
    let later = sign_up(&world, "dana").await;
    world.follow(deadlines(&world.setup)).await;
    world.clock.advance(TimeDelta::hours(1));
    assert_eq!(world.due().carry_out().await.unwrap(), 2);
    assert_eq!(world.events("SignUpDropped").await.len(), 2);
    world.follow(deadlines(&world.setup)).await;
    assert_eq!(world.due().carry_out().await.unwrap(), 0, "what is under way with their values ends first");
    world.clock.advance(TimeDelta::seconds(6));
    assert_eq!(world.due().carry_out().await.unwrap(), 2);
    let vault = world.commands.vault();
    for gone in [old, new] {
        assert!(vault.is_forgotten(gone).await.unwrap());
    }
    assert!(!vault.is_forgotten(later).await.unwrap());
    let waiting = waiting(&world).await;
    assert_eq!(waiting.len(), 1, "the other attempt of that name has its own time: {waiting:?}");
    world.clock.advance(TimeDelta::hours(23));
    assert_eq!(world.due().carry_out().await.unwrap(), 1);
    assert_eq!(world.events("SignUpDropped").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_too_early_is_looked_at_again() {
    let world = World::new().await;
    sign_up(&world, "dana").await;
    world.follow(deadlines(&world.setup)).await;
    let due_at = async || -> DateTime<Utc> {
        sqlx::query_scalar("select due_at from deadline").fetch_one(&world.pool).await.unwrap()
    };
    let right = due_at().await;
    hurry(&world).await;
    assert_eq!(world.due().carry_out().await.unwrap(), 1);
    assert!(world.events("SignUpDropped").await.is_empty(), "the rule looks at the clock, whatever a row says");
    assert_eq!(due_at().await, right);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fired_before_a_crash_fires_again_without_effect() {
    let world = World::new().await;
    sign_up(&world, "dana").await;
    world.follow(deadlines(&world.setup)).await;
    world.clock.advance(TimeDelta::hours(24));
    sqlx::query("create table before as table deadline").execute(&world.pool).await.unwrap();
    assert_eq!(world.due().carry_out().await.unwrap(), 1);
    sqlx::query("insert into deadline table before").execute(&world.pool).await.unwrap();
    let restarted = world.another().await;
    assert_eq!(restarted.due().carry_out().await.unwrap(), 1);
    assert_eq!(restarted.due().carry_out().await.unwrap(), 0);
    assert_eq!(world.events("SignUpDropped").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_of_another_version_of_the_program_waits_for_it() {
    let world = World::new().await;
    let unknown = "insert into deadline values ('order', gen_random_uuid(), 'payment window ends', now())";
    sqlx::query(unknown).execute(&world.pool).await.unwrap();
    assert_eq!(world.due().carry_out().await.unwrap(), 0);
    assert_eq!(waiting(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_of_before_are_still_due() {
    let pool = empty().await;
    migrate(&pool, 50).await;
    let [name, first, second, person] = [1, 2, 3, 4].map(Uuid::from_u128);
    for (what, subject, stream, hours) in [
        ("sign-up lapses", first, name, 2),
        ("sign-up lapses", second, name, 1),
        ("attempt is forgotten", first, name, 3),
        ("person is forgotten", person, person, 4),
    ] {
        sqlx::query(
            "insert into deadlines values ($1, $2, $3, timestamptz '2030-01-01Z' + make_interval(hours => $4))",
        )
        .bind(what)
        .bind(subject)
        .bind(stream)
        .bind(hours)
        .execute(&pool)
        .await
        .unwrap();
    }
    migrate(&pool, i64::MAX).await;
    let kept: Vec<(String, String, Uuid, String)> = sqlx::query_as(
        "select name, category, stream_id, to_char(due_at at time zone 'utc', 'HH24:MI') from deadline order by due_at",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let row = |name: &str, category: &str, id, due: &str| (name.to_owned(), category.to_owned(), id, due.to_owned());
    assert_eq!(
        kept,
        [
            row("sign-up lapses", "sign_up", name, "01:00"),
            row("attempt is forgotten", "account", first, "03:00"),
            row("person is forgotten", "account", person, "04:00"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_sign_up_does_not_lapse() {
    let world = World::new().await;
    let attempt = sign_up(&world, "dana").await;
    world.follow(deadlines(&world.setup)).await;
    assert_eq!(waiting(&world).await.len(), 1);
    let code: CodeIssued = world.events("CodeIssued").await.pop().unwrap().data.read().unwrap();
    let code = world.commands.vault().code(code.nonce);
    sign_up::confirm(&world.anyone(), "dana", "correct horse battery", &code).await.unwrap();
    world.follow(deadlines(&world.setup)).await;
    assert!(waiting(&world).await.is_empty());
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
    world.follow(messages(&world.setup)).await;
    world.send_all().await;
    assert_eq!(world.outbox().len(), 2, "both tell of Dana");

    // The event is there, and then the process died: neither keys nor messages are gone.
    world.account(dana, caravan_domain::identity::AccountCommand::Forget).await;
    world.follow(deadlines(&world.setup)).await;
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
    world.follow(deadlines(&world.setup)).await;
    sqlx::query("delete from deadline").execute(&world.pool).await.unwrap();
    assert!(!world.commands.vault().is_forgotten(dana).await.unwrap());
    forget_again(&world.setup).await.unwrap();
    world.due().carry_out().await.unwrap();
    for subject in [dana, temp] {
        assert!(world.commands.vault().is_forgotten(subject).await.unwrap());
    }
}
