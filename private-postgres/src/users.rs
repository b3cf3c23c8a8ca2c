//! Who uses a cluster. Each user holds a shared lock on a file for as long as it does, so that the last one out knows
//! that it is; starting and stopping happen in turns. The system lets go of the locks of a process that dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::Error;

/// How often a lock that somebody else holds is asked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// One of the users of the cluster in a directory.
#[derive(Debug, Clone)]
pub(crate) struct User {
    dir: PathBuf,
    lock: Arc<File>,
}

impl User {
    /// Counts as a user from now on. In one's turn only, so that nobody stops the cluster meanwhile.
    pub(crate) fn enter(dir: &Path, _turn: &File) -> Result<User, Error> {
        let lock = open(&dir.join("users.lock"))?;
        lock.lock_shared()?;
        Ok(User { dir: dir.to_owned(), lock: Arc::new(lock) })
    }

    pub(crate) async fn turn(&self) -> Result<File, Error> {
        turn(&self.dir).await
    }

    /// Whether nobody else uses the cluster. In one's turn, so that this stays so.
    #[cfg(feature = "testing")]
    pub(crate) fn is_only(&self, _turn: &File) -> Result<bool, Error> {
        let only = self.try_exclusive()?;
        self.lock.lock_shared()?;
        Ok(only)
    }

    /// Counts no longer; says whether this was the last one.
    pub(crate) fn leave(&self, _turn: &File) -> Result<bool, Error> {
        let last = self.try_exclusive()?;
        self.lock.unlock()?;
        Ok(last)
    }

    /// Trying may lose the shared lock, as the system does not exchange one lock for the other in one step.
    fn try_exclusive(&self) -> Result<bool, Error> {
        match self.lock.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// Waits until nobody else starts or stops the cluster of a directory; nobody does while the file is open.
pub(crate) async fn turn(dir: &Path) -> Result<File, Error> {
    let lock = open(&dir.join("turn.lock"))?;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK_AGAIN).await,
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

fn open(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    file.map_err(|source| Error::File { path: path.into(), source })
}
