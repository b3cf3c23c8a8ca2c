//! `caravan openapi`: what a dialect's clients can ask of this program, as OpenAPI.

use anyhow::{Context, Result};
use caravan_wire::{DIALECTS, Documents};
use clap::Args;

#[derive(Args)]
pub struct Openapi {
    /// krugo, rentals, open-event, eventbookings or keyper
    dialect: String,
}

impl Openapi {
    pub fn run(self) -> Result<()> {
        let documents = documents();
        let known = || DIALECTS.map(|dialect| dialect.name).join(", ");
        let document = documents.of(&self.dialect);
        println!(
            "{}",
            document.with_context(|| format!("there is no dialect {}: there are {}", self.dialect, known()))?
        );
        Ok(())
    }
}

/// What all roles together serve; each of them publishes it, since clients know one API, not its processes.
pub fn documents() -> Documents {
    Documents::new(caravan_write_api::registrations().into_iter().chain(caravan_read_api::registrations()))
}
