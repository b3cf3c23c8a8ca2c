//! Where tokens may be, and who is served without one.

use super::*;
use crate::{rentals, routes::Registration};

const PLACE: &str = "airbnb3-access-token";

async fn who(call: Call<Writes>) -> Result<Answer, Failure> {
    Ok(Answer::json(json!({"known": call.person.is_some(), "parameters": call.parameters})))
}

fn router_of(routes: Routes<Writes>) -> Router {
    let documents = Documents::new(routes.registrations());
    let writes = Arc::new(Writes { waited: AtomicBool::new(false), finished: Arc::default() });
    router(vec![routes.serve(writes)], documents, settings())
}

async fn ask(routes: Routes<Writes>, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let sent = headers.iter().fold(request("POST", path), |sent, (name, value)| sent.header(*name, *value));
    let (status, _, body) = send(&router_of(routes), sent.body(Body::empty()).unwrap()).await;
    (status.as_u16(), body)
}

fn routes() -> Routes<Writes> {
    Routes::new(&rentals::DIALECT)
}

fn known(known: bool) -> (u16, Value) {
    (200, json!({"known": known, "parameters": {}}))
}

#[tokio::test]
async fn a_token_counts_in_every_place_of_its_dialect_and_is_no_parameter() {
    let ask = async |query: &str, headers: &[(&str, &str)]| {
        ask(routes().on("logout", who), &format!("/auth-api/logout{query}"), headers).await
    };
    assert_eq!(ask("?access_token=good", &[]).await, known(true));
    assert_eq!(ask("", &[(PLACE, "good")]).await, known(true));
    assert_eq!(ask("", &[("cookie", "airbnb3-access-token=good")]).await, known(true));
    assert_eq!(ask("?access_token=bad", &[]).await.0, 401);
    assert_eq!(ask("", &[]).await.0, 401);
    let (status, body) = ask("?access_token=good", &[("authorization", "Bearer bad")]).await;
    let told = "Authorization: is another token than in access_token";
    assert_eq!((status, body.to_string().contains(told)), (400, true), "{body}");
    let (status, body) = ask("", &[("cookie", "airbnb3-access-token=good"), ("origin", "https://evil.example")]).await;
    assert_eq!((status, body.to_string().contains("a page of this very site")), (401, true), "{body}");
}

#[tokio::test]
async fn visitors_are_served_where_tokens_are_optional_and_bad_ones_where_they_are_welcome() {
    let bad: &[(&str, &str)] = &[("authorization", "Bearer bad")];
    let good: &[(&str, &str)] = &[("authorization", "Bearer good")];
    let optional = async |headers| ask(routes().optional("logout", who), "/auth-api/logout", headers).await;
    assert_eq!((optional(&[]).await, optional(good).await), (known(false), known(true)));
    assert_eq!(optional(bad).await.0, 401);
    assert_eq!(optional(&[("authorization", "Basic Z29vZDo=")]).await.0, 401);
    let welcome = async |headers| ask(routes().welcome("logout", who), "/auth-api/logout", headers).await;
    assert_eq!(
        (welcome(&[]).await, welcome(good).await, welcome(bad).await),
        (known(false), known(true), known(false))
    );
    let public = async |headers| ask(routes().public("logout", who), "/auth-api/logout", headers).await;
    assert_eq!((public(good).await, public(bad).await), (known(false), known(false)));
}

#[test]
fn the_documents_say_where_a_token_may_be_and_whether_it_must() {
    let security = |routes: Routes<Writes>| {
        let registrations: Vec<Registration> = routes.registrations().collect();
        let document = Documents::new(registrations);
        let document: Value = serde_json::from_str(document.of("rentals").unwrap()).unwrap();
        document["paths"]["/auth-api/logout"]["post"]["security"].clone()
    };
    let places = json!([{"queryToken": []}, {"bearerAuth": []}, {"headerToken": []}, {"cookieToken": []}]);
    assert_eq!(security(routes().on("logout", who)), places);
    let alternatives = security(routes().welcome("logout", who));
    assert_eq!((alternatives.as_array().unwrap().len(), &alternatives[4]), (5, &json!({})));
    assert_eq!(security(routes().public("logout", who)), json!([]));
}
