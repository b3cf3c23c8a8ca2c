//! The queries that follow from exposures: one record, or a page of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use caravan_domain::access::STAFF;
use caravan_domain::condition::Entity;
use caravan_domain::identity::Roles;
use caravan_domain::kind::is_deleted;
use caravan_domain::{Actor, Condition, Context, EntityId};
use caravan_projections::{Document, NotSeen, Plan, ReadError, Sort};
use caravan_wire::exposure::{self, By, Exposed, Exposure, Page, Related, Relation, Row, Verb, Want};
use caravan_wire::{Answer, Call, Dialect, Failure, Routes, Stream};
use chrono::DateTime;
use serde_json::{Map, Value, json};

use crate::Read;
use crate::people::accounts;

/// Serves the plain queries of a dialect that have no handler of their own. Those that the contract lets everybody ask
/// know whoever has a good token; where a dialect has visitors, they may ask for what is shown to anyone.
pub(crate) fn serve(routes: Routes<Read>, dialect: &'static Dialect) -> Routes<Read> {
    exposure::exposed(dialect).fold(routes, |routes, exposed| {
        let id = &exposed.operation.id;
        let visited = exposed.objects.visited && exposed.kind().listed(false, &VISITOR).is_ok();
        match (exposed.verb(), exposed.operation.open) {
            _ if routes.serves(id) => routes,
            (Verb::Get, false) if visited => routes.optional(id, move |call| get(call, exposed)),
            (Verb::List, false) if visited => routes.optional(id, move |call| list(call, exposed, |plan| plan)),
            (Verb::Get, true) => routes.welcome(id, move |call| get(call, exposed)),
            (Verb::Get, false) => routes.on(id, move |call| get(call, exposed)),
            (Verb::List, true) => routes.welcome(id, move |call| list(call, exposed, |plan| plan)),
            (Verb::List, false) => routes.on(id, move |call| list(call, exposed, |plan| plan)),
            (Verb::Create | Verb::Patch | Verb::Delete, _) => routes,
        }
    })
}

/// Nobody known.
const VISITOR: Context = Context { actor: Actor::Anonymous, roles: Roles::NONE, now: DateTime::UNIX_EPOCH };

/// Who looks, and when.
pub(crate) fn viewer(call: &Call<Read>) -> Context {
    let actor = call.person.map_or(Actor::Anonymous, |person| Actor::Person(person.account));
    Context { actor, roles: call.person.map_or(Roles::NONE, |person| person.roles), now: call.now }
}

async fn get(call: Call<Read>, exposed: &'static Exposed) -> Result<Answer<Stream>, Failure> {
    let wants = (exposed.objects.wants)(&call, exposed)?;
    let (named, id) = exposed.named(&call, &ids(&call))?;
    let mut document = see(&call, named, id).await?;
    if let Some(relation) = exposed.followed() {
        document = led_to(&call, exposed, relation, document).await?;
    }
    let (revision, position) = (document.revision, document.position);
    let mut shown = rows(&call, exposed, vec![document]).await?;
    relate(&call, exposed, &mut shown, &wants).await?;
    let shown = shown.first().map(|row| (exposed.objects.one)(&call, exposed, row)).unwrap_or_default();
    Ok(exposed.kept(&call, Answer::json(shown)).of(revision, position))
}

/// What an exposure shows of an entity.
pub(crate) async fn see(call: &Call<Read>, exposure: &Exposure, id: EntityId) -> Result<Document, Failure> {
    let document = call.state.models.see(exposure.kind, id, &viewer(call)).await?;
    let meets = |state| exposure.condition().holds(&Entity { kind: exposure.kind, id, state, parent_lives: true });
    let shows = document.state.as_object().is_some_and(meets);
    if shows { Ok(document) } else { Err(exposure.kind.no_such().into()) }
}

/// A plan for some of what an exposure shows.
pub(crate) fn plan(exposure: &Exposure, limit: usize) -> Plan {
    let plan = Plan::all(exposure.kind, limit);
    if exposure.only.is_some() { plan.and(exposure.condition()) } else { plan }
}

/// The one record that a relation leads to from another.
async fn led_to(
    call: &Call<Read>,
    exposed: &Exposed,
    relation: &Relation,
    from: Document,
) -> Result<Document, Failure> {
    let nothing = || Failure::from(exposed.kind().no_such());
    match relation.by {
        By::Own(field) => {
            let id = from.state.get(field).and_then(Value::as_str).and_then(|id| id.parse().ok());
            see(call, exposed.exposure, id.ok_or_else(nothing)?).await
        }
        By::Other(field) => {
            let plan = plan(exposed.exposure, 1).and(Condition::Is(field, vec![json!(from.id)]));
            call.state.models.list(plan, &viewer(call)).await?.documents.pop().ok_or_else(nothing)
        }
        By::OwnList(_) | By::OtherList(_) => Err(Failure::broken("a relation to several leads to no single one")),
    }
}

/// Rows of an answer that is not cut into pages, at most, and of what is shown with a page.
const MOST: usize = 10_000;

/// A page of records, of what a request asks for, and the plan made of it.
pub(crate) async fn list(
    call: Call<Read>,
    exposed: &'static Exposed,
    and: impl FnOnce(Plan) -> Plan,
) -> Result<Answer, Failure> {
    let wants = (exposed.objects.wants)(&call, exposed)?;
    let mut question = (exposed.objects.question)(&call, exposed, &ids(&call))?;
    let (models, viewer) = (&call.state.models, viewer(&call));
    // What leads to nothing that the caller sees has no list. A record whose parent is deleted is in none either, so
    // that one that is found tells of a parent that everybody sees.
    let mut untold = None;
    if let Some(relation) = exposed.followed() {
        let (named, id) = exposed.named(&call, &ids(&call))?;
        let parent = exposed.kind().parent.map(|parent| By::Other(parent.field));
        let from = if parent == Some(relation.by) && named.kind.known.is_always(&viewer) {
            untold = Some((named, id));
            Value::Null
        } else {
            see(&call, named, id).await?.state
        };
        question.conditions.push(match relation.by {
            By::Own(field) | By::OwnList(field) => Condition::IdIn(ids_in(from.get(field))),
            By::Other(field) => Condition::Is(field, vec![json!(id)]),
            By::OtherList(field) => Condition::Contains(field, vec![id.to_string()]),
        });
    }
    let whole = question.number == 0;
    let plan = Plan {
        sort: question.sort.iter().map(|(field, descending)| Sort { field, descending: *descending }).collect(),
        skip: question.number.saturating_sub(1).saturating_mul(question.size),
        total: true,
        deleted: question.deleted && STAFF.is_always(&viewer),
        ..plan(exposed.exposure, if whole { MOST } else { question.size })
    };
    let plan = and(question.conditions.into_iter().fold(plan, Plan::and));
    let found = models.list(plan, &viewer).await?;
    if let (Some((named, id)), true) = (untold, found.documents.is_empty()) {
        see(&call, named, id).await?;
    }
    let total = found.total.unwrap_or_default();
    if whole && total > MOST as u64 {
        let many = format!("must be at least 1: there are {total}, and one page holds at most {MOST}");
        return Err(Failure::invalid("page_number", many));
    }
    let mut rows = rows(&call, exposed, found.documents).await?;
    relate(&call, exposed, &mut rows, &wants).await?;
    let page = Page { rows, number: question.number, size: question.size, total };
    Ok(exposed.kept(&call, Answer::json((exposed.objects.page)(&call, exposed, &page))))
}

/// Gives rows what is wanted with them: one statement for each relation, whatever the number of rows.
async fn relate(call: &Call<Read>, exposed: &Exposed, rows: &mut [Row], wants: &[Want]) -> Result<(), Failure> {
    for want in wants {
        let relation = want.relation;
        let target =
            exposed.objects.exposure(relation.object).ok_or_else(|| Failure::broken("nothing is related so"))?;
        let condition = match relation.by {
            By::Own(field) | By::OwnList(field) => {
                Condition::IdIn(rows.iter().flat_map(|row| ids_in(row.fields.get(field))).collect())
            }
            By::Other(field) => Condition::Is(field, rows.iter().map(|row| json!(row.id)).collect()),
            By::OtherList(field) => Condition::Contains(field, rows.iter().map(|row| row.id.to_string()).collect()),
        };
        let plan = plan(target, MOST).and(condition);
        let found = match call.state.models.list(plan, &viewer(call)).await {
            Ok(found) if found.next.is_some() => {
                return Err(Failure::unreadable("include", format!("leads to more than {MOST} records")));
            }
            Ok(found) => found.documents,
            Err(NotSeen::Refused(_)) => vec![],
            Err(error) => return Err(error.into()),
        };
        let mut others = found.into_iter().map(|document| row(document, call)).collect::<Result<Vec<_>, _>>()?;
        Box::pin(relate(call, exposed, &mut others, &want.then)).await?;
        // By the id that leads from one side to the other.
        let mut found: HashMap<EntityId, Vec<Arc<Row>>> = HashMap::new();
        for other in others.into_iter().map(Arc::new) {
            let leading = match relation.by {
                By::Own(_) | By::OwnList(_) => vec![other.id],
                By::Other(field) | By::OtherList(field) => ids_in(other.fields.get(field)),
            };
            for id in leading {
                found.entry(id).or_default().push(other.clone());
            }
        }
        for row in rows.iter_mut() {
            let leading = match relation.by {
                By::Own(field) | By::OwnList(field) => ids_in(row.fields.get(field)),
                By::Other(_) | By::OtherList(_) => vec![row.id],
            };
            let mut of_row: Vec<Arc<Row>> = leading.iter().filter_map(|id| found.get(id)).flatten().cloned().collect();
            of_row.truncate(if relation.many { MOST } else { 1 });
            row.related.push(Related { relation, shown: want.shown, rows: of_row });
        }
    }
    Ok(())
}

/// The ids in a field that holds one or a list of them.
fn ids_in(field: Option<&Value>) -> Vec<EntityId> {
    let id = |value: &Value| value.as_str().and_then(|id| id.parse().ok());
    match field {
        Some(Value::Array(ids)) => ids.iter().filter_map(id).collect(),
        Some(one) => id(one).into_iter().collect(),
        None => vec![],
    }
}

/// Ids by numbers, as this installation makes them.
pub(crate) fn ids(call: &Call<Read>) -> impl Fn(&str, u64) -> EntityId + Send + Sync + '_ {
    |kind, number| call.state.vault.id_of(kind, number)
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
    let deleted = is_deleted(&fields);
    let privately = STAFF.is_always(&viewer(call));
    Ok(Row { id, revision, stamps, deleted, fields, people: None, privately, related: vec![] })
}
