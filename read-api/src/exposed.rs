//! The queries that follow from exposures: one record, or a page of them.

use std::collections::BTreeSet;

use caravan_domain::access::STAFF;
use caravan_domain::identity::Roles;
use caravan_domain::{Actor, Context, EntityId};
use caravan_projections::{Document, Plan, ReadError};
use caravan_wire::exposure::{self, Exposed, Page, Row, Verb};
use caravan_wire::{Answer, Call, Dialect, Failure, Routes, Stream};
use serde_json::{Map, Value};

use crate::Read;
use crate::people::accounts;

/// Serves the plain queries of a dialect. Those that the contract lets everybody ask know whoever has a good token.
pub(crate) fn serve(routes: Routes<Read>, dialect: &'static Dialect) -> Routes<Read> {
    exposure::exposed(dialect).fold(routes, |routes, exposed| {
        let id = &exposed.operation.id;
        match (exposed.verb(), exposed.operation.open) {
            (Verb::Get, true) => routes.welcome(id, move |call| get(call, exposed)),
            (Verb::Get, false) => routes.on(id, move |call| get(call, exposed)),
            (Verb::List, true) => routes.welcome(id, move |call| list(call, exposed)),
            (Verb::List, false) => routes.on(id, move |call| list(call, exposed)),
            (Verb::Create | Verb::Patch | Verb::Delete, _) => routes,
        }
    })
}

/// Who looks, and when.
pub(crate) fn viewer(call: &Call<Read>) -> Context {
    let actor = call.person.map_or(Actor::Anonymous, |person| Actor::Person(person.account));
    Context { actor, roles: call.person.map_or(Roles::NONE, |person| person.roles), now: call.now }
}

async fn get(call: Call<Read>, exposed: &'static Exposed) -> Result<Answer<Stream>, Failure> {
    let document = call.state.models.see(exposed.kind(), exposed.id(&call)?, &viewer(&call)).await?;
    let (revision, position) = (document.revision, document.position);
    let shown = rows(&call, exposed, vec![document]).await?;
    let shown = shown.first().map(|row| (exposed.objects.one)(exposed, row)).unwrap_or_default();
    Ok(exposed.kept(&call, Answer::json(shown)).of(revision, position))
}

/// Rows of an answer that is not cut into pages, at most.
const MOST: usize = 10_000;

async fn list(call: Call<Read>, exposed: &'static Exposed) -> Result<Answer, Failure> {
    let question = (exposed.objects.question)(&call, exposed)?;
    let whole = question.number == 0;
    let plan = Plan {
        conditions: question.conditions,
        skip: question.number.saturating_sub(1).saturating_mul(question.size),
        total: true,
        ..Plan::all(exposed.kind(), if whole { MOST } else { question.size })
    };
    let found = call.state.models.list(plan, &viewer(&call)).await?;
    let total = found.total.unwrap_or_default();
    if whole && total > MOST as u64 {
        let many = format!("must be at least 1: there are {total}, and one page holds at most {MOST}");
        return Err(Failure::invalid("page_number", many));
    }
    let rows = rows(&call, exposed, found.documents).await?;
    let page = Page { rows, number: question.number, size: question.size, total };
    Ok(exposed.kept(&call, Answer::json((exposed.objects.page)(exposed, &page))))
}

/// Documents as rows, with the persons that they show, of all rows together.
pub(crate) async fn rows(call: &Call<Read>, exposed: &Exposed, documents: Vec<Document>) -> Result<Vec<Row>, Failure> {
    let mut rows = documents.into_iter().map(|document| row(document, call)).collect::<Result<Vec<_>, _>>()?;
    let fields: Vec<&str> = exposed.people().map(|(_, field)| *field).collect();
    if fields.is_empty() || !(exposed.objects.joins)(call) {
        return Ok(rows);
    }
    let of = |row: &Row| -> Vec<EntityId> {
        fields.iter().filter_map(|field| row.fields.get(*field)?.as_str()?.parse().ok()).collect()
    };
    let people: BTreeSet<EntityId> = rows.iter().flat_map(of).collect();
    let accounts = accounts(call, &people.into_iter().collect::<Vec<_>>()).await?;
    for row in &mut rows {
        row.people = Some(of(row).into_iter().filter_map(|id| Some((id, accounts.get(&id)?.clone()))).collect());
    }
    Ok(rows)
}

/// A document as a row that shows no persons.
pub(crate) fn row(document: Document, call: &Call<Read>) -> Result<Row, ReadError> {
    let stamps = document.stamps()?;
    let Document { id, revision, state, .. } = document;
    let fields: Map<String, Value> = match state {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let deleted = fields.get("deleted_at").is_some_and(|at| !at.is_null());
    let privately = STAFF.is_always(&viewer(call));
    Ok(Row { id, revision, stamps, deleted, fields, people: None, privately })
}
