//! Programs of others that the tests run: unpacked by `scripts/setup test`, or installed.

use std::path::{Path, PathBuf};

/// Where a program is. Fails where it is nowhere.
pub fn tool(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let unpacked = ["usr/bin", "usr/sbin"].map(|dir| target.join("test-tools").join(dir));
    let installed = std::env::var_os("PATH").unwrap_or_default();
    let installed: Vec<PathBuf> = std::env::split_paths(&installed).chain(["/usr/sbin".into()]).collect();
    let found = unpacked.iter().chain(&installed).map(|dir| dir.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: run `scripts/setup test`"))
}
