//! Records whose values only one may hold, and that lead to others, on a real Postgres and with several processes.

mod support;

use caravan_commands::{Asking, Caller, CommandError, Commands, Done, records};
use caravan_domain::catalogue::event_kinds::EVENT_TYPE;
use caravan_domain::identity::user_group::{GROUP_MEMBER, USER_GROUP};
use caravan_domain::identity::{Claim, ClaimCommand, Role};
use caravan_domain::platform::localization_setting::LOCALIZATION_SETTING;
use caravan_domain::record::{Change, Records};
use caravan_domain::stays::amenity::AMENITY;
use caravan_domain::{Actor, EntityId, Record, Rejection};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use support::Databases;

/// An admin who asks at a time.
fn admin(commands: &Commands, now: DateTime<Utc>) -> Asking {
    let anna = EntityId(Uuid::from_u128(1));
    let caller = Caller::new(Actor::Person(anna), now, Uuid::new_v4(), "test");
    commands.asked_by(Caller { roles: [Role::Admin].into_iter().collect(), ..caller })
}

fn fields(fields: Value) -> Map<String, Value> {
    fields.as_object().cloned().unwrap()
}

fn named(name: &str) -> Map<String, Value> {
    fields(json!({"name": name}))
}

fn refusal<T>(outcome: Result<T, CommandError>) -> Rejection {
    match outcome {
        Err(CommandError::Rejected(rejection)) => rejection,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("was accepted"),
    }
}

/// The claim of an amenity's name.
fn claim_of(commands: &Commands, name: &str) -> EntityId {
    commands.vault().claim_id("amenity.name", &json!([name]).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_one_name_in_two_processes_one_has_it() {
    let databases = Databases::new().await;
    let processes = [databases.process(None).await, databases.process(None).await];
    for round in 0..3 {
        let creators = (0..64).map(|creator| {
            let commands = processes[creator % 2].clone();
            // In any case.
            let name = if creator % 3 == 0 { format!("SAUNA {round}") } else { format!("Sauna {round}") };
            tokio::spawn(async move { records::create(&admin(&commands, Utc::now()), &AMENITY, named(&name)).await })
        });
        let mut made = vec![];
        for creator in creators.collect::<Vec<_>>() {
            match creator.await.unwrap() {
                Ok(done) => made.push(done.id),
                Err(CommandError::Rejected(rejection)) => {
                    assert_eq!((rejection.rule, rejection.field()), ("value-taken", Some("name")))
                }
                Err(CommandError::Busy | CommandError::Overloaded) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(made.len(), 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_claimed_for_nothing_is_free_after_ten_minutes() {
    let commands = Databases::new().await.process(None).await;
    let now = Utc::now();
    // Whoever claimed it was killed before the record was made.
    let killed = ClaimCommand::Claim { owner: EntityId(Uuid::new_v4()), held: false };
    admin(&commands, now).send::<Claim>(claim_of(&commands, "pool"), killed).await.unwrap();
    let take = async |minutes| {
        records::create(&admin(&commands, now + TimeDelta::minutes(minutes)), &AMENITY, named("Pool")).await
    };
    assert_eq!(refusal(take(9).await).rule, "value-taken");
    take(10).await.unwrap();
    assert_eq!(refusal(take(30).await).rule, "value-taken", "it is held now, whenever it was claimed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_record_gives_its_name_up_and_does_not_come_back_over_another() {
    let commands = Databases::new().await.process(None).await;
    let now = Utc::now();
    let later = now + TimeDelta::hours(1);
    let first = records::create(&admin(&commands, now), &AMENITY, named("Gym")).await.unwrap().id;
    let change = async |id, change, now| records::change(&admin(&commands, now), &AMENITY, id, change).await;
    change(first, Change::Delete, later).await.unwrap();
    let second = records::create(&admin(&commands, later), &AMENITY, named("gym")).await.unwrap().id;
    assert_eq!(refusal(change(first, Change::Restore(Map::new()), later).await).rule, "value-taken");
    change(second, Change::Delete, later).await.unwrap();
    change(first, Change::Restore(Map::new()), later + TimeDelta::hours(1)).await.unwrap();
    assert_eq!(
        refusal(change(second, Change::Restore(Map::new()), later + TimeDelta::hours(2)).await).rule,
        "value-taken"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_moves_to_another_value_and_back() {
    let commands = Databases::new().await.process(None).await;
    let mut now = Utc::now();
    let of = |language: &str, currency: &str| {
        fields(json!({"language_code": language, "currency_code": currency, "is_currency_active": true}))
    };
    let record: &'static Record = &LOCALIZATION_SETTING;
    let first = records::create(&admin(&commands, now), record, of("en", "EUR")).await.unwrap().id;
    let second = records::create(&admin(&commands, now), record, of("en", "CAD")).await.unwrap().id;
    let mut patch = async |id, patch: Value| {
        now += TimeDelta::hours(1);
        records::change(&admin(&commands, now), record, id, Change::Patch(fields(patch))).await
    };
    let refused = refusal(patch(second, json!({"currency_code": "EUR"})).await);
    assert_eq!((refused.rule, refused.field()), ("value-taken", Some("language_code")));
    patch(first, json!({"language_code": "fr"})).await.unwrap();
    patch(second, json!({"currency_code": "EUR"})).await.unwrap();
    assert_eq!(refusal(patch(first, json!({"language_code": "EN"})).await).rule, "value-taken");
    // What does not change it claims nothing.
    patch(second, json!({"is_currency_active": false})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_leads_to_what_lives() {
    let commands = Databases::new().await.process(None).await;
    let now = Utc::now();
    let group =
        records::create(&admin(&commands, now), &USER_GROUP, fields(json!({"group_name": "Hosts"}))).await.unwrap().id;
    let nobody = EntityId(Uuid::new_v4());
    let member = |group: EntityId| fields(json!({"group_id": group, "user_id": nobody}));
    let put = async |group| refusal(records::create(&admin(&commands, now), &GROUP_MEMBER, member(group)).await);
    assert_eq!(put(nobody).await.field(), Some("group_id"));
    assert_eq!(put(group).await.field(), Some("user_id"));
    // Nothing was claimed for what was refused.
    let events = commands.store().head().await.unwrap();
    assert_eq!(events, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_again_under_its_key_makes_one_record() {
    let commands = Databases::new().await.process(None).await;
    let anna = EntityId(Uuid::from_u128(1));
    let create = async |name: &str| {
        let asking = admin(&commands, Utc::now()).under_key(anna, "a key", name.as_bytes()).await.unwrap();
        records::create(&asking, &EVENT_TYPE, named(name)).await
    };
    let first = create("Camp").await.unwrap();
    let events = commands.store().head().await.unwrap();
    // Changed since, and still answered as it was made.
    let renamed = Change::Patch(named("Retreat"));
    records::change(&admin(&commands, Utc::now()), &EVENT_TYPE, first.id, renamed).await.unwrap();
    let again = create("Camp").await.unwrap();
    assert_eq!((again.id, again.revision, &again.state.fields["slug"]), (first.id, 0, &json!("camp")));
    assert_eq!(commands.store().head().await.unwrap(), events + 2, "a claim and the change");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_one_name_have_slugs_of_their_own() {
    let commands = Databases::new().await.process(None).await;
    let now = Utc::now();
    let create = async |name: &str| records::create(&admin(&commands, now), &EVENT_TYPE, named(name)).await.unwrap();
    let slug = |done: &Done<Records>| done.state.fields["slug"].as_str().unwrap().to_owned();
    let made = [create("Camp & Treat").await, create("camp treat").await, create("Cämp, treat").await];
    assert_eq!(made.each_ref().map(slug), ["camp-treat", "camp-treat-2", "camp-treat-3"]);
    let change = async |change| records::change(&admin(&commands, now), &EVENT_TYPE, made[1].id, change).await.unwrap();
    assert_eq!(slug(&change(Change::Patch(named("camp treat"))).await), "camp-treat-2", "nothing has changed");
    assert_eq!(slug(&change(Change::Patch(named("Other"))).await), "other");
}
