//! Files: bytes by name, in a directory or in a bucket of S3, and pictures made of them.
//!
//! Below the place that is configured, everything but the folder `caravan` belongs to whoever runs the installation,
//! who puts there what may go with mails. In `caravan` are our own files, each with a purpose and an owner:
//! `caravan/<purpose>/<owner>/<name>`. They say nothing about themselves but by this name and the time they were made,
//! so there is nothing beside them that could tell otherwise.

pub mod pictures;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use caravan_domain::EntityId;
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, GetResult, ObjectStore, ObjectStoreExt, RetryConfig};
use url::Url;

pub use object_store::path;

/// How long a bucket may take to answer, and to be reached.
const PATIENCE: Duration = Duration::from_secs(8);
const CONNECTING: Duration = Duration::from_secs(2);

/// The folder of our own files.
pub const OWN: &str = "caravan";

#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    #[error("expected a directory or s3://bucket/folder")]
    Place,
    #[error("files cannot be reached")]
    Unavailable(#[from] object_store::Error),
}

/// What files of ours are for.
#[derive(Debug, PartialEq, Eq)]
pub struct Purpose {
    name: &'static str,
    /// How long after it was made such a file is good; for ever where it says nothing.
    lasts: Option<TimeDelta>,
}

impl Purpose {
    pub const fn named(name: &'static str) -> Purpose {
        Purpose { name, lasts: None }
    }

    pub const fn lasting(self, time: TimeDelta) -> Purpose {
        Purpose { lasts: Some(time), ..self }
    }

    fn folder(&self) -> Path {
        Path::from_iter([OWN, self.name])
    }
}

/// All there are: what a person owns is looked for under each.
pub const PURPOSES: &[&Purpose] = &[&pictures::ORIGINALS, &pictures::RENDITIONS];

/// One of our own files.
#[derive(Debug, Clone, Copy)]
pub struct OwnFile<'n> {
    pub purpose: &'static Purpose,
    /// The person with whom it is forgotten, if it is anybody's.
    pub owner: Option<EntityId>,
    /// Letters, digits, `-` and `.`.
    pub name: &'n str,
}

impl OwnFile<'_> {
    fn path(&self) -> Path {
        owned(self.purpose, self.owner).join(self.name)
    }
}

fn owned(purpose: &Purpose, owner: Option<EntityId>) -> Path {
    purpose.folder().join(owner.map_or_else(|| "nobody".to_owned(), |owner| owner.to_string()))
}

/// A file that is there.
pub struct Found(GetResult);

impl Found {
    /// In bytes.
    pub fn size(&self) -> u64 {
        self.0.meta.size
    }

    pub async fn bytes(self) -> Result<Vec<u8>, FilesError> {
        Ok(self.0.bytes().await?.to_vec())
    }
}

/// Where files are.
#[derive(Debug, Clone)]
pub struct Files(Place);

#[derive(Debug, Clone)]
enum Place {
    /// One that is not there holds none; the first file makes it.
    Directory(PathBuf),
    Bucket(Arc<dyn ObjectStore>),
}

impl Files {
    /// Of a directory, or of `s3://bucket/folder`, whose credentials, region and endpoint are among `variables`, named
    /// as AWS's own tools name them in the environment.
    pub fn open(place: &str, variables: impl IntoIterator<Item = (String, String)>) -> Result<Files, FilesError> {
        let Ok(url) = Url::parse(place) else {
            let directory = PathBuf::from(place);
            let is_good = !place.is_empty() && (directory.is_dir() || !directory.exists());
            return if is_good { Ok(Files(Place::Directory(directory))) } else { Err(FilesError::Place) };
        };
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if url.scheme() != "s3" || url.host_str().is_none_or(|bucket| bucket.contains('%')) || !plain {
            return Err(FilesError::Place);
        }
        let named = variables.into_iter().filter(|(name, _)| name.starts_with("AWS_"));
        let known = named.filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value)));
        // Whoever waits for a file holds others up.
        let retry = RetryConfig { max_retries: 2, retry_timeout: PATIENCE, ..RetryConfig::default() };
        let client = ClientOptions::new().with_connect_timeout(CONNECTING).with_timeout(PATIENCE);
        let bucket = AmazonS3Builder::new().with_retry(retry).with_client_options(client).with_url(place);
        let set = |bucket: AmazonS3Builder, (key, value): (AmazonS3ConfigKey, String)| bucket.with_config(key, value);
        let bucket = known.fold(bucket, set).build()?;
        let folder = Path::from_url_path(url.path()).map_err(object_store::Error::from)?;
        Ok(Files(Place::Bucket(Arc::new(PrefixStore::new(bucket, folder)))))
    }

    /// A file, if it is there.
    pub async fn find(&self, path: &Path) -> Result<Option<Found>, FilesError> {
        let Some(store) = self.reading()? else { return Ok(None) };
        match store.get(path).await {
            Ok(found) => Ok(Some(Found(found))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a file of ours is there, good or not.
    pub async fn has(&self, file: OwnFile<'_>) -> Result<bool, FilesError> {
        let Some(store) = self.reading()? else { return Ok(false) };
        match store.head(&file.path()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a file of ours, in place of what it was; it is on disk then.
    pub async fn keep(&self, file: OwnFile<'_>, bytes: Vec<u8>) -> Result<(), FilesError> {
        self.writing()?.put(&file.path(), bytes.into()).await?;
        Ok(())
    }

    /// A file of ours, while it is good.
    pub async fn kept(&self, file: OwnFile<'_>, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, FilesError> {
        match self.find(&file.path()).await? {
            Some(found) if !has_ended(file.purpose, found.0.meta.last_modified, now) => Ok(Some(found.bytes().await?)),
            _ => Ok(None),
        }
    }

    /// Deletes a file of ours, if it is there.
    pub async fn discard(&self, file: OwnFile<'_>) -> Result<(), FilesError> {
        let Some(store) = self.reading()? else { return Ok(()) };
        match store.delete(&file.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes all files that somebody owns; returns how many there were.
    pub async fn forget(&self, owner: EntityId) -> Result<u64, FilesError> {
        let mut deleted = 0;
        for purpose in PURPOSES {
            deleted += self.delete(&owned(purpose, Some(owner)), |_| true).await?;
        }
        Ok(deleted)
    }

    /// Deletes all files that are good no longer; returns how many there were.
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<u64, FilesError> {
        let mut deleted = 0;
        for purpose in PURPOSES.iter().filter(|purpose| purpose.lasts.is_some()) {
            deleted += self.delete(&purpose.folder(), |made_at| has_ended(purpose, made_at, now)).await?;
        }
        Ok(deleted)
    }

    async fn delete(&self, folder: &Path, which: impl Fn(DateTime<Utc>) -> bool) -> Result<u64, FilesError> {
        let Some(store) = self.reading()? else { return Ok(0) };
        let files: Vec<_> = store.list(Some(folder)).try_collect().await?;
        let mut count = 0;
        for file in files.iter().filter(|file| which(file.last_modified)) {
            match store.delete(&file.location).await {
                Ok(()) => count += 1,
                // Another was faster.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(count)
    }

    fn reading(&self) -> Result<Option<Arc<dyn ObjectStore>>, FilesError> {
        match &self.0 {
            Place::Directory(directory) if !directory.exists() => Ok(None),
            Place::Directory(directory) => Ok(Some(in_directory(directory)?)),
            Place::Bucket(bucket) => Ok(Some(bucket.clone())),
        }
    }

    fn writing(&self) -> Result<Arc<dyn ObjectStore>, FilesError> {
        match &self.0 {
            Place::Directory(directory) => {
                let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
                made.map_err(|error| object_store::Error::Generic { store: "directory", source: error.into() })?;
                Ok(in_directory(directory)?)
            }
            Place::Bucket(bucket) => Ok(bucket.clone()),
        }
    }
}

fn in_directory(directory: &std::path::Path) -> Result<Arc<dyn ObjectStore>, object_store::Error> {
    Ok(Arc::new(LocalFileSystem::new_with_prefix(directory)?.with_fsync(true)))
}

fn has_ended(purpose: &Purpose, made_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    purpose.lasts.is_some_and(|lasts| made_at + lasts <= now)
}
