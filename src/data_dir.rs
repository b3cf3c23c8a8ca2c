//! The data directory: nobody else reads what is in it.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;

/// There while a backup is being restored: what is in the directory is not whole.
const RESTORING: &str = "restoring";

/// Notes that a backup is being restored; the file goes when it is.
pub fn begin_restoring(dir: &Path) -> Result<PathBuf> {
    let file = dir.join(RESTORING);
    fs::write(&file, "").with_context(|| format!("{}", file.display()))?;
    Ok(file)
}

/// Makes the data directory where there is none, and keeps others out of it and of the secrets and messages in it.
pub fn prepare(dir: &Path) -> Result<()> {
    let whole = !dir.join(RESTORING).exists();
    ensure!(whole, "{} was not restored to its end: delete it and restore again", dir.display());
    // Started as root, Postgres runs as another user, who has to pass through.
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    private(dir, mode)?;
    for inside in ["secrets", "outbox"] {
        private(&dir.join(inside), 0o700)?;
    }
    Ok(())
}

fn private(dir: &Path, mode: u32) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(mode).create(dir).and_then(|()| close(dir, mode));
    made.with_context(|| format!("{}", dir.display()))
}

/// Takes from others what they may do. Whoever shares a directory of somebody else's has to live with it.
fn close(dir: &Path, mode: u32) -> io::Result<()> {
    let found = fs::metadata(dir)?;
    let ours = found.uid() == geteuid().as_raw();
    if ours && found.mode() & 0o777 != mode { fs::set_permissions(dir, Permissions::from_mode(mode)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_open_to_others_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("a/data");
        fs::create_dir_all(data.join("outbox")).unwrap();
        for open in [&data, &data.join("outbox")] {
            fs::set_permissions(open, Permissions::from_mode(0o755)).unwrap();
        }
        prepare(&data).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&data), if geteuid().is_root() { 0o711 } else { 0o700 });
        assert_eq!((mode(&data.join("outbox")), mode(&data.join("secrets"))), (0o700, 0o700));
    }
}
