//! Writing records: what their unique values and what they lead to ask of other streams, and then the one command.

use caravan_domain::identity::claim::taken;
use caravan_domain::identity::{Claim, ClaimCommand};
use caravan_domain::record::{Change, RecordCommand, RecordState, Records, Slug, UniqueValue};
use caravan_domain::{Actor, Decider, EntityId, Record, RejectionKind, kinds, text};
use caravan_event_store::StreamId;
use serde_json::{Map, Value, json};

use crate::{Asking, CommandError, Current, Done};

/// Makes a record.
pub async fn create(
    asking: &Asking,
    record: &'static Record,
    fields: Map<String, Value>,
) -> Result<Done<Records>, CommandError> {
    let id = asking.new_id_of(record.kind.name).await?;
    change(asking, record, id, Change::Create(fields)).await
}

/// Changes a record.
///
/// A value that only one record may hold is claimed first. Which values the record comes to hold is judged on a
/// revision of it that the append then expects, so that it holds none that it did not claim.
pub async fn change(
    asking: &Asking,
    record: &'static Record,
    id: EntityId,
    change: Change,
) -> Result<Done<Records>, CommandError> {
    let change = sealed(asking, record, id, change).await?;
    let Some((slug, name)) = to_be_slugged(asking, record, id, &change).await? else {
        return settle(asking, record, id, change).await;
    };
    let first = text::slug(&name);
    for attempt in 1..=MOST_ALIKE {
        let value = if attempt == 1 { first.clone() } else { format!("{first}-{attempt}") };
        match settle(asking, record, id, with(change.clone(), slug.field, json!(value))).await {
            Err(CommandError::Rejected(rejection)) if rejection.field() == Some(slug.field) => {}
            outcome => return outcome,
        }
    }
    Err(taken().on(slug.of).into())
}

/// Slugs of one name that are tried.
const MOST_ALIKE: u32 = 100;

/// The slug that the change has to make, and of what: where what it is made of changes.
async fn to_be_slugged(
    asking: &Asking,
    record: &'static Record,
    id: EntityId,
    change: &Change,
) -> Result<Option<(Slug, String)>, CommandError> {
    let (Some(slug), Some(fields)) = (record.slug, change.fields()) else { return Ok(None) };
    let Some(name) = fields.get(slug.of).and_then(Value::as_str) else { return Ok(None) };
    let present = asking.record(record, id).await?;
    let is_same = present.state.fields.get(slug.of).and_then(Value::as_str) == Some(name);
    Ok((!is_same).then(|| (slug, name.to_owned())))
}

fn with(mut change: Change, field: &str, value: Value) -> Change {
    if let Some(fields) = change.fields_mut() {
        fields.insert(field.to_owned(), value);
    }
    change
}

/// Carries a change out that is complete.
async fn settle(
    asking: &Asking,
    record: &'static Record,
    id: EntityId,
    change: Change,
) -> Result<Done<Records>, CommandError> {
    let stands_alone = record.unique.is_empty() && record.kind.parent.is_none() && record.kind.links.is_empty();
    if stands_alone {
        return asking.send_to_record(RecordCommand { record, id, change, lost: vec![] }).await;
    }
    let stream = StreamId::new(record.kind.name, id);
    if let Some(done) = asking.repeated::<Records>(&stream, asking.caller()).await? {
        return Ok(done);
    }
    loop {
        let present = asking.record(record, id).await?;
        let lost = lost(asking, record, &present.state, &change).await?;
        let command = RecordCommand { record, id, change: change.clone(), lost };
        let values = comes_to_hold(&present, &command, asking)?;
        if values.is_empty() {
            return asking.send_to_record(command).await;
        }
        if asking.caller().if_match.is_some_and(|revision| revision != present.revision) {
            return Err(CommandError::PreconditionFailed);
        }
        for value in values {
            claim(asking, record, id, &value).await?;
        }
        match asking.at_revision(present.revision).send_to_record(command).await {
            // Somebody was faster: what it comes to hold is another question now.
            Err(CommandError::PreconditionFailed) if asking.caller().if_match.is_none() => {}
            outcome => return outcome,
        }
    }
}

/// The change with what is about a person sealed.
async fn sealed(
    asking: &Asking,
    record: &'static Record,
    id: EntityId,
    mut change: Change,
) -> Result<Change, CommandError> {
    let Some(fields) = change.fields_mut() else { return Ok(change) };
    for personal in record.personal {
        let Some(value) = fields.get(personal.field).filter(|value| !value.is_null()) else { continue };
        let subject = match fields.get(personal.of).and_then(Value::as_str).and_then(|id| id.parse().ok()) {
            _ if personal.of == "id" => id,
            Some(named) if !record.fills(personal.of) => named,
            _ => asking.person()?,
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let value = serde_json::to_value(asking.vault().seal(subject, &text).await?).map_err(CommandError::broken)?;
        fields.insert(personal.field.to_owned(), value);
    }
    Ok(change)
}

/// The unique values that the record holds after the command and not before it; refuses what the record will.
fn comes_to_hold(
    present: &Current<Records>,
    command: &RecordCommand,
    asking: &Asking,
) -> Result<Vec<UniqueValue>, CommandError> {
    let record = command.record;
    if record.unique.is_empty() {
        return Ok(vec![]);
    }
    let events = Records::decide(&present.state, command.clone(), &asking.caller().context())?;
    let after = events.iter().fold((*present.state).clone(), Records::evolve);
    let before = held(record, &present.state);
    Ok(held(record, &after).into_iter().filter(|value| !before.contains(value)).collect())
}

/// The unique values of a record, which are free while it is deleted.
fn held(record: &Record, state: &RecordState) -> Vec<UniqueValue> {
    let lives = state.exists && state.deleted_at.is_none();
    if lives { record.unique_values(&state.fields) } else { vec![] }
}

async fn claim(
    asking: &Asking,
    record: &'static Record,
    owner: EntityId,
    value: &UniqueValue,
) -> Result<(), CommandError> {
    let fields = value.of.join("+");
    let claim = asking.vault().claim_id(&format!("{}.{fields}", record.kind.name), &value.value);
    let held = match asking.state::<Claim>(claim).await?.state.owner {
        Some(present) if present != owner => held(record, &asking.record(record, present).await?.state).contains(value),
        Some(_) | None => false,
    };
    match asking.step(&format!("claim {fields}")).send::<Claim>(claim, ClaimCommand::Claim { owner, held }).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_rejection(RejectionKind::Conflict) => {
            let slug = record.slug.map(|slug| slug.field).filter(|slug| value.of.contains(slug));
            Err(taken().on(slug.or(value.of.first().copied()).unwrap_or_default()).into())
        }
        Err(error) => Err(error),
    }
}

/// Which of the record's fields lead to nothing: of those that the change would store, and what it is part of. The
/// system is trusted to know.
async fn lost(
    asking: &Asking,
    record: &'static Record,
    state: &RecordState,
    change: &Change,
) -> Result<Vec<&'static str>, CommandError> {
    let sent = change.fields();
    let mut lost = vec![];
    if asking.caller().actor == Actor::System {
        return Ok(lost);
    }
    for link in record.kind.parent.iter().chain(record.kind.links) {
        let is_parent = record.kind.parent == Some(*link);
        let sent = sent.and_then(|fields| fields.get(link.field));
        let Some(id) = sent.or_else(|| state.fields.get(link.field).filter(|_| is_parent)) else { continue };
        let named: Vec<&str> = id
            .as_array()
            .map_or_else(|| vec![id], |ids| ids.iter().collect())
            .into_iter()
            .filter_map(Value::as_str)
            .collect();
        for id in named {
            let lives = match (kinds::find(link.kind), id.parse()) {
                (Some(kind), Ok(id)) => asking.lives(kind, id).await?,
                _ => false,
            };
            if !lives {
                lost.push(link.field);
                break;
            }
        }
    }
    Ok(lost)
}
