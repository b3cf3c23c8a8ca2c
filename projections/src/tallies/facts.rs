//! What is kept of the catalogue's events.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use caravan_domain::EntityId;
use caravan_domain::catalogue::discover::TripWindow;
use caravan_domain::catalogue::event::{Category, EventChange, Location, Schedule};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Where and when an event is, and who performs.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Fact {
    event: Uuid,
    scheduled: bool,
    region: Option<Uuid>,
    city: Option<Uuid>,
    day: NaiveDate,
    starts_at: DateTime<Utc>,
    pub performers: Vec<Uuid>,
    category: String,
    event_type: String,
}

impl Fact {
    /// What an event is after a change; nothing before it is listed.
    fn after(before: Option<Fact>, event: EntityId, change: EventChange) -> Option<Fact> {
        let mut fact = match (before, &change) {
            (Some(fact), _) => fact,
            (None, EventChange::Listed { details, .. }) => {
                let mut fact = Fact {
                    event: event.0,
                    scheduled: true,
                    region: None,
                    city: None,
                    day: details.schedule.day(),
                    starts_at: details.schedule.starts_at,
                    performers: uuids(&details.performers),
                    category: String::new(),
                    event_type: String::new(),
                };
                fact.is_at(&details.location);
                fact.is_of(&details.category);
                return Some(fact);
            }
            (None, _) => return None,
        };
        match change {
            EventChange::Rescheduled { schedule } => fact.is_on(&schedule),
            EventChange::Moved { location } => fact.is_at(&location),
            EventChange::LineUpChanged { performers } => fact.performers = uuids(&performers),
            EventChange::Recategorised { category } => fact.is_of(&category),
            EventChange::Cancelled {} => fact.scheduled = false,
            EventChange::Reinstated {} => fact.scheduled = true,
            EventChange::Listed { .. }
            | EventChange::Renamed { .. }
            | EventChange::OffersChanged { .. }
            | EventChange::OrganizerChanged { .. } => {}
        }
        Some(fact)
    }

    fn is_on(&mut self, schedule: &Schedule) {
        self.day = schedule.day();
        self.starts_at = schedule.starts_at;
    }

    fn is_at(&mut self, location: &Location) {
        self.region = location.region.map(|region| region.0);
        self.city = location.city.map(|city| city.0);
    }

    fn is_of(&mut self, category: &Category) {
        self.category.clone_from(&category.category);
        self.event_type = category.event_type.name().to_owned();
    }
}

fn uuids(ids: &[EntityId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.0).collect()
}

/// The facts that a batch needs, as of where it has come to.
#[derive(Default)]
pub(super) struct Facts {
    known: HashMap<Uuid, Fact>,
    changed: HashSet<Uuid>,
    /// Many like one trip at once. Void once an event changes.
    trips: HashMap<TripWindow, NamedByTrip>,
}

/// The cities and performers of a trip's soonest events ahead.
pub(super) struct NamedByTrip {
    pub cities: Vec<Uuid>,
    pub performers: Vec<Uuid>,
    /// When it was looked for, and when the first of the events begins: the same in between.
    holds: (DateTime<Utc>, Option<DateTime<Utc>>),
}

impl NamedByTrip {
    fn holds(&self, at: DateTime<Utc>) -> bool {
        let (from, until) = self.holds;
        from <= at && until.is_none_or(|until| at < until)
    }
}

impl Facts {
    /// Those of these events that are kept.
    pub(super) async fn load(tx: &mut PgConnection, events: Vec<Uuid>) -> Result<Facts, sqlx::Error> {
        if events.is_empty() {
            return Ok(Facts::default());
        }
        let facts: Vec<Fact> =
            sqlx::query_as("select * from tally_event where event = any($1)").bind(events).fetch_all(tx).await?;
        let known = facts.into_iter().map(|fact| (fact.event, fact)).collect();
        Ok(Facts { known, ..Facts::default() })
    }

    pub(super) fn change(&mut self, event: EntityId, change: EventChange) {
        if let Some(fact) = Fact::after(self.known.remove(&event.0), event, change) {
            self.known.insert(event.0, fact);
            self.changed.insert(event.0);
            self.trips.clear();
        }
    }

    pub(super) fn of(&self, event: EntityId) -> Option<&Fact> {
        self.known.get(&event.0)
    }

    /// What a trip names at a time.
    pub(super) async fn of_trip(
        &mut self,
        tx: &mut PgConnection,
        trip: TripWindow,
        at: DateTime<Utc>,
    ) -> Result<&NamedByTrip, sqlx::Error> {
        self.store(tx).await?;
        match self.trips.entry(trip) {
            Entry::Occupied(known) if known.get().holds(at) => Ok(known.into_mut()),
            entry => Ok(entry.insert_entry(named_by_trip(tx, trip, at).await?).into_mut()),
        }
    }

    /// Writes what has changed.
    pub(super) async fn store(&mut self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut changed: Vec<Uuid> = self.changed.drain().collect();
        changed.sort_unstable();
        let facts: Vec<&Fact> = changed.iter().filter_map(|event| self.known.get(event)).collect();
        if facts.is_empty() {
            return Ok(());
        }
        // Arrays of arrays are of one length each, so performers come as texts.
        let performers = |fact: &&Fact| {
            let ids: Vec<String> = fact.performers.iter().map(Uuid::to_string).collect();
            format!("{{{}}}", ids.join(","))
        };
        sqlx::query(
            "insert into tally_event
             select event, scheduled, region, city, day, starts_at, performers::uuid[], category, event_type
             from unnest($1::uuid[], $2::boolean[], $3::uuid[], $4::uuid[], $5::date[], $6::timestamptz[],
                         $7::text[], $8::text[], $9::text[])
                  as fact (event, scheduled, region, city, day, starts_at, performers, category, event_type)
             on conflict (event) do update set
                scheduled = excluded.scheduled, region = excluded.region, city = excluded.city, day = excluded.day,
                starts_at = excluded.starts_at, performers = excluded.performers, category = excluded.category,
                event_type = excluded.event_type",
        )
        .bind(facts.iter().map(|fact| fact.event).collect::<Vec<_>>())
        .bind(facts.iter().map(|fact| fact.scheduled).collect::<Vec<_>>())
        .bind(facts.iter().map(|fact| fact.region).collect::<Vec<_>>())
        .bind(facts.iter().map(|fact| fact.city).collect::<Vec<_>>())
        .bind(facts.iter().map(|fact| fact.day).collect::<Vec<_>>())
        .bind(facts.iter().map(|fact| fact.starts_at).collect::<Vec<_>>())
        .bind(facts.iter().map(performers).collect::<Vec<_>>())
        .bind(facts.iter().map(|fact| fact.category.as_str()).collect::<Vec<_>>())
        .bind(facts.iter().map(|fact| fact.event_type.as_str()).collect::<Vec<_>>())
        .execute(tx)
        .await
        .map(drop)
    }
}

async fn named_by_trip(tx: &mut PgConnection, trip: TripWindow, at: DateTime<Utc>) -> Result<NamedByTrip, sqlx::Error> {
    /// A like counts for no more events: a year of a large city has thousands.
    const MOST: i64 = 50;
    let soonest: Vec<Fact> = sqlx::query_as(
        "select * from tally_event
         where scheduled and region = $1 and day between $2 and $3 and starts_at > $4
         order by starts_at, event limit $5",
    )
    .bind(trip.region.0)
    .bind(trip.first_day)
    .bind(trip.last_day)
    .bind(at)
    .bind(MOST)
    .fetch_all(tx)
    .await?;
    Ok(NamedByTrip {
        cities: soonest.iter().filter_map(|fact| fact.city).collect(),
        performers: soonest.iter().flat_map(|fact| fact.performers.iter().copied()).collect(),
        holds: (at, soonest.first().map(|fact| fact.starts_at)),
    })
}
