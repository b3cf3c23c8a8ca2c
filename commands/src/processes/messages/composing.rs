//! What a message is composed from: the event that demands it and the present state of what it names, opened only now.

use std::sync::Arc;

use caravan_domain::identity::{Account, AccountState};
use caravan_domain::platform::letter::StoredFile;
use caravan_domain::{Decider, EntityId};
use caravan_event_store::{Recorded, codec};
use caravan_limits::Limit;
use chrono::{DateTime, Utc};

use super::Template;
use super::reach::{self, Reach};
use super::words::Values;
use crate::effects::Letterhead;
use crate::{CommandError, Commands};

/// A message under way.
pub(super) struct Composing<'a> {
    pub commands: &'a Commands,
    pub template: &'static Template,
    pub now: DateTime<Utc>,
    /// What demands it.
    pub recorded: &'a Recorded,
    pub recipient: EntityId,
    /// As in [`super::Demand`].
    pub part: Option<u32>,
    /// The address that messages point to.
    pub public_url: &'a str,
}

/// Who gets a message, and what fills its words.
pub(super) struct Composed {
    pub to: Reached,
    pub values: Values,
    /// Whom it names besides.
    pub named: Option<EntityId>,
    /// Of what this is a notice that nobody asked for, and how many of these there may be; they also count for who gets
    /// them.
    pub limited: Option<(&'static Limit, EntityId)>,
    pub written: Option<Written>,
}

/// What a mail has that somebody wrote.
pub(super) struct Written {
    pub letterhead: Letterhead,
    /// Its words with markup, where there are any.
    pub html: Option<String>,
    /// Where the file lies that goes with it.
    pub attachment: Option<StoredFile>,
}

/// A person, and where they are reached.
pub(super) struct Reached {
    pub person: EntityId,
    pub reach: Reach,
    pub has_account: bool,
}

impl Composing<'_> {
    /// The event, decoded.
    pub(super) fn event<D: Decider>(&self) -> Result<D::Event, CommandError> {
        codec::decode::<D>(self.recorded).map_err(CommandError::broken)
    }

    /// The account that acted, if one did.
    pub(super) fn actor(&self) -> Result<Option<EntityId>, CommandError> {
        Ok(self.recorded.metadata().map_err(CommandError::broken)?.actor)
    }

    /// The present state of the event's stream.
    pub(super) async fn state<D: Decider>(&self) -> Result<Arc<D::State>, CommandError> {
        Ok(self.commands.state::<D>(self.recorded.stream.id).await?.state)
    }

    /// The recipient as they can be reached now; a temp member who was absorbed is the account that did.
    pub(super) async fn reached(&self) -> Result<Reached, CommandError> {
        let mut person = self.recipient;
        let mut state = self.account(person).await?;
        if let AccountState::Absorbed { into } = *state {
            person = into;
            state = self.account(person).await?;
        }
        let reach = Reach::of(self.commands, self.template, person, &state, self.now).await?;
        Ok(Reached { person, reach, has_account: state.registered().is_some() })
    }

    /// The first name of somebody the message tells of, and who they are if it names them.
    pub(super) async fn first_name(
        &self,
        person: Option<EntityId>,
    ) -> Result<(Option<EntityId>, Option<String>), CommandError> {
        let Some(person) = person else { return Ok((None, None)) };
        let state = self.account(person).await?;
        let Some(sealed) = state.first_name() else { return Ok((None, None)) };
        let name = reach::opened(self.commands, sealed).await?;
        Ok((name.is_some().then_some(person), name))
    }

    async fn account(&self, person: EntityId) -> Result<Arc<AccountState>, CommandError> {
        Ok(self.commands.state::<Account>(person).await?.state)
    }
}
