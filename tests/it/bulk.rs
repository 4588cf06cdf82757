//! Bulk jobs: each row once, progress that can be read, cancelled, tried again, cut off and undone.

use std::time::Duration;

use b2b_dashboard::worker;
use serde_json::{Value as JsonValue, json};
use tokio::task::JoinSet;

use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call, KeyOptions};
use crate::support::operation::assert_problem;
use crate::support::world;

fn row(n: usize) -> JsonValue {
    json!({ "email": format!("p{n}@example.com"), "team": "Crowd", "welcome_email": false })
}

async fn start(app: &ApiApp, rows: &[JsonValue]) -> String {
    let answer = app
        .post("/api/provision/bulk", &json!({ "rows": rows }))
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(
        answer.header("location"),
        format!("/api/jobs/{}", answer.id())
    );
    answer.id()
}

async fn lines(app: &ApiApp, key: &str, text: &str) -> Answer {
    let call = Call::new("POST", "/api/provision/bulk")
        .key(key)
        .bytes(text.as_bytes());
    app.send(call.header("content-type", "application/x-ndjson"))
        .await
}

async fn drain(app: &ApiApp) {
    worker::drain(&app.node.app).await.expect("jobs that run");
}

async fn job(app: &ApiApp, id: &str) -> JsonValue {
    world::read(app, &format!("/api/jobs/{id}")).await
}

async fn rows(app: &ApiApp, id: &str, query: &str) -> Vec<JsonValue> {
    let page = world::read(app, &format!("/api/jobs/{id}/rows?limit=200&{query}")).await;
    page["data"].as_array().cloned().expect("rows")
}

/// Waits until a job has done something.
async fn until_begun(app: &ApiApp, id: &str) {
    for _ in 0..2000 {
        if job(app, id).await["done"].as_i64().expect("a count") > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("the job has not begun");
}

both! {
    async fn pain_27_every_row_says_what_became_of_it(app: ApiApp) {
        let text = format!("{}\n\n{{broken\n{}\n{}\n", row(1), json!({ "email": "nonsense" }), row(1));
        let answer = lines(&app, &app.key.secret, &text).await;
        assert_eq!((answer.status, &answer.json()["total"]), (202, &json!(4)), "{}", answer.text());
        let id = answer.id();
        assert_eq!(job(&app, &id).await["state"], "queued");
        drain(&app).await;
        let done = job(&app, &id).await;
        assert_eq!(done["state"], "partly_failed", "{done}");
        for (name, count) in [("total", 4), ("done", 4), ("created", 1), ("unchanged", 1), ("failed", 2)] {
            assert_eq!(done[name], count, "{name} {done}");
        }
        assert!(done["finished_at"].is_string() && done["progressed_at"].is_string());
        let rows = rows(&app, &id, "").await;
        let brief: Vec<_> = rows.iter().map(|row| (row["row"].clone(), row["state"].as_str().unwrap_or_default(), row["status"].clone())).collect();
        assert_eq!(brief, [(json!(1), "done", json!(201)), (json!(2), "failed", json!(400)), (json!(3), "failed", json!(422)), (json!(4), "done", json!(200))]);
        assert_eq!(rows[2]["problem"]["errors"][0]["pointer"], "/email");
        assert_eq!(rows[0]["key"], "p1@example.com");
        // Pain 26: the row names the records that were really used.
        let user = world::read(&app, "/api/users/email:p1@example.com").await;
        assert_eq!(rows[0]["result"]["user_id"], user["id"]);
        assert_eq!(rows[0]["result"]["user_id"], rows[3]["result"]["user_id"]);
        assert!(rows[0]["result"]["team_id"].is_string());
        let failed = self::rows(&app, &id, "state=failed").await;
        assert_eq!(failed.len(), 2);
    }

    async fn a_worker_that_is_cut_off_leaves_no_row_twice_and_none_out(app: ApiApp) {
        let id = start(&app, &(0..120).map(row).collect::<Vec<_>>()).await;
        let node = app.node.app.clone();
        let mut running = JoinSet::new();
        running.spawn(async move { worker::drain(&node).await });
        until_begun(&app, &id).await;
        running.shutdown().await;
        let before = job(&app, &id).await;
        assert_eq!(before["state"], "running", "{before}");
        assert!(before["done"].as_i64() < Some(120), "it was cut off in the middle");
        app.node.app.clock.advance(3600);
        drain(&app).await;
        let after = job(&app, &id).await;
        assert_eq!((&after["state"], &after["done"], &after["created"]), (&json!("succeeded"), &json!(120), &json!(120)), "{after}");
        assert_eq!(app.count("users").await, 120);
        assert_eq!(app.count("provisions").await, 120);
    }

    async fn a_cancelled_job_stops_and_can_go_on(app: ApiApp) {
        let id = start(&app, &(0..200).map(row).collect::<Vec<_>>()).await;
        let node = app.node.app.clone();
        let mut running = JoinSet::new();
        running.spawn(async move { worker::drain(&node).await });
        until_begun(&app, &id).await;
        let estimate = job(&app, &id).await;
        assert_eq!(estimate["estimated_finish_at"].is_string(), estimate["state"] == "running");
        let cancelled = app.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
        assert_eq!((cancelled.status, &cancelled.json()["state"]), (200, &json!("cancelled")), "{}", cancelled.text());
        running.join_next().await.expect("a task").expect("a worker").expect("jobs that run");
        let after = job(&app, &id).await;
        assert_eq!(after["state"], "cancelled");
        assert!(after["done"].as_i64() < Some(200), "{after}");
        assert_eq!(after["done"], app.count("provisions").await);
        let again = app.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
        assert_problem(None, &again, 409, &["state_conflict"]);
        let retried = app.post(&format!("/api/jobs/{id}/retry_failed"), &json!({})).await;
        assert_eq!(retried.status, 200, "{}", retried.text());
        drain(&app).await;
        let done = job(&app, &id).await;
        assert_eq!((&done["state"], &done["done"]), (&json!("succeeded"), &json!(200)), "{done}");
        assert_eq!(app.count("provisions").await, 200);
    }

    async fn failed_rows_run_again_alone(app: ApiApp) {
        world::product(&app, "p", &["c"]).await;
        world::team(&app, "t").await;
        let seat = world::seat(&app, "p", &["t"], &json!({ "quantity": 1 })).await;
        let wish = |name: &str| world::wish(name, "t", "p", &json!({}));
        let id = start(&app, &[wish("a"), wish("b")]).await;
        drain(&app).await;
        assert_eq!(job(&app, &id).await["state"], "partly_failed");
        let failed = rows(&app, &id, "state=failed").await;
        assert_eq!(failed[0]["problem"]["code"], "seats_exhausted");
        assert_eq!(app.patch(&format!("/api/seats/{seat}"), &json!({ "quantity": 2 })).await.status, 200);
        app.post(&format!("/api/jobs/{id}/retry_failed"), &json!({})).await;
        drain(&app).await;
        let done = job(&app, &id).await;
        assert_eq!((&done["state"], &done["created"], &done["failed"]), (&json!("succeeded"), &json!(2), &json!(0)), "{done}");
        assert_eq!(app.count("provisions").await, 2);
        world::assert_integrity(&app).await;
    }

    async fn rows_run_with_the_rights_their_caller_has_then(app: ApiApp) {
        let mine = world::team(&app, "mine").await;
        world::team(&app, "theirs").await;
        let key = app.full_key(&app.first, KeyOptions { team_ids: vec![mine], ..KeyOptions::default() }).await;
        let wish = |name: &str, team: &str| json!({ "user": { "email": world::email(name) }, "team": { "strategy": "specific", "id": format!("ext:{team}") } });
        let text = format!("{}\n{}\n", wish("a", "mine"), wish("b", "theirs"));
        let limited = lines(&app, &key.secret, &text).await.id();
        let whole = start(&app, &[row(1)]).await;
        drain(&app).await;
        let statuses: Vec<_> = rows(&app, &limited, "").await.iter().map(|row| row["status"].clone()).collect();
        assert_eq!(statuses, [json!(201), json!(404)]);
        // It sees its own job and no other.
        let seen = app.send(Call::new("GET", "/api/jobs").key(&key.secret)).await.json();
        let ids: Vec<_> = seen["data"].as_array().expect("jobs").iter().map(|job| job["id"].as_str().unwrap_or_default()).collect();
        assert_eq!(ids, [limited.as_str()]);
        let other = app.send(Call::new("GET", format!("/api/jobs/{whole}")).key(&key.secret)).await;
        assert_problem(None, &other, 404, &["not_found"]);
        // A key that is revoked does nothing more.
        let late = lines(&app, &key.secret, &format!("{}\n", wish("c", "mine"))).await.id();
        let revoked = b2b_dashboard::db::Statement::new("UPDATE api_keys SET revoked_at = $2 WHERE account_id = $1 AND id = $3",
            b2b_dashboard::params![app.node.app.clock.now(), key.id]);
        app.node.app.db.write(&app.first, vec![revoked]).await.expect("revoked");
        drain(&app).await;
        let stopped = job(&app, &late).await;
        assert_eq!((&stopped["state"], &stopped["done"]), (&json!("failed"), &json!(0)), "{stopped}");
        assert!(stopped["last_error"].as_str().is_some_and(|text| text.contains("may not act")));
    }

    async fn pain_25_many_rows_are_kept_at_once(app: ApiApp) {
        let text = (0..5001).map(|n| row(n).to_string()).collect::<Vec<_>>().join("\n");
        let writes = app.node.app.db.writes();
        let answer = lines(&app, &app.key.secret, &text).await;
        assert_eq!((answer.status, &answer.json()["total"]), (202, &json!(5001)), "{}", answer.text());
        assert!(app.node.app.db.writes() - writes <= 3, "rows are not written one by one");
        let path = format!("/api/jobs/{}/rows", answer.id());
        let counted = world::read(&app, &format!("{path}?limit=1&include=total_count&sort=-row")).await;
        assert_eq!((&counted["page"]["total_count"], &counted["data"][0]["row"]), (&json!(5001), &json!(5001)));
        let first = world::read(&app, &format!("{path}?limit=1")).await;
        assert_eq!(first["data"][0]["row"], 1);
        let none = lines(&app, &app.key.secret, "\n\n").await;
        assert_problem(None, &none, 422, &["validation_failed"]);
    }

    async fn an_undo_takes_back_what_nothing_stands_on(app: ApiApp) {
        world::product(&app, "p", &["c"]).await;
        let team = world::team(&app, "t").await;
        let seat = world::seat(&app, "p", &["t"], &json!({ "quantity": 3 })).await;
        for name in ["a", "b", "d"] {
            world::member(&app, name, "t").await;
        }
        world::act(&app, &seat, "assign", &json!({ "users": ["ext:d"] }), 200).await;
        let queued = app.post(&format!("/api/seats/{seat}/assign_all"), &json!({})).await;
        assert_eq!(queued.status, 202, "{}", queued.text());
        let queued = queued.id();
        drain(&app).await;
        let done = job(&app, &queued).await;
        assert_eq!((&done["created"], &done["unchanged"], &done["subject_id"]), (&json!(2), &json!(1), &json!(seat)), "{done}");
        assert_eq!(world::counters(&app, &seat).await, [Some(3), Some(0), Some(0), Some(0)]);
        // One of the places was moved since: it stays.
        world::act(&app, &seat, "revoke", &json!({ "users": ["ext:a"] }), 200).await;
        let path = format!("/api/jobs/{queued}/undo");
        let dry = app.post(&format!("{path}?dry_run=true"), &json!({})).await;
        assert_eq!((dry.status, &dry.json()["examined"]), (200, &json!(2)), "{}", dry.text());
        assert_eq!(dry.json()["cannot"][0]["problem"]["code"], "state_conflict");
        assert_eq!(world::counters(&app, &seat).await[0], Some(2));
        let undoing = app.post(&path, &json!({})).await;
        assert_eq!(undoing.status, 202, "{}", undoing.text());
        drain(&app).await;
        let undone = job(&app, &undoing.id()).await;
        assert_eq!((&undone["state"], &undone["updated"], &undone["failed"]), (&json!("partly_failed"), &json!(1), &json!(1)), "{undone}");
        assert_eq!(world::counters(&app, &seat).await, [Some(1), Some(0), Some(0), Some(2)]);
        assert_eq!(world::states(&app, &seat, "d").await, ["active"]);
        world::assert_integrity(&app).await;
        assert!(!team.is_empty());
        app.node.app.clock.advance(8 * 86_400);
        assert_problem(None, &app.post(&path, &json!({})).await, 409, &["state_conflict"]);
    }

    async fn an_undo_of_provisions_takes_the_people_back(app: ApiApp) {
        assert_eq!(app.post("/api/users", &json!({ "email": "p2@example.com" })).await.status, 201);
        let id = start(&app, &[row(1), row(2)]).await;
        drain(&app).await;
        let dry = app.post(&format!("/api/jobs/{id}/undo?dry_run=true"), &json!({})).await;
        assert_eq!((dry.status, &dry.json()["examined"]), (200, &json!(2)), "{}", dry.text());
        let undoing = app.post(&format!("/api/jobs/{id}/undo"), &json!({})).await;
        assert_eq!(undoing.status, 202, "{}", undoing.text());
        drain(&app).await;
        let undone = job(&app, &undoing.id()).await;
        assert_eq!((&undone["state"], &undone["updated"]), (&json!("succeeded"), &json!(2)), "{undone}");
        assert_problem(None, &app.get("/api/users/email:p1@example.com").await, 404, &["not_found"]);
        assert_eq!(app.get("/api/users/email:p2@example.com").await.status, 200, "who was there before stays");
    }

    async fn an_undo_of_provisions_says_beforehand_what_it_will_do(app: ApiApp) {
        world::product(&app, "p", &["c"]).await;
        let wish = |name: &str, seats: JsonValue| json!({
            "user": { "email": world::email(name) }, "team": { "strategy": "auto", "name": "Crowd" }, "seats": seats,
        });
        // The second row is about the same person, the third about somebody who comes.
        let bought = json!([{ "product": "ext:p", "quantity": 2, "assign": true }]);
        let id = start(&app, &[wish("a", bought), wish("a", json!([])), wish("b", json!([{ "product": "ext:p" }])), wish("d", json!([]))]).await;
        drain(&app).await;
        let user = world::read(&app, "/api/users/email:d@example.com").await;
        app.patch(&format!("/api/users/{}", user["id"].as_str().expect("an id")), &json!({ "status": "active" })).await;
        let dry = app.post(&format!("/api/jobs/{id}/undo?dry_run=true"), &json!({})).await;
        assert_eq!(dry.status, 200, "{}", dry.text());
        let foretold = dry.json()["cannot"].clone();
        assert_eq!(world::read(&app, "/api/users").await["data"].as_array().map(Vec::len), Some(3));
        let undoing = app.post(&format!("/api/jobs/{id}/undo"), &json!({})).await;
        drain(&app).await;
        let came: Vec<JsonValue> = rows(&app, &undoing.id(), "sort=row").await.iter().map(|row| row["result"]["kept"].clone()).filter(|kept| *kept != json!([])).collect();
        let told: Vec<JsonValue> = foretold.as_array().expect("rows").iter().map(|one| one["kept"].clone()).collect();
        assert_eq!(told, came, "what the dry run says is what comes");
        assert!(json!(told).to_string().contains("signed in"), "{foretold}");
        let left = world::read(&app, "/api/users").await;
        let emails: Vec<&str> = left["data"].as_array().expect("people").iter().map(|one| one["email"].as_str().unwrap_or_default()).collect();
        assert_eq!(emails, ["d@example.com"], "the people whom nothing stands on are gone with places and mails");
        assert_eq!(app.count("(SELECT account_id FROM seat_assignments WHERE account_id = $1 AND state = 'active') a").await, 0);
        world::assert_integrity(&app).await;
    }
}
