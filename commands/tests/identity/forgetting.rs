//! People forgotten, and what the log holds of them.

use std::sync::Arc;

use caravan_commands::identity::operator;
use caravan_commands::{catalogue, records};
use caravan_domain::identity::preferences::PREFERENCES;
use caravan_domain::identity::{AccountState, Attribute};
use caravan_domain::record::{Change, RecordState};
use caravan_domain::{EntityId, RejectionKind};
use caravan_event_store::{Direction, Filter};
use uuid::Uuid;

use crate::world::{EMAIL, PASSWORD, PHONE, World, refused};

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_person_leaves_no_value_and_frees_what_they_held() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[("given_name", "Dana"), PHONE]).await;
    let account = dana.person.account;
    let fields = serde_json::json!({"trip_length": 3}).as_object().unwrap().clone();
    records::change(&world.by(&dana), &PREFERENCES, account, Change::Put(fields)).await.unwrap();
    let name = world.state(account).await.registered().unwrap().attribute(Attribute::GivenName).unwrap().clone();
    assert_eq!(world.commands.vault().open_text(&name).await.unwrap(), "Dana");

    assert_eq!(operator::forget(&world.operator(), account).await.unwrap(), vec![account]);
    assert!(matches!(world.state(account).await, AccountState::Forgotten { .. }));
    assert_eq!(world.commands.vault().open_text(&name).await.unwrap(), "forgotten");
    assert!(!world.is_in(&dana).await);
    let left: Arc<RecordState> = world.commands.record(&PREFERENCES, account).await.unwrap().state;
    assert!(left.deleted_at.is_some());
    refused(world.log_in("dana", PASSWORD).await, RejectionKind::Invalid);
    operator::forget(&world.operator(), account).await.unwrap();

    // Name and number are free, for another person.
    let again = world.sign_up("dana", &[PHONE]).await;
    assert_ne!(again.person.account, account);
    refused(operator::forget(&world.operator(), EntityId(Uuid::new_v4())).await, RejectionKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_an_account_is_forgotten_too() {
    let world = World::new().await;
    let organizer = catalogue::organizing_person(&world.commands, "fair", "Robin Reed").await.unwrap().unwrap();
    let caravan_domain::catalogue::event::Organizer::Person(sealed) = organizer else { panic!("a person") };
    for _ in 0..2 {
        assert_eq!(operator::known_as(&world.commands, sealed.subject).await.unwrap(), (sealed.subject, None));
        assert_eq!(operator::forget(&world.operator(), sealed.subject).await.unwrap(), [sealed.subject]);
    }
    assert!(catalogue::organizing_person(&world.commands, "fair", "Robin Reed").await.unwrap().is_none());
    let nobody = EntityId(Uuid::from_u128(7));
    refused(operator::forget(&world.operator(), nobody).await, RejectionKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_no_personal_value_password_or_code() {
    let world = World::new().await;
    world.sign_up("dana", &[("given_name", "Ermintrude"), EMAIL, PHONE]).await;
    let page = world.commands.store().read_all(0, Direction::Forwards, &Filter::default(), 1000).await.unwrap();
    let log = format!("{:?}", page.events);
    for secret in ["dana", "Ermintrude", "example.com", "4165550100", PASSWORD, "argon2", &world.code(PHONE.1).await] {
        assert!(!log.contains(secret), "{secret}");
    }
    let begun = page.events.iter().filter(|event| event.event_type == "SignUpBegun").count();
    assert_eq!(begun, 1);
}
