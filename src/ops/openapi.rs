//! `caravan openapi`: a dialect's contract as JSON.

use anyhow::{Context, Result};
use clap::Args;

#[derive(Args)]
pub struct Openapi {
    /// krugo, rentals, open-event, eventbookings or keyper
    dialect: String,
}

impl Openapi {
    pub fn run(self) -> Result<()> {
        let dialect = caravan_wire::DIALECTS.iter().find(|dialect| dialect.name == self.dialect);
        let known = || caravan_wire::DIALECTS.iter().map(|dialect| dialect.name).collect::<Vec<_>>().join(", ");
        let dialect =
            dialect.with_context(|| format!("there is no dialect {}: there are {}", self.dialect, known()))?;
        println!("{}", dialect.contract);
        Ok(())
    }
}
