//! Accounts as rentals shows them.

use caravan_domain::access::STAFF;
use caravan_domain::identity::account::{self, Account};
use caravan_projections::Plan;
use caravan_wire::exposure::{self, Exposed};
use caravan_wire::rentals::{DIALECT, users};
use caravan_wire::{Answer, Call, Failure};
use serde_json::Value;

use crate::Read;
use crate::exposed::{ids, list, viewer};

pub(super) async fn users(call: Call<Read>) -> Result<Answer, Failure> {
    demand_staff(&call)?;
    list(call, exposed("list-users")?, |plan| plan).await
}

/// Those that have all words of `keyword`, or beginnings of such, in their names and addresses.
pub(super) async fn search(call: Call<Read>) -> Result<Answer, Failure> {
    demand_staff(&call)?;
    let keyword = call.parameters.get("keyword").and_then(Value::as_str).unwrap_or_default();
    if keyword.trim().is_empty() {
        return Err(Failure::invalid("keyword", "is empty"));
    }
    let keyword = keyword.to_owned();
    list(call, exposed("search-users")?, |plan| Plan { text: Some(keyword), ..plan }).await
}

/// What everybody may see of an account.
pub(super) async fn brief(call: Call<Read>) -> Result<Answer, Failure> {
    let user = exposed("get-user")?;
    let id = user.id_in(&call, "userId", user.kind(), &ids(&call))?;
    let found = call.state.models.get::<Account>(id).await?;
    let registered = found.as_ref().and_then(|account| account.state.registered());
    Ok(Answer::json(users::brief(id, registered.ok_or_else(|| account::KIND.no_such())?)))
}

fn demand_staff(call: &Call<Read>) -> Result<(), Failure> {
    if STAFF.is_always(&viewer(call)) { Ok(()) } else { Err(Failure::forbidden("only staff look for people")) }
}

fn exposed(operation: &str) -> Result<&'static Exposed, Failure> {
    exposure::exposed(&DIALECT)
        .find(|exposed| exposed.operation.id == operation)
        .ok_or_else(|| Failure::broken("users are not exposed"))
}
