//! The devices on which somebody is reached by push: one for each session.

use chrono::{DateTime, Utc};

use super::events::AccountEvent;
use super::logins::ended;
use super::state::Registered;
use crate::{Rejection, Sealed};

pub(super) fn set(
    account: &Registered,
    session: u32,
    endpoint: Sealed,
    now: DateTime<Utc>,
) -> Result<Vec<AccountEvent>, Rejection> {
    account.session(session, now).ok_or_else(ended)?;
    let latest = account.push_endpoints.last();
    if latest.is_some_and(|latest| latest.session == session && latest.endpoint == endpoint) {
        return Ok(vec![]);
    }
    Ok(vec![AccountEvent::PushEndpointSet { session, endpoint }])
}

/// Nothing where the device is known by another endpoint meanwhile.
pub(super) fn drop_endpoint(account: &Registered, session: u32, endpoint: &Sealed) -> Vec<AccountEvent> {
    let known = account.push_endpoints.iter().any(|push| push.session == session && push.endpoint == *endpoint);
    if known { vec![AccountEvent::PushEndpointDropped { session }] } else { vec![] }
}
