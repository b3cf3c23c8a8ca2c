//! Bodies, headers and cookies of answers.

use super::*;
use crate::{BrowserCookie, open_event, rentals};

async fn ask(routes: Routes<Reads>, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    let router = router(vec![routes.serve(Arc::new(Reads))], Documents::new([]), settings());
    let (parts, body) = router.oneshot(request("GET", path).body(Body::empty()).unwrap()).await.unwrap().into_parts();
    (parts.status, parts.headers, to_bytes(body, 1 << 20).await.unwrap().to_vec())
}

fn rentals(handler: fn() -> Answer) -> Routes<Reads> {
    Routes::new(&rentals::DIALECT).public("auth-api-face", move |_: Call<Reads>| async move { Ok(handler()) })
}

#[tokio::test]
async fn a_body_is_of_the_media_type_that_its_answer_names() {
    let (status, headers, body) = ask(rentals(|| Answer::html("<p>".to_owned())), "/auth-api/").await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"<p>"[..]));
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none';"));
    assert_eq!(headers["x-content-type-options"], "nosniff");

    let (_, headers, body) = ask(rentals(|| Answer::raw("image/png", &b"\x89\xff"[..])), "/auth-api/").await;
    assert_eq!((&headers["content-type"], &body[..]), (&HeaderValue::from_static("image/png"), &b"\x89\xff"[..]));

    let (status, headers, body) = ask(rentals(Answer::empty), "/auth-api/").await;
    assert_eq!((status, body.len(), headers.get("content-type")), (StatusCode::OK, 0, None));
}

#[tokio::test]
async fn json_is_of_the_documented_media_type() {
    let answer = |_: Call<Reads>| async { Ok(Answer::json(json!({}))) };
    let routes = Routes::new(&open_event::DIALECT).public("get-task-result", answer);
    let asked = async |path: &str, routes| ask(routes, path).await.1["content-type"].to_str().unwrap().to_owned();
    assert_eq!(asked("/v1/tasks/1", routes).await, "application/json");
    let routes = Routes::new(&open_event::DIALECT).public("list-all-events", answer);
    assert_eq!(asked("/v1/events", routes).await, "application/vnd.api+json");
}

#[tokio::test]
async fn a_header_replaces_ours_and_cookies_add_up() {
    let answer = || {
        let answer = Answer::json(json!({})).header(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        let kept = answer.cookie(BrowserCookie::named("token"), "abc", Duration::from_secs(60));
        kept.cookie(BrowserCookie::named("old").path("/deep").scripted(), "", Duration::ZERO)
    };
    let (_, headers, _) = ask(rentals(answer), "/auth-api/").await;
    assert_eq!(headers.get_all("cache-control").iter().collect::<Vec<_>>(), ["max-age=60"]);
    let cookies: Vec<_> = headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(cookies[0], "token=abc; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=60");
    assert_eq!((cookies.len(), cookies[1]), (2, "old=; SameSite=Strict; Secure; Path=/deep; Max-Age=0"));
    assert!(answer().secret);
}

#[tokio::test]
async fn what_is_sealed_in_an_answer_is_opened_before_it_goes_out() {
    let answer = || {
        let name = Sealed { subject: EntityId(Uuid::nil()), cipher: "dana".to_owned(), hash: String::new() };
        Answer::json(json!([{"firstName": crate::shape::sealed(&name)}]))
    };
    let (.., body) = ask(rentals(answer), "/auth-api/").await;
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!([{"firstName": "DANA"}]));
}
