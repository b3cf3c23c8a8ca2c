//! Settings of `mailing`, `pushnotifications` and `smsnotifications`: which notices somebody wants by which medium.

use caravan_domain::identity::Medium;
use caravan_domain::identity::notices::NoticeSettings;
use caravan_wire::krugo::notices;
use caravan_wire::{Answer, Call, Outcome, Stream};

use crate::Read;

/// Where none were ever set, those of somebody who wants to be told everything.
pub(super) async fn settings(call: Call<Read>, medium: Medium) -> Outcome<Option<Stream>> {
    let account = call.account()?;
    let found = call.state.models.record::<NoticeSettings>(medium.settings(), account).await?;
    let origin = found.as_ref().map(|found| Stream { revision: found.revision, position: found.position });
    let settings = found.map(|found| found.state).unwrap_or_default();
    Ok(Answer::json(notices::settings(account, &settings)).coming_from(origin))
}
