//! What a body may be, and how one is refused: with every fault, never with a 500.

use serde_json::{Value as JsonValue, json};

use super::preparation::{make_examples, prepare};
use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call};
use crate::support::operation::{Document, Operation, assert_headers, assert_problem};

const JSON: &str = "application/json";

async fn send(app: &ApiApp, operation: &Operation, path: &str, media: &str, body: &[u8]) -> Answer {
    let call = Call::new(&operation.method, path)
        .key(&app.key.secret)
        .bytes(body);
    let answer = app.send(call.header("content-type", media)).await;
    assert!(answer.status < 500, "{}: {}", operation.id, answer.text());
    assert_headers(operation, &answer);
    answer
}

/// The example with one text in place of every text in it.
fn with_texts(value: &JsonValue, text: &str) -> JsonValue {
    match value {
        JsonValue::String(_) => text.into(),
        JsonValue::Array(items) => items.iter().map(|item| with_texts(item, text)).collect(),
        JsonValue::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), with_texts(member, text)))
            .collect(),
        other => other.clone(),
    }
}

both! {
    async fn what_is_no_json_object_is_refused(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.with_body() {
            let path = prepare(&app, &document, operation).await.path;
            for malformed in ["", "{", "{\"a\":}", "nonsense", "{} {}", "{\"a\":1e999999}", "\u{feff}{}", "{\"name\":\"\\ud800\"}"] {
                let answer = send(&app, operation, &path, JSON, malformed.as_bytes()).await;
                // A broken number or text may stand in a member that is refused by its name already.
                assert_problem(Some(operation), &answer, 400, &["malformed_request"]);
            }
            let answer = send(&app, operation, &path, JSON, b"{\"name\":\"\xff\"}").await;
            assert_problem(Some(operation), &answer, 400, &["malformed_request"]);
            for other in ["[]", "[\"a@example.com\"]", "null", "7", "true", "\"text\"", "[{}]"] {
                let answer = send(&app, operation, &path, JSON, other.as_bytes()).await;
                assert_problem(Some(operation), &answer, 422, &["validation_failed"]);
                assert_eq!(answer.json()["errors"][0]["pointer"], "", "{other}: {}", answer.text());
            }
            for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "json"] {
                let answer = send(&app, operation, &path, media, b"{}").await;
                assert_problem(Some(operation), &answer, 415, &["unsupported_media_type"]);
            }
            let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
            let answer = send(&app, operation, &path, JSON, large.as_bytes()).await;
            assert_problem(Some(operation), &answer, 413, &["body_too_large"]);
        }
    }

    async fn an_unknown_member_is_refused_with_the_one_probably_meant(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.with_body() {
            let prepared = prepare(&app, &document, operation).await;
            let body = prepared.body.clone().expect("a body");
            let (first, value) = body.as_object().and_then(|members| members.iter().next()).expect("a member");
            let mut mistyped = body.clone();
            let name = format!("{first}x");
            mistyped[&name] = value.clone();
            mistyped["a/b~c"] = json!(1);
            let text = serde_json::to_vec(&mistyped).expect("JSON");
            let answer = send(&app, operation, &prepared.path, JSON, &text).await;
            assert_problem(Some(operation), &answer, 422, &["validation_failed"]);
            let errors = answer.json()["errors"].as_array().cloned().expect("errors");
            let of = |pointer: &str| errors.iter().find(|error| error["pointer"] == pointer);
            let told = of(&format!("/{name}")).unwrap_or_else(|| panic!("{}: {}", operation.id, answer.text()));
            assert_eq!(told["code"], "unknown_member");
            let hint = told["detail"].as_str().expect("a sentence");
            assert!(hint.contains(&format!("Did you mean «{first}»?")), "{}: {hint}", operation.id);
            assert!(of("/a~1b~0c").is_some(), "all faults at once: {}", answer.text());
        }
    }

    async fn strange_texts_and_sizes_never_break_anything(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.with_body() {
            let prepared = prepare(&app, &document, operation).await;
            let body = prepared.body.clone().expect("a body");
            let long = "ü".repeat(10_000);
            for text in ["\0", "a\0b", "\u{202e}dlrow", "عبد الله", "🦀🦀", "'; DROP TABLE users; --", "%s%n", "\u{10ffff}", " ", &long] {
                let bytes = serde_json::to_vec(&with_texts(&body, text)).expect("JSON");
                let answer = send(&app, operation, &prepared.path, JSON, &bytes).await;
                // An invitation is sent once a minute at the most.
                let is_too_soon = answer.json()["code"] == "resend_too_soon";
                assert!(answer.status < 300 || is_too_soon || matches!(answer.status, 409 | 422), "{text}: {}", answer.text());
                // What is wrong with a row of a bulk job is told of the row.
                let has_rows = operation.id == "bulk_provision";
                if !has_rows && with_texts(&body, "") != body && (text.contains('\0') || *text == long) {
                    assert_problem(Some(operation), &answer, 422, &["validation_failed"]);
                }
            }
            for name in body.as_object().expect("an object").keys() {
                let deep = format!("{{\"{name}\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
                let deeper = format!("{{\"{name}\":{}1{}}}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
                let twice = format!("{{\"{name}\":\"a\",\"{name}\":\"b\"}}");
                let huge = format!("{{\"{name}\":99999999999999999999999999999999999999}}");
                let least = format!("{{\"{name}\":-9223372036854775808}}");
                for strange in [deep, deeper, twice, huge, least] {
                    let answer = send(&app, operation, &prepared.path, JSON, strange.as_bytes()).await;
                    assert!(matches!(answer.status, 400 | 422), "{}: {}", operation.id, answer.text());
                }
            }
        }
    }

    async fn names_of_every_script_come_back_as_they_were(app: ApiApp) {
        for (n, name) in ["عبد الله", "李小龍", "🦀 Ferris", "Ольга", "a\u{202e}b"].iter().enumerate() {
            let body = json!({ "email": format!("p{n}@example.com"), "name": name, "metadata": { "k": name } });
            let made = app.post("/api/users", &body).await;
            assert_eq!(made.status, 201, "{}", made.text());
            let read = app.get(&format!("/api/users/{}", made.id())).await;
            assert_eq!(read.json(), made.json());
            assert_eq!(read.json()["name"], *name);
        }
    }

    async fn unknown_parameters_are_refused(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in &document.operations {
            let prepared = prepare(&app, &document, operation).await;
            for query in ["?surprise=1", "?=", "?limit[gt]=1", "?%00=%00", "?dry_run=maybe"] {
                let answer = app.send(prepared.call_with(operation, &app.key.secret, query)).await;
                assert_problem(Some(operation), &answer, 400, &["invalid_parameter"]);
                assert_headers(operation, &answer);
            }
        }
    }

    async fn odd_addresses_name_nothing(app: ApiApp) {
        let document = Document::of(&app).await;
        for operation in document.operations.iter().filter(|o| o.has_place()) {
            for place in ["%00", "%ff%fe", "ext:%00", "ext:", "email:", "user_", "..", "%2e%2e%2f", "ext:%F0%9F%A6%80", "a%20b"] {
                let answer = app.send(operation.call(place).key(&app.key.secret)).await;
                assert!(answer.status < 500, "{} {place}: {}", operation.id, answer.text());
                if operation.method == "GET" {
                    assert_problem(Some(operation), &answer, 404, &["not_found"]);
                }
            }
        }
    }
}
