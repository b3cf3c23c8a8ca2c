//! How each dialect's face renders what went wrong.

use super::*;
use crate::{Dialect, Fault, keyper, open_event, rentals};

/// What an operation answers whose handler fails so.
async fn failing(dialect: &'static Dialect, id: &str, path: &str, failure: fn() -> Failure) -> (u16, Value) {
    let failing = move |_: Call<Reads>| async move { Err::<Answer, _>(failure()) };
    let routes = Routes::new(dialect).on(id, failing);
    let router = router(vec![routes.serve(Arc::new(Reads))], Documents::new([]), settings());
    let sent = request("GET", path).header("authorization", "Bearer good").body(Body::empty()).unwrap();
    let (status, _, body) = send(&router, sent).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn rentals_tells_failures_of_sessions_in_a_shape_of_their_own() {
    let forbidden = || Failure::forbidden("is not yours").on("user_id");
    let (status, body) = failing(&rentals::DIALECT, "auth-currentuser", "/auth-api/currentuser", forbidden).await;
    assert_eq!((status, body), (401, json!({"status": "ERR", "message": "userId: is not yours"})));
    let (status, body) = failing(&rentals::DIALECT, "list-users", "/auth-api/v1/users", forbidden).await;
    assert_eq!((status, &body["errCode"], &body["message"]), (401, &json!(401), &json!("errMsg_notAllowed")));
    assert_eq!((&body["result"], &body["detail"]), (&json!("ERR"), &json!("userId: is not yours")));
    assert!(body["date"].as_str().unwrap().ends_with('Z'));
    // What is not served is told in the operation's shape as well, and 403 is known to logins alone.
    let login = crate::operation(&rentals::DIALECT, "login").unwrap();
    let status = |reached| (rentals::DIALECT.face.status)(FailureKind::Forbidden, reached);
    assert_eq!((login.failure, status(Reached::Handler(login))), (Some("SessionError"), StatusCode::FORBIDDEN));
    assert_eq!(status(Reached::Nothing), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn open_event_has_an_entry_for_every_fault() {
    let ask = |failure| failing(&open_event::DIALECT, "list-all-events", "/v1/events", failure);
    fn faults() -> Vec<Fault> {
        vec![Fault::of("data.attributes.name", "is required"), Fault::of("data.type", "is not event")]
    }
    let (status, body) = ask(|| Failure::of(FailureKind::Mistyped, faults()).unwrap()).await;
    let expected = |detail: &str, pointer: &str| json!({"status": "422", "title": "Unprocessable Entity", "detail": detail, "source": {"pointer": pointer}});
    let expected = [expected("is required", "/data/attributes/name"), expected("is not event", "/data/type")];
    assert_eq!((status, &body["errors"]), (422, &json!(expected)));
    assert_eq!(ask(|| Failure::unreadable("body", "is no JSON")).await.0, 400);
}

#[tokio::test]
async fn what_an_operation_of_keyper_refuses_is_no_failure_of_http() {
    let ask = |failure| failing(&keyper::DIALECT, "event-cnct-get-countries", "/v1/EventCnct/GetCountries", failure);
    let told = async |failure| {
        let (status, body) = ask(failure).await;
        let flags = (&body["TIsTrustedService"] == true, &body["TIsAuthorizedUser"] == true);
        (status, body["SimpleResult"]["error_type"].as_i64(), flags)
    };
    assert_eq!(told(|| Failure::invalid("seats", "are sold")).await, (200, Some(1), (true, true)));
    assert_eq!(told(|| Failure::not_found("no such seat")).await, (200, Some(2), (true, true)));
    assert_eq!(told(|| Failure::forbidden("is not yours")).await, (200, Some(3), (true, false)));
    assert_eq!(told(|| Failure::mistyped("seats", "must be a list")).await, (400, Some(1), (true, true)));
    let field_errors = &ask(|| Failure::invalid("seats", "are sold")).await.1["SimpleResult"]["field_errors"];
    assert_eq!(*field_errors, json!([{"field_name": "seats", "error_number": 0, "error_message": "are sold"}]));
}
