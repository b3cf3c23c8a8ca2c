//! Members who act at the same time: one wins and the other is told so, or the result holds both.

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{PASSWORD, messages};
use crate::support::{Person, Settings};
use crate::world::{Booking, World, answer, text};

/// How often each race is run: timing decides which way it goes.
const TIMES: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_who_act_at_once_get_clear_answers() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let (world, first) = World::start(Settings::new(env!("CARGO_BIN_EXE_caravan"))).await;
    let second = world.client.person("second", "+15550300001").await;
    let third = world.client.person("third", "+15550300002").await;
    let race = Race { world, first, second, third };
    race.assigning_one_ticket_twice_leaves_it_with_the_later().await;
    race.of_two_with_the_same_precondition_one_wins().await;
    race.the_last_free_ticket_goes_once().await;
    race.a_room_is_never_paid_more_than_once().await;
    race.one_idempotency_key_is_one_command().await;
    race.where_the_last_leaders_leave_at_once_somebody_follows().await;
    race.somebody_added_twice_is_there_once().await;
    race.likes_at_once_are_all_kept().await;
    race.a_username_has_one_owner().await;
}

/// Thousands may like one trip at once: each in a stream of their own, so that nobody waits for another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trip_that_many_like_at_once_has_all_their_likes() {
    const PEOPLE: usize = 64;
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let (world, scout) = World::start(Settings::new(env!("CARGO_BIN_EXE_caravan"))).await;
    let trips = world.client.search("/discoverAny", &scout, json!({})).await;
    let trip = text(&trips[0]["tripId"]);
    let mut people = vec![];
    for number in 0..PEOPLE {
        people.push(world.client.person(&format!("liker-{number}"), &format!("+155504{number:05}")).await);
    }
    let like = |person: &Person| world.command("/like", person, json!({"tripId": trip, "userId": person.id}));
    let outcomes: Vec<_> = people
        .iter()
        .flat_map(|person| [like(person), like(person)])
        .map(|like| tokio::spawn(Outcome::of(like)))
        .collect();
    for outcome in outcomes {
        let outcome = outcome.await.expect("an outcome");
        assert_eq!((outcome.status, &outcome.body["tripId"]), (StatusCode::OK, &json!(trip)), "{outcome:?}");
    }
    // One more, which comes after all of them.
    let last = like(&scout).send().await.expect("an answer").headers()["caravan-position"].clone();
    let top = world.command("/topLikedTrips", &scout, json!({})).header("Caravan-After", last);
    let (status, top) = answer(top.send().await.expect("an answer")).await;
    assert_eq!(status, StatusCode::OK, "{top}");
    assert_eq!((&top[0]["tripId"], &top[0]["likes"]), (&json!(trip), &json!(PEOPLE + 1)), "{top}");
    for command in [&["verify"][..], &["rebuild", "tallies"], &["verify"]] {
        let (succeeded, output) = world.server.run(command);
        assert!(succeeded, "{command:?}: {output}");
    }
}

struct Race {
    world: World,
    first: Person,
    second: Person,
    third: Person,
}

impl Race {
    /// A booking that `first` and `second` lead, with `third` as a member.
    async fn booking(&self) -> Booking {
        let booking = self.world.book(&self.first).await;
        self.world.join(&booking, &self.second).await;
        self.world.join(&booking, &self.third).await;
        let leader = json!({"tripBookingId": booking.id, "userId": self.second.id, "isLeader": true});
        self.world.client.command("/update-trip-booking-member", &self.first, leader).await;
        booking
    }

    fn assign(&self, by: &Person, booking: &Booking, bundle: &Value, ticket: usize, to: &Person) -> RequestBuilder {
        let body = json!({"tripBookingId": booking.id, "ticketBundleId": bundle["id"],
            "id": bundle["tickets"][ticket]["id"], "userId": to.id});
        self.world.command("/assign-ticket", by, body)
    }

    async fn stored_bundle(&self, bundle: &Value) -> Value {
        self.world.client.query("/ticket-bundle", &self.first, &[("id", &text(&bundle["id"]))]).await
    }

    async fn assigning_one_ticket_twice_leaves_it_with_the_later(&self) {
        let booking = self.booking().await;
        for _ in 0..TIMES {
            let bundle = self.world.bundle(&booking, 1).await;
            let (a, b) = both(
                self.assign(&self.first, &booking, &bundle, 0, &self.second),
                self.assign(&self.second, &booking, &bundle, 0, &self.third),
            )
            .await;
            assert_eq!([a.status, b.status], [StatusCode::OK; 2], "{a:?} {b:?}");
            assert_eq!(a.body["consumerId"], json!(self.second.id));
            assert_eq!(b.body["consumerId"], json!(self.third.id));
            let later = if a.revision > b.revision { &a } else { &b };
            let stored = self.stored_bundle(&bundle).await;
            assert_eq!(stored["tickets"][0]["consumerId"], later.body["consumerId"]);
        }
    }

    async fn of_two_with_the_same_precondition_one_wins(&self) {
        let booking = self.booking().await;
        for _ in 0..TIMES {
            let bundle = self.world.bundle(&booking, 1).await;
            let response = self.world.trip_booking(&booking, &self.first).send().await.expect("an answer");
            let etag = response.headers()["etag"].to_str().expect("an ETag").to_owned();
            let (a, b) = both(
                self.assign(&self.first, &booking, &bundle, 0, &self.second).header("If-Match", &etag),
                self.assign(&self.second, &booking, &bundle, 0, &self.third).header("If-Match", &etag),
            )
            .await;
            let (winner, loser) = one_wins(a, b, &[StatusCode::PRECONDITION_FAILED]);
            assert!(loser.says_why(), "{loser:?}");
            let stored = self.stored_bundle(&bundle).await;
            assert_eq!(stored["tickets"][0]["consumerId"], winner.body["consumerId"]);
        }
    }

    /// One assigns the last free ticket while the other takes it out of the bundle.
    async fn the_last_free_ticket_goes_once(&self) {
        let booking = self.booking().await;
        for _ in 0..TIMES {
            let bundle = self.world.bundle(&booking, 2).await;
            let taken = self.assign(&self.first, &booking, &bundle, 0, &self.first).send().await.expect("an answer");
            assert_eq!(taken.status(), StatusCode::OK);
            let smaller = json!({"tripBookingId": booking.id, "id": bundle["id"], "userId": self.second.id,
                "numberOfTickets": 1});
            let (a, b) = both(
                self.assign(&self.first, &booking, &bundle, 1, &self.third),
                self.world.command("/update-ticket-bundle", &self.second, smaller),
            )
            .await;
            let assigned = a.status == StatusCode::OK;
            let (_, loser) = one_wins(a, b, &[StatusCode::NOT_FOUND, StatusCode::CONFLICT]);
            assert!(loser.says_why(), "{loser:?}");
            let stored = self.stored_bundle(&bundle).await;
            let tickets = stored["tickets"].as_array().expect("tickets");
            assert_eq!(tickets.len(), if assigned { 2 } else { 1 });
            assert!(tickets.iter().all(|ticket| ticket["consumerId"].is_string()), "{stored}");
        }
    }

    /// Two leaders each put down a guest for more than half of a room.
    async fn a_room_is_never_paid_more_than_once(&self) {
        let booking = self.booking().await;
        for _ in 0..TIMES {
            let flat = json!({"tripBookingId": booking.id, "userId": self.first.id, "name": "Flat",
                "rooms": [{"purchase": {"amount": 100, "currency": "EUR", "date": 1_900_000_000}}]});
            let flat = self.world.client.command("/add-accommodation", &self.first, flat).await;
            let room = &flat["rooms"][0]["id"];
            let guest = |leader: &Person, person: &Person| {
                let guest = json!([{"accommodationRoomId": room, "guestId": person.id, "proportionOfPayment": 0.6}]);
                self.world.command("/add-accommodation-guests", leader, guest)
            };
            let (a, b) = both(guest(&self.first, &self.second), guest(&self.second, &self.third)).await;
            let (_, loser) = one_wins(a, b, &[StatusCode::BAD_REQUEST]);
            assert!(loser.says_why(), "{loser:?}");
            let id = text(&flat["id"]);
            let query = [("userId", self.first.id.as_str()), ("id", &id)];
            let stored = self.world.client.query("/accommodations", &self.first, &query).await;
            assert_eq!(stored[0]["rooms"][0]["guests"].as_array().map(Vec::len), Some(1), "{stored}");
        }
    }

    async fn one_idempotency_key_is_one_command(&self) {
        let booking = self.booking().await;
        for time in 0..TIMES {
            let bundle = |amount: u32| {
                let body = json!({"eventId": self.world.event, "purchaserId": self.first.id,
                    "tripBookingId": booking.id, "tickets": [{}, {}],
                    "purchase": {"amount": amount, "currency": "EUR", "date": 1_900_000_000}});
                let command = self.world.command("/add-ticket-bundle", &self.first, body);
                command.header("Idempotency-Key", format!("race-{time}"))
            };
            let (a, b) = both(bundle(10), bundle(10)).await;
            assert_eq!([a.status, b.status], [StatusCode::OK; 2], "{a:?} {b:?}");
            assert_eq!(a.body, b.body);
            assert_eq!(a.revision, b.revision);
            let other = Outcome::of(bundle(11)).await;
            assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{other:?}");
        }
        let query = [("tripBookingId", booking.id.as_str())];
        let bundles = self.world.client.query("/trip-booking-ticket-bundles", &self.first, &query).await;
        assert_eq!(bundles.as_array().map(Vec::len), Some(TIMES));
    }

    async fn where_the_last_leaders_leave_at_once_somebody_follows(&self) {
        for _ in 0..TIMES {
            let booking = self.booking().await;
            let leave = |person: &Person| {
                let body = json!({"tripBookingId": booking.id, "userId": person.id});
                self.world.command("/remove-trip-booking-member", person, body)
            };
            let (a, b) = both(leave(&self.first), leave(&self.second)).await;
            assert_eq!([a.status, b.status], [StatusCode::OK; 2], "{a:?} {b:?}");
            let left = self.world.trip_booking(&booking, &self.third).send().await.expect("an answer");
            let stored = answer(left).await.1;
            assert_eq!(stored["leaderIds"], json!([self.third.id]));
            // And the last of all goes once.
            let (a, b) = both(leave(&self.third), leave(&self.third)).await;
            let (_, loser) = one_wins(a, b, &[StatusCode::FORBIDDEN]);
            assert!(loser.says_why(), "{loser:?}");
        }
    }

    async fn somebody_added_twice_is_there_once(&self) {
        for _ in 0..TIMES {
            let booking = self.world.book(&self.first).await;
            self.world.join(&booking, &self.second).await;
            let crew = json!({"crewId": booking.crew, "newMemberId": self.third.id, "userId": self.first.id});
            self.world.client.command("/add-crew-member", &self.first, crew).await;
            let add = |by: &Person| {
                let body = json!({"tripBookingId": booking.id, "userId": self.third.id, "isKrugoUser": true});
                self.world.command("/add-trip-booking-member", by, body)
            };
            let (a, b) = both(add(&self.first), add(&self.second)).await;
            for outcome in [&a, &b] {
                let fine =
                    outcome.status == StatusCode::OK || (outcome.status == StatusCode::CONFLICT && outcome.says_why());
                assert!(fine, "{outcome:?}");
            }
            assert!(a.status == StatusCode::OK || b.status == StatusCode::OK, "{a:?} {b:?}");
            let query = [("tripBookingId", booking.id.as_str())];
            let members = self.world.client.query("/get-trip-booking-members", &self.first, &query).await;
            let members = members.as_array().expect("members");
            assert_eq!(members.iter().filter(|member| member["userId"] == json!(self.third.id)).count(), 1);
        }
    }

    async fn likes_at_once_are_all_kept(&self) {
        let booking = self.booking().await;
        for _ in 0..TIMES {
            let idea = json!({"crewId": booking.crew, "suggestorId": self.first.id, "cityId": self.world.city,
                "startDate": "2031-06-01", "endDate": "2031-06-03", "eventIds": [self.world.event]});
            let idea = text(&self.world.client.command("/add-trip-idea", &self.first, idea).await["id"]);
            let like = |person: &Person| {
                let body = json!({"crewId": booking.crew, "id": idea, "userId": person.id});
                self.world.command("/like-trip-idea", person, body)
            };
            let (a, b) = both(like(&self.second), like(&self.third)).await;
            assert_eq!([a.status, b.status], [StatusCode::OK; 2], "{a:?} {b:?}");
            let query = [("crewId", booking.crew.as_str())];
            let ideas = self.world.client.query("/trip-ideas", &self.first, &query).await;
            let found = ideas.as_array().into_iter().flatten().find(|found| found["id"] == json!(idea));
            let liked = found.and_then(|idea| idea["likedUserIds"].as_array()).expect("the idea's likes");
            assert!(liked.contains(&json!(self.second.id)) && liked.contains(&json!(self.third.id)), "{liked:?}");
        }
    }

    /// Two people sign up with one name, and confirm at once.
    async fn a_username_has_one_owner(&self) {
        let (ours, theirs) = ("+15550300101", "+15550300102");
        let client = &self.world.client;
        for phone in [ours, theirs] {
            let account = json!({"username": "same", "password": password_of(phone), "firstname": "Some", "lastname": "Body",
                "attributes": [{"Name": "phone_number", "Value": phone}]});
            let response = client.send("/signup", None, account).await.expect("an answer");
            assert_eq!(response.status(), StatusCode::OK);
        }
        let (our_code, their_code) = (client.code(ours).await, client.code(theirs).await);
        assert_eq!(messages(&client.outbox, ours).len(), 1);
        let confirm = |phone: &str, code: String| {
            let body = json!({"username": "same", "password": password_of(phone), "confirmationCode": code});
            client.http.post(format!("{}/dev/signup/confirm", client.write)).json(&body)
        };
        let (a, b) = both(confirm(ours, our_code), confirm(theirs, their_code)).await;
        let owner = if a.status == StatusCode::OK { ours } else { theirs };
        let (winner, loser) = one_wins(a, b, &[StatusCode::CONFLICT, StatusCode::BAD_REQUEST]);
        assert!(loser.says_why(), "{loser:?}");
        for phone in [ours, theirs] {
            let login = json!({"username": "same", "password": password_of(phone)});
            let (status, body) = answer(client.send("/login", None, login).await.expect("an answer")).await;
            if phone == owner {
                assert_eq!((status, &body["id"]), (StatusCode::OK, &winner.body["krugoId"]), "{body}");
            } else {
                assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
            }
        }
    }
}

fn password_of(phone: &str) -> String {
    format!("{PASSWORD} {phone}")
}

#[derive(Debug)]
struct Outcome {
    status: StatusCode,
    /// The ETag as a number; -1 without one.
    revision: i64,
    body: Value,
}

impl Outcome {
    async fn of(request: RequestBuilder) -> Outcome {
        let response = request.send().await.expect("an answer");
        let etag = response.headers().get("etag").and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        let revision = etag.and_then(|etag| etag.trim_matches('"').parse().ok()).unwrap_or(-1);
        let (status, body) = answer(response).await;
        Outcome { status, revision, body }
    }

    fn says_why(&self) -> bool {
        let message = self.body["message"].as_str().unwrap_or_default();
        !message.is_empty() && self.body["statusCode"] == json!(self.status.as_u16())
    }
}

/// Sends both at the same time.
async fn both(a: RequestBuilder, b: RequestBuilder) -> (Outcome, Outcome) {
    let (a, b) = (tokio::spawn(Outcome::of(a)), tokio::spawn(Outcome::of(b)));
    (a.await.expect("an outcome"), b.await.expect("an outcome"))
}

/// Winner and loser, where exactly one succeeded and the other was refused as it should be.
#[track_caller]
fn one_wins(a: Outcome, b: Outcome, refusals: &[StatusCode]) -> (Outcome, Outcome) {
    let (winner, loser) = if a.status == StatusCode::OK { (a, b) } else { (b, a) };
    assert_eq!(winner.status, StatusCode::OK, "{winner:?} {loser:?}");
    assert!(refusals.contains(&loser.status), "{winner:?} {loser:?}");
    (winner, loser)
}
