//! Publishing into the catalogue by the names that sources give: what is known is changed where it differs, what is
//! not is made. Everything here may be repeated, and goes on where it was cut off.

pub mod imports;
pub mod pictures;

use caravan_domain::catalogue::event::{Details, Event, EventChange, EventCommand, EventState, Organizer, Origin};
use caravan_domain::identity::{Claim, ClaimCommand};
use caravan_domain::record::{Change, RecordEvent};
use caravan_domain::{Decider, EntityId, Record, RejectionKind};
use caravan_vault::VaultError;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{Asking, CommandError, Commands, records};

/// What became of something that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put {
    pub id: EntityId,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    New,
    Changed,
    Unchanged,
}

impl Outcome {
    /// Of a record, by what was stored.
    fn of(events: &[RecordEvent]) -> Outcome {
        match events.first() {
            None => Outcome::Unchanged,
            Some(RecordEvent::Created { .. }) => Outcome::New,
            Some(_) => Outcome::Changed,
        }
    }
}

/// What a record that is known already takes from what is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// All of it: the source is the authority.
    Replace,
    /// Only the fields it lacks: one source is as good as another, and must not undo what the other said.
    Complete,
}

/// Lists an event under its source's id for it, or changes what differs; `cancelled` as its source says.
pub async fn put_event(
    asking: &Asking,
    origin: Origin,
    details: Details,
    cancelled: bool,
) -> Result<Put, CommandError> {
    let external = external_name(&origin);
    let command = EventCommand::Put { origin, details: Box::new(details) };
    // Before an id is taken, so that what no event may be leaves nothing behind.
    Event::decide(&EventState::Unknown, command.clone(), &asking.caller().context())?;
    let id = identify(asking, Event::CATEGORY, &external).await?;
    let put = asking.step("put").send::<Event>(id, command).await?;
    let mut changes = put.events;
    if matches!(*put.state, EventState::Cancelled(_)) != cancelled {
        let status = if cancelled { EventCommand::Cancel } else { EventCommand::Reinstate };
        changes.extend(asking.step("status").send::<Event>(id, status).await?.events);
    }
    let outcome = match changes.first() {
        None => Outcome::Unchanged,
        Some(EventChange::Listed { .. }) => Outcome::New,
        Some(_) => Outcome::Changed,
    };
    Ok(Put { id, outcome })
}

/// When the event that has this origin starts; `None` where there is none.
pub async fn event_start(commands: &Commands, origin: &Origin) -> Result<Option<DateTime<Utc>>, CommandError> {
    let Some(id) = named(commands, Event::CATEGORY, &external_name(origin)).await? else { return Ok(None) };
    let event = commands.state::<Event>(id).await?.state;
    Ok(match &*event {
        EventState::Unknown => None,
        EventState::Scheduled(listing) | EventState::Cancelled(listing) => Some(listing.details.schedule.starts_at),
    })
}

/// Stores a record under an external name, or changes the known one.
pub async fn put_record(
    asking: &Asking,
    record: &'static Record,
    external: &str,
    fields: Map<String, Value>,
    known: Known,
) -> Result<Put, CommandError> {
    let fields = (record.normalise)(Value::Object(fields))?;
    let id = identify(asking, record.kind.name, external).await?;
    let change = match known {
        Known::Replace => Change::Put(fields),
        Known::Complete => {
            let state = asking.record(record, id).await?.state;
            let lacking = |name: &String| !state.exists || !state.fields.contains_key(name);
            Change::Put(fields.into_iter().filter(|(name, _)| lacking(name)).collect())
        }
    };
    let done = records::change(&asking.step("put"), record, id, change).await?;
    Ok(Put { id, outcome: Outcome::of(&done.events) })
}

/// A person who organises an event, sealed; `None` for one who was forgotten.
pub async fn organizing_person(
    commands: &Commands,
    source: &str,
    name: &str,
) -> Result<Option<Organizer>, CommandError> {
    let subject = commands.vault().claim_id("external", &format!("person/{source}:{name}"));
    match commands.vault().seal(subject, name).await {
        Ok(sealed) => Ok(Some(Organizer::Person(sealed))),
        Err(VaultError::Forgotten) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whose external name this is; a new id when nobody's yet.
async fn identify(asking: &Asking, kind: &str, external: &str) -> Result<EntityId, CommandError> {
    if let Some(owner) = named(asking, kind, external).await? {
        return Ok(owner);
    }
    let owner = asking.new_id_of(kind).await?;
    let claim = ClaimCommand::Claim { owner, held: false };
    match asking.step("name").send::<Claim>(external_claim(asking, kind, external), claim).await {
        Ok(_) => Ok(owner),
        // Somebody else brings in the same at this moment.
        Err(taken) if taken.is_rejection(RejectionKind::Conflict) => named(asking, kind, external).await?.ok_or(taken),
        Err(error) => Err(error),
    }
}

async fn named(commands: &Commands, kind: &str, external: &str) -> Result<Option<EntityId>, CommandError> {
    Ok(commands.state::<Claim>(external_claim(commands, kind, external)).await?.state.owner)
}

fn external_claim(commands: &Commands, kind: &str, external: &str) -> EntityId {
    commands.vault().claim_id("external", &format!("{kind}/{external}"))
}

fn external_name(origin: &Origin) -> String {
    format!("{}:{}", origin.source, origin.external_id)
}
