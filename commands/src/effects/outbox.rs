//! Messages as files, for development and tests: each is one JSON file that appears complete or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use caravan_domain::EntityId;
use serde::Deserialize;

use super::{Carrier, DeliveryError, Message};

/// A directory of messages, `<id>.json` each.
#[derive(Debug, Clone)]
pub struct Outbox {
    dir: PathBuf,
}

impl Outbox {
    /// The directory need not exist yet.
    pub fn new(dir: &Path) -> Self {
        Outbox { dir: dir.to_owned() }
    }

    /// Removes every message that names one of the people, also half-written ones; gives their number.
    pub fn forget(&self, people: &[EntityId]) -> io::Result<usize> {
        let files = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            files => files?,
        };
        let mut removed = 0;
        for file in files {
            let path = file?.path();
            let unfinished = path.extension().is_some_and(|extension| extension == "part");
            if (unfinished || path.extension().is_some_and(|extension| extension == "json"))
                && names_any(&path, people, unfinished)?
            {
                removed += usize::from(gone_already(fs::remove_file(&path))?.is_some());
            }
        }
        sync_directory(&self.dir)?;
        Ok(removed)
    }

    fn write(&self, message: &Message) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let unfinished = self.dir.join(format!(".{}.part", message.id));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(message)?)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.dir.join(format!("{}.json", message.id)))?;
        sync_directory(&self.dir)
    }
}

/// Whether a file's message names one of the people; `unreadable` where it cannot be told.
fn names_any(path: &Path, people: &[EntityId], unreadable: bool) -> io::Result<bool> {
    #[derive(Deserialize)]
    struct Named {
        subjects: Vec<EntityId>,
    }
    let Some(content) = gone_already(fs::read(path))? else { return Ok(false) };
    Ok(match serde_json::from_slice::<Named>(&content) {
        Ok(named) => named.subjects.iter().any(|subject| people.contains(subject)),
        Err(_) => unreadable,
    })
}

fn gone_already<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some),
    }
}

fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[async_trait]
impl Carrier for Outbox {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        let (outbox, message) = (self.clone(), message.clone());
        let written = tokio::task::spawn_blocking(move || outbox.write(&message)).await;
        written
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| DeliveryError::Later(format!("the outbox: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use caravan_domain::identity::Medium;
    use chrono::DateTime;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    fn message(subjects: Vec<EntityId>) -> Message {
        Message {
            id: Uuid::new_v4(),
            channel: Medium::Mail,
            to: "dana@example.com".into(),
            subject: Some("Hello".into()),
            text: "Hello".into(),
            html: None,
            template: "greeting".into(),
            subjects,
            created_at: DateTime::UNIX_EPOCH,
            letterhead: None,
            attachment: None,
        }
    }

    fn files(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_message_is_one_file_however_often_it_is_delivered() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(&dir.path().join("outbox"));
        let dana = EntityId(Uuid::from_u128(7));
        let message = message(vec![dana]);
        outbox.deliver(&message).await.unwrap();
        outbox.deliver(&message).await.unwrap();
        assert_eq!(files(&outbox.dir), [format!("{}.json", message.id)]);
        let written = fs::read(outbox.dir.join(format!("{}.json", message.id))).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&written).unwrap(),
            json!({
                "id": message.id, "channel": "mail", "to": "dana@example.com", "subject": "Hello", "text": "Hello",
                "html": null, "template": "greeting", "subjects": [dana], "created_at": "1970-01-01T00:00:00Z",
            })
        );
    }

    #[tokio::test]
    async fn messages_that_name_a_forgotten_person_go() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(dir.path());
        let [dana, eli, finn] = [1, 2, 3].map(|id| EntityId(Uuid::from_u128(id)));
        let kept = message(vec![finn]);
        for message in [message(vec![dana]), message(vec![finn, eli]), kept.clone()] {
            outbox.deliver(&message).await.unwrap();
        }
        fs::write(dir.path().join(".half.part"), "{\"to\": \"dana@exa").unwrap();
        fs::write(dir.path().join("note.txt"), "not ours").unwrap();
        assert_eq!(outbox.forget(&[dana, eli]).unwrap(), 3);
        assert_eq!(files(dir.path()), [format!("{}.json", kept.id), "note.txt".to_owned()]);
        assert_eq!(outbox.forget(&[dana, eli]).unwrap(), 0);
    }

    #[test]
    fn an_outbox_that_never_was_has_nothing_to_forget() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Outbox::new(&dir.path().join("none")).forget(&[EntityId(Uuid::nil())]).unwrap(), 0);
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_written_is_tried_again_later() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("outbox"), "a file in its place").unwrap();
        let outcome = Outbox::new(&dir.path().join("outbox")).deliver(&message(vec![])).await;
        assert!(matches!(outcome, Err(DeliveryError::Later(_))));
    }
}
