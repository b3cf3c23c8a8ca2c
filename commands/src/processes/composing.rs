//! What a message says: the event that demands it and the present state of what it names, opened only now.

use caravan_domain::catalogue::city::{CITY, City};
use caravan_domain::identity::{Account, AccountEvent, AccountState, Channel, CodeIssued, SignUp, SignUpEvent};
use caravan_domain::trips::booking::{TripBooking, TripBookingEvent, TripBookings};
use caravan_domain::trips::crew::{CrewEvent, Crews};
use caravan_domain::{Decider, EntityId, Sealed};
use caravan_event_store::{Recorded, codec};
use uuid::Uuid;

use super::messages::purchases;
use crate::effects::Message;
use crate::effects::templates::{self, Content};
use crate::{CommandError, Commands};

/// What an event demands for one person.
pub(super) struct Demand {
    pub id: Uuid,
    pub recipient: EntityId,
    /// The number of the purchase it tells of.
    pub purchase: Option<i64>,
}

/// Whom a message goes to, and where.
struct Reached {
    person: EntityId,
    channel: Channel,
    to: String,
    has_account: bool,
}

/// The message, unless there is nothing to tell, or nobody to tell it to, any more.
pub(super) async fn compose(
    commands: &Commands,
    event: &Recorded,
    demand: &Demand,
    public_url: &str,
) -> Result<Option<Message>, CommandError> {
    let composing = Composing { commands, event, demand, public_url };
    match event.stream.category.as_str() {
        SignUp::CATEGORY => match decode::<SignUp>(event)? {
            SignUpEvent::CodeIssued(code) => composing.code(&code).await,
            _ => Ok(None),
        },
        Account::CATEGORY => match decode::<Account>(event)? {
            AccountEvent::CodeIssued(code) => composing.code(&code).await,
            _ => Ok(None),
        },
        Crews::CATEGORY => match decode::<Crews>(event)? {
            CrewEvent::CrewMemberInvited { .. } => composing.crew_invitation().await,
            _ => Ok(None),
        },
        _ => composing.about_booking(&decode::<TripBookings>(event)?).await,
    }
}

fn decode<D: Decider>(event: &Recorded) -> Result<D::Event, CommandError> {
    codec::decode::<D>(event).map_err(CommandError::broken)
}

struct Composing<'a> {
    commands: &'a Commands,
    event: &'a Recorded,
    demand: &'a Demand,
    public_url: &'a str,
}

impl Composing<'_> {
    async fn code(&self, code: &CodeIssued) -> Result<Option<Message>, CommandError> {
        let vault = self.commands.vault();
        if vault.is_forgotten(code.to.subject).await? {
            return Ok(None);
        }
        let to = vault.open_text(&code.to).await?;
        let content = templates::code(code.purpose, &vault.code(code.nonce));
        Ok(Some(self.message(code.channel, to, &content, vec![code.to.subject])))
    }

    fn actor(&self) -> Result<Option<EntityId>, CommandError> {
        Ok(self.event.metadata().map_err(CommandError::broken)?.actor)
    }

    async fn crew_invitation(&self) -> Result<Option<Message>, CommandError> {
        let state = self.commands.state::<Crews>(self.event.stream.id).await?.state;
        let Some(reached) = self.recipient().await? else { return Ok(None) };
        let Ok(crew) = state.crew() else { return Ok(None) };
        if !crew.is_member(reached.person) && !crew.is_member(self.demand.recipient) {
            return Ok(None);
        }
        let (inviter, name) = self.first_name(self.actor()?).await?;
        let content = templates::crew_invitation(name.as_deref(), &crew.name, reached.has_account, self.public_url);
        Ok(Some(self.to_person(reached, &content, inviter)))
    }

    async fn about_booking(&self, event: &TripBookingEvent) -> Result<Option<Message>, CommandError> {
        let state = self.commands.state::<TripBookings>(self.event.stream.id).await?.state;
        let Some(reached) = self.recipient().await? else { return Ok(None) };
        let booking = match state.booking() {
            Ok(booking) if !state.is_abandoned() => booking,
            _ => return Ok(None),
        };
        if !booking.is_member(reached.person) && !booking.is_member(self.demand.recipient) {
            return Ok(None);
        }
        let city = self.city(booking).await?;
        if matches!(event, TripBookingEvent::MemberReminded { .. }) {
            let (sender, name) = self.first_name(self.actor()?).await?;
            let days = (booking.start_date, booking.end_date);
            let content = templates::trip_booking_reminder(name.as_deref(), &city, days, self.public_url);
            return Ok(Some(self.to_person(reached, &content, sender)));
        }
        let made =
            purchases(event).into_iter().find(|made| Some(i64::from(made.purchase.number)) == self.demand.purchase);
        let Some(made) = made else { return Ok(None) };
        let (purchaser, name) = self.first_name(Some(made.purchaser)).await?;
        let content =
            templates::purchase_made(name.as_deref(), &made.what.words(), made.amount(), &city, self.public_url);
        Ok(Some(self.to_person(reached, &content, purchaser)))
    }

    async fn city(&self, booking: &TripBooking) -> Result<String, CommandError> {
        let city = self.commands.record(&CITY, booking.city).await?.state;
        Ok(city.get::<City>().map_or("another city".to_owned(), |city| city.name))
    }

    /// The person as they can be reached now; a temp member who was absorbed is the account that did.
    async fn recipient(&self) -> Result<Option<Reached>, CommandError> {
        let mut person = self.demand.recipient;
        let mut state = self.account(person).await?;
        if let AccountState::Absorbed { into } = *state {
            person = into;
            state = self.account(person).await?;
        }
        let Some((channel, contact)) = state.reached_by() else { return Ok(None) };
        let Some(to) = self.opened(contact).await? else { return Ok(None) };
        Ok(Some(Reached { person, channel, to, has_account: state.registered().is_some() }))
    }

    /// The first name of somebody the message tells of, and who they are if it names them.
    async fn first_name(&self, person: Option<EntityId>) -> Result<(Option<EntityId>, Option<String>), CommandError> {
        let Some(person) = person else { return Ok((None, None)) };
        let state = self.account(person).await?;
        let Some(sealed) = state.first_name() else { return Ok((None, None)) };
        let name = self.opened(sealed).await?;
        Ok((name.is_some().then_some(person), name))
    }

    async fn opened(&self, sealed: &Sealed) -> Result<Option<String>, CommandError> {
        let vault = self.commands.vault();
        if vault.is_forgotten(sealed.subject).await? {
            return Ok(None);
        }
        Ok(Some(vault.open_text(sealed).await?))
    }

    async fn account(&self, person: EntityId) -> Result<std::sync::Arc<AccountState>, CommandError> {
        Ok(self.commands.state::<Account>(person).await?.state)
    }

    fn to_person(&self, reached: Reached, content: &Content, named: Option<EntityId>) -> Message {
        let mut subjects = vec![reached.person];
        subjects.extend(named.filter(|named| *named != reached.person));
        self.message(reached.channel, reached.to, content, subjects)
    }

    fn message(&self, channel: Channel, to: String, content: &Content, subjects: Vec<EntityId>) -> Message {
        let is_mail = channel == Channel::Mail;
        Message {
            id: self.demand.id,
            channel,
            to,
            subject: is_mail.then(|| content.subject.clone()),
            text: content.text(),
            html: is_mail.then(|| content.html()),
            template: content.template.to_owned(),
            subjects,
            created_at: self.event.time,
        }
    }
}
