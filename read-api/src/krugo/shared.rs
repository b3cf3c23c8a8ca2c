//! What krugo's queries have in common.

use caravan_domain::EntityId;
use caravan_projections::{Plan, Read as Document};
use caravan_wire::krugo::ids;
use caravan_wire::{Call, Failure};
use serde::de::DeserializeOwned;

use crate::Read;

/// The caller. A parameter that names the acting user has to name them (krugo, Decisions: Who acts).
pub(super) fn acting(call: &Call<Read>, named: Option<&str>, field: &'static str) -> Result<EntityId, Failure> {
    let account = call.account()?;
    match named {
        Some(named) if ids::parse(named, field).ok() != Some(account) => {
            Err(Failure::forbidden("is not the account of the token").on(field))
        }
        _ => Ok(account),
    }
}

/// All that a plan finds, page by page: krugo's lists come complete.
pub(super) async fn everything<S: DeserializeOwned>(read: &Read, mut plan: Plan) -> Result<Vec<Document<S>>, Failure> {
    let mut all = vec![];
    loop {
        let found = read.models.find(&plan).await?;
        plan.after = found.next.clone();
        all.extend(found.states::<S>()?);
        if plan.after.is_none() {
            return Ok(all);
        }
    }
}
