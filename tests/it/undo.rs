//! Taking provisions back: what goes, what stays and why, and that nothing is half undone.

use b2b_dashboard::worker;
use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::world::{
    access, assert_integrity, counters, email, member, product, provision, read, seat, states,
    team, wish,
};

async fn undo(app: &ApiApp, id: &JsonValue, query: &str, status: u16) -> JsonValue {
    let path = format!(
        "/api/provisions/{}/undo{query}",
        id.as_str().expect("an id")
    );
    let answer = app.send(Call::new("POST", path).key(&app.key.secret)).await;
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

fn whats(list: &JsonValue) -> Vec<&str> {
    let items = list.as_array().expect("items");
    items
        .iter()
        .map(|one| one["what"].as_str().expect("a word"))
        .collect()
}

fn whole() -> JsonValue {
    json!({
        "user": { "email": email("ada"), "external_id": "ada" },
        "team": { "strategy": "create", "name": "Engines" },
        "seats": [{ "product": "ext:p", "quantity": 3, "assign": true }],
    })
}

both! {
    async fn what_nothing_stands_on_goes_and_can_come_back(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        let made = provision(&app, &whole(), 201).await;
        let dry = undo(&app, &made["id"], "?dry_run=true", 200).await;
        assert_eq!(whats(&dry["undone"]), ["mail", "assignment", "places", "membership", "team", "user"], "{dry}");
        assert_eq!(app.get("/api/users/ext:ada").await.status, 200);
        let undone = undo(&app, &made["id"], "", 200).await;
        assert_eq!((&undone["outcome"], whats(&undone["kept"])), (&json!("undone"), vec!["seat"]), "{undone}");
        assert_eq!(app.get("/api/users/ext:ada").await.status, 404);
        assert_eq!(read(&app, "/api/teams").await["data"], json!([]));
        let seat = made["seats"][0]["seat_id"].as_str().expect("an id");
        assert_eq!(counters(&app, seat).await, [Some(0), Some(0), Some(0), Some(0)]);
        worker::drain(&app.node.app).await.expect("jobs that run");
        let mail = app.count("(SELECT account_id FROM mails WHERE account_id = $1 AND state = 'failed') m").await;
        assert_eq!(mail, 1, "the mail was not sent");
        assert_integrity(&app).await;
        let again = undo(&app, &made["id"], "", 200).await;
        assert_eq!((&again["outcome"], &again["undone"]), (&json!("already_undone"), &undone["undone"]));
        let seen = read(&app, &format!("/api/provisions/{}", made["id"].as_str().expect("an id"))).await;
        assert!(seen["undone_at"].is_string(), "{seen}");
        let id = made["user"]["id"].as_str().expect("an id");
        let back = app.post(&format!("/api/users/{id}/restore"), &json!({})).await;
        assert_eq!(back.status, 200, "{}", back.text());
        let team = made["team"]["id"].as_str().expect("an id");
        let back = app.post(&format!("/api/teams/{team}/restore"), &json!({})).await;
        assert_eq!((back.status, back.json()["memberships_restored"].clone()), (200, json!(1)), "{}", back.text());
    }

    async fn a_used_place_and_a_person_who_came_stay(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        let made = provision(&app, &whole(), 201).await;
        let enrollment = read(&app, "/api/enrollments?user=ext:ada").await["data"][0]["id"].as_str().expect("an id").to_owned();
        assert_eq!(app.post(&format!("/api/enrollments/{enrollment}/progress"), &json!({ "percent": 5 })).await.status, 200);
        let undone = undo(&app, &made["id"], "", 200).await;
        assert_eq!(whats(&undone["undone"]), ["mail", "places"], "{undone}");
        assert_eq!(whats(&undone["kept"]), ["assignment", "places", "user", "membership", "team"], "{undone}");
        for kept in undone["kept"].as_array().expect("items") {
            assert!(kept["says"].as_str().is_some_and(|says| !says.is_empty()), "{kept}");
        }
        let seat = made["seats"][0]["seat_id"].as_str().expect("an id");
        assert_eq!(counters(&app, seat).await, [Some(1), Some(0), Some(0), Some(0)], "two of three places went");
        assert_eq!(access(&app, "ada", "c").await.0, "active");
        assert_integrity(&app).await;
    }

    async fn a_place_of_a_standing_seat_goes_to_who_waits(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        team(&app, "t").await;
        let seat = seat(&app, "p", &["t"], &json!({ "quantity": 1, "reusable": false })).await;
        member(&app, "ada", "t").await;
        app.node.app.clock.advance(1);
        let made = provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        provision(&app, &wish("grace", "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        let undone = undo(&app, &made["id"], "", 200).await;
        assert_eq!(whats(&undone["undone"]), ["assignment"], "{undone}");
        assert_eq!(counters(&app, &seat).await, [Some(1), Some(0), Some(0), Some(0)], "never used, so not used for good");
        assert_eq!(states(&app, &seat, "grace").await, ["active"]);
        assert_eq!(app.get("/api/teams/ext:t/members/ext:ada").await.status, 200, "the membership was there before");
        assert_integrity(&app).await;
    }

    async fn after_seven_days_it_is_too_late(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        let made = provision(&app, &whole(), 201).await;
        app.node.app.clock.advance(7 * 86_400);
        let refused = undo(&app, &made["id"], "", 409).await;
        assert_eq!(refused["code"], "state_conflict");
        assert_eq!(app.get("/api/users/ext:ada").await.status, 200);
    }

    async fn undos_at_once_take_back_once(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        team(&app, "t").await;
        let seat = seat(&app, "p", &["t"], &json!({ "quantity": 10 })).await;
        let made = provision(&app, &wish("ada", "t", "p", &json!({ "quantity": 2, "assign": true })), 201).await;
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let path = format!("/api/provisions/{}/undo", made["id"].as_str().expect("an id"));
            let (node, call) = (app.node.clone(), Call::new("POST", path).key(&app.key.secret));
            running.spawn(async move { node.send(call).await });
        }
        let answers = running.join_all().await;
        let first = answers.iter().filter(|answer| answer.json()["outcome"] == "undone").count();
        assert_eq!(first, 1, "{answers:?}");
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(0), Some(0), Some(10)]);
        assert_integrity(&app).await;
    }

    async fn provisions_are_listed_and_those_of_other_teams_are_not_there(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        let own = team(&app, "own").await;
        team(&app, "foreign").await;
        member(&app, "ada", "own").await;
        member(&app, "grace", "foreign").await;
        let all = read(&app, "/api/provisions?expand=user").await;
        assert_eq!(all["data"].as_array().map(Vec::len), Some(2), "{all}");
        assert!(all["data"][0]["user"]["email"].is_string());
        let foreign = read(&app, "/api/provisions?team=ext:foreign").await["data"][0]["id"].clone();
        let limited = app.full_key(&app.first, KeyOptions { team_ids: vec![own], ..KeyOptions::default() }).await;
        let list = app.send(Call::new("GET", "/api/provisions").key(&limited.secret)).await;
        assert_eq!(list.json()["data"].as_array().map(Vec::len), Some(1), "{}", list.text());
        let path = format!("/api/provisions/{}/undo", foreign.as_str().expect("an id"));
        let refused = app.send(Call::new("POST", path).key(&limited.secret)).await;
        assert_eq!(refused.status, 404, "{}", refused.text());
    }

    async fn the_order_of_a_provision_says_what_went_back(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        let body = |name: &str, reference: &str| json!({
            "user": { "email": email(name), "external_id": name }, "external_reference": reference, "welcome_email": false,
            "team": { "strategy": "auto", "name": "Engines" }, "seats": [{ "product": "ext:p", "quantity": 3, "assign": true }],
        });
        let order = async |made: &JsonValue| {
            let id = made["id"].as_str().expect("an id");
            read(&app, &format!("/api/orders?provision={id}")).await["data"][0].clone()
        };
        let whole = provision(&app, &body("ada", "1"), 201).await;
        let part = provision(&app, &body("grace", "2"), 201).await;
        let sold = provision(&app, &body("edith", "3"), 201).await;
        let seat = whole["seats"][0]["seat_id"].as_str().expect("an id");
        assert_eq!(order(&whole).await["status"], "fulfilled");
        // Two of three places of one order were refunded before.
        let id = order(&sold).await["id"].as_str().expect("an id").to_owned();
        let refund = app.post(&format!("/api/orders/{id}/refund"), &json!({ "lines": [{ "number": 1, "quantity": 2 }] })).await;
        assert_eq!(refund.status, 200, "{}", refund.text());
        let undone = undo(&app, &sold["id"], "", 200).await;
        assert!(undone["kept"].as_array().is_some_and(|kept| kept.iter().any(|one| one["says"] == "2 places were refunded before.")), "{undone}");
        let after = order(&sold).await;
        assert_eq!((&after["status"], &after["lines"][0]["refunded"]), (&json!("refunded"), &json!(3)), "{after}");
        assert_eq!(counters(&app, seat).await, [Some(2), Some(0), Some(0), Some(4)], "never more than was bought goes");

        let dry = undo(&app, &whole["id"], "?dry_run=true", 200).await;
        assert!(whats(&dry["undone"]).contains(&"order"), "{dry}");
        assert_eq!(order(&whole).await["status"], "fulfilled");
        undo(&app, &whole["id"], "", 200).await;
        let after = order(&whole).await;
        assert_eq!((&after["status"], &after["timeline"][2]["what"]), (&json!("refunded"), &json!("refunded")), "{after}");
        let again = app.post(&format!("/api/orders/{}/refund", after["id"].as_str().expect("an id")), &json!({})).await;
        assert_eq!(again.status, 409, "{}", again.text());
        assert_eq!(counters(&app, seat).await, [Some(1), Some(0), Some(0), Some(2)]);

        // The last one's places are taken by others meanwhile, but one.
        for name in ["mary", "joan"] {
            provision(&app, &wish(name, "x", "p", &json!({})), 404).await;
            let other = json!({ "user": { "email": email(name) }, "team": { "strategy": "specific", "id": part["team"]["id"] }, "seats": [{ "product": "ext:p" }], "welcome_email": false });
            provision(&app, &other, 201).await;
        }
        undo(&app, &part["id"], "", 200).await;
        let after = order(&part).await;
        assert_eq!((&after["status"], &after["lines"][0]["refunded"]), (&json!("partially_refunded"), &json!(1)), "{after}");
        assert!(after["timeline"][2]["detail"].as_str().is_some_and(|text| text.contains("2 are in use")), "{after}");
        assert_eq!(counters(&app, seat).await, [Some(2), Some(0), Some(0), Some(0)]);
        assert_integrity(&app).await;
    }

    async fn the_last_owner_of_a_team_with_others_stays(app: ApiApp) {
        let found = json!({ "user": { "email": email("ada"), "external_id": "ada" }, "team": { "strategy": "create", "name": "Engines" }, "welcome_email": false });
        let made = provision(&app, &found, 201).await;
        let team = made["team"]["id"].as_str().expect("an id").to_owned();
        let join = |name: &str, role: &str| json!({ "email": email(name), "role": role });
        assert_eq!(app.post(&format!("/api/teams/{team}/members"), &join("grace", "member")).await.status, 201);
        let dry = undo(&app, &made["id"], "?dry_run=true", 200).await;
        assert_eq!(whats(&dry["kept"]), ["user", "membership", "team"], "{dry}");
        assert_eq!(app.post(&format!("/api/teams/{team}/members"), &join("edith", "owner")).await.status, 201);
        // Of two owners who leave at once one stays.
        let leave = Call::new("DELETE", format!("/api/teams/{team}/members/email:{}", email("edith"))).key(&app.key.secret);
        let path = format!("/api/provisions/{}/undo", made["id"].as_str().expect("an id"));
        let back = Call::new("POST", path).key(&app.key.secret);
        let (left, undone) = tokio::join!(app.node.send(leave), app.node.send(back));
        assert_eq!(undone.status, 200, "{}", undone.text());
        let owners = read(&app, &format!("/api/teams/{team}/members?role=owner")).await;
        assert_eq!(owners["data"].as_array().map(Vec::len), Some(1), "{owners} {} {}", left.text(), undone.text());
    }
}
