//! Counting one batch of the log: the same for the follower, a rebuild and a verification.

use std::collections::{BTreeMap, BTreeSet};

use caravan_domain::catalogue::discover::TripWindow;
use caravan_domain::catalogue::event::{Event, EventChange, EventChangeKind};
use caravan_domain::catalogue::picture_votes::{PictureVotes, PictureVotesEvent, PictureVotesEventKind};
use caravan_domain::catalogue::trend::Trend;
use caravan_domain::trips::booking::{TripBookingEvent, TripBookingEventKind, TripBookings};
use caravan_domain::trips::likes::{TripLikes, TripLikesEvent, TripLikesEventKind};
use caravan_domain::trips::trip_idea::{TripIdeaEvent, TripIdeaEventKind, TripIdeas};
use caravan_domain::{Decider, EntityId};
use caravan_event_store::codec::{self, CodecError};
use caravan_event_store::{Filter, Position, Recorded};
use chrono::{DateTime, Days, NaiveDate, Utc};
use sqlx::PgConnection;
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::facts::Facts;

/// What is counted, and nothing else: most of the log is of no matter here.
pub(super) fn filter() -> Filter {
    let categories =
        [Event::CATEGORY, TripIdeas::CATEGORY, TripBookings::CATEGORY, TripLikes::CATEGORY, PictureVotes::CATEGORY];
    let types = EventChangeKind::iter()
        .filter(|kind| event_counts(*kind))
        .map(<&str>::from)
        .chain(TripIdeaEventKind::iter().filter(|kind| idea_counts(*kind)).map(<&str>::from))
        .chain(TripBookingEventKind::iter().filter(|kind| booking_counts(*kind)).map(<&str>::from))
        .chain(TripLikesEventKind::iter().map(<&str>::from))
        .chain(PictureVotesEventKind::iter().map(<&str>::from));
    Filter { categories: categories.map(str::to_owned).to_vec(), event_types: types.map(str::to_owned).collect() }
}

fn event_counts(kind: EventChangeKind) -> bool {
    use EventChangeKind as K;
    match kind {
        K::Listed | K::Rescheduled | K::Moved | K::LineUpChanged | K::Recategorised | K::Cancelled | K::Reinstated => {
            true
        }
        K::Renamed | K::OffersChanged | K::OrganizerChanged => false,
    }
}

fn idea_counts(kind: TripIdeaEventKind) -> bool {
    use TripIdeaEventKind as K;
    match kind {
        K::TripIdeaSuggested => true,
        K::TripIdeaLiked | K::TripIdeaUnliked | K::TripIdeaPersonReplaced | K::TripIdeaDeleted => false,
    }
}

fn booking_counts(kind: TripBookingEventKind) -> bool {
    use TripBookingEventKind as K;
    match kind {
        K::BookingCreated | K::EventAdded => true,
        K::BookingDatesChanged
        | K::LeadersChanged
        | K::BundlesReordered
        | K::AccommodationsReordered
        | K::BookingAbandoned
        | K::BookingRecovered
        | K::MemberAdded
        | K::MemberChanged
        | K::MemberRemoved
        | K::MemberTookPart
        | K::MemberReplaced
        | K::MemberReminded
        | K::AttendeesChanged
        | K::EventRemoved
        | K::BundleAdded
        | K::BundleChanged
        | K::BundleRemoved
        | K::TicketAdded
        | K::TicketChanged
        | K::TicketAssigned
        | K::TicketRemoved
        | K::AccommodationAdded
        | K::AccommodationChanged
        | K::AccommodationRemoved
        | K::RoomAdded
        | K::RoomChanged
        | K::RoomRemoved
        | K::GuestsAdded
        | K::GuestChanged
        | K::GuestRemoved => false,
    }
}

/// An event of the log as it counts.
pub(super) struct Counted {
    what: What,
    position: Position,
    at: DateTime<Utc>,
}

impl Counted {
    /// Whether it names cities or performers.
    fn names(&self) -> bool {
        matches!(self.what, What::Named { .. } | What::Liked { .. })
    }
}

enum What {
    Changed(EntityId, EventChange),
    /// By a trip idea or booking: a city, and events, whose performers are named with them.
    Named {
        /// Nobody known where the system did it.
        by: Option<EntityId>,
        city: Option<EntityId>,
        events: Vec<EntityId>,
    },
    Liked {
        by: EntityId,
        trip: TripWindow,
    },
    Unliked(TripWindow),
    /// A picture, and what its rank changes by.
    Rated(EntityId, i64),
}

/// What an event counts as, if it does.
pub(super) fn counted(recorded: &Recorded) -> Result<Option<Counted>, CodecError> {
    let what = match recorded.stream.category.as_str() {
        Event::CATEGORY => Some(What::Changed(recorded.stream.id, codec::decode::<Event>(recorded)?)),
        TripIdeas::CATEGORY => match codec::decode::<TripIdeas>(recorded)? {
            TripIdeaEvent::TripIdeaSuggested(idea) => {
                Some(What::Named { by: actor(recorded)?, city: Some(idea.city), events: idea.events })
            }
            _ => None,
        },
        TripBookings::CATEGORY => match codec::decode::<TripBookings>(recorded)? {
            TripBookingEvent::BookingCreated { city, .. } => {
                Some(What::Named { by: actor(recorded)?, city: Some(city), events: vec![] })
            }
            TripBookingEvent::EventAdded { event, .. } => {
                Some(What::Named { by: actor(recorded)?, city: None, events: vec![event] })
            }
            _ => None,
        },
        TripLikes::CATEGORY => match codec::decode::<TripLikes>(recorded)? {
            TripLikesEvent::TripLiked(trip) => Some(What::Liked { by: recorded.stream.id, trip }),
            TripLikesEvent::TripUnliked(trip) => Some(What::Unliked(trip)),
        },
        PictureVotes::CATEGORY => match codec::decode::<PictureVotes>(recorded)? {
            PictureVotesEvent::VoteCast { picture, vote } => Some(What::Rated(picture, vote.weight())),
            PictureVotesEvent::VoteTakenBack { picture, vote } => Some(What::Rated(picture, -vote.weight())),
        },
        _ => None,
    };
    Ok(what.map(|what| Counted { what, position: recorded.position, at: recorded.time }))
}

fn actor(recorded: &Recorded) -> Result<Option<EntityId>, CodecError> {
    Ok(recorded.metadata()?.actor)
}

/// Takes in what counts, in the order of the log.
pub(super) async fn apply(tx: &mut PgConnection, batch: Vec<Counted>) -> Result<(), sqlx::Error> {
    let mut facts = Facts::load(tx, batch.iter().flat_map(named_events).collect()).await?;
    let mut named = Named::default();
    if batch.iter().any(Counted::names) {
        named.newest = newest_day(tx).await?;
    }
    let mut likes = Likes::default();
    let mut rated = Rated::default();
    for Counted { what, position, at } in batch {
        match what {
            What::Changed(event, change) => facts.change(event, change),
            What::Named { by, city, events } => {
                let performers = events.iter().filter_map(|event| facts.of(*event)).flat_map(|fact| &fact.performers);
                named.note(Naming { by, at, position }, city.map(|city| city.0), performers.copied());
            }
            What::Liked { by, trip } => {
                let by_trip = facts.of_trip(tx, trip, at).await?;
                let naming = Naming { by: Some(by), at, position };
                named.note(naming, by_trip.cities.iter().copied(), by_trip.performers.iter().copied());
                likes.note(trip, 1, position, at);
            }
            What::Unliked(trip) => likes.note(trip, -1, position, at),
            What::Rated(picture, by) => *rated.0.entry(picture.0).or_default() += by,
        }
    }
    facts.store(tx).await?;
    named.store(tx).await?;
    likes.store(tx).await?;
    rated.store(tx).await
}

fn named_events(counted: &Counted) -> Vec<Uuid> {
    match &counted.what {
        What::Changed(event, _) => vec![event.0],
        What::Named { events, .. } => events.iter().map(|event| event.0).collect(),
        What::Liked { .. } | What::Unliked(_) | What::Rated(..) => vec![],
    }
}

const CITY: &str = "city";
const PERFORMER: &str = "performer";

/// The latest day on which anybody named anything that was counted before.
async fn newest_day(tx: &mut PgConnection) -> Result<Option<NaiveDate>, sqlx::Error> {
    sqlx::query_scalar("select max(day) from tally_naming").fetch_one(tx).await
}

/// By whom and when something was named.
#[derive(Clone, Copy)]
struct Naming {
    by: Option<EntityId>,
    at: DateTime<Utc>,
    position: Position,
}

/// The cities and performers that were named.
#[derive(Default)]
struct Named {
    /// When each was named.
    times: BTreeMap<(&'static str, Uuid), Vec<DateTime<Utc>>>,
    /// By whom on which day, the first time: it counts where nothing of an earlier batch does. So nobody makes a trend
    /// alone.
    by_person: BTreeMap<(NaiveDate, &'static str, Uuid, Uuid), Naming>,
    /// The latest day on which anybody has named anything. Processes tell the time apart by little: the day before it
    /// may still go on. Who named what on days before that is forgotten, so such a naming does not count.
    newest: Option<NaiveDate>,
}

impl Named {
    /// Each counts once, however often one idea, booking or trip names it.
    fn note(
        &mut self,
        naming: Naming,
        cities: impl IntoIterator<Item = Uuid>,
        performers: impl IntoIterator<Item = Uuid>,
    ) {
        let cities = cities.into_iter().map(|id| (CITY, id));
        let each: BTreeSet<(&str, Uuid)> = cities.chain(performers.into_iter().map(|id| (PERFORMER, id))).collect();
        let day = naming.at.date_naive();
        if self.newest.is_some_and(|newest| day < newest - Days::new(1)) {
            return;
        }
        for (kind, id) in each {
            match naming.by {
                Some(by) => {
                    self.by_person.entry((day, kind, id, by.0)).or_insert(naming);
                    self.newest = self.newest.max(Some(day));
                }
                None => self.times.entry((kind, id)).or_default().push(naming.at),
            }
        }
    }

    async fn store(mut self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        self.count_persons(tx).await?;
        if self.times.is_empty() {
            return Ok(());
        }
        let (kinds, ids): (Vec<&str>, Vec<Uuid>) = self.times.keys().copied().unzip();
        let known: Vec<(String, Uuid, f64)> = sqlx::query_as(
            "select kind, id, level from tally_trend join unnest($1::text[], $2::uuid[]) as named (kind, id)
             using (kind, id)",
        )
        .bind(&kinds)
        .bind(&ids)
        .fetch_all(&mut *tx)
        .await?;
        let known: BTreeMap<(&str, Uuid), f64> =
            known.iter().map(|(kind, id, level)| ((kind.as_str(), *id), *level)).collect();
        let level = |(key, times): (&(&'static str, Uuid), &Vec<DateTime<Utc>>)| {
            let before = known.get(key).copied().map(Trend::of_level);
            let add = |trend: Option<Trend>, at: &DateTime<Utc>| {
                Some(trend.map_or_else(|| Trend::once(*at), |trend| trend.and(*at)))
            };
            times.iter().fold(before, add).map(Trend::level)
        };
        let levels: Vec<Option<f64>> = self.times.iter().map(level).collect();
        sqlx::query(
            "insert into tally_trend (kind, id, level)
             select * from unnest($1::text[], $2::uuid[], $3::float8[])
             on conflict (kind, id) do update set level = excluded.level",
        )
        .bind(&kinds)
        .bind(&ids)
        .bind(levels)
        .execute(tx)
        .await
        .map(drop)
    }

    /// Counts those who have not named the same on the same day before, and sweeps days that are over.
    async fn count_persons(&mut self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.by_person.is_empty() {
            return Ok(());
        }
        let first: Vec<(NaiveDate, String, Uuid, Uuid)> = sqlx::query_as(
            "insert into tally_naming (day, kind, id, person, position)
             select * from unnest($1::date[], $2::text[], $3::uuid[], $4::uuid[], $5::bigint[])
             on conflict do nothing returning day, kind, id, person",
        )
        .bind(self.by_person.keys().map(|(day, ..)| *day).collect::<Vec<_>>())
        .bind(self.by_person.keys().map(|(_, kind, ..)| *kind).collect::<Vec<_>>())
        .bind(self.by_person.keys().map(|(_, _, id, _)| *id).collect::<Vec<_>>())
        .bind(self.by_person.keys().map(|(_, _, _, person)| *person).collect::<Vec<_>>())
        .bind(self.by_person.values().map(|naming| naming.position).collect::<Vec<_>>())
        .fetch_all(&mut *tx)
        .await?;
        let first: BTreeSet<(NaiveDate, &str, Uuid, Uuid)> =
            first.iter().map(|(day, kind, id, person)| (*day, kind.as_str(), *id, *person)).collect();
        for (key @ (_, kind, id, _), naming) in &self.by_person {
            if first.contains(key) {
                self.times.entry((kind, *id)).or_default().push(naming.at);
            }
        }
        sqlx::query("delete from tally_naming where day < $1::date - 1").bind(self.newest).execute(tx).await.map(drop)
    }
}

/// Likes, and likes taken back, in the order of the log.
#[derive(Default)]
struct Likes(Vec<Like>);

struct Like {
    trip: TripWindow,
    likes: i16,
    position: Position,
    at: DateTime<Utc>,
}

impl Likes {
    fn note(&mut self, trip: TripWindow, likes: i16, position: Position, at: DateTime<Utc>) {
        self.0.push(Like { trip, likes, position, at });
    }

    async fn store(self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        let Some(newest) = self.0.iter().map(|like| like.at).max() else { return Ok(()) };
        // A like that is taken back has come before, so its trip has a row, whose time of the last like stays.
        sqlx::query(
            "with change as (
                 insert into tally_trip_change (position, region, first_day, last_day, likes, at)
                 select * from unnest($1::bigint[], $2::uuid[], $3::date[], $4::date[], $5::smallint[],
                                      $6::timestamptz[])
                 returning *
             )
             insert into tally_trip (region, first_day, last_day, likes, last_like_at, position)
             select region, first_day, last_day, sum(likes), coalesce(max(at) filter (where likes > 0), 'epoch'),
                    max(position)
             from change group by region, first_day, last_day
             on conflict (region, first_day, last_day) do update set
                likes = tally_trip.likes + excluded.likes,
                last_like_at = greatest(tally_trip.last_like_at, excluded.last_like_at),
                position = greatest(tally_trip.position, excluded.position)",
        )
        .bind(self.0.iter().map(|like| like.position).collect::<Vec<_>>())
        .bind(self.0.iter().map(|like| like.trip.region.0).collect::<Vec<_>>())
        .bind(self.0.iter().map(|like| like.trip.first_day).collect::<Vec<_>>())
        .bind(self.0.iter().map(|like| like.trip.last_day).collect::<Vec<_>>())
        .bind(self.0.iter().map(|like| like.likes).collect::<Vec<_>>())
        .bind(self.0.iter().map(|like| like.at).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
        sqlx::query("delete from tally_trip_change where at < $1::timestamptz - interval '1 day'")
            .bind(newest)
            .execute(tx)
            .await
            .map(drop)
    }
}

/// What the ranks of pictures change by.
#[derive(Default)]
struct Rated(BTreeMap<Uuid, i64>);

impl Rated {
    async fn store(self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (pictures, ranks): (Vec<Uuid>, Vec<i64>) = self.0.into_iter().unzip();
        sqlx::query(
            "insert into tally_picture (picture, rank) select * from unnest($1::uuid[], $2::bigint[])
             on conflict (picture) do update set rank = tally_picture.rank + excluded.rank",
        )
        .bind(pictures)
        .bind(ranks)
        .execute(tx)
        .await
        .map(drop)
    }
}
