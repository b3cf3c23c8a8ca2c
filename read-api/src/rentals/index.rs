//! The indexes of the reader for front ends: lists, counts and single records of what is exposed, and the filters that
//! somebody keeps.

use caravan_domain::Condition;
use caravan_domain::platform::stored_filter::STORED_FILTER;
use caravan_projections::{BORN, Plan, Sort};
use caravan_wire::exposure::{Exposed, Page};
use caravan_wire::rentals::index;
use caravan_wire::{Answer, Call, Failure, Stream};
use serde_json::{Value, json};

use crate::Read;
use crate::exposed::{ids, plan, row, rows, see, viewer};

/// A page of an index, with filters where there is a body.
pub(super) async fn records(call: Call<Read>) -> Result<Answer, Failure> {
    let exposed = index::named(&call)?;
    let (number, size) = index::paged(&call)?;
    let (field, descending) = index::sorted(&call, exposed, BORN)?;
    let plan = Plan {
        sort: vec![Sort { field, descending }],
        skip: (number - 1).saturating_mul(size),
        limit: size,
        ..asked(&call, exposed)?
    };
    let found = call.state.models.list(plan, &viewer(&call)).await?;
    let total = found.total.unwrap_or_default();
    let rows = rows(&call, exposed, found.documents).await?;
    Ok(Answer::json(index::page(exposed, &Page { rows, number, size, total })))
}

pub(super) async fn count(call: Call<Read>) -> Result<Answer, Failure> {
    let exposed = index::named(&call)?;
    let found = call.state.models.list(asked(&call, exposed)?, &viewer(&call)).await?;
    Ok(Answer::json(index::count(found.total.unwrap_or_default())))
}

/// What is looked for, of which one is found and all are counted.
fn asked(call: &Call<Read>, exposed: &Exposed) -> Result<Plan, Failure> {
    let conditions = match call.body {
        Value::Null => vec![],
        _ => index::conditions(call, exposed, &index::filters(call)?.1)?,
    };
    let text = call.parameters.get("q").and_then(Value::as_str).map(str::to_owned);
    let plan = Plan { text, total: true, ..plan(exposed.exposure, 1) };
    Ok(conditions.into_iter().fold(plan, Plan::and))
}

pub(super) async fn schema(call: Call<Read>) -> Result<Answer, Failure> {
    Ok(Answer::json(index::schema(index::named(&call)?)))
}

pub(super) async fn record(call: Call<Read>) -> Result<Answer<Stream>, Failure> {
    let exposed = index::named(&call)?;
    let document = see(&call, exposed.exposure, exposed.id_in(&call, "id", exposed.kind(), &ids(&call))?).await?;
    let (revision, position) = (document.revision, document.position);
    let rows = rows(&call, exposed, vec![document]).await?;
    let shown = rows.first().map(|row| index::one(exposed, row)).unwrap_or_default();
    Ok(Answer::json(shown).of(revision, position))
}

/// The caller's filters for an index.
pub(super) async fn stored_filters(call: Call<Read>) -> Result<Answer, Failure> {
    let exposed = index::named(&call)?;
    let (number, size) = index::paged(&call)?;
    let of_index = Condition::Is("index_name", vec![json!(exposed.about.member)]);
    let own = Condition::Is("user_id", vec![json!(call.account()?)]);
    let skip = (number - 1).saturating_mul(size);
    let plan = Plan { skip, total: true, ..Plan::all(&STORED_FILTER.kind, size) }.and(of_index).and(own);
    let found = call.state.models.list(plan, &viewer(&call)).await?;
    let total = found.total.unwrap_or_default();
    let rows = found.documents.into_iter().map(|document| row(document, &call)).collect::<Result<_, _>>()?;
    Ok(Answer::json(index::stored_page(&Page { rows, number, size, total })))
}
