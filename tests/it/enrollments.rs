//! Enrollments: progress, sources kept apart, effective ends, history, and why somebody may enter a course.

use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::world::{
    act, assert_integrity, counters, email, member, product, provision, read, seat, team, wish,
};

async fn made(app: &ApiApp, path: &str, body: &JsonValue) -> JsonValue {
    let answer = app.post(path, body).await;
    assert_eq!(answer.status, 201, "{path}: {}", answer.text());
    answer.json()
}

async fn tell(app: &ApiApp, id: &str, told: &JsonValue) -> JsonValue {
    let answer = app
        .post(&format!("/api/enrollments/{id}/progress"), told)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn explain(app: &ApiApp, user: &str) -> JsonValue {
    read(app, &format!("/api/explain?user={user}&course=ext:c")).await
}

/// Carries the suggested requests out until the answer is yes, and tells how many it took.
async fn follow(app: &ApiApp, user: &str) -> usize {
    let mut carried = 0;
    for _ in 0..3 {
        let told = explain(app, user).await;
        if told["access"] == json!(true) {
            return carried;
        }
        let requests = told["requests"].as_array().expect("requests");
        assert!(!requests.is_empty(), "no way out: {told}");
        for one in requests {
            let (method, path) = (
                one["method"].as_str().expect("a method"),
                one["path"].as_str().expect("a path"),
            );
            let answer = app
                .send(
                    Call::new(method, path)
                        .key(&app.key.secret)
                        .json(&one["body"]),
                )
                .await;
            assert!(answer.status < 300, "{one}: {}", answer.text());
            carried += 1;
        }
    }
    panic!("never a yes: {}", explain(app, user).await);
}

/// Ada in the team `t`, the product `p` with the course `c`.
async fn world(app: &ApiApp) {
    product(app, "p", &["c"]).await;
    team(app, "t").await;
    member(app, "ada", "t").await;
}

both! {
    async fn private_access_uses_no_place_and_the_latest_end_counts(app: ApiApp) {
        world(&app).await;
        let seat = seat(&app, "p", &["t"], &json!({ "quantity": 1, "expiry": "days", "expires_in_days": 30 })).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        let later = app.node.app.clock.now().plus_days(300);
        let new = json!({ "user": "ext:ada", "course": "ext:c", "external_id": "shop-1", "expires_at": later });
        let private = made(&app, "/api/enrollments", &new).await;
        assert_eq!(counters(&app, &seat).await[0], Some(1));
        let courses = read(&app, "/api/users/ext:ada/courses").await;
        let course = &courses["courses"][0];
        assert_eq!((&course["access"], &course["expires_at"]), (&json!(true), &json!(later)), "{courses}");
        assert_eq!((course["sources"].as_array().map(Vec::len), course["assignments"].as_array().map(Vec::len)), (Some(2), Some(1)));
        let again = app.post("/api/enrollments", &new).await;
        assert_eq!((again.status, again.json()["code"].clone()), (409, json!("already_exists")), "{}", again.text());
        let put = app.put("/api/enrollments/ext:shop-1", &json!({ "user": "ext:ada", "course": "ext:c", "expires_at": null })).await;
        assert_eq!((put.status, put.json()["id"].clone(), put.json()["expires_at"].clone()), (200, private["id"].clone(), JsonValue::Null), "{}", put.text());
        let shorter = app.patch("/api/enrollments/ext:shop-1", &json!({ "expires_at": later })).await;
        assert_eq!(shorter.status, 409, "{}", shorter.text());
        let meant = app.patch("/api/enrollments/ext:shop-1", &json!({ "expires_at": later, "allow_shorten": true })).await;
        assert_eq!(meant.status, 200, "{}", meant.text());
        let of_seat = read(&app, "/api/enrollments?user=ext:ada&source=seat").await["data"][0]["id"].as_str().expect("an id").to_owned();
        let refused = app.patch(&format!("/api/enrollments/{of_seat}"), &json!({ "expires_at": null })).await;
        assert_eq!((refused.status, refused.json()["code"].clone()), (409, json!("state_conflict")), "{}", refused.text());
        // The place ends; what was bought privately stays.
        act(&app, &seat, "revoke", &json!({ "users": ["ext:ada"] }), 200).await;
        let course = read(&app, "/api/users/ext:ada/courses").await["courses"][0].clone();
        assert_eq!((&course["access"], &course["expires_at"]), (&json!(true), &json!(later)), "{course}");
        assert_eq!(explain(&app, "ext:ada").await["access"], true);
        assert_integrity(&app).await;
    }

    async fn progress_goes_on_and_its_events_say_so_once(app: ApiApp) {
        world(&app).await;
        seat(&app, "p", &["t"], &json!({ "quantity": 1 })).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        let id = read(&app, "/api/enrollments?user=ext:ada").await["data"][0]["id"].as_str().expect("an id").to_owned();
        for (told, percent, status) in [(json!({ "percent": 40 }), 40, "active"), (json!({ "percent": 10 }), 40, "active"), (json!({ "percent": 100 }), 100, "completed"), (json!({ "percent": 20, "allow_decrease": true }), 100, "completed")] {
            app.node.app.clock.advance(60);
            let after = tell(&app, &id, &told).await;
            assert_eq!((&after["percent"], &after["status"]), (&json!(percent), &json!(status)), "{told}: {after}");
        }
        let history = read(&app, &format!("/api/enrollments/{id}/history?limit=3")).await;
        let types = |page: &JsonValue| page["data"].as_array().expect("a list").iter().map(|one| one["type"].as_str().expect("a type").to_owned()).collect::<Vec<_>>();
        let mut seen = types(&history);
        let cursor = history["page"]["next_cursor"].as_str().expect("a cursor");
        let rest = read(&app, &format!("/api/enrollments/{id}/history?limit=3&cursor={cursor}")).await;
        seen.extend(types(&rest));
        assert_eq!(seen, ["enrollment.completed", "enrollment.progressed", "enrollment.started", "seat.assigned"]);
        let faults = app.post(&format!("/api/enrollments/{id}/progress"), &json!({ "percent": 101, "completed_at": "yesterday" })).await;
        assert_eq!((faults.status, faults.json()["errors"].as_array().map(Vec::len)), (422, Some(2)), "{}", faults.text());
        // What is completed stays so when the place ends.
        assert_eq!(app.delete("/api/users/ext:ada").await.status, 204);
        let left = read(&app, "/api/enrollments?status=completed&percent[gte]=100").await;
        assert_eq!(left["data"].as_array().map(Vec::len), Some(1), "{left}");
    }

    async fn equal_tellings_at_once_are_one(app: ApiApp) {
        world(&app).await;
        let id = made(&app, "/api/enrollments", &json!({ "user": "ext:ada", "course": "ext:c", "source": "trial" })).await["id"].as_str().expect("an id").to_owned();
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let call = Call::new("POST", format!("/api/enrollments/{id}/progress")).key(&app.key.secret).json(&json!({ "percent": 100 }));
            let node = app.node.clone();
            running.spawn(async move { node.send(call).await.status });
        }
        assert!(running.join_all().await.iter().all(|status| *status == 200));
        assert_eq!(app.count("(SELECT account_id FROM events WHERE account_id = $1 AND type = 'enrollment.completed') e").await, 1);
    }

    async fn a_limited_key_tells_progress_of_its_own_people_only(app: ApiApp) {
        world(&app).await;
        team(&app, "foreign").await;
        member(&app, "grace", "foreign").await;
        let t = read(&app, "/api/teams/ext:t").await["id"].as_str().expect("an id").to_owned();
        let limited = app.full_key(&app.first, KeyOptions { team_ids: vec![t], ..KeyOptions::default() }).await;
        let mut statuses = Vec::new();
        for name in ["ada", "grace"] {
            let id = made(&app, "/api/enrollments", &json!({ "user": format!("ext:{name}"), "course": "ext:c" })).await["id"].as_str().expect("an id").to_owned();
            let call = Call::new("POST", format!("/api/enrollments/{id}/progress")).key(&limited.secret).json(&json!({ "percent": 1 }));
            statuses.push(app.send(call).await.status);
        }
        assert_eq!(statuses, [200, 404]);
        let explained = app.send(Call::new("GET", "/api/explain?user=ext:grace&course=ext:c").key(&limited.secret)).await;
        assert_eq!(explained.status, 404, "{}", explained.text());
    }

    async fn lists_filter_by_what_people_belong_to(app: ApiApp) {
        made(&app, "/api/organizations", &json!({ "name": "Navy", "external_id": "navy" })).await;
        world(&app).await;
        assert_eq!(app.patch("/api/teams/ext:t", &json!({ "organization": "ext:navy" })).await.status, 200);
        made(&app, "/api/enrollments", &json!({ "user": "ext:ada", "course": "ext:c" })).await;
        for query in ["team=ext:t", "organization=ext:navy", "product=ext:p", "source=private", "status=active", "percent[lt]=1&sort=percent"] {
            assert_eq!(read(&app, &format!("/api/enrollments?{query}")).await["data"].as_array().map(Vec::len), Some(1), "{query}");
        }
        assert_eq!(read(&app, "/api/enrollments?source=seat").await["data"], json!([]));
    }

    async fn a_yes_tells_the_chain_that_leads_to_it(app: ApiApp) {
        world(&app).await;
        seat(&app, "p", &["t"], &json!({ "quantity": 1, "expiry": "days", "expires_in_days": 30 })).await;
        app.node.app.clock.advance(1);
        let mut body = wish("ada", "t", "p", &json!({ "quantity": 4, "assign": true }));
        body["external_reference"] = json!("order-7");
        provision(&app, &body, 201).await;
        let told = explain(&app, "ext:ada").await;
        let chain = told["chain"].as_array().expect("a chain");
        let steps: Vec<_> = chain.iter().map(|link| link["step"].as_str().expect("a step")).collect();
        assert_eq!((&told["access"], steps), (&json!(true), vec!["order", "seat", "assignment", "enrollment", "expiry"]), "{told}");
        assert!(chain[0]["says"].as_str().is_some_and(|says| says.contains("order-7")), "{told}");
        assert_eq!(chain[2]["event"]["type"], "seat.assigned", "{told}");
        assert_eq!(told["requests"], json!([]));
    }

    async fn a_no_becomes_a_yes_by_what_it_suggests(app: ApiApp) {
        world(&app).await;
        // No seat at all, in a team.
        assert_eq!(follow(&app, "ext:ada").await, 1);
        // Free places in a team's seat.
        member(&app, "grace", "t").await;
        let seat_id = read(&app, "/api/seats").await["data"][0]["id"].as_str().expect("an id").to_owned();
        assert_eq!(app.patch(&format!("/api/seats/{seat_id}"), &json!({ "quantity": 2 })).await.status, 200);
        let told = explain(&app, "ext:grace").await;
        assert_eq!(told["requests"][0]["path"], json!(format!("/api/seats/{seat_id}/assign")), "{told}");
        assert_eq!(follow(&app, "ext:grace").await, 1);
        // A full one.
        member(&app, "mary", "t").await;
        assert_eq!(follow(&app, "ext:mary").await, 1);
        // Waiting behind others.
        for name in ["w1", "w2"] {
            provision(&app, &wish(name, "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        }
        assert_eq!(follow(&app, "ext:w2").await, 1);
        // In no team.
        let body = json!({ "email": email("lone"), "external_id": "lone" });
        made(&app, "/api/users", &body).await;
        assert!(follow(&app, "ext:lone").await <= 2);
        // Deactivated, put aside, revoked.
        assert_eq!(app.patch("/api/users/ext:mary", &json!({ "status": "deactivated" })).await.status, 200);
        assert_eq!(follow(&app, "ext:mary").await, 2);
        let mary = read(&app, "/api/users/ext:mary").await["id"].as_str().expect("an id").to_owned();
        app.node.app.clock.advance(60);
        assert_eq!(app.delete("/api/users/ext:mary").await.status, 204);
        assert_eq!(follow(&app, &mary).await, 1);
        act(&app, &seat_id, "revoke", &json!({ "users": ["ext:ada"] }), 200).await;
        assert_eq!(follow(&app, "ext:ada").await, 1);
        // A seat that is closed, whose people keep nothing.
        act(&app, &seat_id, "revoke", &json!({ "users": ["ext:ada"] }), 200).await;
        assert_eq!(app.patch(&format!("/api/seats/{seat_id}"), &json!({ "status": "archived" })).await.status, 200);
        assert!(follow(&app, "ext:ada").await <= 2);
        assert_integrity(&app).await;
    }

    async fn without_a_product_one_is_made(app: ApiApp) {
        made(&app, "/api/courses", &json!({ "name": "c", "external_id": "c" })).await;
        made(&app, "/api/users", &json!({ "email": email("ada"), "external_id": "ada" })).await;
        assert_eq!(follow(&app, "ext:ada").await, 2);
    }

    async fn pain_12_access_that_is_over_is_revived_with_its_progress(app: ApiApp) {
        world(&app).await;
        seat(&app, "p", &["t"], &json!({ "quantity": 1, "expiry": "days", "expires_in_days": 30 })).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        let id = read(&app, "/api/enrollments?user=ext:ada").await["data"][0]["id"].as_str().expect("an id").to_owned();
        tell(&app, &id, &json!({ "percent": 60 })).await;
        app.node.app.clock.advance(31 * 86_400);
        let told = explain(&app, "ext:ada").await;
        assert_eq!(told["access"], false, "over, though the sweep has not run: {told}");
        assert_eq!(follow(&app, "ext:ada").await, 1);
        let after = read(&app, &format!("/api/enrollments/{id}")).await;
        assert_eq!((&after["percent"], &after["status"]), (&json!(60), &json!("active")), "{after}");
        assert_integrity(&app).await;
    }
}
