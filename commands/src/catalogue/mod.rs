//! Publishing into the catalogue by the names that sources give: what is known is changed where it differs, what is
//! not is made. Everything here may be repeated, and goes on where it was cut off.

mod imports;

use caravan_domain::catalogue::event::{Details, Event, EventChange, EventCommand, EventState, Organizer, Origin};
use caravan_domain::identity::{Claim, ClaimCommand};
use caravan_domain::record::{Change, RecordCommand, RecordEvent, Records};
use caravan_domain::{Decider, EntityId, Record, RejectionKind};
use caravan_event_store::StreamId;
use caravan_vault::VaultError;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{Caller, CommandError, Commands, stream};

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

/// What a record that is known already takes from what is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// All of it: the source is the authority.
    Replace,
    /// Only the fields it lacks: one source is as good as another, and must not undo what the other said.
    Complete,
}

impl Commands {
    /// Lists an event under its source's id for it, or changes what differs; `cancelled` as its source says.
    pub async fn put_event(
        &self,
        origin: Origin,
        details: Details,
        cancelled: bool,
        caller: &Caller,
    ) -> Result<Put, CommandError> {
        let external = external_name(&origin);
        let command = EventCommand::Put { origin, details: Box::new(details) };
        // Before an id is taken, so that what no event may be leaves nothing behind.
        Event::decide(&EventState::Unknown, command.clone(), &caller.context())?;
        let id = self.identify(Event::CATEGORY, &external, caller).await?;
        let stream = stream::<Event>(id);
        let put = self.execute::<Event>(stream.clone(), command, &caller.step("put")).await?;
        let mut changes = put.events;
        if matches!(*put.state, EventState::Cancelled(_)) != cancelled {
            let status = if cancelled { EventCommand::Cancel } else { EventCommand::Reinstate };
            changes.extend(self.execute::<Event>(stream, status, &caller.step("status")).await?.events);
        }
        let outcome = match changes.first() {
            None => Outcome::Unchanged,
            Some(EventChange::Listed { .. }) => Outcome::New,
            Some(_) => Outcome::Changed,
        };
        Ok(Put { id, outcome })
    }

    /// When the event that has this origin starts; `None` where there is none.
    pub async fn event_start(&self, origin: &Origin) -> Result<Option<DateTime<Utc>>, CommandError> {
        let Some(id) = self.named(Event::CATEGORY, &external_name(origin)).await? else { return Ok(None) };
        let event = self.state::<Event>(&stream::<Event>(id)).await?.state;
        Ok(match &*event {
            EventState::Unknown => None,
            EventState::Scheduled(published) | EventState::Cancelled(published) => {
                Some(published.details.schedule.starts_at)
            }
        })
    }

    /// Stores a record under an external name, or changes the known one.
    pub async fn put_record(
        &self,
        record: &'static Record,
        external: &str,
        fields: Map<String, Value>,
        known: Known,
        caller: &Caller,
    ) -> Result<Put, CommandError> {
        let fields = (record.normalise)(Value::Object(fields))?;
        let id = self.identify(record.kind.name, external, caller).await?;
        let stream = StreamId::new(record.kind.name, id);
        let change = match known {
            Known::Replace => Change::Put(fields),
            Known::Complete => {
                let state = self.state::<Records>(&stream).await?.state;
                let lacking = |name: &String| !state.exists || !state.fields.contains_key(name);
                Change::Put(fields.into_iter().filter(|(name, _)| lacking(name)).collect())
            }
        };
        let command = RecordCommand { record, id, change };
        let done = self.execute::<Records>(stream, command, &caller.step("put")).await?;
        let outcome = match done.events.first() {
            None => Outcome::Unchanged,
            Some(RecordEvent::Created { .. }) => Outcome::New,
            Some(_) => Outcome::Changed,
        };
        Ok(Put { id, outcome })
    }

    /// A person who organises an event, sealed; `None` for one who was forgotten.
    pub async fn organizing_person(&self, source: &str, name: &str) -> Result<Option<Organizer>, CommandError> {
        let subject = self.vault().claim_id("external", &format!("person/{source}:{name}"));
        match self.vault().seal(subject, name).await {
            Ok(sealed) => Ok(Some(Organizer::Person(sealed))),
            Err(VaultError::Forgotten) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whose external name this is; a new id when nobody's yet.
    async fn identify(&self, kind: &str, external: &str, caller: &Caller) -> Result<EntityId, CommandError> {
        if let Some(owner) = self.named(kind, external).await? {
            return Ok(owner);
        }
        let owner = self.new_id(kind, caller).await?;
        let claim = ClaimCommand::Claim { owner, held: false };
        match self.execute::<Claim>(self.external_claim(kind, external), claim, &caller.step("name")).await {
            Ok(_) => Ok(owner),
            // Somebody else brings in the same at this moment.
            Err(taken) if taken.is_rejection(RejectionKind::Conflict) => self.named(kind, external).await?.ok_or(taken),
            Err(error) => Err(error),
        }
    }

    async fn named(&self, kind: &str, external: &str) -> Result<Option<EntityId>, CommandError> {
        Ok(self.state::<Claim>(&self.external_claim(kind, external)).await?.state.owner)
    }

    fn external_claim(&self, kind: &str, external: &str) -> StreamId {
        stream::<Claim>(self.vault().claim_id("external", &format!("{kind}/{external}")))
    }
}

fn external_name(origin: &Origin) -> String {
    format!("{}:{}", origin.source, origin.external_id)
}
