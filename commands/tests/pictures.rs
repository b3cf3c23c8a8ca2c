//! Pictures on a real Postgres and a directory: a picture that is there has its file, whoever else does what meanwhile,
//! and a repeated request does nothing a second time.

mod support;

use caravan_commands::catalogue::Outcome;
use caravan_commands::catalogue::pictures::{NewPicture, delete, put, vote};
use caravan_commands::{Asking, Caller, CommandError, Commands};
use caravan_domain::catalogue::picture::{Motif, PICTURE, Picture};
use caravan_domain::catalogue::picture_votes::{PictureVotes, Vote};
use caravan_domain::identity::Role;
use caravan_domain::{Actor, EntityId};
use caravan_files::Files;
use caravan_files::pictures::{Pictures, md5};
use chrono::Utc;
use futures::future::join_all;
use tempfile::TempDir;
use uuid::Uuid;

use support::Databases;

const PNG: &[u8] = include_bytes!("../../tests/conformance/images/category-3.png");

struct World {
    commands: Commands,
    pictures: Pictures,
    _dir: TempDir,
}

impl World {
    async fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path().to_str().unwrap(), []).unwrap();
        let commands = Databases::new().await.process(None).await;
        World { commands, pictures: Pictures::new(files), _dir: dir }
    }

    fn asked_by(&self, person: u128, role: Option<Role>) -> Asking {
        let caller = Caller::new(Actor::Person(EntityId(Uuid::from_u128(person))), Utc::now(), Uuid::new_v4(), "test");
        self.commands.asked_by(Caller { roles: role.into_iter().collect(), ..caller })
    }

    fn admin(&self) -> Asking {
        self.asked_by(1, Some(Role::Admin))
    }

    async fn under_key(&self, key: &str) -> Asking {
        self.admin().under_key(EntityId(Uuid::from_u128(1)), key, b"the same").await.unwrap()
    }

    async fn put_by(&self, asking: Asking) -> Result<(EntityId, Outcome), CommandError> {
        let new = NewPicture {
            motif: motif(),
            name: "A dot".to_owned(),
            author: None,
            bytes: PNG.to_vec(),
            called: Some("png".to_owned()),
        };
        let (done, outcome) = put(&asking, &self.pictures, new, Uuid::new_v4()).await?;
        Ok((done.id, outcome))
    }

    /// The picture, and whether its file is there; none where it is deleted.
    async fn present(&self, id: EntityId) -> Option<bool> {
        let picture = self.commands.record(&PICTURE, id).await.unwrap().state.get::<Picture>()?;
        Some(self.pictures.has(&picture.file.to_string()).await.unwrap())
    }
}

fn motif() -> Motif {
    Motif::BuiltIn("category-3".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_there_has_its_file_whatever_is_done_at_once() {
    let world = World::new().await;
    let (id, outcome) = world.put_by(world.admin()).await.unwrap();
    assert_eq!((outcome, world.present(id).await), (Outcome::New, Some(true)));
    assert_eq!(world.put_by(world.admin()).await.unwrap(), (id, Outcome::Unchanged));
    for round in 0..30 {
        let putting = join_all((0..3).map(|_| world.put_by(world.admin())));
        let asking = world.admin();
        let deleting = delete(&asking, &world.pictures, id);
        let (put, deleted) = tokio::join!(putting, deleting);
        deleted.unwrap();
        for put in put {
            put.unwrap();
        }
        assert_ne!(world.present(id).await, Some(false), "round {round}");
    }
    world.put_by(world.admin()).await.unwrap();
    assert_eq!(world.present(id).await, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_neither_deletes_nor_brings_back_a_file() {
    let world = World::new().await;
    let (id, _) = world.put_by(world.under_key("put").await).await.unwrap();
    delete(&world.under_key("delete").await, &world.pictures, id).await.unwrap();
    assert_eq!(world.put_by(world.under_key("put").await).await.unwrap(), (id, Outcome::Unchanged));
    assert_eq!(world.present(id).await, None);
    world.put_by(world.under_key("again").await).await.unwrap();
    delete(&world.under_key("delete").await, &world.pictures, id).await.unwrap();
    assert_eq!(world.present(id).await, Some(true), "what was repeated was about the file before");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_staff_put_and_delete_and_only_what_there_is_is_voted_on() {
    let world = World::new().await;
    let (id, _) = world.put_by(world.admin()).await.unwrap();
    let person = || world.asked_by(2, None);
    assert!(matches!(delete(&person(), &world.pictures, id).await, Err(CommandError::Rejected(_))));
    delete(&world.admin(), &world.pictures, id).await.unwrap();
    assert!(matches!(world.put_by(person()).await, Err(CommandError::Rejected(_))));
    assert_eq!(world.present(id).await, None);
    let cast = async |asking: Asking, hash: &str, vote_is| vote(&asking, &motif(), hash, vote_is).await;
    assert!(matches!(cast(person(), &md5(PNG), Vote::Up).await, Err(CommandError::Rejected(_))), "it is deleted");
    world.put_by(world.admin()).await.unwrap();
    let hash = md5(PNG);
    let votes = join_all((0..8).map(|number| cast(person(), &hash, [Vote::Up, Vote::Down][number % 2]))).await;
    assert!(votes.iter().all(Result::is_ok));
    let last = cast(person(), &hash, Vote::Up).await.unwrap();
    assert_eq!(last.state.votes.get(&id), Some(&Vote::Up));
    let stream = world.commands.state::<PictureVotes>(EntityId(Uuid::from_u128(2))).await.unwrap();
    assert_eq!(stream.state.votes.len(), 1, "one vote a picture");
}
