//! Commands of crews, ideas and bookings that need facts of other streams, on a real Postgres.

mod support;

use caravan_commands::identity::people;
use caravan_commands::trips::crews::NewInvite;
use caravan_commands::trips::{bookings, crews, ideas};
use caravan_commands::{Asking, Caller, CommandError, Commands, records};
use caravan_domain::catalogue::city::CITY;
use caravan_domain::catalogue::event::{Event, EventCommand};
use caravan_domain::identity::account::{Provider, Registration};
use caravan_domain::identity::{Account, AccountCommand, AccountState, Claim, ClaimCommand, Contact, Medium};
use caravan_domain::record::Change;
use caravan_domain::trips::booking::{NewBooking, NewMember, TripBookingCommand, TripBookingEvent, TripBookings};
use caravan_domain::trips::crew::{CrewCommand, Crews, NewCrew};
use caravan_domain::trips::trip_idea::Suggestion;
use caravan_domain::{Actor, EntityId, RejectionKind};
use caravan_event_store::{Direction, Filter};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use uuid::Uuid;

use support::Databases;

/// A write side of its own, on fresh databases.
struct World {
    commands: Commands,
    now: DateTime<Utc>,
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2030, 5, day).unwrap()
}

/// The id of nothing.
fn nobody() -> EntityId {
    EntityId(Uuid::new_v4())
}

#[track_caller]
fn refused<T>(outcome: Result<T, CommandError>, kind: RejectionKind, field: Option<&str>) {
    match outcome {
        Err(CommandError::Rejected(rejection)) => {
            assert_eq!((rejection.kind, rejection.field()), (kind, field), "{rejection}");
        }
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("was accepted"),
    }
}

impl World {
    async fn new() -> World {
        let commands = Databases::new().await.process(None).await;
        World { commands, now: Utc::now() }
    }

    fn by(&self, person: EntityId) -> Asking {
        self.asking(Actor::Person(person))
    }

    fn system(&self) -> Asking {
        self.asking(Actor::System)
    }

    fn asking(&self, actor: Actor) -> Asking {
        self.commands.asked_by(Caller::new(actor, self.now, Uuid::new_v4(), "krugo"))
    }

    /// An account that has proven the contacts given.
    async fn person(&self, phone: Option<&str>, email: Option<&str>) -> EntityId {
        let vault = self.commands.vault();
        let id = vault.new_id("account").await.unwrap();
        let contact = async |text: Option<&str>| match text {
            Some(text) => Some(Contact { value: vault.seal(id, text).await.unwrap(), proven: true }),
            None => None,
        };
        let registration = Registration {
            provider: Provider::Facebook,
            sign_up: None,
            username: vault.seal(id, &format!("user-{id}")).await.unwrap(),
            password_hash: None,
            facebook_id: None,
            email: contact(email).await,
            phone: contact(phone).await,
            attributes: Default::default(),
        };
        let register = AccountCommand::Register(Box::new(registration));
        self.system().send::<Account>(id, register).await.unwrap();
        id
    }

    /// As whoever has proven a number does.
    async fn claim_phone(&self, person: EntityId, phone: &str) {
        let claimed = self.commands.vault().claim_id("phone", phone);
        let claim = ClaimCommand::Claim { owner: person, held: false };
        self.system().send::<Claim>(claimed, claim).await.unwrap();
    }

    async fn city(&self) -> EntityId {
        let id = self.commands.vault().new_id("city").await.unwrap();
        let fields = json!({"name": "Toronto", "country": "CA", "region": nobody(), "place": {"lat": 43.7, "lon": -79.4},
            "time_zone": "America/Toronto", "population": 2_794_356});
        let change = Change::Put(fields.as_object().unwrap().clone());
        records::change(&self.system(), &CITY, id, change).await.unwrap();
        id
    }

    async fn event(&self) -> EntityId {
        let id = self.commands.vault().new_id("event").await.unwrap();
        let details = json!({"name": "Desert Sound Live", "starts_at": "2030-05-02T00:30:00.000Z",
            "zone": "America/Toronto", "category": "Concerts/Rock", "event_type": "concerts"});
        let origin = json!({"source": "test", "external_id": id.to_string()});
        let command = EventCommand::Put {
            origin: serde_json::from_value(origin).unwrap(),
            details: Box::new(serde_json::from_value(details).unwrap()),
        };
        self.system().send::<Event>(id, command).await.unwrap();
        id
    }

    async fn crew(&self, admin: EntityId, others: &[EntityId]) -> EntityId {
        let new = NewCrew { name: "Weekend".into(), description: None, has_image: false, admin_ids: vec![admin] };
        let crew = crews::create(&self.by(admin), new).await.unwrap().id;
        for person in others {
            crews::add_member(&self.by(admin), crew, *person).await.unwrap();
        }
        crew
    }

    async fn members(&self, crew: EntityId) -> Vec<EntityId> {
        let current = self.commands.state::<Crews>(crew).await.unwrap();
        current.state.crew().unwrap().members.clone()
    }

    async fn book(&self, crew: EntityId, leader: EntityId) -> EntityId {
        let new = new_booking(crew, self.city().await, leader);
        bookings::create(&self.by(leader), new).await.unwrap().id
    }

    /// Everything stored so far.
    async fn stored(&self) -> usize {
        self.commands.store().read_all(0, Direction::Forwards, &Filter::default(), 10_000).await.unwrap().events.len()
    }
}

fn new_booking(crew_id: EntityId, city_id: EntityId, leader: EntityId) -> NewBooking {
    NewBooking { crew_id, city_id, start_date: day(1), end_date: day(4), leader_ids: vec![leader] }
}

fn new_member(person: EntityId) -> NewMember {
    NewMember { person, leader: false, start_date: None, end_date: None, availability: None }
}

fn invite(phone: &str) -> NewInvite {
    NewInvite { phone_number: phone.into(), first_name: Some("Eli".into()), last_name: Some("Stone".into()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn crews_are_of_people_who_exist() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), None).await;
    let new = NewCrew { name: "Weekend".into(), description: None, has_image: false, admin_ids: vec![ann, nobody()] };
    refused(crews::create(&world.by(ann), new).await, RejectionKind::NotFound, Some("admin_ids[1]"));
    let crew = world.crew(ann, &[]).await;
    let added = crews::add_member(&world.by(ann), crew, nobody()).await;
    refused(added, RejectionKind::NotFound, Some("person"));
    assert_eq!(world.members(crew).await, [ann]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_makes_one_temp_member_per_number_and_uses_known_accounts() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), None).await;
    let ben = world.person(Some("+15550102"), None).await;
    world.claim_phone(ben, "+15550102").await;
    let crew = world.crew(ann, &[]).await;
    let invites = vec![invite("+15550102"), invite("+15550105")];
    let invited = crews::invite(&world.by(ann), crew, vec![], invites).await;
    let invited = invited.unwrap();
    let (temp, state) = &invited.people[1];
    assert_eq!(invited.people[0].0, ben);
    let AccountState::Invited(names) = &**state else { panic!("{state:?}") };
    assert_eq!(world.commands.vault().open_text(names.first_name.as_ref().unwrap()).await.unwrap(), "Eli");
    assert_eq!(world.members(crew).await, [ann, ben, *temp]);
    assert_eq!(people::temp_members(&world.commands, &[ann, ben, *temp]).await.unwrap(), [*temp].into());

    // The number is known now: the same person, under the names first given, and nothing new is stored.
    let before = world.stored().await;
    let other_names = NewInvite { first_name: Some("Other".into()), ..invite("+15550105") };
    let again = crews::invite(&world.by(ben), crew, vec![], vec![other_names]).await.unwrap();
    assert_eq!(again.people[0].0, *temp);
    assert_eq!(world.stored().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_invitation_makes_nobody() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), None).await;
    let eve = world.person(Some("+15550109"), None).await;
    let crew = world.crew(ann, &[]).await;
    let before = world.stored().await;
    let by_stranger = crews::invite(&world.by(eve), crew, vec![], vec![invite("+15550105")]).await;
    refused(by_stranger, RejectionKind::Forbidden, None);
    let invites = vec![invite("+15550105"), invite("nonsense")];
    let unreadable = crews::invite(&world.by(ann), crew, vec![], invites).await;
    refused(unreadable, RejectionKind::Invalid, Some("new_invites[1].phone_number"));
    let nowhere = crews::invite(&world.by(ann), nobody(), vec![], vec![invite("+15550105")]).await;
    refused(nowhere, RejectionKind::NotFound, None);
    assert_eq!(world.stored().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_of_a_crew_and_a_city_that_exist() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), None).await;
    let crew = world.crew(ann, &[]).await;
    let city = world.city().await;
    let nowhere = bookings::create(&world.by(ann), new_booking(crew, nobody(), ann)).await;
    refused(nowhere, RejectionKind::NotFound, Some("city_id"));
    let crewless = bookings::create(&world.by(ann), new_booking(nobody(), city, ann)).await;
    refused(crewless, RejectionKind::NotFound, None);
    let made = bookings::create(&world.by(ann), new_booking(crew, city, ann)).await.unwrap();
    assert_eq!(made.state.booking().unwrap().time_zone.name(), "America/Toronto");
}

#[tokio::test(flavor = "multi_thread")]
async fn booking_members_are_crew_members() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), None).await;
    let ben = world.person(Some("+15550102"), None).await;
    let eve = world.person(Some("+15550109"), None).await;
    let crew = world.crew(ann, &[ben]).await;
    let booking = world.book(crew, ann).await;
    let add = async |person| bookings::add_member(&world.by(ann), booking, new_member(person)).await;
    refused(add(eve).await, RejectionKind::Invalid, Some("person"));
    refused(add(nobody()).await, RejectionKind::NotFound, Some("person"));
    assert_eq!(add(ben).await.unwrap().1.state.booking().unwrap().members, [ann, ben]);
    world.by(ben).send::<Crews>(crew, CrewCommand::AddMember { person: eve }).await.unwrap();
    assert_eq!(add(eve).await.unwrap().1.state.booking().unwrap().members, [ann, ben, eve]);
    let nowhere = bookings::add_member(&world.by(ann), nobody(), new_member(ben)).await;
    refused(nowhere, RejectionKind::NotFound, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_bookings_and_ideas_exist() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), None).await;
    let crew = world.crew(ann, &[]).await;
    let booking = world.book(crew, ann).await;
    let event = world.event().await;
    let unknown = bookings::add_event(&world.by(ann), booking, nobody(), None).await;
    refused(unknown, RejectionKind::NotFound, Some("event"));
    let done = bookings::add_event(&world.by(ann), booking, event, Some(vec![ann])).await.unwrap();
    assert_eq!(done.state.booking().unwrap().attendance(event).unwrap().attendees, [ann]);

    let idea = |city_id, event_ids| Suggestion {
        crew_id: crew,
        city_id,
        start_date: day(1),
        end_date: day(4),
        event_ids,
        liked_user_ids: vec![],
    };
    let city = world.city().await;
    let suggest = async |new| ideas::suggest(&world.by(ann), new).await;
    refused(suggest(idea(city, vec![event, nobody()])).await, RejectionKind::NotFound, Some("event_ids"));
    refused(suggest(idea(nobody(), vec![])).await, RejectionKind::NotFound, Some("city_id"));
    let made = suggest(idea(city, vec![event])).await.unwrap();
    assert_eq!(ideas::like(&world.by(ann), made.id, crew).await.unwrap().events.len(), 1);
    assert_eq!(ideas::unlike(&world.by(ann), made.id, crew).await.unwrap().events.len(), 1);
    ideas::delete(&world.by(ann), made.id, crew).await.unwrap();
    let gone = ideas::like(&world.by(ann), made.id, crew).await;
    refused(gone, RejectionKind::NotFound, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_goes_by_mail_else_sms_and_to_temp_members_by_sms() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), Some("ann@example.com")).await;
    let ben = world.person(Some("+15550102"), None).await;
    let cal = world.person(None, None).await;
    let crew = world.crew(ann, &[ben, cal]).await;
    let invited = crews::invite(&world.by(ann), crew, vec![], vec![invite("+15550105")]).await.unwrap();
    let temp = invited.people[0].0;
    let booking = world.book(crew, ann).await;
    for person in [ben, cal, temp] {
        bookings::add_member(&world.by(ann), booking, new_member(person)).await.unwrap();
    }
    for (person, expected) in [(ann, Medium::Mail), (ben, Medium::Sms), (temp, Medium::Sms)] {
        let done = bookings::remind_member(&world.by(ann), booking, person).await.unwrap();
        let reminded = TripBookingEvent::MemberReminded { person, medium: expected, at: world.now };
        assert_eq!(done.events, [reminded]);
    }
    let unreachable = bookings::remind_member(&world.by(ann), booking, cal).await;
    refused(unreachable, RejectionKind::Conflict, Some("person"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_of_a_deleted_crew_is_not_recovered() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), None).await;
    let crew = world.crew(ann, &[]).await;
    let booking = world.book(crew, ann).await;
    let abandon = TripBookingCommand::Abandon { crew_id: crew };
    world.by(ann).send::<TripBookings>(booking, abandon).await.unwrap();
    bookings::recover(&world.by(ann), booking, crew, false).await.unwrap();
    world.by(ann).send::<Crews>(crew, CrewCommand::Delete).await.unwrap();
    let abandon = TripBookingCommand::AbandonWithCrew;
    world.system().send::<TripBookings>(booking, abandon).await.unwrap();
    let recovered = bookings::recover(&world.by(ann), booking, crew, true).await;
    refused(recovered, RejectionKind::Conflict, None);
    assert!(world.commands.state::<TripBookings>(booking).await.unwrap().state.is_abandoned());
}
