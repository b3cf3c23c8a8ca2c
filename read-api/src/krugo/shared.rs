//! What krugo's queries have in common.

use caravan_projections::{Document, Plan};
use caravan_wire::Failure;
use serde::de::DeserializeOwned;

use crate::Read;

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
