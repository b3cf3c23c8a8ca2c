//! The reading half of the `servicerouter` group.

use caravan_wire::krugo::services::services;
use caravan_wire::{Answer, Call, Outcome};

use crate::Read;

pub(super) async fn all(_: Call<Read>) -> Outcome {
    Ok(Answer::json(services()))
}
