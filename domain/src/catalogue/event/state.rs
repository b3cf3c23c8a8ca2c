//! An event as its changes leave it. The JSON of the state is flat: its fields are what queries filter and sort by.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Category, EventChange, Location, Offers, Organizer, Schedule};
use crate::text::bounded;
use crate::{EntityId, Rejection};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum EventState {
    #[default]
    Unknown,
    Scheduled(PublishedEvent),
    Cancelled(PublishedEvent),
}

/// What is published about an event, and by whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishedEvent {
    #[serde(flatten)]
    pub origin: Origin,
    #[serde(flatten)]
    pub details: Details,
    /// The calendar day on which it starts, where it takes place.
    pub day: NaiveDate,
}

/// Where an event's record comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub source: String,
    /// Its id there.
    pub external_id: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Details {
    pub name: String,
    #[serde(flatten)]
    pub schedule: Schedule,
    #[serde(flatten)]
    pub location: Location,
    /// The first is the main one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub performers: Vec<EntityId>,
    #[serde(flatten)]
    pub category: Category,
    #[serde(flatten)]
    pub offers: Offers,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizer: Option<Organizer>,
}

impl Origin {
    pub(super) fn check(&self) -> Result<(), Rejection> {
        bounded("source", &self.source, 100)?;
        bounded("external_id", &self.external_id, 1000)
    }
}

impl Details {
    /// The rules that hold for every listed event.
    pub(super) fn check(&self) -> Result<(), Rejection> {
        bounded("name", &self.name, 300)?;
        self.schedule.check()?;
        if self.performers.len() > 100 {
            return Err(Rejection::invalid("too-many-performers", "performers", "has more than 100"));
        }
        if self.performers.iter().enumerate().any(|(at, performer)| self.performers[..at].contains(performer)) {
            return Err(Rejection::invalid("performer-named-twice", "performers", "names one twice"));
        }
        self.category.check()?;
        self.offers.check()
    }
}

impl EventState {
    /// What is published, whether it takes place or not.
    pub fn published(&self) -> Option<&PublishedEvent> {
        match self {
            EventState::Unknown => None,
            EventState::Scheduled(published) | EventState::Cancelled(published) => Some(published),
        }
    }

    pub(super) fn after(self, change: &EventChange) -> EventState {
        match self {
            EventState::Unknown => listed(change),
            EventState::Scheduled(published) => {
                let published = published.after(change);
                let ends = *change == EventChange::Cancelled {};
                if ends { EventState::Cancelled(published) } else { EventState::Scheduled(published) }
            }
            EventState::Cancelled(published) => {
                let published = published.after(change);
                let goes_on = *change == EventChange::Reinstated {};
                if goes_on { EventState::Scheduled(published) } else { EventState::Cancelled(published) }
            }
        }
    }
}

fn listed(change: &EventChange) -> EventState {
    let EventChange::Listed { origin, details } = change else { return EventState::Unknown };
    EventState::Scheduled(PublishedEvent {
        origin: origin.clone(),
        details: Details::clone(details),
        day: details.schedule.day(),
    })
}

impl PublishedEvent {
    fn after(mut self, change: &EventChange) -> PublishedEvent {
        match change.clone() {
            EventChange::Renamed { name } => self.details.name = name,
            EventChange::Rescheduled { schedule } => {
                self.day = schedule.day();
                self.details.schedule = schedule;
            }
            EventChange::Moved { location } => self.details.location = location,
            EventChange::LineUpChanged { performers } => self.details.performers = performers,
            EventChange::Recategorised { category } => self.details.category = category,
            EventChange::OffersChanged { offers } => self.details.offers = offers,
            EventChange::OrganizerChanged { organizer } => self.details.organizer = organizer,
            EventChange::Listed { .. } | EventChange::Cancelled {} | EventChange::Reinstated {} => {}
        }
        self
    }
}
