//! The five dialects and what tells them apart before a handler is reached.

use crate::Face;
use crate::contract::contracts;
use crate::schema::Schemas;

/// How one contract speaks.
pub struct Dialect {
    /// The name of its contract.
    pub name: &'static str,
    /// Its contract, OpenAPI as JSON.
    pub contract: &'static str,
    /// How its published document differs from that in words and shapes, JSON.
    pub(crate) overlay: &'static str,
    /// Whether a path that no contract documents would be this dialect's.
    pub(crate) owns: fn(path: &str) -> bool,
    pub face: Face,
}

impl Dialect {
    /// The schemas of its contract.
    pub(crate) fn schemas(&self) -> &'static Schemas {
        let contract = contracts().iter().find(|contract| contract.dialect.name == self.name);
        // Each dialect has one: they are read from the same list.
        &contract.unwrap_or_else(|| panic!("{self:?} has no contract")).schemas
    }
}

/// All dialects.
pub static DIALECTS: [&Dialect; 5] = [
    &crate::krugo::DIALECT,
    &crate::rentals::DIALECT,
    &crate::open_event::DIALECT,
    &crate::eventbookings::DIALECT,
    &crate::keyper::DIALECT,
];

impl std::fmt::Debug for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The first segment of a path and the rest.
pub(crate) fn first_segment(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split_once('/').unwrap_or((path, ""))
}
