//! Whether a service answers, and what it stands on.

use caravan_wire::{Answer, Call, Failure};
use serde_json::{Value, json};

use crate::Read;

type Outcome = Result<Answer, Failure>;

/// That this process answers says it all.
pub(super) async fn health(call: Call<Read>) -> Outcome {
    Ok(Answer::json(healthy(&call)))
}

/// Also that the databases and search answer, and how many events the read models are behind the log; unavailable where
/// one of them does not.
pub(super) async fn admin_health(call: Call<Read>) -> Outcome {
    let read = &call.state;
    read.models.ping().await?;
    let mut body = healthy(&call);
    body["database"] = json!("up");
    body["search"] = json!("up");
    body["lag"] = json!(read.lag().await?);
    Ok(Answer::json(body))
}

fn healthy(call: &Call<Read>) -> Value {
    json!({"status": "OK", "service": call.operation.group, "version": env!("CARGO_PKG_VERSION")})
}
