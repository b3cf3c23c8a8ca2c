//! Which events demand a message, and to whom. A row each, once; what it says is composed when it is sent.

use async_trait::async_trait;
use caravan_domain::identity::{Account, AccountEvent, CodeIssued, SignUp, SignUpEvent};
use caravan_domain::trips::booking::{Purchase, Room, TripBookingEvent, TripBookings};
use caravan_domain::trips::crew::{CrewEvent, Crews};
use caravan_domain::{Decider, EntityId, Money};
use caravan_event_store::following::{FollowError, Follower};
use caravan_event_store::{Filter, Recorded};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::reaction::{actor, decoded, failed};
use crate::Commands;

/// What nobody was told within a day, they are not told any more.
const WORTH_TELLING: TimeDelta = TimeDelta::hours(24);

/// So many invitations of one account go out together, each further one a second later.
const AT_ONCE: i64 = 25;

pub struct Messages {
    commands: Commands,
}

/// A purchase as an event tells of it.
pub(super) struct Made {
    pub purchase: Purchase,
    pub purchaser: EntityId,
    pub what: Bought,
}

pub(super) enum Bought {
    Tickets(usize),
    Room,
}

impl Bought {
    pub(super) fn words(&self) -> String {
        match self {
            Bought::Tickets(1) => "a ticket".to_owned(),
            Bought::Tickets(number) => format!("{number} tickets"),
            Bought::Room => "a room".to_owned(),
        }
    }
}

impl Made {
    pub(super) fn amount(&self) -> &Money {
        &self.purchase.amount
    }
}

/// The purchases that an event holds, new or known.
pub(super) fn purchases(event: &TripBookingEvent) -> Vec<Made> {
    let of_room = |room: &Room| {
        let (purchase, purchaser) = (room.terms.purchase?, room.terms.purchaser);
        Some(Made { purchase, purchaser, what: Bought::Room })
    };
    match event {
        TripBookingEvent::BundleAdded { bundle } | TripBookingEvent::BundleChanged { bundle } => {
            let what = Bought::Tickets(bundle.tickets.len());
            bundle.purchase.map(|purchase| Made { purchase, purchaser: bundle.purchaser, what }).into_iter().collect()
        }
        TripBookingEvent::AccommodationAdded { accommodation } => {
            accommodation.rooms.iter().filter_map(of_room).collect()
        }
        TripBookingEvent::RoomAdded { room, .. } => of_room(room).into_iter().collect(),
        TripBookingEvent::RoomChanged { terms, .. } => {
            let made = |purchase| Made { purchase, purchaser: terms.purchaser, what: Bought::Room };
            terms.purchase.map(made).into_iter().collect()
        }
        _ => vec![],
    }
}

impl Messages {
    pub fn new(commands: Commands) -> Self {
        Messages { commands }
    }

    async fn purchase_made(&self, tx: &mut PgConnection, event: &Recorded, made: Made) -> Result<(), FollowError> {
        let number = i64::from(made.purchase.number);
        let new = sqlx::query("insert into announced_purchases values ($1, $2) on conflict do nothing")
            .bind(event.stream.id.0)
            .bind(number)
            .execute(&mut *tx)
            .await?;
        if new.rows_affected() == 0 {
            return Ok(());
        }
        let state =
            self.commands.state::<TripBookings>(event.stream.id).await.map_err(|error| failed(event, error))?.state;
        let Ok(booking) = state.booking() else { return Ok(()) };
        let actor = actor(event)?;
        let knows = |member: &EntityId| *member == made.purchaser || Some(*member) == actor;
        for member in booking.members.iter().filter(|member| !knows(member)) {
            demand(tx, event, *member, Some(number), event.time, event.time + WORTH_TELLING).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Follower for Messages {
    fn name(&self) -> &str {
        "messages"
    }

    fn filter(&self) -> Filter {
        Filter {
            categories: [SignUp::CATEGORY, Account::CATEGORY, Crews::CATEGORY, TripBookings::CATEGORY]
                .map(str::to_owned)
                .to_vec(),
            event_types: [
                "CodeIssued",
                "CrewMemberInvited",
                "MemberReminded",
                "BundleAdded",
                "BundleChanged",
                "AccommodationAdded",
                "RoomAdded",
                "RoomChanged",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    fn durable(&self) -> bool {
        true
    }

    async fn apply(&mut self, tx: &mut PgConnection, batch: &[Recorded]) -> Result<(), FollowError> {
        for event in batch {
            let worth_until = event.time + WORTH_TELLING;
            if worth_until <= Utc::now() {
                continue;
            }
            match event.stream.category.as_str() {
                SignUp::CATEGORY => {
                    if let SignUpEvent::CodeIssued(code) = decoded::<SignUp>(event)? {
                        demand_code(tx, event, &code).await?;
                    }
                }
                Account::CATEGORY => {
                    if let AccountEvent::CodeIssued(code) = decoded::<Account>(event)? {
                        demand_code(tx, event, &code).await?;
                    }
                }
                Crews::CATEGORY => {
                    if let CrewEvent::CrewMemberInvited { person, .. } = decoded::<Crews>(event)? {
                        let due_at = pace(tx, event).await?;
                        demand(tx, event, person, None, due_at, worth_until).await?;
                    }
                }
                _ => {
                    let decoded = decoded::<TripBookings>(event)?;
                    if let TripBookingEvent::MemberReminded { person, .. } = decoded {
                        demand(tx, event, person, None, event.time, worth_until).await?;
                    }
                    for made in purchases(&decoded) {
                        self.purchase_made(tx, event, made).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

async fn demand_code(tx: &mut PgConnection, event: &Recorded, code: &CodeIssued) -> Result<(), FollowError> {
    demand(tx, event, code.to.subject, None, event.time, code.expires_at).await
}

/// When an invitation goes out: at once while its account has invited few of late, else one a second.
async fn pace(tx: &mut PgConnection, event: &Recorded) -> Result<DateTime<Utc>, FollowError> {
    let Some(account) = actor(event)? else { return Ok(event.time) };
    let next: DateTime<Utc> = sqlx::query_scalar(
        "insert into invitation_pace as pace (account, next_at) values ($1, $2)
         on conflict (account) do update
         set next_at = greatest(pace.next_at, excluded.next_at) + interval '1 second' returning next_at",
    )
    .bind(account.0)
    .bind(event.time)
    .fetch_one(tx)
    .await?;
    Ok(event.time.max(next - TimeDelta::seconds(AT_ONCE - 1)))
}

async fn demand(
    tx: &mut PgConnection,
    event: &Recorded,
    recipient: EntityId,
    purchase: Option<i64>,
    due_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), FollowError> {
    let name = purchase.map_or("message".to_owned(), |purchase| format!("purchase {purchase}"));
    sqlx::query(
        "insert into outgoing_messages (id, category, stream_id, revision, recipient, purchase, expires_at, due_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
    )
    .bind(Uuid::new_v5(&event.id, format!("{name}/{recipient}").as_bytes()))
    .bind(&event.stream.category)
    .bind(event.stream.id.0)
    .bind(event.revision)
    .bind(recipient.0)
    .bind(purchase)
    .bind(expires_at)
    .bind(due_at)
    .execute(tx)
    .await?;
    Ok(())
}
