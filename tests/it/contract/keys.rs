//! Who may come in, and what a stranger learns: nothing.

use b2b_dashboard::access::Permission;

use super::preparation::{make, make_examples, prepare};
use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::operation::{Document, assert_headers, assert_problem};

const SOME_ID: &str = "ext:nobody";

both! {
    async fn without_a_good_key_nothing_is_answered(app: ApiApp) {
        let document = Document::of(&app).await;
        let now = app.node.app.clock.now();
        let expired = KeyOptions { expires_at: Some(now.plus_seconds(-1)), ..KeyOptions::default() };
        let revoked = KeyOptions { revoked_at: Some(now.plus_seconds(-1)), ..KeyOptions::default() };
        let elsewhere = KeyOptions { allowed_addresses: vec!["192.0.2.0/24".to_owned()], ..KeyOptions::default() };
        let here = KeyOptions { allowed_addresses: vec!["127.0.0.0/8".to_owned()], ..KeyOptions::default() };
        let mistyped = format!("{}X", &app.key.secret[..app.key.secret.len() - 1]);
        let keys = [
            (mistyped, 401, "key_malformed"),
            ("secret".to_owned(), 401, "key_malformed"),
            (app.unknown_key(), 401, "key_unknown"),
            (app.full_key(&app.first, expired).await.secret, 401, "key_expired"),
            (app.full_key(&app.first, revoked).await.secret, 401, "key_revoked"),
            (app.full_key(&app.first, elsewhere).await.secret, 403, "ip_not_allowed"),
        ];
        for operation in &document.operations {
            let answer = app.send(operation.call(SOME_ID)).await;
            assert_problem(Some(operation), &answer, 401, &["key_missing"]);
            for (key, status, code) in &keys {
                let answer = app.send(operation.call(SOME_ID).key(key)).await;
                assert_problem(Some(operation), &answer, *status, &[code]);
            }
            let answer = app.send(operation.call(SOME_ID).header("authorization", "Basic YTpi")).await;
            assert_problem(Some(operation), &answer, 401, &["key_malformed"]);
        }
        let key = app.full_key(&app.first, here).await;
        let answer = app.send(Call::new("GET", "/api/me").key(&key.secret)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    async fn a_key_in_the_address_is_refused(app: ApiApp) {
        let document = Document::of(&app).await;
        for operation in &document.operations {
            for query in [format!("api_key={}", app.key.secret), "access_token=x".to_owned(), format!("q={}", app.key.secret)] {
                let path = format!("{}?{query}", operation.path_with(SOME_ID));
                let answer = app.send(Call::new(&operation.method, path).key(&app.key.secret)).await;
                assert_problem(Some(operation), &answer, 400, &["key_in_query"]);
            }
        }
    }

    async fn a_key_without_the_scope_is_told_which_one_is_missing(app: ApiApp) {
        let document = Document::of(&app).await;
        let all: Vec<&str> = Permission::ALL.iter().map(|scope| scope.as_str()).collect();
        let mut scopes: Vec<&str> = document.operations.iter().filter_map(|o| o.scope.as_deref()).collect();
        scopes.sort_unstable();
        scopes.dedup();
        for scope in scopes {
            let others: Vec<&str> = all.iter().copied().filter(|other| *other != scope).collect();
            let key = app.key_with(&app.first, &others, KeyOptions::default()).await;
            for operation in document.operations.iter().filter(|o| o.scope.as_deref() == Some(scope)) {
                let answer = app.send(operation.call(SOME_ID).key(&key.secret)).await;
                assert_problem(Some(operation), &answer, 403, &["insufficient_scope"]);
                assert_headers(operation, &answer);
                assert_eq!(answer.json()["required"], scope);
                let granted = answer.json()["granted"].as_array().expect("a list").len();
                assert_eq!(granted, all.len() - 1, "{}", answer.text());
            }
        }
        for operation in document.operations.iter().filter(|o| o.scope.is_none()) {
            assert!(["get_me", "get_account"].contains(&operation.id.as_str()), "{} is for every key", operation.id);
        }
    }

    async fn records_of_another_account_are_not_there(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.operations.iter().filter(|o| o.has_place()) {
            let prepared = prepare(&app, &document, operation).await;
            let stranger = app.send(prepared.call(operation, &app.other_key.secret)).await;
            // A body that names records is read first: they are not there either.
            let errors = stranger.json()["errors"].as_array().cloned().unwrap_or_default();
            if stranger.status == 422 && operation.example.is_some() {
                assert!(errors.iter().all(|error| error["code"] == "reference_not_found"), "{}", stranger.text());
            } else {
                assert_problem(Some(operation), &stranger, 404, &["not_found"]);
            }
            assert_headers(operation, &stranger);
            let owner = app.send(prepared.call(operation, &app.key.secret)).await;
            assert!(owner.status < 300, "{}: {}", operation.id, owner.text());
        }
    }

    async fn lists_show_nothing_of_another_account(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.lists().filter(|o| !o.has_place()) {
            let path = format!("{}?include=total_count", operation.path);
            let theirs = app.send(Call::new("GET", path).key(&app.other_key.secret)).await;
            assert_eq!(theirs.status, 200, "{}", theirs.text());
            if operation.id == "list_api_keys" {
                // Every account has at least the key it asks with.
                assert_eq!((theirs.json()["data"].as_array().map(Vec::len), &theirs.json()["data"][0]["id"]), (Some(1), &serde_json::json!(app.other_key.id)));
                continue;
            }
            // What is built in is everybody's.
            let data = theirs.json()["data"].as_array().cloned().expect("a list");
            let built_in = data.iter().filter(|row| row["built_in"] == true).count();
            assert_eq!(data.len(), built_in, "{}: {}", operation.id, theirs.text());
            assert_eq!(theirs.json()["page"]["total_count"], built_in, "{}", operation.id);
        }
    }

    async fn a_body_cannot_refer_to_a_record_of_another_account(app: ApiApp) {
        let document = Document::of(&app).await;
        let team = make(&app, &document, document.operation("create_organization")).await.id();
        let body = serde_json::json!({ "name": "Spy", "organization": team });
        let call = Call::new("POST", "/api/teams").key(&app.other_key.secret).json(&body);
        let answer = app.send(call).await;
        assert_problem(None, &answer, 422, &["validation_failed"]);
        assert_eq!(answer.json()["errors"][0]["pointer"], "/organization");
    }

    async fn other_methods_and_unknown_addresses_are_problems(app: ApiApp) {
        let document = Document::of(&app).await;
        for operation in &document.operations {
            let path = operation.path_with(SOME_ID);
            let mut taken: Vec<&str> =
                document.operations.iter().filter(|o| o.path == operation.path).map(|o| o.method.as_str()).collect();
            if taken.contains(&"GET") {
                taken.push("HEAD");
            }
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
                if taken.contains(&method) {
                    continue;
                }
                let answer = app.send(Call::new(method, &path).key(&app.key.secret)).await;
                assert_problem(None, &answer, 405, &["method_not_allowed"]);
                let allow = answer.header("allow");
                let mut allowed: Vec<&str> = allow.split(',').map(str::trim).collect();
                allowed.sort_unstable();
                taken.sort_unstable();
                assert_eq!(allowed, taken, "{method} {path}");
            }
        }
        for path in ["/api/nothing", "/api/users/a/b/c", "/api/", "/api", "/api/Users", "/api/users/"] {
            let answer = app.send(Call::new("GET", path).key(&app.key.secret)).await;
            assert_problem(None, &answer, 404, &["route_not_found"]);
        }
    }

    async fn a_callers_own_request_id_is_given_back(app: ApiApp) {
        let call = Call::new("GET", "/api/me").key(&app.key.secret).header("x-request-id", "mine-1");
        let answer = app.send(call).await;
        assert_eq!(answer.header("x-request-id"), "mine-1");
        let id: uuid::Uuid = answer.header("request-id").parse().expect("a UUID");
        assert_eq!(id.get_version_num(), 7);
    }
}
