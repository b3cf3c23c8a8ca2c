//! Bad input gets an error that names the field, and nothing is stored.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Person, Settings};
use crate::world::{Booking, World, answer, text};

/// An id that nobody has.
const NOBODY: &str = "00000000-0001-8000-8000-000000000001";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_refused_by_name_and_stores_nothing() {
    let _one = crate::ONE_AT_A_TIME.lock().await;
    let (world, leader) = World::start(Settings::new(env!("CARGO_BIN_EXE_caravan"))).await;
    let member = world.client.person("member", "+15550400001").await;
    let stranger = world.client.person("stranger", "+15550400002").await;
    let booking = world.book(&leader).await;
    world.join(&booking, &member).await;
    let bundle = world.bundle(&booking, 2).await;
    let before = world.log_length();
    let scene = Scene { world, booking, bundle, leader, member, stranger };
    scene.unreadable().await;
    scene.shapes().await;
    scene.values().await;
    scene.people().await;
    scene.unknown_ids().await;
    scene.sizes().await;
    scene.queries().await;
    scene.preconditions().await;
    assert_eq!(scene.world.log_length(), before, "refused commands store nothing");
}

struct Scene {
    world: World,
    booking: Booking,
    bundle: Value,
    leader: Person,
    member: Person,
    stranger: Person,
}

impl Scene {
    /// Valid bodies of several operations; each test spoils one.
    fn valid(&self) -> Vec<(&'static str, Value)> {
        let (booking, leader) = (&self.booking, &self.leader);
        vec![
            ("/create-crew", json!({"adminIds": [leader.id], "name": "Crew"})),
            (
                "/create-trip-booking",
                json!({"leaderIds": [leader.id], "crewId": booking.crew, "cityId": self.world.city,
                    "startDate": "2031-05-01", "endDate": "2031-05-04"}),
            ),
            (
                "/add-ticket-bundle",
                json!({"eventId": self.world.event, "purchaserId": leader.id, "tripBookingId": booking.id,
                    "tickets": [{}, {}], "purchase": {"amount": 5, "currency": "EUR", "date": 1_900_000_000}}),
            ),
            (
                "/add-accommodation",
                json!({"tripBookingId": booking.id, "userId": leader.id, "name": "Flat", "rooms": []}),
            ),
            (
                "/update-trip-booking-member",
                json!({"tripBookingId": booking.id, "userId": leader.id, "availability": "going"}),
            ),
        ]
    }

    fn valid_of(&self, path: &str) -> Value {
        self.valid().into_iter().find(|(valid, _)| *valid == path).expect("an operation of the list").1
    }

    /// A valid body with one place, a JSON pointer, set to something else.
    fn spoilt(&self, path: &str, pointer: &str, value: Value) -> Value {
        let mut body = self.valid_of(path);
        let (parent, field) = pointer.rsplit_once('/').expect("a JSON pointer");
        body.pointer_mut(parent).expect("the place is there")[field] = value;
        body
    }

    async fn unreadable(&self) {
        for (path, body) in self.valid() {
            let whole = body.to_string();
            for text in ["", "{", "nonsense", &whole[..whole.len() - 1], &format!("{whole}{whole}"), "\u{feff}{}"] {
                self.refused_text(path, text, &[StatusCode::BAD_REQUEST]).await;
            }
            for value in [json!(null), json!([]), json!("text"), json!(7)] {
                self.refused(path, &self.leader, value, &[StatusCode::BAD_REQUEST], None).await;
            }
        }
        let latin1 = b"{\"adminIds\": [], \"name\": \"caf\xe9\"}".to_vec();
        let request = self.world.command("/create-crew", &self.leader, json!({})).body(latin1);
        let (status, body) = answer(request.send().await.expect("an answer")).await;
        assert_refused("/create-crew in Latin-1", status, &body, &[StatusCode::BAD_REQUEST], None);
    }

    /// Missing fields, unknown fields, wrong types.
    async fn shapes(&self) {
        const BAD: &[StatusCode] = &[StatusCode::BAD_REQUEST];
        let required = [
            ("/create-crew", "adminIds"),
            ("/create-crew", "name"),
            ("/create-trip-booking", "crewId"),
            ("/create-trip-booking", "cityId"),
            ("/create-trip-booking", "startDate"),
            ("/create-trip-booking", "endDate"),
            ("/create-trip-booking", "leaderIds"),
            ("/add-ticket-bundle", "eventId"),
            ("/add-ticket-bundle", "purchaserId"),
            ("/add-ticket-bundle", "tripBookingId"),
            ("/add-accommodation", "name"),
            ("/update-trip-booking-member", "tripBookingId"),
        ];
        for (path, field) in required {
            let mut body = self.valid_of(path);
            body.as_object_mut().expect("an object").remove(field);
            self.refused(path, &self.leader, body, BAD, Some(field)).await;
            for value in [json!(null), json!(7), json!({}), json!(true)] {
                self.refused(path, &self.leader, self.spoilt(path, &format!("/{field}"), value), BAD, Some(field))
                    .await;
            }
        }
        for (path, _) in self.valid() {
            let body = self.spoilt(path, "/surprise", json!(1));
            self.refused(path, &self.leader, body, BAD, Some("surprise")).await;
        }
        for (pointer, value, field) in [
            ("/tickets", json!("two"), "tickets"),
            ("/purchase", json!([]), "purchase"),
            ("/purchase/amount", json!("five"), "amount"),
            ("/purchase/date", json!("yesterday"), "date"),
            ("/isGeneralAdmission", json!("yes"), "isGeneralAdmission"),
            ("/purchase/id", json!("x"), "purchase.id"),
            ("/purchase/purchaserId", json!(null), "purchase.purchaserId"),
        ] {
            let body = self.spoilt("/add-ticket-bundle", pointer, value);
            self.refused("/add-ticket-bundle", &self.leader, body, BAD, Some(field)).await;
        }
    }

    /// Unknown enum values, dates, money.
    async fn values(&self) {
        const BAD: &[StatusCode] = &[StatusCode::BAD_REQUEST];
        for (path, pointer, value, field) in [
            ("/update-trip-booking-member", "/availability", json!("perhaps"), "availability"),
            ("/update-trip-booking-member", "/availability", json!("Going"), "availability"),
            ("/create-trip-booking", "/endDate", json!("2031-04-30"), "endDate"),
            ("/create-trip-booking", "/endDate", json!("2031-02-30"), "endDate"),
            ("/create-trip-booking", "/startDate", json!("1.5.2031"), "startDate"),
            ("/create-trip-booking", "/startDate", json!(""), "startDate"),
            ("/add-ticket-bundle", "/purchase/amount", json!(-1), "amount"),
            ("/add-ticket-bundle", "/purchase/amount", json!(1.005), "amount"),
            ("/add-ticket-bundle", "/purchase/amount", json!(1e300), "amount"),
            ("/add-ticket-bundle", "/purchase/currency", json!("EURO"), "currency"),
            ("/add-ticket-bundle", "/purchase/currency", json!("eur"), "currency"),
            ("/create-crew", "/name", json!("nul\u{0}l"), "name"),
        ] {
            self.refused(path, &self.leader, self.spoilt(path, pointer, value), BAD, Some(field)).await;
        }
        let dates = json!({"crewId": self.booking.crew, "id": self.booking.id, "userId": self.leader.id,
            "endDate": "2031-04-01"});
        self.refused("/update-trip-booking", &self.leader, dates, BAD, Some("endDate")).await;
        let room = json!({"tripBookingId": self.booking.id, "userId": self.leader.id, "name": "Flat",
            "rooms": [{"checkInDate": "2031-05-03", "checkOutDate": "2031-05-02"}]});
        self.refused("/add-accommodation", &self.leader, room, BAD, Some("checkOutDate")).await;
    }

    /// Nobody, somebody with a broken token, members who may not, strangers.
    async fn people(&self) {
        let assign = json!({"tripBookingId": self.booking.id, "ticketBundleId": self.bundle["id"],
            "id": self.bundle["tickets"][0]["id"], "userId": self.member.id});
        let nobody = Person { token: "nonsense".to_owned(), ..self.leader.clone() };
        for (path, body) in self.valid().into_iter().chain([("/assign-ticket", assign.clone())]) {
            let answered = self.world.client.send(path, None, body.clone()).await.expect("an answer");
            let (status, answered) = answer(answered).await;
            assert_refused(path, status, &answered, &[StatusCode::UNAUTHORIZED], None);
            self.refused(path, &nobody, body, &[StatusCode::UNAUTHORIZED], None).await;
        }
        const MAY_NOT: &[StatusCode] = &[StatusCode::FORBIDDEN];
        self.refused("/assign-ticket", &self.member, assign.clone(), MAY_NOT, None).await;
        self.refused("/assign-ticket", &self.stranger, assign.clone(), MAY_NOT, None).await;
        for path in ["/create-trip-booking", "/add-ticket-bundle"] {
            self.refused(path, &self.stranger, self.valid_of(path), MAY_NOT, None).await;
        }
        // The acting user is who the token says.
        self.refused("/add-accommodation", &self.stranger, self.valid_of("/add-accommodation"), MAY_NOT, None).await;
        let own = self.spoilt("/add-accommodation", "/userId", json!(self.stranger.id));
        self.refused("/add-accommodation", &self.stranger, own, MAY_NOT, None).await;
        let mut to_stranger = assign;
        to_stranger["userId"] = json!(self.stranger.id);
        const NOT_A_MEMBER: &[StatusCode] = &[StatusCode::BAD_REQUEST];
        self.refused("/assign-ticket", &self.leader, to_stranger, NOT_A_MEMBER, Some("userId")).await;
        let response = self.world.trip_booking(&self.booking, &self.stranger).send().await.expect("an answer");
        let (status, body) = answer(response).await;
        assert_refused("/trip-booking of strangers", status, &body, MAY_NOT, None);
    }

    async fn unknown_ids(&self) {
        const UNKNOWN: &[StatusCode] = &[StatusCode::NOT_FOUND];
        for (path, field) in [
            ("/create-trip-booking", "crewId"),
            ("/create-trip-booking", "cityId"),
            ("/add-ticket-bundle", "tripBookingId"),
            ("/add-accommodation", "tripBookingId"),
            ("/update-trip-booking-member", "tripBookingId"),
        ] {
            for id in [NOBODY, "Berlin", "7", ""] {
                let body = self.spoilt(path, &format!("/{field}"), json!(id));
                self.refused(path, &self.leader, body, UNKNOWN, None).await;
            }
        }
        let assign = json!({"tripBookingId": self.booking.id, "ticketBundleId": self.bundle["id"],
            "id": format!("{}-t999", self.booking.id), "userId": self.member.id});
        self.refused("/assign-ticket", &self.leader, assign, UNKNOWN, None).await;
        for (path, query) in [
            (
                "/trip-booking",
                vec![("crewId", self.booking.crew.as_str()), ("userId", &self.leader.id), ("id", NOBODY)],
            ),
            ("/trip-booking-ticket-bundles", vec![("tripBookingId", NOBODY)]),
            ("/trip-booking-ticket-bundles", vec![("tripBookingId", "7")]),
        ] {
            let response = self.world.query(path, &self.leader, &query).send().await.expect("an answer");
            let (status, body) = answer(response).await;
            assert_refused(path, status, &body, UNKNOWN, None);
        }
        let response = self.world.client.http.get(format!("{}/dev/no-such-thing", self.world.client.read));
        let (status, body) = answer(response.send().await.expect("an answer")).await;
        assert_refused("an unknown path", status, &body, UNKNOWN, None);
    }

    /// A body over 1 MiB, lists over 1,000, strings over 10,000, nesting over 32.
    async fn sizes(&self) {
        const BAD: &[StatusCode] = &[StatusCode::BAD_REQUEST];
        let large = " ".repeat(1 << 20);
        for (path, body) in self.valid() {
            let text = format!("{large}{body}");
            self.refused_text(path, &text, &[StatusCode::PAYLOAD_TOO_LARGE]).await;
        }
        let long = "x".repeat(10_001);
        for (path, field) in
            [("/create-crew", "name"), ("/add-accommodation", "name"), ("/create-trip-booking", "cityId")]
        {
            let body = self.spoilt(path, &format!("/{field}"), json!(long));
            self.refused(path, &self.leader, body, BAD, Some(field)).await;
        }
        let many = vec![json!(self.leader.id); 1_001];
        for (path, field) in [("/create-crew", "adminIds"), ("/create-trip-booking", "leaderIds")] {
            let body = self.spoilt(path, &format!("/{field}"), json!(many));
            self.refused(path, &self.leader, body, BAD, Some(field)).await;
        }
        let body = self.spoilt("/add-ticket-bundle", "/tickets", json!(vec![json!({}); 1_001]));
        self.refused("/add-ticket-bundle", &self.leader, body, BAD, Some("tickets")).await;
        let deep = format!(r#"{{"adminIds": {}{}, "name": "x"}}"#, "[".repeat(33), "]".repeat(33));
        let (status, body) = self.send_text("/create-crew", &deep).await;
        assert_refused("deep nesting", status, &body, BAD, None);
        let bottomless = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        self.refused_text("/create-crew", &bottomless, BAD).await;
    }

    async fn queries(&self) {
        const BAD: &[StatusCode] = &[StatusCode::BAD_REQUEST];
        let id = ("id", self.booking.id.as_str());
        let (crew, user) = (("crewId", self.booking.crew.as_str()), ("userId", self.leader.id.as_str()));
        for (query, field) in [(vec![crew, user], "id"), (vec![crew, user, id, ("surprise", "1")], "surprise")] {
            let response = self.world.query("/trip-booking", &self.leader, &query).send().await.expect("an answer");
            let (status, body) = answer(response).await;
            assert_refused("/trip-booking", status, &body, BAD, Some(field));
        }
        let search = json!({"regionId": NOBODY, "startDate": "2031-05-04", "endDate": "2031-05-01"});
        self.refused("/buildTrip", &self.leader, search, BAD, None).await;
        let search = json!({"queryPreferences": {"flexibleDateCount": "many"}});
        self.refused("/discoverAny", &self.leader, search, BAD, Some("flexibleDateCount")).await;
        let (status, body) =
            answer(self.world.query("/create-crew", &self.leader, &[]).send().await.expect("an answer")).await;
        assert!(status.is_client_error(), "GET of a command: {status} {body}");
    }

    async fn preconditions(&self) {
        let assign = json!({"tripBookingId": self.booking.id, "ticketBundleId": self.bundle["id"],
            "id": self.bundle["tickets"][0]["id"], "userId": self.member.id});
        for (tag, expected) in [("\"0\"", StatusCode::PRECONDITION_FAILED), ("nonsense", StatusCode::BAD_REQUEST)] {
            let request = self.world.command("/assign-ticket", &self.leader, assign.clone()).header("If-Match", tag);
            let (status, body) = answer(request.send().await.expect("an answer")).await;
            assert_refused("/assign-ticket with a stale If-Match", status, &body, &[expected], None);
        }
    }

    async fn refused(&self, path: &str, by: &Person, body: Value, expected: &[StatusCode], field: Option<&str>) {
        let what = format!("{path} with {}", body.to_string().chars().take(300).collect::<String>());
        let response = self.world.command(path, by, body).send().await.expect("an answer");
        let (status, answered) = answer(response).await;
        assert_refused(&what, status, &answered, expected, field);
    }

    async fn refused_text(&self, path: &str, body: &str, expected: &[StatusCode]) {
        let (status, answered) = self.send_text(path, body).await;
        let what = format!("{path} with {:?}", body.chars().take(100).collect::<String>());
        assert_refused(&what, status, &answered, expected, None);
    }

    async fn send_text(&self, path: &str, body: &str) -> (StatusCode, Value) {
        let request = self.world.command(path, &self.leader, json!({})).body(body.to_owned());
        answer(request.send().await.expect("an answer")).await
    }
}

/// Refused with one of the statuses, in the dialect's shape, naming the field.
#[track_caller]
fn assert_refused(what: &str, status: StatusCode, body: &Value, expected: &[StatusCode], field: Option<&str>) {
    assert!(expected.contains(&status), "{what}: {status} {body}");
    assert_eq!(body["statusCode"], json!(status.as_u16()), "{what}: {body}");
    let message = text(&body["message"]);
    assert!(!message.is_empty(), "{what}: {body}");
    if let Some(field) = field {
        assert!(message.contains(field), "{what}: the message does not name {field}: {message}");
    }
}
