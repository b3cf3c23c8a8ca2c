//! What lies in files.

use std::fs;
use std::path::{Path, PathBuf};

use memchr::memmem;

/// The files below a directory that hold one of these.
pub fn holding(needles: &[Vec<u8>], dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    search(dir, needles, &mut found);
    found
}

fn search(dir: &Path, needles: &[Vec<u8>], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the directory can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            search(&path, needles, found);
        } else if let Ok(content) = fs::read(&path)
            && needles.iter().any(|needle| memmem::find(&content, needle).is_some())
        {
            // A file may be gone by the time it is read.
            found.push(path);
        }
    }
}
