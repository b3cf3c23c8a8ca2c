//! Media types and bounds of bodies, as operations have them.

use super::*;
use crate::{Dialect, eventbookings, keyper, open_event};

async fn count(call: Call<Writes>) -> Result<Answer, Failure> {
    let entries = call.body.as_object().and_then(|fields| fields.values().find_map(Value::as_array)).map(Vec::len);
    Ok(Answer::json(json!({"entries": entries, "bytes": call.bytes.len(), "type": call.media_type, "body": call.body})))
}

async fn ask(dialect: &'static Dialect, id: &str, media_type: &str, body: impl Into<Body>) -> (u16, Value) {
    let writes = Arc::new(Writes { waited: AtomicBool::new(false), finished: Arc::default() });
    let router = router(vec![Routes::new(dialect).on(id, count).serve(writes)], Documents::new([]), settings());
    let operation = crate::operation(dialect, id).unwrap();
    let sent = request(operation.method.as_str(), &operation.path.replace("{operatorID}", "1"));
    let sent = sent.header("authorization", "Bearer good").header("content-type", media_type);
    let (status, _, body) = send(&router, sent.body(body.into()).unwrap()).await;
    (status.as_u16(), body)
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=b";

#[tokio::test]
async fn a_body_is_of_a_type_that_its_operation_takes() {
    let token = async |media_type, body: &str| {
        ask(&eventbookings::DIALECT, "auth-create-token", media_type, body.to_owned()).await
    };
    let (status, body) = token(FORM, "grant_type=client_credentials").await;
    assert_eq!((status, &body["body"]), (200, &json!({"grant_type": "client_credentials"})));
    assert_eq!(token(JSON, "{}").await.0, 400);
    let crew = async |media_type, body: &str| ask(&krugo::DIALECT, "create-crew", media_type, body.to_owned()).await;
    assert_eq!(crew(FORM, r#"{"name": "x"}"#).await.0, 400, "krugo knows no 415");
    assert_eq!(crew(PARTS, "--b--").await.0, 400);
    let (status, body) = crew(JSON, " null ").await;
    assert_eq!((status, &body["message"]), (400, &json!("body: is required")));
    let event = async |media_type| ask(&open_event::DIALECT, "create-event", media_type, "{}").await.0;
    assert_eq!((event("application/vnd.api+json").await, event(JSON).await, event(FORM).await), (201, 201, 415));
}

#[tokio::test]
async fn parts_reach_their_handler_as_they_came() {
    let parts = "--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n\u{fffd}\r\n--b--\r\n";
    let (status, body) = ask(&keyper::DIALECT, "picture-cnct-upload-area-picture", PARTS, parts).await;
    assert_eq!((status, &body["bytes"], &body["type"]), (200, &json!(parts.len()), &json!(PARTS)));
    assert_eq!(ask(&keyper::DIALECT, "picture-cnct-upload-area-picture", JSON, "{}").await.0, 400);
}

/// A handler of parts.
async fn read_parts(call: Call<Writes>) -> Result<Answer, Failure> {
    #[derive(serde::Deserialize)]
    struct Fields {
        motif: String,
        name: Option<String>,
    }
    let (Fields { motif, name }, files) = call.parts::<Fields>().await?;
    let files: Vec<Value> =
        files.iter().map(|file| json!([file.field, file.file_name, file.media_type, file.bytes.len()])).collect();
    Ok(Answer::json(json!({"motif": motif, "name": name, "files": files})))
}

async fn upload(parts: &[u8], token: &str) -> (u16, Value) {
    let writes = Arc::new(Writes { waited: AtomicBool::new(false), finished: Arc::default() });
    let routes = Routes::new(&krugo::DIALECT).on("upload-image", read_parts);
    let router = router(vec![routes.serve(writes)], Documents::new([]), settings());
    let sent = request("POST", "/dev/images").header("authorization", format!("Bearer {token}"));
    let sent = sent.header("content-type", PARTS).body(Body::from(parts.to_vec())).unwrap();
    let (status, _, body) = send(&router, sent).await;
    (status.as_u16(), body)
}

fn part(head: &str, content: &str) -> String {
    format!("--b\r\ncontent-disposition: form-data; {head}\r\n\r\n{content}\r\n")
}

#[tokio::test]
async fn parts_are_fields_and_files() {
    let id = part("name=\"id\"", "category-3");
    let file = part("name=\"image\"; filename=\"/home/me\\dot.png\"\r\ncontent-type: image/png", "\0\u{1}png");
    let (status, body) = upload(format!("{id}{file}--b--\r\n").as_bytes(), "good").await;
    let files = json!([["image", "dot.png", "image/png", 5]]);
    assert_eq!((status, body), (200, json!({"motif": "category-3", "name": null, "files": files})));
    for (parts, told) in [
        (format!("{id}{id}--b--\r\n"), "id: is given twice"),
        (format!("{}--b--\r\n", part("name=\"id\"", "a\0")), "id: contains a NUL character"),
        (format!("{}--b--\r\n", part("name=\"name\"", "x")), "id: is required"),
        (format!("{id}{}--b--\r\n", part("name=\"size\"", "x")), "size: is not a known field"),
        (
            format!("{id}{}--b--\r\n", part("name=\"name\"", &"x".repeat(10_001))),
            "name: is longer than 10000 characters",
        ),
        (format!("{}--b--\r\n", part("filename=\"a\"", "x")), "body: has a part without a name"),
        (format!("{id}{}--b--\r\n", file.repeat(30)), "body: has more than 30 parts"),
    ] {
        let (status, body) = upload(parts.as_bytes(), "good").await;
        assert_eq!((status, &body["message"]), (400, &json!(told)));
    }
    for broken in [id.as_bytes(), b"nothing", &[id.as_bytes(), b"--b\r\n\xff\xff\r\n\r\n--b--\r\n"].concat()] {
        let (status, body) = upload(broken, "good").await;
        assert_eq!(status, 400, "{body}");
    }
}

#[tokio::test]
async fn large_files_come_from_staff_alone() {
    let id = part("name=\"id\"", "category-3");
    let file = part("name=\"image\"; filename=\"a\"", &"x".repeat(10 << 20));
    let parts = format!("{id}{file}--b--\r\n");
    assert_eq!(upload(parts.as_bytes(), "staff").await.0, 200);
    let (status, body) = upload(parts.as_bytes(), "good").await;
    assert_eq!((status, &body["message"]), (413, &json!("body: is larger than 1 MiB")));
    let more = [parts.as_bytes(), &[b' '; 1 << 20]].concat();
    assert_eq!(upload(&more, "staff").await.0, 413);
}

#[tokio::test]
async fn an_operation_takes_in_what_its_dialect_bounds() {
    let seats = |count: usize| json!({"seats": vec![json!({"external_id": "x".repeat(200)}); count]}).to_string();
    let import = async |body| ask(&keyper::DIALECT, "event-cnct-import-seats", JSON, body).await;
    let (status, body) = import(seats(5_001)).await;
    assert_eq!((status, &body["entries"]), (200, &json!(5_001)));
    assert_eq!(import(seats(10_001)).await.0, 400);
    let (status, body) = import("x".repeat((8 << 20) + 1)).await;
    assert_eq!((status, &body["SimpleResult"]["error_message"]), (413, &json!("body: is larger than 8 MiB")));
    let (status, body) = ask(&krugo::DIALECT, "create-crew", JSON, "x".repeat(8 << 20)).await;
    assert_eq!((status, &body["message"]), (413, &json!("body: is larger than 1 MiB")));
    let text = json!({"data": {"attributes": {"description": "x".repeat(50_000)}}}).to_string();
    assert_eq!(ask(&open_event::DIALECT, "create-event", JSON, text.clone()).await.0, 201);
    assert_eq!(ask(&krugo::DIALECT, "create-crew", JSON, text).await.0, 400);
}

#[tokio::test]
async fn only_what_is_read_can_be_asked_for_its_headers() {
    let api = api();
    let ask = async |path: &str| {
        let sent = request("HEAD", path).header("authorization", "Bearer good").body(Body::empty()).unwrap();
        send(&api.router, sent).await.0
    };
    assert_eq!(ask("/dev/payment-balances?id=1").await, StatusCode::OK);
    assert_eq!(ask("/auth-api/relogin").await, StatusCode::METHOD_NOT_ALLOWED);
}
