//! Mails that staff write.

use caravan_commands::identity::operator;
use caravan_commands::platform::letters;
use caravan_commands::processes::messages;
use caravan_commands::{Asking, Caller};
use caravan_domain::identity::{Role, Roles};
use caravan_domain::platform::letter::{Draft, StoredFile};
use caravan_domain::{EntityId, RejectionKind};
use serde_json::{Value, json};

use crate::world::World;

fn being(world: &World, person: EntityId, roles: Roles) -> Asking {
    let asking = world.by(person);
    world.commands.asked_by(Caller { roles, ..asking.caller().clone() })
}

fn draft() -> Draft {
    Draft {
        from: "trips@example.com".into(),
        to: "dana@example.com, eli@example.com".into(),
        bcc: Some("finn@example.com".into()),
        subject: "Your trip".into(),
        text: Some("See you soon {{ name }}".into()),
        ..Draft::default()
    }
}

async fn send(world: &World) -> Vec<Value> {
    world.follow(messages(&world.setup)).await;
    world.send_all().await;
    world.outbox()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_of_staff_goes_out_once_as_it_was_written() {
    let world = World::new().await;
    let olga = world.person("Olga", None, Some("olga@example.com")).await;
    let senders = ["trips@example.com".to_owned()];
    let admin = [Role::Admin].into_iter().collect();
    let refused = letters::write(&world.by(olga), draft(), &senders, &world.setup.files).await.err().unwrap();
    assert!(refused.is_rejection(RejectionKind::Forbidden));
    let refused = letters::write(&being(&world, olga, admin), draft(), &[], &world.setup.files).await.err().unwrap();
    assert!(refused.is_rejection(RejectionKind::Forbidden));
    assert!(send(&world).await.is_empty());

    let asking = being(&world, olga, admin).under_key(olga, "key", b"letter").await.unwrap();
    for _ in 0..2 {
        letters::write(&asking.step("again"), draft(), &senders, &world.setup.files).await.unwrap();
    }
    world.follow_and_die(messages(&world.setup)).await;
    let sent = send(&world).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    let letter = &sent[0];
    assert_eq!((&letter["to"], &letter["from"]), (&json!("dana@example.com, eli@example.com"), &json!(senders[0])));
    assert_eq!((&letter["bcc"], &letter["cc"]), (&json!(["finn@example.com"]), &json!([])));
    assert_eq!((&letter["subject"], &letter["html"]), (&json!("Your trip"), &Value::Null));
    assert_eq!(letter["text"], "See you soon {{ name }}", "what somebody wrote is no template");
    assert_eq!(letter["subjects"], json!([olga]));
    let stored = world.events("LetterWritten").await[0].data.read::<Value>().unwrap().to_string();
    assert!(!stored.contains("dana") && !stored.contains("soon"), "{stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_of_somebody_forgotten_is_not_sent() {
    let world = World::new().await;
    let olga = world.person("Olga", None, None).await;
    let admin = [Role::Admin].into_iter().collect();
    letters::write(&being(&world, olga, admin), draft(), &["trips@example.com".to_owned()], &world.setup.files)
        .await
        .unwrap();
    operator::forget(&world.system(), olga).await.unwrap();
    assert!(send(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_with_a_letter_while_it_is_there() {
    let world = World::new().await;
    let olga = world.person("Olga", None, None).await;
    let admin: Roles = [Role::Admin].into_iter().collect();
    let file = world.files_dir().join("attachments/trips/plan.pdf");
    let write = async |path: &str| {
        let attachment = Some(StoredFile { bucket: "attachments".into(), path: path.into() });
        let draft = Draft { attachment, ..draft() };
        letters::write(&being(&world, olga, admin), draft, &["trips@example.com".to_owned()], &world.setup.files).await
    };
    let refused = write("trips/plan.pdf").await.err().unwrap();
    assert!(refused.is_rejection(RejectionKind::NotFound), "{refused:?}");
    assert!(write("../secret").await.err().unwrap().is_rejection(RejectionKind::Invalid));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "%PDF").unwrap();
    write("trips/plan.pdf").await.unwrap();
    assert_eq!(send(&world).await[0]["attachment"], json!({"name": "plan.pdf", "content": "JVBERg=="}));

    write("trips/plan.pdf").await.unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(send(&world).await.len(), 1);
    let failed: i64 = sqlx::query_scalar("select count(*) from outgoing_messages where outcome = 'failed'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(failed, 1, "a letter is not sent without its file");
}
