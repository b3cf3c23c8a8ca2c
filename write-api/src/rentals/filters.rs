//! The filters that somebody keeps for an index of the reader for front ends.

use caravan_commands::records;
use caravan_commands::{Asking, Done};
use caravan_domain::platform::stored_filter::STORED_FILTER;
use caravan_domain::record::{Change, Records};
use caravan_wire::rentals::index;
use caravan_wire::{Answer, Call, Failure, Stream};
use serde_json::{Map, Value, json};

use crate::exposed::row;
use crate::{Write, answer, asking};

pub(super) async fn store(call: Call<Write>) -> Result<Answer<Stream>, Failure> {
    let exposed = index::named(&call)?;
    let (name, conditions) = index::filters(&call)?;
    // What could not be filtered by is not kept.
    index::conditions(&call, exposed, &conditions)?;
    let mut fields = Map::new();
    fields.insert("index_name".to_owned(), json!(exposed.about.member));
    fields.insert("conditions".to_owned(), Value::Object(conditions));
    fields.extend(name.map(|name| ("filter_name".to_owned(), json!(name))));
    let asking = asking(&call).await?;
    let done = records::create(&asking, &STORED_FILTER, fields).await?;
    shown(&asking, &done).await
}

pub(super) async fn remove(call: Call<Write>) -> Result<Answer<Stream>, Failure> {
    let exposed = index::named(&call)?;
    let ids = |kind: &str, number| call.state.commands.vault().id_of(kind, number);
    let id = exposed.id_in(&call, "filterId", &STORED_FILTER.kind, &ids)?;
    let asking = asking(&call).await?;
    let done = records::change(&asking, &STORED_FILTER, id, Change::Delete).await?;
    shown(&asking, &done).await
}

async fn shown(asking: &Asking, done: &Done<Records>) -> Result<Answer<Stream>, Failure> {
    answer(done, index::stored_one(&row(asking, &STORED_FILTER, done).await?))
}
