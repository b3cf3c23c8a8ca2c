//! Every kind there is: one line each.

use crate::Kind;

/// All kinds, aggregates and records. Documents, search indexes, rebuild and verify follow this list.
pub const KINDS: &[&Kind] = &[];

/// The kind of a name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}
