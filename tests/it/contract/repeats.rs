//! Idempotency-Key: a repeat is answered as the first was, changes nothing and costs nothing.

use std::sync::Arc;

use b2b_dashboard::access::Caller;
use b2b_dashboard::http::idempotency::Idempotency;

use super::preparation::{Prepared, make_examples, prepare};
use crate::support::database::both;
use crate::support::http::ApiApp;
use crate::support::operation::{Document, assert_headers, assert_problem};

both! {
    async fn a_repeat_gets_the_first_answer(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.writes() {
            let prepared = prepare(&app, &document, operation).await;
            let key = format!("repeat-{}", app.number());
            let call = prepared.call(operation, &app.key.secret).header("idempotency-key", &key);
            let first = app.send(call.clone()).await;
            assert!(first.status < 300, "{}: {}", operation.id, first.text());
            assert_eq!(first.header("idempotent-replayed"), "");
            let events = app.count("events").await;
            let quoted = prepared.call(operation, &app.key.secret).header("idempotency-key", &format!("\"{key}\""));
            for repeat in [call, quoted] {
                let answer = app.send(repeat).await;
                assert_eq!(answer.header("idempotent-replayed"), "true", "{}: {}", operation.id, answer.text());
                if operation.shows_secret {
                    // Shown once: what is kept for repeats is the same answer without it.
                    let mut once = first.json();
                    assert!(once["secret"].is_string(), "{}", operation.id);
                    once.as_object_mut().expect("an object").remove("secret");
                    assert_eq!((answer.status, answer.json()), (first.status, once), "{}", operation.id);
                } else {
                    assert_eq!((answer.status, &answer.body), (first.status, &first.body), "{}", operation.id);
                }
                for name in ["location", "etag", "content-type"] {
                    assert_eq!(answer.header(name), first.header(name), "{}", operation.id);
                }
                assert_headers(operation, &answer);
                assert_eq!(answer.remaining(), first.remaining(), "{} counts a repeat", operation.id);
            }
            assert_eq!(app.count("events").await, events, "{}", operation.id);
            let other = prepared.call_with(operation, &app.key.secret, "?dry_run=false");
            let answer = app.send(other.header("idempotency-key", &key)).await;
            assert_problem(Some(operation), &answer, 422, &["idempotency_key_reused"]);
        }
    }

    async fn another_body_under_the_same_key_is_refused(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.with_body().filter(|o| o.method == "POST") {
            let (one, two) = (prepare(&app, &document, operation).await, prepare(&app, &document, operation).await);
            let send = async |prepared: &Prepared| {
                app.send(prepared.call(operation, &app.key.secret).header("idempotency-key", &operation.id)).await
            };
            assert!(send(&one).await.status < 300, "{}", operation.id);
            if one.path == two.path && one.body == two.body {
                continue;
            }
            assert_problem(Some(operation), &send(&two).await, 422, &["idempotency_key_reused"]);
        }
    }

    async fn while_the_first_is_running_a_repeat_waits(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        let node = &app.node.app;
        let call = b2b_dashboard::access::Call {
            caller: Arc::new(Caller {
                lineage: app.key.id.as_str().into(),
                ..Caller::system(app.first.clone(), "test")
            }),
            ..b2b_dashboard::access::Call::system(app.first.clone(), "test", node.clock.now())
        };
        let running = Idempotency::of(Some(b"running"), "POST", "/", None, b"").expect("a key").expect("a key");
        for operation in document.writes() {
            let prepared = prepare(&app, &document, operation).await;
            let place = running.enter(node, &call).expect("a place");
            let request = prepared.call(operation, &app.key.secret).header("idempotency-key", "running");
            let answer = app.send(request).await;
            assert_problem(Some(operation), &answer, 409, &["idempotency_in_progress"]);
            assert_eq!(answer.header("retry-after"), "1");
            drop(place);
        }
    }

    async fn a_lasting_refusal_is_repeated_too(app: ApiApp) {
        let body = serde_json::json!({ "email": "a@example.com" });
        assert_eq!(app.post("/api/users", &body).await.status, 201);
        let call = crate::support::http::Call::new("POST", "/api/users").key(&app.key.secret).json(&body);
        let call = call.header("idempotency-key", "again");
        let first = app.send(call.clone()).await;
        assert_problem(None, &first, 409, &["already_exists"]);
        let again = app.send(call).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (409, "true"));
        assert_eq!(again.header("content-type"), "application/problem+json");
    }

    async fn a_key_of_a_wrong_form_is_refused(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        let long = "k".repeat(256);
        for operation in document.writes() {
            let prepared = prepare(&app, &document, operation).await;
            for key in ["", "a b", "\"a", "ä", &long] {
                let call = prepared.call(operation, &app.key.secret).header("idempotency-key", key);
                let answer = app.send(call).await;
                assert_problem(Some(operation), &answer, 400, &["malformed_request"]);
            }
        }
    }

    async fn keys_of_two_accounts_do_not_meet(app: ApiApp) {
        let body = serde_json::json!({ "email": "a@example.com" });
        let call = crate::support::http::Call::new("POST", "/api/users").json(&body).header("idempotency-key", "same");
        let one = app.send(call.clone().key(&app.key.secret)).await;
        let two = app.send(call.key(&app.other_key.secret)).await;
        assert_eq!((one.status, two.status), (201, 201));
        assert_ne!(one.id(), two.id());
        assert_eq!(two.header("idempotent-replayed"), "");
    }
}
