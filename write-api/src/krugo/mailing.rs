//! `mailing`: lists that people join. What they want to be mailed stands in `notices`.

use caravan_commands::identity::mailing_lists;
use caravan_wire::{Answer, Call, Log, Outcome};
use serde::Deserialize;
use serde_json::json;

use crate::{Write, asking};

#[derive(Deserialize)]
struct JoinList {
    mailing_list: String,
    email: String,
}

pub(super) async fn join_mailing_list(call: Call<Write>) -> Outcome<Log> {
    let JoinList { mailing_list, email } = call.body()?;
    let joined = mailing_lists::join(&asking(&call).await?, call.person()?, &mailing_list, &email).await?;
    Ok(Answer::json(json!({"status": "subscribed"})).at(joined.position))
}
