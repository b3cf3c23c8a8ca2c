//! What an operator set.

use std::collections::BTreeMap;

use crate::Limit;
use crate::known::LIMITS;

/// Which limits hold: all with their defaults, unless set otherwise.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub(crate) off: bool,
    most: BTreeMap<&'static str, u32>,
}

/// There is no limit of this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no limit {0}")]
pub struct UnknownLimit(pub String);

impl Settings {
    /// No limits at all: for benches and load tests.
    pub fn off() -> Self {
        Settings { off: true, ..Settings::default() }
    }

    /// With `most` for the limit of a name.
    pub fn with(mut self, name: &str, most: u32) -> Result<Self, UnknownLimit> {
        let limit = LIMITS.iter().find(|limit| limit.name == name).ok_or_else(|| UnknownLimit(name.to_owned()))?;
        self.most.insert(limit.name, most);
        Ok(self)
    }

    /// What is in force for a limit.
    pub fn most(&self, limit: &Limit) -> u32 {
        self.most.get(limit.name).copied().unwrap_or(limit.most)
    }

    pub fn are_off(&self) -> bool {
        self.off
    }
}
