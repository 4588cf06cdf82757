//! `ETag`, If-None-Match and If-Match, and the null of a merge patch.

use serde_json::json;

use super::preparation::{make_examples, prepare};
use crate::support::database::both;
use crate::support::http::{ApiApp, Call};
use crate::support::operation::{Document, assert_headers, assert_problem};

both! {
    async fn a_version_that_is_known_is_not_sent_again(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.operations.iter().filter(|o| o.method == "GET" && o.has_place()) {
            let prepared = prepare(&app, &document, operation).await;
            let first = app.send(prepared.call(operation, &app.key.secret)).await;
            let tag = first.header("etag").to_owned();
            if tag.is_empty() {
                // A list below a record has none.
                let is_list = operation.id.starts_with("list_") || operation.parameter("cursor").is_some();
                assert!(is_list || !first.header("content-type").contains("json"), "{} has no ETag", operation.id);
                continue;
            }
            assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag} is strong");
            for known in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
                let call = prepared.call(operation, &app.key.secret).header("if-none-match", &known);
                let answer = app.send(call).await;
                assert_eq!(answer.status, 304, "{} {known}: {}", operation.id, answer.text());
                assert!(answer.body.is_empty());
                assert_eq!(answer.header("etag"), tag);
                assert_headers(operation, &answer);
                assert_eq!(answer.remaining(), first.remaining(), "{} counts a 304", operation.id);
            }
            let call = prepared.call(operation, &app.key.secret).header("if-none-match", "\"other\"");
            assert_eq!(app.send(call).await.status, 200, "{}", operation.id);
        }
    }

    async fn a_write_to_another_version_is_refused(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        let on_record = |method: &str, path: &str| {
            matches!(method, "PATCH" | "PUT" | "DELETE") && path.ends_with("/{id}")
        };
        for operation in document.writes().filter(|o| on_record(&o.method, &o.path)) {
            let prepared = prepare(&app, &document, operation).await;
            let read = app.get(&prepared.path).await;
            let tag = read.header("etag");
            for stale in ["\"stale\"", &format!("W/{tag}")] {
                let call = prepared.call(operation, &app.key.secret).header("if-match", stale);
                let refused = app.send(call).await;
                assert_problem(Some(operation), &refused, 412, &["precondition_failed"]);
            }
            let after = app.get(&prepared.path).await;
            assert_eq!(after.status, read.status, "{}", operation.id);
            if read.status == 200 {
                assert_eq!(after.json(), read.json(), "{}", operation.id);
            }
            let call = prepared.call(operation, &app.key.secret).header("if-match", &format!("\"x\", {tag}"));
            let answer = app.send(call).await;
            assert_eq!(answer.status, operation.status(), "{}: {}", operation.id, answer.text());
        }
    }

    async fn a_change_that_changes_nothing_leaves_the_version(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.writes().filter(|o| o.method == "PATCH") {
            let prepared = prepare(&app, &document, operation).await;
            let once = app.send(prepared.call(operation, &app.key.secret)).await;
            app.node.app.clock.advance(1);
            let events = app.count("events").await;
            let twice = app.send(prepared.call(operation, &app.key.secret)).await;
            assert_eq!(twice.json(), once.json(), "{}", operation.id);
            assert_eq!(twice.header("etag"), once.header("etag"), "{}", operation.id);
            assert_eq!(app.get(&prepared.path).await.json(), once.json(), "{}", operation.id);
            assert_eq!(app.count("events").await, events, "{}", operation.id);
        }
    }

    async fn null_empties_what_may_be_empty_and_is_refused_elsewhere(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.writes().filter(|o| o.method == "PATCH") {
            let prepared = prepare(&app, &document, operation).await;
            let before = app.get(&prepared.path).await.json();
            for (name, value) in before.as_object().expect("a record") {
                let call = Call::new("PATCH", &prepared.path).key(&app.key.secret);
                let answer = app.send(call.json(&json!({ name.as_str(): null }))).await;
                if answer.status == 200 {
                    assert!(answer.json()[name].is_null(), "{}: {name} {value} {}", operation.id, answer.text());
                } else {
                    assert_problem(Some(operation), &answer, 422, &["validation_failed"]);
                    assert_eq!(answer.json()["errors"][0]["pointer"], format!("/{name}"));
                }
            }
        }
    }

    async fn a_put_by_another_key_than_its_address_is_refused(app: ApiApp) {
        let body = json!({ "name": "A", "external_id": "b" });
        let answer = app.put("/api/teams/ext:a", &body).await;
        assert_problem(None, &answer, 422, &["validation_failed"]);
        assert_eq!(answer.json()["errors"][0]["pointer"], "/external_id");
        let body = json!({ "name": "A" });
        let made = app.put("/api/teams/ext:a", &body).await;
        assert_eq!((made.status, &made.json()["external_id"]), (201, &json!("a")), "{}", made.text());
        let again = app.put("/api/teams/ext:a", &body).await;
        assert_eq!((again.status, again.json()), (200, made.json()));
        let call = Call::new("PUT", "/api/teams/ext:new").key(&app.key.secret).json(&body);
        let refused = app.send(call.header("if-match", "*")).await;
        assert_problem(None, &refused, 412, &["precondition_failed"]);
        let body = json!({ "email": "Ada@Example.com" });
        let made = app.put("/api/users/email:ada@example.com", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }

    async fn what_was_put_aside_is_gone_and_its_names_are_free(app: ApiApp) {
        for path in ["/api/users", "/api/teams"] {
            let body = json!({ "email": "ada@example.com", "external_id": "ada" });
            let body = if path == "/api/users" { body } else { json!({ "name": "Ada", "external_id": "ada" }) };
            let first = app.post(path, &body).await.id();
            assert_eq!(app.delete(&format!("{path}/{first}")).await.status, 204);
            for gone in [format!("{path}/{first}"), format!("{path}/ext:ada")] {
                assert_problem(None, &app.get(&gone).await, 404, &["not_found"]);
                assert_problem(None, &app.patch(&gone, &json!({})).await, 404, &["not_found"]);
                assert_problem(None, &app.delete(&gone).await, 404, &["not_found"]);
            }
            let list = app.get(path).await;
            assert_eq!(list.json()["data"], json!([]));
            let second = app.post(path, &body).await;
            assert_eq!(second.status, 201, "{}", second.text());
            assert_ne!(second.id(), first);
        }
    }
}
