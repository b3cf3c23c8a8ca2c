//! Commands of crews, ideas and bookings that need facts of other streams, on a real Postgres.

mod support;

use caravan_commands::trips::{NewBooking, NewCrew, NewIdea, NewInvite, NewMember};
use caravan_commands::{Caller, CommandError, Commands, stream};
use caravan_domain::catalogue::city::CITY;
use caravan_domain::catalogue::event::{Event, EventCommand};
use caravan_domain::identity::account::{Provider, Registration};
use caravan_domain::identity::{Account, AccountCommand, AccountState, Channel, Claim, ClaimCommand, Contact};
use caravan_domain::record::{Change, RecordCommand, Records};
use caravan_domain::trips::booking::{TripBookingCommand, TripBookingEvent, TripBookings};
use caravan_domain::trips::crew::{CrewCommand, Crews};
use caravan_domain::{Actor, EntityId, RejectionKind};
use caravan_event_store::{Direction, Filter, StreamId};
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

    fn by(&self, person: EntityId) -> Caller {
        Caller::new(Actor::Person(person), self.now, Uuid::new_v4(), "krugo")
    }

    fn system(&self) -> Caller {
        Caller::system(self.now, Uuid::new_v4())
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
        self.commands.execute::<Account>(stream::<Account>(id), register, &self.system()).await.unwrap();
        id
    }

    /// As whoever has proven a number does.
    async fn claim_phone(&self, person: EntityId, phone: &str) {
        let claimed = stream::<Claim>(self.commands.vault().claim_id("phone", phone));
        let claim = ClaimCommand::Claim { owner: person, held: false };
        self.commands.execute::<Claim>(claimed, claim, &self.system()).await.unwrap();
    }

    async fn city(&self) -> EntityId {
        let id = self.commands.vault().new_id("city").await.unwrap();
        let fields = json!({"name": "Toronto", "country": "CA", "region": nobody(), "place": {"lat": 43.7, "lon": -79.4},
            "time_zone": "America/Toronto", "population": 2_794_356});
        let change = Change::Put(fields.as_object().unwrap().clone());
        let command = RecordCommand { record: &CITY, id, change };
        self.commands.execute::<Records>(StreamId::new("city", id), command, &self.system()).await.unwrap();
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
        self.commands.execute::<Event>(stream::<Event>(id), command, &self.system()).await.unwrap();
        id
    }

    async fn crew(&self, admin: EntityId, others: &[EntityId]) -> EntityId {
        let new = NewCrew { name: "Weekend".into(), description: None, has_image: false, admin_ids: vec![admin] };
        let crew = self.commands.create_crew(new, &self.by(admin)).await.unwrap().id;
        for person in others {
            self.commands.add_crew_member(crew, *person, &self.by(admin)).await.unwrap();
        }
        crew
    }

    async fn members(&self, crew: EntityId) -> Vec<EntityId> {
        let current = self.commands.state::<Crews>(&stream::<Crews>(crew)).await.unwrap();
        current.state.crew().unwrap().members.clone()
    }

    async fn book(&self, crew: EntityId, leader: EntityId) -> EntityId {
        let new = new_booking(crew, self.city().await, leader);
        self.commands.create_booking(new, &self.by(leader)).await.unwrap().id
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
    refused(world.commands.create_crew(new, &world.by(ann)).await, RejectionKind::NotFound, Some("admin_ids[1]"));
    let crew = world.crew(ann, &[]).await;
    let added = world.commands.add_crew_member(crew, nobody(), &world.by(ann)).await;
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
    let invited = world.commands.invite_to_crew(crew, vec![], invites, &world.by(ann)).await;
    let invited = invited.unwrap();
    let (temp, state) = &invited.people[1];
    assert_eq!(invited.people[0].0, ben);
    let AccountState::Invited(names) = &**state else { panic!("{state:?}") };
    assert_eq!(world.commands.vault().open_text(names.first_name.as_ref().unwrap()).await.unwrap(), "Eli");
    assert_eq!(world.members(crew).await, [ann, ben, *temp]);
    assert_eq!(world.commands.temp_members(&[ann, ben, *temp]).await.unwrap(), [*temp].into());

    // The number is known now: the same person, under the names first given, and nothing new is stored.
    let before = world.stored().await;
    let other_names = NewInvite { first_name: Some("Other".into()), ..invite("+15550105") };
    let again = world.commands.invite_to_crew(crew, vec![], vec![other_names], &world.by(ben)).await.unwrap();
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
    let by_stranger = world.commands.invite_to_crew(crew, vec![], vec![invite("+15550105")], &world.by(eve)).await;
    refused(by_stranger, RejectionKind::Forbidden, None);
    let invites = vec![invite("+15550105"), invite("nonsense")];
    let unreadable = world.commands.invite_to_crew(crew, vec![], invites, &world.by(ann)).await;
    refused(unreadable, RejectionKind::Invalid, Some("new_invites[1].phone_number"));
    let nowhere = world.commands.invite_to_crew(nobody(), vec![], vec![invite("+15550105")], &world.by(ann)).await;
    refused(nowhere, RejectionKind::NotFound, None);
    assert_eq!(world.stored().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_of_a_crew_and_a_city_that_exist() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), None).await;
    let crew = world.crew(ann, &[]).await;
    let city = world.city().await;
    let nowhere = world.commands.create_booking(new_booking(crew, nobody(), ann), &world.by(ann)).await;
    refused(nowhere, RejectionKind::NotFound, Some("city_id"));
    let crewless = world.commands.create_booking(new_booking(nobody(), city, ann), &world.by(ann)).await;
    refused(crewless, RejectionKind::NotFound, None);
    let made = world.commands.create_booking(new_booking(crew, city, ann), &world.by(ann)).await.unwrap();
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
    let add = async |person| world.commands.add_booking_member(booking, new_member(person), &world.by(ann)).await;
    refused(add(eve).await, RejectionKind::Invalid, Some("person"));
    refused(add(nobody()).await, RejectionKind::NotFound, Some("person"));
    assert_eq!(add(ben).await.unwrap().1.state.booking().unwrap().members, [ann, ben]);
    world.commands.change_crew(crew, CrewCommand::AddMember { person: eve }, &world.by(ben)).await.unwrap();
    assert_eq!(add(eve).await.unwrap().1.state.booking().unwrap().members, [ann, ben, eve]);
    let nowhere = world.commands.add_booking_member(nobody(), new_member(ben), &world.by(ann)).await;
    refused(nowhere, RejectionKind::NotFound, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_bookings_and_ideas_exist() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), None).await;
    let crew = world.crew(ann, &[]).await;
    let booking = world.book(crew, ann).await;
    let event = world.event().await;
    let unknown = world.commands.add_booking_event(booking, nobody(), None, &world.by(ann)).await;
    refused(unknown, RejectionKind::NotFound, Some("event"));
    let done = world.commands.add_booking_event(booking, event, Some(vec![ann]), &world.by(ann)).await.unwrap();
    assert_eq!(done.state.booking().unwrap().attendance(event).unwrap().attendees, [ann]);

    let idea = |city_id, event_ids| NewIdea {
        crew_id: crew,
        city_id,
        start_date: day(1),
        end_date: day(4),
        event_ids,
        liked_user_ids: vec![],
    };
    let city = world.city().await;
    let suggest = async |new| world.commands.suggest_trip(new, &world.by(ann)).await;
    refused(suggest(idea(city, vec![event, nobody()])).await, RejectionKind::NotFound, Some("event_ids"));
    refused(suggest(idea(nobody(), vec![])).await, RejectionKind::NotFound, Some("city_id"));
    let made = suggest(idea(city, vec![event])).await.unwrap();
    assert_eq!(world.commands.like_trip(made.id, crew, &world.by(ann)).await.unwrap().events.len(), 1);
    assert_eq!(world.commands.unlike_trip(made.id, crew, &world.by(ann)).await.unwrap().events.len(), 1);
    world.commands.delete_trip_idea(made.id, crew, &world.by(ann)).await.unwrap();
    let gone = world.commands.like_trip(made.id, crew, &world.by(ann)).await;
    refused(gone, RejectionKind::NotFound, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_goes_by_mail_else_sms_and_to_temp_members_by_sms() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), Some("ann@example.com")).await;
    let ben = world.person(Some("+15550102"), None).await;
    let cal = world.person(None, None).await;
    let crew = world.crew(ann, &[ben, cal]).await;
    let invited = world.commands.invite_to_crew(crew, vec![], vec![invite("+15550105")], &world.by(ann)).await.unwrap();
    let temp = invited.people[0].0;
    let booking = world.book(crew, ann).await;
    for person in [ben, cal, temp] {
        world.commands.add_booking_member(booking, new_member(person), &world.by(ann)).await.unwrap();
    }
    for (person, expected) in [(ann, Channel::Mail), (ben, Channel::Sms), (temp, Channel::Sms)] {
        let done = world.commands.remind_booking_member(booking, person, &world.by(ann)).await.unwrap();
        let reminded = TripBookingEvent::MemberReminded { person, channel: expected, at: world.now };
        assert_eq!(done.events, [reminded]);
    }
    let unreachable = world.commands.remind_booking_member(booking, cal, &world.by(ann)).await;
    refused(unreachable, RejectionKind::Conflict, Some("person"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_of_a_deleted_crew_is_not_recovered() {
    let world = World::new().await;
    let ann = world.person(Some("+15550101"), None).await;
    let crew = world.crew(ann, &[]).await;
    let booking = world.book(crew, ann).await;
    let abandon = TripBookingCommand::Abandon { crew_id: crew };
    world.commands.change_booking(booking, abandon, &world.by(ann)).await.unwrap();
    world.commands.recover_booking(booking, crew, false, &world.by(ann)).await.unwrap();
    world.commands.change_crew(crew, CrewCommand::Delete, &world.by(ann)).await.unwrap();
    let abandon = TripBookingCommand::AbandonWithCrew;
    world.commands.change_booking(booking, abandon, &world.system()).await.unwrap();
    let recovered = world.commands.recover_booking(booking, crew, true, &world.by(ann)).await;
    refused(recovered, RejectionKind::Conflict, None);
    assert!(world.commands.state::<TripBookings>(&stream::<TripBookings>(booking)).await.unwrap().state.is_abandoned());
}
