//! Batches: a status for each item, repeats that do only what was not done, upserts, and what a batch costs.

use b2b_dashboard::db::Statement;
use b2b_dashboard::params;
use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call, KeyOptions};
use crate::support::operation::assert_problem;

fn person(n: usize) -> JsonValue {
    json!({ "email": format!("p{n}@example.com"), "external_id": format!("p{n}") })
}

fn people(count: usize) -> JsonValue {
    json!({ "items": (0..count).map(person).collect::<Vec<_>>() })
}

fn statuses(answer: &Answer) -> Vec<u64> {
    let lines = answer.json()["data"].as_array().cloned().expect("lines");
    for (n, line) in lines.iter().enumerate() {
        assert_eq!(line["index"], n);
    }
    lines
        .iter()
        .map(|line| line["status"].as_u64().expect("a status"))
        .collect()
}

async fn under_key(app: &ApiApp, path: &str, body: &JsonValue, key: &str) -> Answer {
    let call = Call::new("POST", path).key(&app.key.secret).json(body);
    app.send(call.header("idempotency-key", key)).await
}

both! {
    async fn pain_25_a_hundred_people_are_one_call(app: ApiApp) {
        let answer = app.post("/api/users/batch", &people(100)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(statuses(&answer), [201; 100]);
        assert_eq!(answer.json()["succeeded"], 100);
        for line in answer.json()["data"].as_array().expect("lines") {
            let read = app.get(line["location"].as_str().expect("an address")).await;
            assert_eq!(read.json(), line["body"]);
        }
        let refused = app.post("/api/users/batch", &people(101)).await;
        assert_problem(None, &refused, 422, &["validation_failed"]);
        assert_eq!(refused.json()["errors"][0]["pointer"], "/items");
        let none = app.post("/api/users/batch", &people(0)).await;
        assert_problem(None, &none, 422, &["validation_failed"]);
        assert_eq!(app.count("users").await, 100);
    }

    async fn pain_27_each_refused_item_says_why_and_the_others_stand(app: ApiApp) {
        assert_eq!(app.post("/api/users", &person(2)).await.status, 201);
        let items = json!([person(1), { "email": "p2@example.com" }, { "email": "nonsense", "colour": 1 }, 7, person(3), person(3)]);
        let answer = app.post("/api/users/batch", &json!({ "items": items })).await;
        assert_eq!(answer.status, 207, "{}", answer.text());
        assert_eq!(statuses(&answer), [201, 409, 422, 422, 201, 409]);
        let json = answer.json();
        assert_eq!((&json["succeeded"], &json["failed"]), (&json!(2), &json!(4)));
        assert_eq!(json["data"][1]["problem"]["member"], "email");
        let pointers: Vec<&JsonValue> = json["data"][2]["problem"]["errors"].as_array().expect("faults").iter().map(|fault| &fault["pointer"]).collect();
        assert!(pointers.contains(&&json!("/items/2/email")) && pointers.contains(&&json!("/items/2/colour")), "{pointers:?}");
        assert_eq!(json["data"][3]["problem"]["errors"][0]["pointer"], "/items/3");
        assert!(json["data"][1].get("body").is_none() && json["data"][0].get("problem").is_none());
        assert_eq!(app.count("users").await, 3);
    }

    async fn pain_23_a_repeat_does_only_what_was_not_done(app: ApiApp) {
        let body = people(3);
        let first = under_key(&app, "/api/users/batch", &body, "k").await;
        assert_eq!(statuses(&first), [201; 3], "{}", first.text());
        let events = app.count("events").await;
        let replayed = under_key(&app, "/api/users/batch", &body, "k").await;
        assert_eq!(replayed.header("idempotent-replayed"), "true");
        assert_eq!(replayed.body, first.body);
        // A node that is cut off after the second of three items leaves their two records and no other.
        let forget = |name: &str| {
            Statement::new("DELETE FROM idempotency_records WHERE account_id = $1 AND idempotency_key = $2", params![name.to_owned()])
        };
        let third = first.json()["data"][2]["body"]["id"].as_str().expect("an id").to_owned();
        assert_eq!(app.delete(&format!("/api/users/{third}")).await.status, 204);
        for name in ["k", "k#2"] {
            app.node.app.db.write(&app.first, vec![forget(name)]).await.expect("forgotten");
        }
        let again = under_key(&app, "/api/users/batch", &body, "k").await;
        assert_eq!(statuses(&again), [201; 3], "{}", again.text());
        assert_eq!(again.header("idempotent-replayed"), "");
        let (before, after) = (first.json(), again.json());
        assert_eq!(after["data"][0], before["data"][0]);
        assert_eq!(after["data"][1], before["data"][1]);
        assert_ne!(after["data"][2]["body"]["id"], before["data"][2]["body"]["id"]);
        assert_eq!(app.count("events").await, events + 2, "one deletion, one new person");
        // No header can name the key of an item.
        let stolen = under_key(&app, "/api/users", &person(0), "k#0").await;
        assert_problem(None, &stolen, 400, &["malformed_request"]);
    }

    async fn an_upsert_makes_and_changes_and_leaves_alone(app: ApiApp) {
        let items = |name: &str| json!({ "mode": "upsert", "items": [
            { "name": name, "external_id": "a" }, { "name": "B", "external_id": "b" }, { "name": "Without" } ] });
        let first = app.post("/api/teams/batch", &items("A")).await;
        assert_eq!(statuses(&first), [201, 201, 422], "{}", first.text());
        assert_eq!(first.json()["data"][2]["problem"]["errors"][0]["pointer"], "/items/2/external_id");
        let events = app.count("events").await;
        let second = app.post("/api/teams/batch", &items("A2")).await;
        assert_eq!(statuses(&second), [200, 200, 422]);
        assert_eq!(second.json()["data"][0]["body"]["name"], "A2");
        assert_eq!(second.json()["data"][1]["body"], first.json()["data"][1]["body"]);
        assert_eq!(app.count("events").await, events + 1);
        let people = json!({ "mode": "upsert", "items": [{ "email": "Ada@example.com" }, { "email": "ada@example.com", "company": "X" }] });
        assert_eq!(statuses(&app.post("/api/users/batch", &people).await), [201, 200]);
        let refused = app.post("/api/seats/batch", &json!({ "mode": "upsert", "items": [{}] })).await;
        assert_problem(None, &refused, 422, &["validation_failed"]);
        assert_eq!(refused.json()["errors"][0]["pointer"], "/mode");
    }

    async fn a_batch_of_provisions_fills_a_seat_and_no_more(app: ApiApp) {
        crate::support::world::product(&app, "p", &["c"]).await;
        crate::support::world::team(&app, "t").await;
        let seat = crate::support::world::seat(&app, "p", &["t"], &json!({ "quantity": 2 })).await;
        let wish = |name: &str| crate::support::world::wish(name, "t", "p", &json!({}));
        let body = json!({ "items": [wish("a"), wish("b"), wish("c"), wish("a")] });
        let dry = app.post("/api/provision/batch?dry_run=true", &body).await;
        assert_eq!((dry.status, &dry.json()["dry_run"]), (200, &json!(true)), "{}", dry.text());
        assert!(dry.json()["changes"].as_array().is_some_and(|changes| changes.len() > 4));
        assert_eq!(app.count("users").await, 0);
        let answer = app.post("/api/provision/batch", &body).await;
        assert_eq!(statuses(&answer), [201, 201, 409, 200], "{}", answer.text());
        assert_eq!(answer.json()["data"][2]["problem"]["code"], "seats_exhausted");
        assert_eq!(crate::support::world::counters(&app, &seat).await, [Some(2), Some(0), Some(0), Some(0)]);
        crate::support::world::assert_integrity(&app).await;
    }

    async fn a_batch_counts_once_and_reads_no_more_than_its_items(app: ApiApp) {
        let key = app.full_key(&app.first, KeyOptions { requests_per_minute: Some(5), ..KeyOptions::default() }).await;
        let call = Call::new("POST", "/api/users/batch").key(&key.secret).json(&people(50));
        let answer = app.send(call).await;
        assert_eq!((answer.status, answer.remaining()), (200, 4), "{}", answer.text());
        let db = &app.node.app.db;
        let cost = async |path: &str, body: &JsonValue| {
            let before = (db.reads(), db.writes());
            assert!(app.post(path, body).await.status < 300);
            (db.reads() - before.0, db.writes() - before.1)
        };
        cost("/api/users", &person(1000)).await;
        let single = cost("/api/users", &person(1001)).await;
        let items: Vec<JsonValue> = (2000..2020).map(person).collect();
        let batch = cost("/api/users/batch", &json!({ "items": items })).await;
        assert!(batch.0 <= 20 * single.0 && batch.1 <= 20 * single.1, "{single:?} {batch:?}");
    }

    async fn a_limited_key_reaches_no_further_by_a_batch(app: ApiApp) {
        let team = crate::support::world::team(&app, "mine").await;
        crate::support::world::team(&app, "theirs").await;
        let limited = KeyOptions { team_ids: vec![team], ..KeyOptions::default() };
        let key = app.full_key(&app.first, limited).await;
        let wish = |team: &str| json!({ "user": { "email": "a@example.com" }, "team": { "strategy": "specific", "id": format!("ext:{team}") } });
        let body = json!({ "items": [wish("mine"), wish("theirs")] });
        let answer = app.send(Call::new("POST", "/api/provision/batch").key(&key.secret).json(&body)).await;
        assert_eq!(statuses(&answer), [201, 404], "{}", answer.text());
        let course = json!({ "items": [{ "name": "C" }] });
        let answer = app.send(Call::new("POST", "/api/courses/batch").key(&key.secret).json(&course)).await;
        assert_eq!(statuses(&answer), [403], "{}", answer.text());
    }
}
