//! What has happened: the feed of events without holes, the audit trail with its names, mails, and keys made by keys.

use b2b_dashboard::db::Statement;
use b2b_dashboard::params;
use b2b_dashboard::worker;
use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::operation::assert_problem;
use crate::support::world;

async fn publish(app: &ApiApp) {
    worker::publish(&app.node.app)
        .await
        .expect("published events");
}

fn sequences(page: &JsonValue) -> Vec<i64> {
    let data = page["data"].as_array().expect("events");
    data.iter()
        .map(|event| event["sequence"].as_i64().expect("a number"))
        .collect()
}

both! {
    async fn pain_40_the_feed_skips_nothing_and_shows_nothing_too_early(app: ApiApp) {
        for n in 0..5 {
            app.node.app.clock.advance(1);
            app.post("/api/courses", &json!({ "name": format!("C{n}") })).await;
        }
        assert_eq!(world::read(&app, "/api/events").await["data"], json!([]), "nothing is published yet");
        publish(&app).await;
        let first = world::read(&app, "/api/events?limit=3").await;
        assert_eq!(sequences(&first), [1, 2, 3]);
        let event = &first["data"][0];
        assert_eq!((&event["type"], &event["data"]["name"]), (&json!("course.created"), &json!("C0")));
        assert_eq!((&event["actor"]["type"], &event["actor"]["id"], &event["actor"]["name"]), (&json!("api_key"), &json!(app.key.id), &json!("Test")));
        // One that is committed later has no place before those that were shown.
        app.post("/api/courses", &json!({ "name": "Late" })).await;
        let cursor = first["page"]["next_cursor"].as_str().expect("a cursor");
        assert_eq!(sequences(&world::read(&app, &format!("/api/events?limit=3&cursor={cursor}")).await), [4, 5]);
        publish(&app).await;
        assert_eq!(sequences(&world::read(&app, "/api/events?since=5").await), [6]);
        assert_eq!(sequences(&world::read(&app, "/api/events?since=6").await), Vec::<i64>::new());
        let next = app.get("/api/events?limit=2&since=1").await;
        let link = next.header("link").trim_start_matches('<').trim_end_matches(">; rel=\"next\"").to_owned();
        assert_eq!(sequences(&world::read(&app, &link).await), [4, 5]);
        let one = event["id"].as_str().expect("an id");
        assert_eq!(&world::read(&app, &format!("/api/events/{one}")).await, event);
        assert_eq!(sequences(&world::read(&app, "/api/events?type=course.created&limit=1&sort=-sequence").await), [6]);
    }

    async fn a_limited_key_sees_the_events_of_its_teams(app: ApiApp) {
        let mine = world::team(&app, "mine").await;
        world::team(&app, "theirs").await;
        world::member(&app, "a", "mine").await;
        world::member(&app, "b", "theirs").await;
        publish(&app).await;
        let key = app.full_key(&app.first, KeyOptions { team_ids: vec![mine.clone()], ..KeyOptions::default() }).await;
        let seen = app.send(Call::new("GET", "/api/events?limit=200").key(&key.secret)).await.json();
        let events = seen["data"].as_array().expect("events");
        assert!(events.iter().any(|event| event["team_id"] == mine.as_str()), "{seen}");
        assert!(events.iter().all(|event| event["team_id"] == mine.as_str() || event["team_id"].is_null()), "{seen}");
        assert!(!seen.to_string().contains("b@example.com"), "{seen}");
        let filtered = world::read(&app, &format!("/api/events?team={mine}&limit=200")).await;
        assert!(filtered["data"].as_array().is_some_and(|list| list.len() >= 2));
        let trail = app.send(Call::new("GET", "/api/audit_facts").key(&key.secret)).await.json();
        let subjects: Vec<_> = trail["data"].as_array().expect("facts").iter().map(|fact| fact["subject_id"].clone()).collect();
        assert!(subjects.iter().all(|subject| *subject == mine), "{trail}");
    }

    async fn pain_48_the_trail_keeps_the_names_of_the_moment(app: ApiApp) {
        let course = app.post("/api/courses", &json!({ "name": "Old name" })).await.id();
        let rename = Statement::new("UPDATE api_keys SET name = 'New' WHERE account_id = $1 AND id = $2", params![app.key.id.clone()]);
        app.node.app.db.write(&app.first, vec![rename]).await.expect("renamed");
        app.patch(&format!("/api/courses/{course}"), &json!({ "name": "New name" })).await;
        let facts = world::read(&app, &format!("/api/audit_facts?subject={course}&sort=created_at")).await;
        let fact = facts["data"].as_array().expect("facts").iter().find(|fact| fact["action"] == "course.create").cloned().expect("a fact");
        assert_eq!((&fact["subject_name"], &fact["actor_name"]), (&json!("Old name"), &json!("Test")));
        assert_eq!((&fact["actor_id"], &fact["actor_type"]), (&json!(app.key.id), &json!("api_key")));
        assert!(fact["address"].is_string() && fact["request_id"].is_string());
        let by = world::read(&app, &format!("/api/audit_facts?actor={}&action=course.update", app.key.id)).await;
        assert_eq!(by["data"][0]["changes"][0]["previous"]["name"], "Old name", "{by}");
        for method in ["PATCH", "DELETE", "POST"] {
            let path = format!("/api/audit_facts/{}", fact["id"].as_str().expect("an id"));
            let answer = app.send(Call::new(method, path).key(&app.key.secret)).await;
            assert_problem(None, &answer, 405, &["method_not_allowed"]);
        }
    }

    async fn a_key_makes_no_key_that_may_more_than_itself(app: ApiApp) {
        let maker = app.key_with(&app.first, &["keys:write", "keys:read", "users:read"], KeyOptions::default()).await;
        let ask = async |key: &str, body: JsonValue| {
            app.send(Call::new("POST", "/api/api_keys").key(key).json(&body).header("idempotency-key", &format!("k{}", app.number()))).await
        };
        let more = ask(&maker.secret, json!({ "name": "More", "scopes": ["users:read", "users:write"] })).await;
        assert_eq!(more.status, 403, "{}", more.text());
        let made = ask(&maker.secret, json!({ "name": "Same", "scopes": ["users:read"] })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let secret = made.json()["secret"].as_str().expect("a secret").to_owned();
        assert_eq!(app.send(Call::new("GET", "/api/users").key(&secret)).await.status, 200);
        // The secret is kept nowhere, not even with the answer that is remembered.
        let kept = b2b_dashboard::db::Select::new("SELECT body FROM idempotency_records WHERE account_id = $1", vec![]);
        let bodies = app.node.app.db.fetch::<(String,)>(&app.first, kept).await.expect("records");
        assert!(!bodies.is_empty() && bodies.iter().all(|(body,)| !body.contains(&secret)));
        let id = made.id();
        let account = app.send(Call::new("GET", "/api/account").key(&secret)).await.json();
        assert_eq!((&account["api_key"]["id"], &account["caller"]["scopes"]), (&json!(id), &json!(["users:read"])));
        assert_eq!(account["account"]["id"], app.first.as_str());
        // Pain 38: both secrets work during the overlap; after a revocation none does.
        let rotated = app.post(&format!("/api/api_keys/{id}/rotate"), &json!({ "overlap_seconds": 3600 })).await;
        let newer = rotated.json()["secret"].as_str().expect("a secret").to_owned();
        for works in [&secret, &newer] {
            assert_eq!(app.another_node().send(Call::new("GET", "/api/users").key(works)).await.status, 200);
        }
        app.node.app.clock.advance(3601);
        let late = app.another_node().send(Call::new("GET", "/api/users").key(&secret)).await;
        assert_problem(None, &late, 401, &["key_expired"]);
        assert_eq!(app.post(&format!("/api/api_keys/{id}/revoke"), &json!({})).await.json()["status"], "revoked");
        let gone = app.another_node().send(Call::new("GET", "/api/users").key(&newer)).await;
        assert_problem(None, &gone, 401, &["key_revoked"]);
        let listed = world::read(&app, "/api/api_keys?limit=200").await;
        assert!(!listed.to_string().contains(&newer) && listed.to_string().contains("\"revoked\""));
    }

    async fn a_link_in_a_mail_is_no_way_to_more_rights(app: ApiApp) {
        let body = json!({ "user": { "email": "a@example.com" }, "team": { "name": "T" } });
        assert_eq!(app.post("/api/provision", &body).await.status, 201);
        worker::drain(&app.node.app).await.expect("jobs that run");
        let list = world::read(&app, "/api/mails?user=ext:none").await;
        assert_eq!(list["data"], json!([]));
        let mail = world::read(&app, "/api/mails?state=caught&kind=welcome").await["data"][0].clone();
        let path = format!("/api/mails/{}", mail["id"].as_str().expect("a mail"));
        let full = world::read(&app, &path).await;
        assert!(full["sign_in_url"].as_str().is_some_and(|url| url.contains("/sign-in/link/")), "{full}");
        assert!(full["text"].is_string() && full["html"].is_string());
        let grant = Statement::new("INSERT INTO user_roles (account_id, user_id, role, created_at) VALUES ($1, $2, 'admin', 0)",
            params![mail["user_id"].as_str().expect("a person").to_owned()]);
        app.node.app.db.write(&app.first, vec![grant]).await.expect("a role");
        let reader = app.key_with(&app.first, &["mails:read"], KeyOptions::default()).await;
        let seen = app.send(Call::new("GET", &path).key(&reader.secret)).await.json();
        assert_eq!((&seen["state"], &seen["sign_in_url"], &seen["text"], &seen["html"]), (&json!("caught"), &JsonValue::Null, &JsonValue::Null, &JsonValue::Null));
        let refused = app.post(&format!("{path}/retry"), &json!({})).await;
        assert_problem(None, &refused, 409, &["state_conflict"]);
        let failed = Statement::new("UPDATE mails SET state = 'failed' WHERE account_id = $1", vec![]);
        app.node.app.db.write(&app.first, vec![failed]).await.expect("failed");
        let again = app.post(&format!("{path}/retry"), &json!({})).await;
        assert_eq!(again.json()["state"], "queued", "{}", again.text());
        worker::drain(&app.node.app).await.expect("jobs that run");
        assert_eq!(world::read(&app, &path).await["state"], "caught");
    }
}
